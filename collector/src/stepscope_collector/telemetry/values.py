"""Values of metrics, kept by name and labels. No lock of its own: who holds it takes care."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from stepscope_collector.telemetry.registry import METRICS, Metric

__all__ = ["Distribution", "Reading", "Sample", "Values"]

Labels = tuple[str, ...]
"""Values of a metric's labels, in its order."""


@dataclass(slots=True)
class Distribution:
    """What a histogram has seen."""

    counts: list[int]
    """Per bucket, not cumulative; one more than bounds."""
    total: float = 0.0
    count: int = 0

    def copy(self) -> "Distribution":
        """The same, for another thread."""
        return Distribution(list(self.counts), self.total, self.count)


class Sample(NamedTuple):
    """One value with its labels."""

    labels: Labels
    value: float | Distribution


class Reading(NamedTuple):
    """A metric and all its values at one moment."""

    metric: Metric
    samples: list[Sample]


@dataclass(slots=True)
class Values:
    """The values of all metrics that are kept and not looked up."""

    _numbers: dict[str, dict[Labels, float]] = field(default_factory=dict)
    _distributions: dict[str, dict[Labels, Distribution]] = field(default_factory=dict)

    def add(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter or gauge of the registry."""
        series = self._numbers.setdefault(name, {})
        series[labels] = series.get(labels, 0) + amount

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Add one value to a histogram of the registry."""
        bounds = METRICS[name].bounds
        series = self._distributions.setdefault(name, {})
        found = series.get(labels)
        if found is None:
            found = series[labels] = Distribution([0] * (len(bounds) + 1))
        # a bound is the greatest value of its bucket, in OTLP as in Prometheus
        found.counts[bisect_left(bounds, value)] += 1
        found.total += value
        found.count += 1

    def series(self, name: str) -> dict[Labels, float]:
        """Labels → value of a counter or gauge."""
        return self._numbers.get(name, {})

    def distributions(self, name: str) -> dict[Labels, Distribution]:
        """Labels → what a histogram has seen."""
        return self._distributions.get(name, {})

    def read(self) -> dict[str, list[Sample]]:
        """Copies of all values, by name."""
        found = {
            name: [Sample(labels, value) for labels, value in sorted(series.items())]
            for name, series in self._numbers.items()
        }
        for name, seen in self._distributions.items():
            found[name] = [Sample(labels, each.copy()) for labels, each in sorted(seen.items())]
        return found
