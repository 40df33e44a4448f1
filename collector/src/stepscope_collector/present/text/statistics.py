"""Tables of the statistics for people: the columns of a view that fit a line."""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from stepscope_collector.present.text.tables import Column, Screen, render_table
from stepscope_collector.present.text.values import (
    NO_VALUE,
    format_duration,
    format_ratio,
    format_time,
    one_line,
)

__all__ = ["statistic_table"]

Row = Mapping[str, Any]

_COUNTS: Final = ("count", "success", "failed", "running")
_QUANTILES: Final = ("p50_ns", "p95_ns", "p99_ns")
_CHANGE: Final = ("change", "ratio", "former_ns", "recent_ns", "since_at")
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "project_stats": (
        "project", *_COUNTS, "success_rate", "most_used_workflow", *_QUANTILES, "longest_workflow",
        "last_failed_at",
    ),
    "user_stats": ("user_id", *_COUNTS, "success_rate", *_QUANTILES, "last_started_at"),
    "version_stats": (
        "workflow_id", "workflow_version", *_COUNTS, "success_rate", *_QUANTILES,
        "previous_version", "success_rate_change", "p50_ratio",
    ),
    "workflow_hours": ("workflow_id", "hour_at", *_COUNTS, "failure_rate", *_QUANTILES, "precision"),
    "workflow_days": ("workflow_id", "day_at", *_COUNTS, "failure_rate", *_QUANTILES, "precision"),
    "project_days": ("project", "day_at", *_COUNTS, "failure_rate", *_QUANTILES, "precision"),
    "step_hours": (
        "workflow_id", "step_name", "hour_at", *_COUNTS, "retries", "failure_rate", *_QUANTILES,
        "precision",
    ),
    "step_days": (
        "workflow_id", "step_name", "day_at", *_COUNTS, "retries", "failure_rate", *_QUANTILES,
        "precision",
    ),
    "workflow_space": (
        "workflow_name", "day_at", "count", "span_count", "payload_count", "payload_bytes", "log_count",
        "log_bytes",
    ),
    "workflow_histogram": ("workflow_id", "from_ns", "to_ns", "count"),
    "step_histogram": ("workflow_id", "step_name", "from_ns", "to_ns", "count"),
    "step_retries": (
        "workflow_id", "step_name", "steps", "retries", "flaky_steps", "flaky_rate",
        "given_up_steps", "expected_retries", "unexpected_retries", "delay_ns", "waiting_ns",
    ),
    "failures": (
        "fingerprint", "failed_at", "workflow_id", "execution_id", "step_name", "host_name",
        "error_type", "error_message",
    ),
    "failure_clusters": (
        "fingerprint", "count", "day_count", "workflow_count", "host_count", "first_seen_at",
        "last_seen_at", "error_type", "error_message",
    ),
    "workflow_cadence": (
        "workflow_id", "is_regular", "interval_ns", "spread_ns", "last_started_at", "due_at",
        "is_late", "missing_count",
    ),
    "workflow_gaps": ("workflow_id", "after_at", "due_at", "started_at", "late_ns", "missing_count"),
    "workflow_regressions": ("workflow_id", *_CHANGE),
    "step_regressions": ("workflow_id", "step_name", *_CHANGE),
    "slowest-steps": (
        "duration_ns", "workflow_id", "step_name", "attempt", "status", "started_at", "execution_id",
    ),
}  # fmt: skip
_MAX_CELL: Final = 80


def statistic_table(
    view: str, rows: Sequence[Row], screen: Screen, zone: tzinfo | None = None
) -> str:
    """One line per row of a view of statistics."""
    columns = [
        Column(
            name.removesuffix("_ns").removesuffix("_at").replace("_", " ").upper(),
            _shown(name, zone),
            align="right" if _is_number(name, rows) else "left",
            is_cut=name in {"workflow_id", "step_name", "error_message", "most_used_workflow"},
        )
        for name in _COLUMNS[view]
    ]
    return render_table(columns, rows, screen)


def _shown(name: str, zone: tzinfo | None) -> Callable[[Row], Any]:
    """What a column shows of a row: with the unit that its name ends with."""

    def show(row: Row) -> Any:
        value = row[name]
        if value is None:
            return NO_VALUE
        if name.endswith("_ns"):
            return format_duration(value)
        if name.endswith("_at"):
            return format_time(value, zone)
        if name.endswith("_rate"):
            return format_ratio(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return f"{value:+.1%}" if name.endswith("_change") else f"{value:.2f}"
        return one_line(str(value), _MAX_CELL)

    return show


def _is_number(name: str, rows: Sequence[Row]) -> bool:
    values = [row[name] for row in rows if row[name] is not None]
    return name.endswith("_ns") or (
        bool(values)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    )
