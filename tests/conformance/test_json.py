"""Rows J: OTLP/JSON through the real receiver; every odd form of it: tests/unit/collector/decode."""

import json
from typing import Any

import httpx
import pytest

from tests.conformance.client import Answer, Endpoint, an_id

pytestmark = pytest.mark.e2e

_JSON = {"Content-Type": "application/json"}
_TIME = "1700000000000000000"


def _text(trace_id: bytes, fields: str = "", *, ids: str | None = None) -> bytes:
    """A request with one good span and more `fields` for it, as text."""
    known = ids if ids is not None else f'"traceId":"{trace_id.hex()}","spanId":"1122334455667788"'
    span = f'{{{known},"name":"n","startTimeUnixNano":"{_TIME}"{"," if fields else ""}{fields}}}'
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode()


def _post(endpoint: Endpoint, body: bytes) -> Answer:
    return endpoint.post("/v1/traces", body, _JSON)


def _stored(endpoint: Endpoint, fields: str, columns: str) -> list[Any]:
    """`columns` of a span sent with `fields`, accepted without a word."""
    trace_id = an_id()
    answer = _post(endpoint, _text(trace_id, fields))
    assert (answer.code, answer.body) == ("200", b"{}")
    (row,) = endpoint.stored(trace_id, columns)
    return row


def _refused(endpoint: Endpoint, body: bytes) -> str:
    answer = httpx.post(
        f"http://{endpoint.http}/v1/traces", content=body, headers=_JSON, timeout=20
    )
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json"
    said = answer.json()
    assert said["code"] == 3
    message: str = said["message"]
    assert message != ""
    return message


@pytest.mark.parametrize("text", ["W47/95gDgQPSabYzgT/GDA==", "zz" * 16, "abc"])
def test_base64_ids_are_refused(endpoint: Endpoint, text: str) -> None:
    """OTLP: J2, H12: with the place of the fault."""
    message = _refused(endpoint, _text(b"", ids=f'"traceId":"{text}"'))
    assert message.startswith("$.resourceSpans[0].scopeSpans[0].spans[0].traceId: ")


@pytest.mark.parametrize("kind", ["3", '"SPAN_KIND_CLIENT"'])
def test_enums_are_numbers_or_names(endpoint: Endpoint, kind: str) -> None:
    """OTLP: J3."""
    assert _stored(endpoint, f'"kind":{kind},"status":{{"code":2}}', "kind, status_code") == [3, 2]


def test_an_unknown_name_of_an_enum_is_refused(endpoint: Endpoint) -> None:
    """OTLP: J3."""
    assert "SPAN_KIND_CLIENT" in _refused(endpoint, _text(an_id(), '"kind":"CLIENT"'))


def test_snake_case_is_accepted_with_a_warning(endpoint: Endpoint) -> None:
    """OTLP: J5, C7: it is stored, nothing is rejected, and the sender is told."""
    trace_id = an_id()
    body = (
        _text(trace_id)
        .replace(b"resourceSpans", b"resource_spans")
        .replace(b"startTimeUnixNano", b"start_time_unix_nano")
    )
    answer = _post(endpoint, body)
    assert (answer.code, answer.rejected, answer.has_partial) == ("200", 0, True)
    assert "lowerCamelCase" in answer.message
    assert endpoint.stored(trace_id) == [["n"]]


def test_a_byte_order_mark_is_accepted(endpoint: Endpoint) -> None:
    """OTLP: J12."""
    trace_id = an_id()
    assert _post(endpoint, b"\xef\xbb\xbf" + _text(trace_id)).code == "200"
    assert endpoint.stored(trace_id) == [["n"]]


def test_of_duplicate_keys_the_last_counts(endpoint: Endpoint) -> None:
    """OTLP: J12."""
    assert _stored(endpoint, '"kind":1,"kind":4', "kind") == [4]


@pytest.mark.parametrize("levels", [200, 100_000])
def test_deep_nesting_is_refused(endpoint: Endpoint, levels: int) -> None:
    """OTLP: J12: 400, never a stack overflow."""
    value = '{"arrayValue":{"values":[' * levels + "]}}" * levels
    assert "deep" in _refused(
        endpoint, _text(an_id(), f'"attributes":[{{"key":"k","value":{value}}}]')
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"resourceSpans":{}}', b'{"resourceSpans":[5]}']
)
def test_an_error_is_a_status_in_json(endpoint: Endpoint, body: bytes) -> None:
    """OTLP: J14."""
    _refused(endpoint, body)


def test_a_bad_id_in_json_costs_one_span(endpoint: Endpoint) -> None:
    """OTLP: C5, C13: an id of wrong length is hexadecimal all the same."""
    trace_id = an_id()
    tree = json.loads(_text(trace_id))
    tree["resourceSpans"][0]["scopeSpans"][0]["spans"].append(
        {"traceId": "abcd", "spanId": "11" * 8}
    )
    answer = _post(endpoint, json.dumps(tree).encode())
    assert (answer.code, answer.rejected) == ("200", 1)
    assert endpoint.stored(trace_id) == [["n"]]
