"""Log records as columns."""

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from stepscope_collector.decode.batch import Batch, Plan
from stepscope_schema.columns import relations
from tests.unit.collector.decode.rows import decode, rows_of

pytestmark = pytest.mark.usefixtures("decoder")


def _decode(*records: LogRecord) -> Batch:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.extend(records)
    return decode(request, Plan())


def _row(record: LogRecord) -> dict[str, Any]:
    (row,) = rows_of(_decode(record))
    return row


def _pair(key: str, **value: object) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))  # type: ignore[arg-type] # any field


def test_every_field_has_its_column() -> None:
    """OTLP: LogRecord; issue #2: stored losslessly."""
    record = LogRecord(
        time_unix_nano=1 << 63,
        observed_time_unix_nano=(1 << 64) - 1,
        severity_number=99,  # type: ignore[arg-type] # an open enum
        severity_text="WARN",
        event_name="order.charged",
        body=AnyValue(string_value="𝄞\0"),
        attributes=[_pair("a", string_value="x"), _pair("b", double_value=0.5)],
        dropped_attributes_count=4,
        flags=0xFFFFFFFF,
        trace_id=bytes(range(16)),
        span_id=b"\xff" * 8,
    )
    batch = _decode(record)
    (row,) = rows_of(batch)
    assert row == {
        "time_unix_nano": 1 << 63,
        "observed_time_unix_nano": (1 << 64) - 1,
        "severity_number": 99,
        "severity_text": "WARN",
        "event_name": "order.charged",
        "body": "𝄞\0",
        "body_type": None,
        "attributes": {"a": "x", "b": "0.5"},
        "attribute_types": "sd",
        "dropped_attributes_count": 4,
        "flags": 0xFFFFFFFF,
        "trace_id": bytes(range(16)),
        "span_id": (1 << 64) - 1,
        "raw": None,
        "resource_id": next(iter(batch.resources)),
        "scope_id": next(iter(batch.scopes)),
        "execution_id": None,
        "sequence": None,
    }


def test_the_columns_are_those_of_the_table() -> None:
    """ours: the store inserts a batch by name, and what follows from it."""
    table = next(r for r in relations() if (r.schema, r.name) == ("stored", "log_records"))
    given = {c.name for c in table.columns} - {"ingested_at", "execution_key"}
    assert set(_row(LogRecord())) == given


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        (None, None, None),
        (AnyValue(), None, None),
        (AnyValue(string_value=""), "", None),
        (AnyValue(int_value=7), "7", "i"),
        (AnyValue(array_value=ArrayValue()), "[]", "a"),
    ],
)
def test_no_body_is_not_an_empty_string(
    body: AnyValue | None, text: str | None, code: str | None
) -> None:
    """OTLP: LogRecord.body is any value; an absent one and an empty one are the same."""
    row = _row(LogRecord(body=body))
    assert (row["body"], row["body_type"], row["raw"]) == (text, code, None)


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (b"short", b""),
        (b"", b"123456789"),
        (bytes(16), b""),
        (b"", bytes(8)),
        (b"x" * 17, b"y" * 7),
    ],
)
def test_ids_that_are_no_ids_are_null_and_kept_whole(trace_id: bytes, span_id: bytes) -> None:
    """OTLP: LogRecord.trace_id is optional: a record is never refused for it."""
    record = LogRecord(trace_id=trace_id, span_id=span_id)
    batch = _decode(record)
    (row,) = rows_of(batch)
    assert (row["trace_id"], row["span_id"]) == (None, None)
    assert row["raw"] == record.SerializeToString()
    assert (batch.rejections, batch.warnings) == ([], [])


def test_a_record_without_ids_is_ordinary() -> None:
    """OTLP: LogRecord.trace_id may be empty."""
    row = _row(LogRecord())
    assert (row["trace_id"], row["span_id"], row["raw"]) == (None, None, None)


def test_a_trace_id_counts_without_a_span_id() -> None:
    """OTLP: a record may belong to a trace only."""
    row = _row(LogRecord(trace_id=b"t" * 16, span_id=b"odd"))
    assert (row["trace_id"], row["span_id"]) == (b"t" * 16, None)
    assert row["raw"] is not None


def test_what_the_columns_cannot_hold_is_kept_whole() -> None:
    """OTLP: C19, the last of equal keys wins."""
    record = LogRecord(attributes=[_pair("a", int_value=1), _pair("a", int_value=2)])
    row = _row(record)
    assert (row["attributes"], row["raw"]) == ({"a": "2"}, record.SerializeToString())


def test_a_body_that_refers_to_a_profiles_dictionary_is_none() -> None:
    """OTLP: C12, as if it were absent."""
    row = _row(LogRecord(body=AnyValue.FromString(b"\x40\x03")))
    assert (row["body"], row["body_type"], row["raw"]) == (None, None, None)


def test_execution_and_sequence_come_from_attributes_that_stay() -> None:
    """R065: the position of a record in its execution."""
    row = _row(
        LogRecord(
            attributes=[
                _pair("workflow.execution.id", string_value="e1"),
                _pair("stepscope.log.sequence", int_value=17),
            ]
        )
    )
    assert (row["execution_id"], row["sequence"]) == ("e1", 17)
    assert row["attributes"] == {"workflow.execution.id": "e1", "stepscope.log.sequence": "17"}


@pytest.mark.parametrize(
    "value",
    [{"string_value": "17"}, {"double_value": 17.0}, {"bool_value": True}, {}],
)
def test_a_sequence_of_another_type_is_no_sequence(value: dict[str, object]) -> None:
    """ours: the registry says int; the attribute is kept as it is."""
    row = _row(LogRecord(attributes=[_pair("stepscope.log.sequence", **value)]))
    assert row["sequence"] is None
    assert list(row["attributes"]) == ["stepscope.log.sequence"]


def test_an_empty_execution_id_names_none() -> None:
    """ours: the record then belongs to the execution of its span."""
    assert _row(LogRecord(attributes=[_pair("workflow.execution.id", string_value="")]))[
        "execution_id"
    ] is None  # fmt: skip


def test_empty_envelopes_store_nothing() -> None:
    """OTLP: C3."""
    request = ExportLogsServiceRequest()
    request.resource_logs.add().resource.attributes.add(key="a")
    request.resource_logs.add().scope_logs.add().scope.name = "s"
    batch = decode(request, Plan())
    assert (batch.row_count, batch.rows, batch.resources, batch.scopes) == (0, None, {}, {})


def test_records_keep_their_resource_and_scope() -> None:
    """OTLP: the envelopes a record stands in."""
    request = ExportLogsServiceRequest()
    for service in ("a", "b"):
        resource_logs = request.resource_logs.add()
        resource_logs.resource.attributes.add(key="service.name").value.string_value = service
        for scope in ("x", "y"):
            scope_logs = resource_logs.scope_logs.add()
            scope_logs.scope.name = scope
            for _ in range(2):
                scope_logs.log_records.add().body.string_value = service + scope
    batch = decode(request, Plan())
    assert (batch.row_count, len(batch.resources), len(batch.scopes)) == (8, 2, 2)
    for row in rows_of(batch):
        service, scope = row["body"]
        assert batch.resources[row["resource_id"]].name == service
        assert batch.scopes[row["scope_id"]].name == scope


def test_a_body_of_a_megabyte_is_kept() -> None:
    """issue #2: a 1 MB value is stored whole."""
    text = "€" * 350_000
    row = _row(
        LogRecord(body=AnyValue(string_value=text), attributes=[_pair("a", string_value=text)])
    )
    assert row["body"] == text
    assert row["attributes"] == {"a": text}
