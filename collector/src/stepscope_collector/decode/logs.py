"""The reference decoder of logs: an OTLP logs message to columns of stored.log_records.

Pure, like `spans.py`. A log record is never refused: its ids only point at a span, so ids that are
not ids become null and the record is kept whole beside its columns (`raw`).
"""

from collections.abc import Sequence
from typing import Final

from arro3.core import Array
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from stepscope_collector.decode import arrow
from stepscope_collector.decode.anyvalue import to_text
from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.dimensions import add_resource, add_scope, encode_attributes
from stepscope_collector.decode.partial_spans import Sign, signs_of, tells_of_span
from stepscope_collector.decode.span_columns import AttributeColumn, record_batch

__all__ = ["decode_logs"]

_EXECUTION_ID: Final = "workflow.execution.id"
_SEQUENCE: Final = "stepscope.log.sequence"
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


def decode_logs(request: ExportLogsServiceRequest, plan: Plan) -> Batch:
    """The log records of a request as columns; `batch.rows` is None when there are none.

    Args:
        request: what was received.
        plan: for the spans that some of them tell of.
    """
    batch = Batch("logs")
    records: list[LogRecord] = []
    resource_ids: list[int] = []
    scope_ids: list[int] = []
    origins: list[tuple[ResourceLogs, ScopeLogs]] = []
    for resource_logs in request.resource_logs:
        filled = [scope_logs for scope_logs in resource_logs.scope_logs if scope_logs.log_records]
        if not filled:
            continue
        resource_id = add_resource(batch, resource_logs.resource, resource_logs.schema_url)
        for scope_logs in filled:
            scope_id = add_scope(batch, scope_logs.scope, scope_logs.schema_url)
            added = len(scope_logs.log_records)
            records += scope_logs.log_records
            origins += [(resource_logs, scope_logs)] * added
            resource_ids += [resource_id] * added
            scope_ids += [scope_id] * added
    if records:
        telling = _fill(batch, records, resource_ids, scope_ids)
        if telling:
            signs = [Sign(records[row], *origins[row]) for row in telling]
            batch.signs = signs_of(signs, plan, batch.warnings)
    return batch


def _fill(
    batch: Batch, records: list[LogRecord], resource_ids: list[int], scope_ids: list[int]
) -> list[int]:
    """Give the batch its rows; the lists have one value per record.

    Returns:
        the rows of records that tell of a span.
    """
    telling: list[int] = []
    attributes = AttributeColumn()
    bodies: list[str | None] = []
    body_types: list[str | None] = []
    trace_ids: list[bytes | None] = []
    span_ids: list[int | None] = []
    raws: list[bytes | None] = []
    execution_ids: list[str | None] = []
    sequences: list[int | None] = []
    for record in records:
        texts, codes, is_exact = encode_attributes(record.attributes)
        attributes.add(texts, codes)
        if tells_of_span(record, texts):
            telling.append(len(bodies))
        execution_ids.append(texts.get(_EXECUTION_ID) or None)
        sequences.append(_sequence(texts, codes) if _SEQUENCE in texts else None)
        body, body_type = _body(record)
        bodies.append(body)
        body_types.append(body_type)
        trace_id, span_id = record.trace_id, record.span_id
        has_trace = len(trace_id) == 16 and trace_id != _NO_TRACE
        has_span = len(span_id) == 8 and span_id != _NO_SPAN
        trace_ids.append(trace_id if has_trace else None)
        span_ids.append(int.from_bytes(span_id) if has_span else None)
        has_odd_id = bool(trace_id) != has_trace or bool(span_id) != has_span
        is_kept = is_exact and not has_odd_id
        raws.append(None if is_kept else record.SerializeToString())
    maps, types = attributes.arrays()
    batch.row_count = len(records)
    batch.rows = record_batch(
        {
            "time_unix_nano": arrow.uint64s([r.time_unix_nano for r in records]),
            "observed_time_unix_nano": arrow.uint64s([r.observed_time_unix_nano for r in records]),
            "severity_number": arrow.int32s([r.severity_number for r in records]),
            "severity_text": _texts([r.severity_text for r in records]),
            "event_name": _texts([r.event_name for r in records]),
            "body": arrow.strings(bodies),
            "body_type": arrow.strings(body_types),
            "attributes": maps,
            "attribute_types": types,
            "dropped_attributes_count": arrow.uint32s(
                [r.dropped_attributes_count for r in records]
            ),
            "flags": arrow.uint32s([r.flags for r in records]),
            "trace_id": arrow.uuids(trace_ids),
            "span_id": arrow.uint64s(span_ids),
            "raw": arrow.binaries(raws),
            "resource_id": arrow.uint64s(resource_ids),
            "scope_id": arrow.uint64s(scope_ids),
            "execution_id": arrow.strings(execution_ids),
            "sequence": arrow.int64s(sequences),
        }
    )
    return telling


def _texts(values: Sequence[str]) -> Array:
    return arrow.strings([value or None for value in values])


def _body(record: LogRecord) -> tuple[str | None, str | None]:
    """Text and type code of the body.

    (text, None) is a string, (None, None) is no body or an empty one: the same to OTLP.
    """
    if not record.HasField("body"):
        return None, None
    text, code = to_text(record.body)
    return text, None if code in {"s", "n"} else code


def _sequence(texts: dict[str, str | None], codes: str | None) -> int | None:
    """The record's position in its execution; None when it was not sent as an integer."""
    if codes is None or codes[list(texts).index(_SEQUENCE)] != "i":
        return None
    return int(texts[_SEQUENCE] or 0)
