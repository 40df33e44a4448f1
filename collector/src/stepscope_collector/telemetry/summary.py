"""Readings in short, for people: how things are now, and how long things take. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from stepscope_collector.telemetry.values import Distribution, Reading

__all__ = ["now_of", "times_of"]

_NOW: Final = {
    "otelcol_process_memory_rss": "memory_bytes",
    "otelcol_process_cpu_seconds": "cpu_s",
    "stepscope_inflight_requests": "inflight_requests",
    "stepscope_inflight_bytes": "inflight_bytes",
    "stepscope_inflight_limit_bytes": "inflight_limit_bytes",
    "stepscope_open_executions": "open_executions",
    "stepscope_last_commit_age_seconds": "last_commit_age_s",
    "stepscope_slow_sql_total": "slow_statements",
    "stepscope_overdue_sql": "overdue_statements",
}
"""Metric → name in the answer."""


def now_of(readings: Iterable[Reading]) -> dict[str, int | float]:
    """The numbers that describe this moment; sizes in bytes, times in seconds."""
    return {
        _NOW[reading.metric.name]: round(sample.value, 3)
        for reading in readings
        if reading.metric.name in _NOW
        for sample in reading.samples
        if not isinstance(sample.value, Distribution)
    }


def times_of(readings: Iterable[Reading]) -> list[dict[str, Any]]:
    """One row per histogram and labels: mean, and the bounds below which 50 % and 99 % lie.

    Times in ns; a bound is None when the values lie above the last one.
    """
    rows = []
    for reading in readings:
        for labels, seen in reading.samples:
            if isinstance(seen, Distribution) and seen.count:
                name = reading.metric.name.removeprefix("stepscope_").removesuffix("_seconds")
                rows.append(
                    {
                        "what": name,
                        "of": " ".join(label for label in labels if label),
                        "count": seen.count,
                        "mean_ns": round(seen.total / seen.count * 1e9),
                        "p50_below_ns": _below(seen, reading.metric.bounds, 0.5),
                        "p99_below_ns": _below(seen, reading.metric.bounds, 0.99),
                    }
                )
    return rows


def _below(seen: Distribution, bounds: tuple[float, ...], share: float) -> int | None:
    found = 0
    for bound, count in zip(bounds, seen.counts, strict=False):
        found += count
        if found >= share * seen.count:
            return round(bound * 1e9)
    return None
