"""Rows of spans and log records to OTLP messages. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.decode.anyvalue import to_any_value
from stepscope_schema.attributes import HOMES

__all__ = ["Row", "attributes_of", "log_record_of", "span_of"]

Row: TypeAlias = dict[str, Any]
"""One row by column name."""

_NOTHING_APART: Final[Mapping[str, str]] = {}


def attributes_of(row: Row, apart: Mapping[str, str] = _NOTHING_APART) -> list[KeyValue]:
    """The attributes of a row's map.

    Args:
        row: with columns `attributes` and `attribute_types`.
        apart: whole values by key of those of which the map holds only the beginning.
    """
    texts, codes = row["attributes"] or {}, row["attribute_types"]
    return [
        KeyValue(
            key=key,
            value=(
                AnyValue(string_value=apart.get(key, text))
                if code == "p"
                else to_any_value(text, code)
            ),
        )
        for (key, text), code in zip(texts.items(), codes or "s" * len(texts), strict=True)
    ]


def span_of(row: Row, payloads: Mapping[str, str]) -> Span:
    """The span of a row of stored.spans; `payloads` are bodies by attribute key."""
    if row["raw"] is not None:
        return Span.FromString(row["raw"])
    span = Span(
        trace_id=row["trace_id"].bytes,
        span_id=row["span_id"].to_bytes(8),
        parent_span_id=row["parent_span_id"].to_bytes(8) if row["parent_span_id"] else b"",
        trace_state=row["trace_state"] or "",
        flags=row["flags"],
        name=row["name"],
        kind=row["kind"],
        start_time_unix_nano=row["start_time_unix_nano"],
        end_time_unix_nano=row["end_time_unix_nano"],
        attributes=[*_homed(row, payloads), *attributes_of(row, payloads)],
        dropped_attributes_count=row["dropped_attributes_count"],
        events=[_event_of(event) for event in row["events"] or ()],
        dropped_events_count=row["dropped_events_count"],
        links=[_link_of(link) for link in row["links"] or ()],
        dropped_links_count=row["dropped_links_count"],
    )
    if row["status_code"] or row["status_message"]:
        span.status.code = row["status_code"]
        span.status.message = row["status_message"] or ""
    return span


def _homed(row: Row, payloads: Mapping[str, str]) -> Iterator[KeyValue]:
    """The attributes that stand in a column or a payload of their own."""
    bits = row["home_bits"]
    for key, attribute in HOMES.items():
        assert attribute.home is not None, "HOMES holds the keys with a home"
        if not bits >> attribute.home & 1:
            continue
        value: Any = payloads.get(key) if attribute.column is None else row[attribute.column]
        if value is None:  # removed by retention
            continue
        match attribute.type:
            case "int":
                yield KeyValue(key=key, value=AnyValue(int_value=value))
            case "bool":
                yield KeyValue(key=key, value=AnyValue(bool_value=value))
            case _:
                yield KeyValue(key=key, value=AnyValue(string_value=value))


def _event_of(event: Row) -> Span.Event:
    return Span.Event(
        time_unix_nano=event["time_unix_nano"],
        name=event["name"],
        attributes=attributes_of(event),
        dropped_attributes_count=event["dropped_attributes_count"],
    )


def _link_of(link: Row) -> Span.Link:
    return Span.Link(
        trace_id=link["trace_id"],
        span_id=link["span_id"],
        trace_state=link["trace_state"],
        attributes=attributes_of(link),
        dropped_attributes_count=link["dropped_attributes_count"],
        flags=link["flags"],
    )


def log_record_of(row: Row) -> LogRecord:
    """The log record of a row of stored.log_records."""
    if row["raw"] is not None:
        return LogRecord.FromString(row["raw"])
    record = LogRecord(
        time_unix_nano=row["time_unix_nano"],
        observed_time_unix_nano=row["observed_time_unix_nano"],
        severity_number=row["severity_number"],
        severity_text=row["severity_text"] or "",
        event_name=row["event_name"] or "",
        attributes=attributes_of(row),
        dropped_attributes_count=row["dropped_attributes_count"],
        flags=row["flags"],
        trace_id=row["trace_id"].bytes if row["trace_id"] else b"",
        span_id=row["span_id"].to_bytes(8) if row["span_id"] else b"",
    )
    if row["body"] is not None:
        record.body.CopyFrom(to_any_value(row["body"], row["body_type"] or "s"))
    return record
