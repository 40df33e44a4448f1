"""Rows are counted without decoding, and as decoding would count them."""

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.decode.batch import Plan
from stepscope_collector.decode.count import count_rows
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import PayloadUndecodable
from tests.strategies import otlp


def decoded(signal, payload):
    batch = decode_request(signal, payload, "protobuf", Plan())
    return batch.row_count + len(batch.rejections)


@given(payload=otlp.trace_requests.map(lambda m: m.SerializeToString()))
def test_spans_are_counted_as_decoded(payload):
    """issue #4: received = stored + … + refused, in rows."""
    assert count_rows("traces", payload, "protobuf") == decoded("traces", payload)


@given(payload=otlp.log_requests.map(lambda m: m.SerializeToString()))
def test_log_records_are_counted_as_decoded(payload):
    """issue #4: received = stored + … + refused, in rows."""
    assert count_rows("logs", payload, "protobuf") == decoded("logs", payload)


@given(payload=otlp.metric_requests.map(lambda m: m.SerializeToString()))
def test_points_are_counted_as_decoded(payload):
    """issue #4: received = stored + … + refused, in rows."""
    assert count_rows("metrics", payload, "protobuf") == decoded("metrics", payload)


@given(signal=st.sampled_from(["traces", "logs", "metrics"]), payload=st.binary(max_size=60))
def test_any_bytes_are_counted_or_not(signal, payload):
    """ours: what cannot be counted is None, never an error."""
    found = count_rows(signal, payload, "protobuf")
    assert found is None or found >= 0
    try:
        rows = decoded(signal, payload)
    except PayloadUndecodable:
        return
    assert found in {None, rows}


def test_what_would_take_long_is_not_counted():
    """ours: a refusal must stay cheap under a flood."""
    one = b"\x0a\x00"
    assert count_rows("traces", one * 20_000, "protobuf") == 0
    assert count_rows("traces", one * 20_001, "protobuf") is None
    assert count_rows("traces", b"{}", "json") is None
    assert count_rows("traces", b"\x0a" + b"\xff" * 12, "protobuf") is None
    assert count_rows("traces", b"\x0b\x0c", "protobuf") is None
    assert count_rows("traces", b"\x0a\x05", "protobuf") is None
    assert count_rows("traces", b"\x09", "protobuf") is None
