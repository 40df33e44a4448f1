"""Resources and scopes as Arrow rows of their tables."""

from collections.abc import Sequence
from typing import Any

from arro3.core import Array, Field, RecordBatch, Schema

from stepscope_collector.decode import arrow
from stepscope_collector.decode.batch import Dimension, Rejection
from stepscope_collector.decode.span_columns import AttributeColumn, record_batch

__all__ = ["rejection_rows", "request_rows", "resource_rows", "scope_rows"]


def resource_rows(resources: Sequence[Dimension]) -> RecordBatch:
    """Rows of stored.resources."""
    return record_batch(
        {
            "resource_id": arrow.uint64s([r.id for r in resources]),
            **_shared(resources),
            "service_name": arrow.strings([r.name for r in resources]),
        }
    )


def scope_rows(scopes: Sequence[Dimension]) -> RecordBatch:
    """Rows of stored.scopes."""
    return record_batch(
        {
            "scope_id": arrow.uint64s([s.id for s in scopes]),
            "name": arrow.strings([s.name for s in scopes]),
            "version": arrow.strings([s.version for s in scopes]),
            **_shared(scopes),
        }
    )


def _shared(dimensions: Sequence[Dimension]) -> dict[str, Array]:
    attributes = AttributeColumn()
    for dimension in dimensions:
        attributes.add(dimension.attributes, dimension.attribute_types)
    maps, types = attributes.arrays()
    return {
        "attributes": maps,
        "attribute_types": types,
        "dropped_attributes_count": arrow.uint32s([d.dropped_attributes_count for d in dimensions]),
        "raw": arrow.binaries([d.raw for d in dimensions]),
        "schema_url": arrow.strings([d.schema_url for d in dimensions]),
    }


def rejection_rows(
    rejections: Sequence[tuple[str, Rejection, int, int, str | None]],
) -> RecordBatch:
    """Rows of stored.rejections from (signal, sample, count, payload bytes, sender)."""
    columns: dict[str, Any] = {
        "signal": arrow.strings([signal for signal, *_ in rejections]),
        "reason": arrow.strings([r.reason for _, r, *_ in rejections]),
        "message": arrow.strings([r.message for _, r, *_ in rejections]),
        "rejected_count": arrow.uint64s([count for _, _, count, *_ in rejections]),
        # as sent, so text: they are often not ids at all
        "trace_id": arrow.strings([r.trace_id for _, r, *_ in rejections]),
        "span_id": arrow.strings([r.span_id for _, r, *_ in rejections]),
        "name": arrow.strings([r.name for _, r, *_ in rejections]),
        "payload_bytes": arrow.uint64s([size for *_, size, _ in rejections]),
        "sender": arrow.strings([sender for *_, sender in rejections]),
    }
    fields = [Field(name, column.type) for name, column in columns.items()]
    return RecordBatch.from_arrays(list(columns.values()), schema=Schema(fields))


def request_rows(hashes: Sequence[bytes]) -> RecordBatch:
    """Rows of stored.requests: content hashes of 16 bytes."""
    return RecordBatch.from_arrays(
        [arrow.uuids(hashes)], schema=Schema([arrow.uuid_field("request_hash")])
    )
