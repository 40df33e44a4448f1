"""The closed list of reasons why something sent was not stored, as in `stored.rejections.reason`."""

from dataclasses import dataclass
from typing import Final

__all__ = ["REASONS", "Reason"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request, span, log record or data point was refused, and what the sender can do."""

    name: str
    meaning: str
    remedy: str


REASONS: Final[tuple[Reason, ...]] = (
    Reason(
        "payload_undecodable",
        "The whole request is not the OTLP message it claims to be.",
        "Send OTLP protobuf or OTLP/JSON, with the content type and encoding that say which.",
    ),
    Reason(
        "payload_too_large",
        "The whole request is over the size limit, before or after it was decompressed, or has too many items.",
        "Send smaller batches, or raise `limits.max_payload_bytes` or `limits.max_items`.",
    ),
    Reason(
        "invalid_trace_id",
        "The trace id of a span has not 16 bytes, or all of them are zero.",
        "Repair the sender: OTLP calls such a span invalid.",
    ),
    Reason(
        "invalid_span_id",
        "The span id of a span has not 8 bytes, or all of them are zero.",
        "Repair the sender: OTLP calls such a span invalid.",
    ),
    Reason(
        "invalid_parent_span_id",
        "The parent span id of a span has neither 0 nor 8 bytes.",
        "Repair the sender: OTLP calls such a span invalid.",
    ),
    Reason(
        "too_many_attributes",
        "A span has more attributes than the limit.",
        "Send fewer, or raise `limits.max_attributes`.",
    ),
    Reason(
        "too_many_log_records",
        "An execution has more log records, or more bytes of them, than the limit. Noted once per execution; view "
        "`log_drops` counts all that are refused.",
        "Log less, or raise `limits.execution_log_records` or `limits.execution_log_bytes`.",
    ),
    Reason(
        "conflict",
        "An execution that was deleted was posted again through `POST /api/executions`.",
        "Post it with another id, or wait for `retention.deleted_known_s` after its deletion.",
    ),
    Reason(
        "metric_too_large",
        "The name, description and metadata of a metric, which every point repeats, are too long.",
        "Send fewer points at once, or describe the metric shorter.",
    ),
)
"""Only grows: a released reason keeps its name and meaning. Reasons of whole requests are the
codes of the collector's errors."""
