"""Readings in the Prometheus text format, version 0.0.4. Pure.

prometheus_client would render the same, but keeps values in objects of its own, and the same
readings go out by OTLP too.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from stepscope_collector.telemetry.registry import Metric
from stepscope_collector.telemetry.values import Distribution, Reading

__all__ = ["MEDIA_TYPE", "prometheus_text"]

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def prometheus_text(readings: Iterable[Reading]) -> str:
    """One block of HELP, TYPE and samples per metric that has values."""
    return "".join(line for reading in readings if reading.samples for line in _block(reading))


def _block(reading: Reading) -> Iterator[str]:
    metric = reading.metric
    yield f"# HELP {metric.name} {_escaped(metric.meaning, quotes=False)}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for labels, value in reading.samples:
        pairs = tuple(zip(metric.labels, labels, strict=True))
        if isinstance(value, Distribution):
            yield from _histogram(metric, pairs, value)
        else:
            yield _line(metric.name, pairs, value)


def _histogram(
    metric: Metric, pairs: tuple[tuple[str, str], ...], seen: Distribution
) -> Iterator[str]:
    below = 0
    for bound, count in zip((*metric.bounds, None), seen.counts, strict=True):
        below += count
        le = "+Inf" if bound is None else _number(bound)
        yield _line(f"{metric.name}_bucket", (*pairs, ("le", le)), below)
    yield _line(f"{metric.name}_sum", pairs, seen.total)
    yield _line(f"{metric.name}_count", pairs, seen.count)


def _line(name: str, pairs: tuple[tuple[str, str], ...], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text, quotes=True)}"' for label, text in pairs)
    return f"{name}{{{inside}}} {_number(value)}\n" if inside else f"{name} {_number(value)}\n"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(value)


def _escaped(text: str, *, quotes: bool) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quotes else escaped
