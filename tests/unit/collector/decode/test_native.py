"""Both decoders make the same columns, value for value."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Table
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from stepscope_collector.decode import native
from stepscope_collector.decode.batch import Plan, Signal
from stepscope_collector.decode.native import chosen, decode_natively, in_use, is_native
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import may_repeat, spans_together, together
from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import MESSAGES
from tests.strategies.messages import messages
from tests.strategies.otlp import log_requests, metric_requests, trace_requests
from tests.unit.collector.decode.compare import differences

CAPTURES = Path(__file__).parents[3] / "captures"
PLAN = compile_profiles(load_shipped()).plan
TRACE, ID = b"t" * 16, b"s" * 8
LIKELY: dict[Signal, st.SearchStrategy[Any]] = {
    "traces": trace_requests,
    "logs": log_requests,
    "metrics": metric_requests,
}

needs_native = pytest.mark.skipif(
    in_use("auto").decoder != "native", reason=f"no native decoder: {in_use('auto').reason}"
)


def assert_same(signal: Signal, payload: bytes, plan: Plan = PLAN) -> None:
    """Both decoders agree."""
    assert differences(signal, payload, plan) == []


def span(**fields: Any) -> ExportTraceServiceRequest:
    """A request of one span of the SDK."""
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = "stepscope"
    scope_spans.spans.add(**{"trace_id": TRACE, "span_id": ID, **fields})
    return request


@needs_native
@pytest.mark.parametrize("count", [1, 400])
def test_small_and_large_requests_have_the_same_columns(count: int) -> None:
    """ours: above 16 KB other threads run Python while the kernel works."""
    request = span(name="a" * 40)
    first = request.resource_spans[0].scope_spans[0].spans[0]
    for number in range(1, count):
        more = request.resource_spans[0].scope_spans[0].spans.add()
        more.CopyFrom(first)
        more.span_id = number.to_bytes(8, "big")
    payload = request.SerializeToString()
    assert (len(payload) > 1 << 14) == (count > 1)
    assert_same("traces", payload)


@needs_native
@pytest.mark.parametrize("signal", list(MESSAGES))
@given(data=st.data())
def test_likely_requests_have_the_same_columns(signal: Signal, data: st.DataObject) -> None:
    """issue #6: a differential property test on equal columns."""
    assert_same(signal, data.draw(LIKELY[signal]).SerializeToString())


@needs_native
@pytest.mark.parametrize("signal", list(MESSAGES))
@given(data=st.data())
def test_any_requests_have_the_same_columns(signal: Signal, data: st.DataObject) -> None:
    """issue #6: the same of any field of OTLP."""
    payload = data.draw(messages(MESSAGES[signal])).SerializeToString()
    assert_same(signal, payload, replace(PLAN, max_attributes=1))


@needs_native
@pytest.mark.parametrize("signal", list(MESSAGES))
@given(data=st.data())
def test_requests_with_wrong_bytes_are_the_same_to_both(
    signal: Signal, data: st.DataObject
) -> None:
    """issue #6: hostile input; whatever the bytes say, both decoders say the same."""
    payload = bytearray(data.draw(LIKELY[signal]).SerializeToString())
    places = st.integers(0, max(len(payload) - 1, 0))
    for place in data.draw(st.lists(places, max_size=4)) if payload else ():
        payload[place] = data.draw(st.integers(0, 255))
    assert_same(signal, bytes(payload))


@needs_native
@pytest.mark.parametrize("signal", list(MESSAGES))
def test_every_field_is_decoded_natively(signal: Signal) -> None:
    """issue #6: requests with every field of OTLP, one of each oneof; the kernel gives up none."""
    for name, payload in seeds()[f"{signal}-protobuf"].items():
        assert_same(signal, payload)
        is_odd = "-7" in name or ("-twice" in name and signal == "metrics")  # strindex, raw
        assert is_odd or decode_natively(signal, payload, PLAN) is not None, name


@needs_native
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.json")), ids=lambda path: path.stem)
def test_recordings_of_engines_have_the_same_columns(path: Path) -> None:
    """issue #6: what real engines send; none of it needs the reference."""
    for text in documents(path):
        message, _ = to_message("traces", text)
        payload = message.SerializeToString()
        assert_same("traces", payload)
        assert decode_natively("traces", payload, PLAN) is not None


def documents(path: Path) -> Iterator[bytes]:
    """The trace requests of a recording."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for each in document if isinstance(document, list) else [document]:
        if "resourceSpans" in each:
            yield json.dumps(each).encode()


@needs_native
def test_spans_of_the_opentelemetry_sdk_have_the_same_columns() -> None:
    """issue #6: real SDK requests; none of it needs the reference."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("app", "1.0", attributes={"a": 1})
    link = Link(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)), {"k": [1.5, 2.0]})
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, links=[link]) as outer:
        outer.set_attributes({"s": "x", "i": -5, "d": 0.1, "b": True, "l": ["a", "b"], "e": ""})
        with pytest.raises(ValueError, match="no"), tracer.start_as_current_span("inner"):
            raise ValueError("no")
    payload = encode_spans(exporter.get_finished_spans()).SerializeToString()
    assert_same("traces", payload)
    batch = decode_natively("traces", payload, PLAN)
    assert batch is not None
    assert batch.row_count == 2


@needs_native
@pytest.mark.parametrize(
    "number", [0.1, 1e16, 1e15, 5e-324, 1.5e-7, 1e22, -0.0, 2**53 + 0.0, 15889234354357.0625]
)
def test_numbers_are_written_as_python_writes_them(number: float) -> None:
    """ours: the text of a double is its `repr`."""
    value = {"double_value": number}
    nested = {"array_value": {"values": [value, {"array_value": {"values": [value]}}]}}
    attributes = [{"key": "a", "value": value}, {"key": "b", "value": nested}]
    payload = span(attributes=attributes).SerializeToString()
    assert_same("traces", payload)
    assert decode_natively("traces", payload, PLAN) is not None


@needs_native
def test_a_request_out_of_the_ordinary_goes_to_the_reference() -> None:
    """issue #6: broken bytes, bad strings, bombs; both decoders say the same of them."""
    deep: Any = {"string_value": "x"}
    for _ in range(40):
        deep = {"array_value": {"values": [deep]}}
    good = span(name="????").SerializeToString()
    for payload in (
        good[:-1],
        good + b"\x0b\x0c",  # a group
        good + b"\x0a\xff\xff\xff\xff\x0f",  # a length of 4 GiB
        b"\xff" * 20,
        b"\x0a" * 5000,
        span(attributes=[{"key": "k", "value": deep}]).SerializeToString(),
        good.replace(ID, ID + b"\x12\x02xx", 1),
    ):
        assert decode_natively("traces", payload, replace(PLAN, decoder="native")) is None
        assert_same("traces", payload)


@needs_native
@pytest.mark.parametrize("field", ["name", "key", "value", "list", "event", "state"])
def test_strings_that_are_not_utf_8_are_mended_and_decoded_natively(field: str) -> None:
    """OTLP: C20; issue #6: as `decode/repair.py` does, and in no column remains a bad byte."""
    texts = dict.fromkeys(("name", "key", "value", "list", "event", "state"), "fine")
    texts[field] = "????"
    value = {"array_value": {"values": [{"string_value": texts["list"]}]}}
    payload = span(
        name=texts["name"],
        trace_state=texts["state"],
        attributes=[
            {"key": texts["key"], "value": {"string_value": texts["value"]}},
            {"key": "list", "value": value},
        ],
        events=[{"name": texts["event"]}],
    ).SerializeToString()
    for bad in (b"\xff???", b"caf\xc3", b"\xed\xa0\x80?", b"\xf0\x9d\x84?"):
        cut = payload.replace(b"????", bad)
        assert_same("traces", cut)
        batch = decode_natively("traces", cut, PLAN)
        assert batch is not None
        assert "1 strings were not valid UTF-8" in batch.message()


@needs_native
def test_bytes_that_end_anywhere_are_the_same_to_both() -> None:
    """issue #6: truncated input."""
    payload = span(
        name="n",
        attributes=[{"key": "workflow.name", "value": {"string_value": "w"}}],
        events=[{"name": "exception", "attributes": [{"key": "exception.type"}]}],
        status={"code": 2, "message": "no"},
    ).SerializeToString()
    for end in range(len(payload)):
        assert_same("traces", payload[:end])


@needs_native
def test_limits_are_those_of_the_plan() -> None:
    """ours: limits.max_items and limits.max_attributes."""
    request = span(attributes=[{"key": "a"}, {"key": "b"}])
    request.resource_spans[0].scope_spans[0].spans.add(trace_id=TRACE, span_id=b"r" * 8)
    payload = request.SerializeToString()
    for limits in ({"max_items": 1}, {"max_items": 2}, {"max_attributes": 1}):
        assert_same("traces", payload, replace(PLAN, **limits))


@needs_native
def test_rows_of_both_decoders_go_into_one_stream() -> None:
    """ours: requests in JSON and in protobuf share a commit."""
    payload = span(attributes=[{"key": "stepscope.input", "value": {"string_value": "{}"}}])
    batches = [
        decode_request(
            "traces", payload.SerializeToString(), "protobuf", replace(PLAN, decoder=name)
        )
        for name in ("native", "python", "native")
    ]
    assert [is_native(batch.rows) for batch in batches if batch.rows] == [True, False, True]
    assert spans_together(batches).num_rows == 3
    assert together(batch.payloads for batch in batches).num_rows == 3
    assert spans_together(batches[::2]).num_rows == 2
    assert together([None]) is None
    for chosen_batches, repeats in (
        (batches, True),
        (batches[::2], True),
        (batches[:1], False),
        (batches[1:2], False),
    ):
        rows = spans_together(chosen_batches)
        assert may_repeat(chosen_batches, rows) == repeats
        assert len(Table.from_arrow(rows).to_batches()) == 1  # what DuckDB reads fast


@needs_native
def test_threads_decode_at_once() -> None:
    """issue #6: the interpreter's lock is released; the kernel keeps nothing between requests."""
    request = span()
    spans = request.resource_spans[0].scope_spans[0].spans
    spans.extend([spans[0]] * 2000)
    payload = request.SerializeToString()
    counts = []

    def decode() -> None:
        batch = decode_natively("traces", payload, PLAN)
        counts.append(batch.row_count if batch else 0)

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert counts == [2001] * 4


def test_the_setting_chooses() -> None:
    """issue #6: one switch; without the wheel the reference is used, and says why."""
    assert in_use("python").decoder == "python"
    assert decode_natively("traces", b"", Plan(decoder="python")) is None
    assert chosen("auto").reason


def test_a_native_decoder_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue #6: the Python decoder stays the fallback where no wheel exists."""
    monkeypatch.setattr(native, "_is_there", False)
    assert in_use("auto") == ("python", "stepscope-native is not installed")
    with pytest.raises(ConfigError, match=r"ingest\.decoder=native cannot be"):
        chosen("native")


@needs_native
def test_a_native_decoder_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: a wheel that was left behind must not decode for a newer collector."""
    monkeypatch.setattr(native, "_API", 0)
    assert in_use("auto").decoder == "python"
    assert "another version" in in_use("auto").reason
