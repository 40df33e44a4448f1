"""Requests as decoded batches, and those as rows that a test can compare."""

from dataclasses import replace
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Batch, Plan, Rows, Signal
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import table_of

__all__ = ["SIGNALS", "decode", "dicts", "rows_of"]

SIGNALS: dict[type, Signal] = {
    ExportTraceServiceRequest: "traces",
    ExportLogsServiceRequest: "logs",
    ExportMetricsServiceRequest: "metrics",
}
_MAPS = {"attributes", "metadata"}

decoder: Any = "python"
"""Which one decodes; the fixture `decoder` sets it."""


def decode(request: Any, plan: Plan) -> Batch:
    """The batch of a message, by the decoder that the test runs for."""
    payload = request.SerializeToString()
    return decode_request(
        SIGNALS[type(request)], payload, "protobuf", replace(plan, decoder=decoder)
    )


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """One dictionary per row; maps are dictionaries, UUIDs bytes."""
    assert batch.rows is not None
    assert batch.rows.num_rows == batch.row_count
    return dicts(batch.rows)


def dicts(rows: Rows) -> list[dict[str, Any]]:
    """The same of any columns."""
    table = table_of(rows)
    columns = []
    for name in table.schema.names:
        values: list[Any] = table.column(name).to_pylist()  # type: ignore[assignment] # a list
        assert len(values) == rows.num_rows
        columns.append([dict(value) for value in values] if name in _MAPS else values)
    return [dict(zip(table.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]
