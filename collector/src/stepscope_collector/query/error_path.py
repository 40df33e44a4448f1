"""Which step made an execution fail."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from stepscope_collector.query.rows import ErrorStep

__all__ = ["TreeSpan", "find_error_step"]

_FAILED = frozenset({"failed", "timed_out"})


@dataclass(frozen=True, slots=True)
class TreeSpan:
    """An ended span in its place in the tree; `parent_span_id` None: a root."""

    trace_id: str
    span_id: str | None
    parent_span_id: str | None
    role: str | None
    status: str | None
    step_id: str
    step_name: str
    attempt: int
    error_type: str | None
    error_message: str | None
    ended_at: int


def find_error_step(
    spans: Iterable[TreeSpan], error: tuple[str | None, str | None]
) -> ErrorStep | None:
    """The failed step whose error ended the execution; None: no step failed for good.

    A step counts by its final attempt: a failure that a retry made good broke nothing. Of nested
    failures the innermost one is meant, not the steps that raised it again; of several, one with
    the execution's own `error` (type and message), else the one that ended first (R033). A failure
    inside a step that succeeded was handled there and is no candidate.
    """
    spans = list(spans)
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    final: dict[str, TreeSpan] = {}
    for span in spans:
        if span.role == "step":
            best = final.get(span.step_id)
            if best is None or (span.attempt, span.ended_at) >= (best.attempt, best.ended_at):
                final[span.step_id] = span
    failed = [span for span in final.values() if span.status in _FAILED]
    raised_again: set[tuple[str, str | None]] = set()
    handled: dict[tuple[str, str | None], bool] = {}
    broken = {span.step_id for span in failed}
    for span in failed:
        _climb(span, by_id, broken, raised_again, handled)
    leaves = [
        span
        for span in failed
        if (span.trace_id, span.span_id) not in raised_again
        and not handled[(span.trace_id, span.parent_span_id)]
    ]
    if not leaves:
        return None
    leaf = min(
        leaves, key=lambda s: ((s.error_type, s.error_message) != error, s.ended_at, s.step_id)
    )
    return ErrorStep(
        leaf.step_id,
        leaf.step_name,
        leaf.attempt,
        leaf.span_id,
        leaf.error_type,
        leaf.error_message,
    )


def _climb(
    span: TreeSpan,
    by_id: Mapping[tuple[str, str | None], TreeSpan],
    broken: Set[str],
    raised_again: set[tuple[str, str | None]],
    handled: dict[tuple[str, str | None], bool],
) -> None:
    """Note for all ancestors of a failed `span` that a failure lies below, and who handled it.

    `handled` tells of a span whether it belongs to a step, or lies in one, that is not `broken`: that
    did not fail for good. Each span is climbed over once, so cycles and depth do no harm.
    """
    way = []
    key = (span.trace_id, span.parent_span_id)
    while key not in handled and (above := by_id.get(key)) is not None:
        handled[key] = False
        way.append(above)
        raised_again.add(key)
        key = (above.trace_id, above.parent_span_id)
    is_handled = handled.setdefault(key, False)
    for above in reversed(way):
        is_handled = is_handled or (above.role == "step" and above.step_id not in broken)
        handled[(above.trace_id, above.span_id)] = is_handled
