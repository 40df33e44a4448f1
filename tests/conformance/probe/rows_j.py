"""Rows J: OTLP/JSON."""

from typing import Any, Final

from tests.conformance.probe.check import Probe, check, said
from tests.conformance.probe.wire import JSON, Answer, an_id

_JSON: Final = ("http-json",)
_TIME: Final = "1700000000000000000"


def _text(trace_id: bytes, fields: str = "", *, ids: str | None = None) -> bytes:
    """A request with one good span and more `fields` for it, as text."""
    known = ids if ids is not None else f'"traceId":"{trace_id.hex()}","spanId":"1122334455667788"'
    span = f'{{{known},"name":"n","startTimeUnixNano":"{_TIME}"{"," if fields else ""}{fields}}}'
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode()


def _post(probe: Probe, body: bytes) -> Answer:
    return probe.server.post("/v1/traces", body, JSON)


def _accepts(probe: Probe, fields: str, row: list[Any], columns: str) -> None:
    """A span with `fields` is accepted, and stored with `row` as its `columns`."""
    trace_id = an_id()
    answer = _post(probe, _text(trace_id, fields))
    probe.expect(answer.is_success and answer.rejected == 0, f"{fields}: {said(answer)}")
    probe.holds(trace_id, [row], columns)


def _value(probe: Probe, value: str, stored: str | None) -> None:
    """An attribute with that value is accepted, and stored as that text."""
    _accepts(probe, f'"attributes":[{{"key":"k","value":{value}}}]', [stored], "attributes['k']")


def _refuses(probe: Probe, body: bytes, what: str) -> None:
    """400."""
    answer = _post(probe, body)
    probe.expect(answer.code == "400", f"{what}: {said(answer)}")


@check("J1", over=_JSON)
def ids_are_hexadecimal_in_either_case(probe: Probe) -> None:
    """The same bytes as in protobuf."""
    trace_id = an_id()
    ids = (
        f'"traceId":"{trace_id.hex().upper()}","spanId":"AABBCCDDEEFF0011",'
        '"parentSpanId":"aabbccddeeff0012"'
    )
    probe.taken(_post(probe, _text(trace_id, ids=ids)))
    row = ["aabbccddeeff0011", "aabbccddeeff0012"]
    probe.holds(trace_id, [row], "span_id, parent_span_id")


@check("J2", "H12", over=_JSON)
def ids_that_are_not_hexadecimal_are_refused(probe: Probe) -> None:
    """Base64, other letters, an odd number of digits: 400."""
    for text in ("W47/95gDgQPSabYzgT/GDA==", "zz" * 16, "abc"):
        _refuses(probe, _text(b"", ids=f'"traceId":"{text}","spanId":"1122334455667788"'), text)


@check("J3", over=_JSON)
def enums_are_numbers(probe: Probe) -> None:
    """Names, which OTLP forbids, are accepted or 400."""
    _accepts(probe, '"kind":3,"status":{"code":2}', [3, 2], "kind, status_code")
    answer = _post(probe, _text(an_id(), '"kind":"SPAN_KIND_CLIENT"'))
    probe.expect(answer.code in {"200", "400"}, f"a name: {said(answer)}")


@check("J4", over=_JSON)
def unknown_keys_are_ignored(probe: Probe) -> None:
    """Objects and lists in them, too."""
    _accepts(probe, '"later":{"a":[{"b":[1,null]}]},"kind":2', [2], "kind")


@check("J5", over=_JSON)
def snake_case_is_not_lost_in_silence(probe: Probe) -> None:
    """Stored, refused, or a warning. Where nothing of it is said, what became of it is not visible."""
    trace_id = an_id()
    body = _text(trace_id).replace(b"resourceSpans", b"resource_spans")
    answer = _post(probe, body.replace(b"startTimeUnixNano", b"start_time_unix_nano"))
    if answer.is_bad_data:
        return
    probe.expect(answer.is_success, said(answer))
    if probe.server.stored(trace_id) is None and not answer.message:
        probe.not_visible("accepted without a word: stored or lost")
    probe.holds(trace_id, [["n"]])


@check("J6", over=_JSON)
def integers_are_text_or_numbers(probe: Probe) -> None:
    """`"12"` and `12`, as the JavaScript SDK sends."""
    for number in ('"12"', "12"):
        _value(probe, f'{{"intValue":{number}}}', "12")


@check("J6", over=_JSON)
def integers_may_have_an_exponent(probe: Probe) -> None:
    """As the JSON form of protobuf allows. A server that refuses it is noted only."""
    answer = _post(probe, _text(an_id(), '"attributes":[{"key":"k","value":{"intValue":1.2e1}}]'))
    if not answer.is_success:
        probe.note(f"1.2e1: {said(answer)}")


@check("J7", over=_JSON)
def doubles_are_numbers_or_words(probe: Probe) -> None:
    """`1.5`, `"1.5"`, `"NaN"`, `"-Infinity"`, `2`."""
    pairs = (
        ("1.5", "1.5"),
        ('"1.5"', "1.5"),
        ('"NaN"', "nan"),
        ('"-Infinity"', "-inf"),
        ("2", "2.0"),
    )
    for number, text in pairs:
        _value(probe, f'{{"doubleValue":{number}}}', text)


@check("J8", over=_JSON)
def a_double_may_be_null(probe: Probe) -> None:
    """What the JavaScript exporter sends for NaN."""
    _value(probe, '{"doubleValue":null}', None)


@check("J9", over=_JSON)
def null_is_as_absent(probe: Probe) -> None:
    """For any field."""
    fields = (
        '"parentSpanId":null,"attributes":null,"status":null,"kind":null,"events":null,"flags":0'
    )
    _accepts(probe, fields, [0, None], "kind, parent_span_id")


@check("J10", over=_JSON)
def bytes_are_base64_in_either_alphabet(probe: Probe) -> None:
    """With and without padding."""
    for text in ("+/8=", "-_8=", "-_8", "+/8"):
        _value(probe, f'{{"bytesValue":"{text}"}}', "+/8=")


@check("J11", over=_JSON)
def an_empty_value_is_accepted(probe: Probe) -> None:
    """`{}`, as the Java SDK sends."""
    _value(probe, "{}", None)


@check("J12", over=_JSON)
def odd_json_is_no_server_error(probe: Probe) -> None:
    """A byte order mark, a key twice, deep nesting: accepted or 400."""
    nested = '{"arrayValue":{"values":[' * 200 + "]}}" * 200
    deeper = '{"arrayValue":{"values":[' * 100_000 + "]}}" * 100_000
    bodies = {
        "byte order mark": b"\xef\xbb\xbf" + _text(an_id()),
        "a key twice": _text(an_id(), '"kind":1,"kind":4'),
        "200 levels": _text(an_id(), f'"attributes":[{{"key":"k","value":{nested}}}]'),
        "100,000 levels": _text(an_id(), f'"attributes":[{{"key":"k","value":{deeper}}}]'),
    }
    for what, body in bodies.items():
        answer = _post(probe, body)
        probe.expect(answer.code in {"200", "400"}, f"{what}: {said(answer)}")


@check("J13", over=_JSON)
def several_documents_are_refused(probe: Probe) -> None:
    """400, and nothing of them is stored."""
    for between in (b"", b"\n"):
        trace_id = an_id()
        _refuses(probe, _text(trace_id) + between + _text(trace_id), "two documents")
        probe.holds(trace_id, [])


@check("J14", over=_JSON)
def an_error_is_a_status_in_json(probe: Probe) -> None:
    """400 with `{"message": …}` and the media type of JSON."""
    for body in (b"{", b"[]", b'{"resourceSpans":{}}', b'{"resourceSpans":[5]}'):
        answer = _post(probe, body)
        probe.expect(answer.code == "400", f"{body!r}: {said(answer)}")
        probe.expect(answer.media_type == "application/json", f"it is {answer.media_type!r}")
        probe.expect(answer.message != "", "no message")
