"""Spans as columns."""

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from stepscope_collector.decode.anyvalue import warn_of_strindex
from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.spans import PREVIEW_CHARS, WHOLE_VALUE_BYTES
from stepscope_collector.decode.streams import may_repeat
from stepscope_schema.attributes import HOMES
from stepscope_schema.rejections import REASONS
from tests.unit.collector.decode.rows import decode, dicts, rows_of

pytestmark = pytest.mark.usefixtures("decoder")

TRACE, ID = b"t" * 16, b"s" * 8
PLAN = Plan(("http.route", "workflow.name"), ("service.name", "service.version"))


def _request(*spans: Span, scope: str = "") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = scope
    scope_spans.spans.extend(spans)
    return request


def _decode(*spans: Span, scope: str = "") -> Batch:
    return decode(_request(*spans, scope=scope), PLAN)


def _span(*attributes: KeyValue, **fields: Any) -> Span:
    return Span(**{"trace_id": TRACE, "span_id": ID, "attributes": attributes, **fields})


def _row(*attributes: KeyValue, scope: str = "", **fields: Any) -> dict[str, Any]:
    (row,) = rows_of(_decode(_span(*attributes, **fields), scope=scope))
    return row


def _own(*attributes: KeyValue) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Row and payloads of a span of the SDK."""
    batch = _decode(_span(*attributes), scope="stepscope")
    (row,) = rows_of(batch)
    return row, _payloads(batch)


def _payloads(batch: Batch) -> list[dict[str, Any]]:
    return [] if batch.payloads is None else dicts(batch.payloads)


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _int(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))


def test_every_field_has_its_column() -> None:
    """OTLP: Span; issue #2: stored losslessly."""
    row = _row(
        _text("a", "x"),
        _int("n", 0),
        parent_span_id=b"\xff" * 8,
        trace_state="k=v",
        flags=0xFFFFFFFF,
        name="𝄞",
        kind=99,
        start_time_unix_nano=1 << 63,
        end_time_unix_nano=(1 << 64) - 1,
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
    )
    assert row.pop("span_row") > 0
    assert row.pop("resource_id") > 0
    assert row.pop("scope_id") > 0
    assert not [name for name in row if ":" in name], "no attribute that nobody has"
    assert row == {
        "trace_id": TRACE,
        "span_id": int.from_bytes(ID),
        "parent_span_id": (1 << 64) - 1,
        "trace_state": "k=v",
        "flags": 0xFFFFFFFF,
        "name": "𝄞",
        "kind": 99,
        "start_time_unix_nano": 1 << 63,
        "end_time_unix_nano": (1 << 64) - 1,
        "status_code": 2,
        "status_message": "no",
        "attributes": {"a": "x", "n": "0"},
        "attribute_types": "si",
        "home_bits": 0,
        "dropped_attributes_count": 1,
        "events": None,
        "dropped_events_count": 2,
        "links": None,
        "dropped_links_count": 3,
        "raw": None,
        "scope_name": "",
        "exception_type": None,
        "exception_message": None,
    }


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"trace_id": b""}, "invalid_trace_id", "0 bytes, must be 16"),
        ({"trace_id": b"t" * 17}, "invalid_trace_id", "17 bytes, must be 16"),
        ({"trace_id": bytes(16)}, "invalid_trace_id", "all zero"),
        ({"span_id": b"s" * 7}, "invalid_span_id", "7 bytes, must be 8"),
        ({"span_id": bytes(8)}, "invalid_span_id", "all zero"),
        ({"parent_span_id": b"p"}, "invalid_parent_span_id", "1 bytes, must be 0 or 8"),
    ],
)
def test_a_span_with_ids_that_are_none_is_refused_alone(
    fields: dict[str, bytes], reason: str, message: str
) -> None:
    """OTLP: C5, C13, C14; issue #2: ids of wrong length beside good spans."""
    good, bad = _span(name="good"), _span(name="bad", **fields)
    batch = _decode(good, bad, good)
    assert [row["name"] for row in rows_of(batch)] == ["good", "good"]
    (rejection,) = batch.rejections
    assert (rejection.reason, rejection.name) == (reason, "bad")
    assert rejection.message.endswith(message)
    assert rejection.trace_id == bad.trace_id.hex()
    assert rejection.reason in {known.name for known in REASONS}


def test_what_is_noted_of_a_refused_span_is_short() -> None:
    """ours: a refused megabyte is not stored as the reason of its refusal."""
    (rejection,) = _decode(_span(trace_id=b"t" * 1_000_000, name="n" * 1_000_000)).rejections
    assert rejection.trace_id is not None
    assert rejection.name is not None
    assert len(rejection.trace_id) <= 128
    assert len(rejection.name) <= 256


def test_a_zero_parent_is_no_parent() -> None:
    """OTLP: C14, an all-zero parent_span_id means root."""
    rows = rows_of(_decode(_span(parent_span_id=bytes(8)), _span()))
    assert [row["parent_span_id"] for row in rows] == [0, 0]


def test_a_request_without_spans_has_no_rows() -> None:
    """OTLP: C3, empty envelopes."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add()
    request.resource_spans.add()
    for empty in (request, ExportTraceServiceRequest(), _request(_span(span_id=b""))):
        batch = decode(empty, PLAN)
        assert (batch.row_count, batch.rows, batch.payloads) == (0, None, None)


def test_own_attributes_with_a_home_leave_the_map() -> None:
    """ours: the SDK's attributes stand in columns; their bits tell that they were there."""
    row, payloads = _own(
        _text("workflow.execution.id", "e"),
        _int("stepscope.step.index", 3),
        KeyValue(key="stepscope.step.is_expected_retry", value=AnyValue(bool_value=False)),
        _text("order.id", "7"),
    )
    assert row["attributes"] == {"order.id": "7"}
    assert row["attr:workflow.execution.id"] == "e"
    assert row["attr:stepscope.step.index"] == "3"
    assert row["attr:stepscope.step.is_expected_retry"] == "false"
    assert row["home_bits"] == sum(
        1 << (HOMES[key].home or 0)
        for key in (
            "workflow.execution.id",
            "stepscope.step.index",
            "stepscope.step.is_expected_retry",
        )
    )
    assert (row["raw"], payloads) == (None, [])


@pytest.mark.parametrize(
    "attribute",
    [
        _int("workflow.name", 5),
        _text("stepscope.step.index", "5"),
        _int("stepscope.step.index", 1 << 31),
        _int("stepscope.step.index", -(1 << 31) - 1),
        KeyValue(key="stepscope.input", value=AnyValue(bytes_value=b"{}")),
        KeyValue(key="error.type"),
    ],
)
def test_a_home_takes_only_its_own_type(attribute: KeyValue) -> None:
    """ours: what does not fit the column stays in the map with its type."""
    row, payloads = _own(attribute)
    assert (row["home_bits"], payloads, row["raw"]) == (0, [], None)
    assert list(row["attributes"]) == [attribute.key]
    assert f"attr:{attribute.key}" not in row


@pytest.mark.parametrize("key", ["workflow.execution.id", "stepscope.live.phase", "workflow.name"])
def test_an_empty_string_stays_in_the_map(key: str) -> None:
    """ours: in their columns empty means absent, and an empty phase makes no live marker."""
    row, _ = _own(_text(key, ""))
    assert (row["home_bits"], row["attributes"]) == (0, {key: ""})
    assert f"attr:{key}" not in row


@pytest.mark.parametrize(
    "attributes",
    [
        [_text("workflow.name", "a"), _text("workflow.name", "b")],
        [_text("workflow.name", "a"), _int("workflow.name", 1)],
        [_int("workflow.name", 1), _text("workflow.name", "a")],
        [_text("workflow.task.outcome", "x"), _text("workflow.execution.outcome", "y")],
        [_text("a", "1"), _text("a", "2")],
    ],
)
def test_what_the_columns_cannot_hold_is_kept_whole(attributes: list[KeyValue]) -> None:
    """OTLP: C19, and two keys that share a column."""
    row, _ = _own(*attributes)
    assert row["raw"] == _span(*attributes).SerializeToString()


def test_of_equal_keys_the_last_wins() -> None:
    """OTLP: C19, deterministic."""
    row = _row(_text("a", "1"), _int("b", 2), _int("a", 3), _text("http.route", "/"))
    assert row["attributes"] == {"a": "3", "b": "2", "http.route": "/"}
    assert row["attribute_types"] == "iis"


def test_keys_of_the_plan_have_a_column_and_stay_in_the_map() -> None:
    """ours: profiles read columns; the map of foreign spans is what was sent."""
    first = _span(_text("http.route", "/a"), _text("stepscope.input", "{}"))
    second = _span(_int("workflow.name", 0))
    rows = rows_of(_decode(first, second, scope="other"))
    assert [row["attr:http.route"] for row in rows] == ["/a", None]
    assert [row["attr:workflow.name"] for row in rows] == [None, "0"]
    assert rows[0]["attributes"] == {"http.route": "/a", "stepscope.input": "{}"}
    assert rows[1]["attributes"] == {"workflow.name": "0"}


def test_resource_attributes_of_the_plan_stand_in_each_row() -> None:
    """ours: profiles may read the resource."""
    request = _request(_span(), _span())
    attribute = request.resource_spans[0].resource.attributes.add(key="service.name")
    attribute.value.string_value = "billing"
    rows = rows_of(decode(request, PLAN))
    assert [row["resource:service.name"] for row in rows] == ["billing", "billing"]
    assert "resource:service.version" not in rows[0]


def test_what_stands_in_each_row_is_short() -> None:
    """ours: one long service name and many spans must not fill the memory."""
    request = _request(_span(), scope="c" * 1000)
    attribute = request.resource_spans[0].resource.attributes.add(key="service.name")
    attribute.value.string_value = "n" * 1000
    batch = decode(request, PLAN)
    (row,) = rows_of(batch)
    assert row["resource:service.name"] == "n" * 256
    assert row["scope_name"] == "c" * 256
    assert [found.name for found in batch.resources.values()] == ["n" * 1000]
    assert [found.name for found in batch.scopes.values()] == ["c" * 1000]


def test_inputs_and_outputs_of_the_sdk_are_payloads() -> None:
    """ours: payloads stand apart from the spans; sizes are of UTF-8."""
    row, payloads = _own(
        _text("stepscope.input", '{"a":1}'),
        _text("stepscope.output", '"€"'),
        _text("stepscope.params", "{}"),
        _text("stepscope.trigger.data", "[]"),
    )
    assert row["attributes"] == {}
    assert [(p["kind"], p["key"], p["body"], p["size_bytes"]) for p in payloads] == [
        ("input", "stepscope.input", '{"a":1}', 7),
        ("output", "stepscope.output", '"€"', 5),
        ("params", "stepscope.params", "{}", 2),
        ("trigger", "stepscope.trigger.data", "[]", 2),
    ]
    assert {p["span_row"] for p in payloads} == {row["span_row"]}
    assert {(p["is_truncated"], p["sha256"]) for p in payloads} == {(False, None)}


def test_a_payload_that_the_sender_cut_has_its_whole_size_and_hash() -> None:
    """R026: size and hash of the whole value."""
    whole = _span(_text("stepscope.input", "[1]"))
    cut = _span(
        _text("stepscope.input", "[1,"),
        _int("stepscope.input.size", 70_311),
        _text("stepscope.input.sha256", "9f86"),
        _text("stepscope.output", "1"),
        _int("stepscope.output.size", (1 << 63) - 1),
    )
    found = _payloads(_decode(whole, cut, scope="stepscope"))
    assert [(p["size_bytes"], p["sha256"], p["is_truncated"]) for p in found] == [
        (3, None, False),
        (70_311, "9f86", True),
        ((1 << 63) - 1, None, True),
    ]


@pytest.mark.parametrize(
    "size", [_text("stepscope.input.size", "9" * 5000), _text("stepscope.input.size", "many"),
             _int("stepscope.input.size", -1)],
)  # fmt: skip
def test_a_size_that_is_none_is_not_believed(size: KeyValue) -> None:
    """ours: whatever a sender writes there, the span is stored."""
    _, (payload,) = _own(_text("stepscope.input", "[1]"), size)
    assert (payload["size_bytes"], payload["is_truncated"]) == (3, False)


def test_large_strings_leave_their_beginning_in_the_map() -> None:
    """issue #2: a 1 MB attribute; ours: fat values ruin scans."""
    text = "𝄞\0" * 500_000
    batch = _decode(_span(_int("n", 1), _text("big", text), _text("a", "b")))
    (row,) = rows_of(batch)
    assert row["attributes"] == {"n": "1", "big": text[:PREVIEW_CHARS], "a": "b"}
    assert row["attribute_types"] == "ips"
    (payload,) = _payloads(batch)
    assert payload == {
        "span_row": row["span_row"],
        "kind": "attribute",
        "key": "big",
        "media_type": "text/plain",
        "body": text,
        "size_bytes": 2_500_000,
        "sha256": None,
        "is_truncated": False,
    }


def test_a_string_at_the_limit_stays_in_the_map() -> None:
    """ours: the limit itself is not beyond it."""
    row = _row(_text("a", "x" * WHOLE_VALUE_BYTES))
    assert row["attributes"] == {"a": "x" * WHOLE_VALUE_BYTES}
    assert row["attribute_types"] is None


def test_events_are_lists_and_the_last_exception_has_columns() -> None:
    """OTLP: Span.events; semantic conventions: exception events."""
    events = [
        Span.Event(time_unix_nano=1 << 63, name="", attributes=[_int("a", 1)],
                   dropped_attributes_count=2),
        Span.Event(name="exception", attributes=[_text("exception.type", "A")]),
        Span.Event(name="exception", attributes=[_text("exception.type", "B"),
                                                 _text("exception.message", "m")]),
    ]  # fmt: skip
    first, second = rows_of(_decode(_span(events=events), _span()))
    assert first["events"][0] == {
        "time_unix_nano": 1 << 63, "name": "", "attributes": [("a", "1")], "attribute_types": "i",
        "dropped_attributes_count": 2,
    }  # fmt: skip
    assert len(first["events"]) == 3
    assert (first["exception_type"], first["exception_message"]) == ("B", "m")
    assert (second["events"], second["exception_type"]) == (None, None)


def test_links_keep_ids_of_any_length() -> None:
    """OTLP: C15, links with empty or foreign ids are accepted."""
    links = [
        Span.Link(trace_id=b"odd", span_id=b"", trace_state="s", attributes=[_text("a", "b")],
                  dropped_attributes_count=1, flags=0x300),
        Span.Link(trace_id=TRACE, span_id=ID),
    ]  # fmt: skip
    rows = rows_of(_decode(_span(), _span(links=links)))
    assert rows[0]["links"] is None
    assert rows[1]["links"] == [
        {"trace_id": b"odd", "span_id": b"", "trace_state": "s", "attributes": [("a", "b")],
         "attribute_types": None, "dropped_attributes_count": 1, "flags": 0x300},
        {"trace_id": TRACE, "span_id": ID, "trace_state": "", "attributes": [],
         "attribute_types": None, "dropped_attributes_count": 0, "flags": 0},
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["events", "links"])
def test_a_repeated_key_below_the_span_keeps_it_whole(field: str) -> None:
    """OTLP: C19, also in events and links; neighbours are not touched."""
    repeated = [_text("a", "1"), _text("a", "2")]
    span = _span(**{field: [{"attributes": repeated}]})
    raws = [row["raw"] for row in rows_of(_decode(_span(), span, _span()))]
    assert raws == [None, span.SerializeToString(), None]


def test_times_are_kept_whatever_they_say() -> None:
    """OTLP: C16; issue #2: end before start, timestamps 0 and beyond int64."""
    times = [(5, 3), (0, 0), ((1 << 64) - 1, 1), (1, (1 << 64) - 1)]
    spans = [_span(start_time_unix_nano=start, end_time_unix_nano=end) for start, end in times]
    rows = rows_of(_decode(*spans))
    assert [(r["start_time_unix_nano"], r["end_time_unix_nano"]) for r in rows] == times


def test_open_spans_and_live_markers_are_counted() -> None:
    """ours: only then does the store look for what is open."""
    ended = _span(end_time_unix_nano=2)
    marker = _span(_text("stepscope.live.phase", "started"), end_time_unix_nano=2)
    assert _decode(ended, _span(), ended, scope="stepscope").open_count == 1
    assert _decode(ended, marker, scope="stepscope").open_count == 1
    assert _decode(marker, scope="other").open_count == 0


def test_names_may_be_empty_or_a_megabyte() -> None:
    """OTLP: C20; issue #2: empty names."""
    names = ["", "\0", "n" * 1_000_000, "👩‍💻"]
    assert [row["name"] for row in rows_of(_decode(*(_span(name=n) for n in names)))] == names


def test_many_spans_of_one_trace_and_many_traces_are_one_batch() -> None:
    """issue #2: 10,000 spans in a trace, 5,000 traces in a request."""
    spans = [Span(trace_id=TRACE, span_id=n.to_bytes(8)) for n in range(1, 10_001)]
    spans += [Span(trace_id=n.to_bytes(16), span_id=ID) for n in range(1, 5001)]
    batch = _decode(*spans)
    rows = rows_of(batch)
    assert batch.row_count == 15_000
    assert [row["span_id"] for row in rows[:10_000]] == list(range(1, 10_001))
    assert len({row["trace_id"] for row in rows}) == 5001
    assert may_repeat([batch], batch.rows)


def test_rows_of_different_requests_have_different_numbers() -> None:
    """ours: a commit joins rows and payloads of several requests by span_row."""
    numbers = [row["span_row"] for _ in range(3) for row in rows_of(_decode(_span(), _span()))]
    assert len(set(numbers)) == 6
    assert numbers == sorted(numbers)


def test_each_resource_and_scope_is_there_once() -> None:
    """ours: spans refer to them by content."""
    request = _request(_span(), scope="a")
    request.MergeFrom(_request(_span(), scope="b"))
    request.MergeFrom(_request(_span(), scope="a"))
    batch = decode(request, PLAN)
    assert (len(batch.resources), len(batch.scopes)) == (1, 2)
    names = [batch.scopes[row["scope_id"]].name for row in rows_of(batch)]
    assert names == ["a", "b", "a"]


def test_fields_of_a_later_version_are_ignored() -> None:
    """OTLP: C10, unknown field numbers."""
    unknown = b"\xa2\x06\x03abc"
    span = Span.FromString(_span(name="n").SerializeToString() + unknown)
    (row,) = rows_of(_decode(span))
    assert (row["name"], row["raw"]) == ("n", None)


def test_a_key_from_a_profiles_dictionary_is_empty_and_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """OTLP: C12, key_strindex means nothing outside profiles."""
    pair = KeyValue.FromString(b"\x18\x02\x12\x02\x18\x01")  # key_strindex 2, value 1
    warn_of_strindex.cache_clear()
    assert [_row(pair)["attributes"] for _ in range(2)] == [{"": "1"}] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
