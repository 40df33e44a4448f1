"""Which step of one execution is which of another, and what differs between them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from stepscope_collector.query.rows import Step

__all__ = ["Change", "StepComparison", "change_at", "pair_steps"]

Change: TypeAlias = Literal["same", "changed", "only_left", "only_right"]
Digests: TypeAlias = Mapping[tuple[str, str], str]
"""(span id of a step, input or output) → digest of what it was."""


@dataclass(frozen=True, slots=True)
class StepComparison:
    """A step in two executions; `change` leaves durations aside."""

    step_name: str
    occurrence: int
    """1: the first step of this name."""
    change: str
    left_step_id: str | None
    right_step_id: str | None
    left_status: str | None
    right_status: str | None
    left_duration_ns: int | None
    right_duration_ns: int | None
    difference_ns: int | None
    """How much longer the right one took."""
    left_attempt_count: int | None
    right_attempt_count: int | None
    left_error: str | None
    right_error: str | None
    input: str | None
    """How its input changed; None: neither has one."""
    output: str | None
    """How its output changed; None: neither has one."""


def change_at(left: Mapping[Any, Any], right: Mapping[Any, Any], key: Any) -> Change | None:
    """How the value at `key` changed from left to right; None: neither has it."""
    if key not in left:
        return "only_right" if key in right else None
    if key not in right:
        return "only_left"
    return "same" if left[key] == right[key] else "changed"


def pair_steps(
    left: Sequence[Step], right: Sequence[Step], left_digests: Digests, right_digests: Digests
) -> list[StepComparison]:
    """Each step of either, in the order of the left one; what only the right one has is put in there.

    Steps with the same id and name are one step; of the others those of the same name, in order.
    """
    left_keys, right_keys = _keys(left, right)
    places = {key: place for place, (key, _) in enumerate(left_keys)}
    of_right = dict(right_keys)
    pairs: list[tuple[tuple[int, int, int], Step | None, Step | None]] = [
        ((places[key], 0, 0), step, of_right.get(key)) for key, step in left_keys
    ]
    after = -1
    for number, (key, step) in enumerate(right_keys):
        if key in places:
            after = places[key]
        else:
            pairs.append(((after, 1, number), None, step))
    pairs.sort(key=lambda each: each[0])
    numbers = [_numbers(steps) for steps in (left, right)]
    return [
        _compared(
            numbers[0][one.step_id] if one is not None else numbers[1][_of(other).step_id],
            one,
            other,
            _digests(one, left_digests),
            _digests(other, right_digests),
        )
        for _, one, other in pairs
    ]


_StepKey: TypeAlias = tuple[str, str, int]
"""Name; id if both executions have it, else empty; which one of these."""


def _keys(
    left: Sequence[Step], right: Sequence[Step]
) -> tuple[list[tuple[_StepKey, Step]], list[tuple[_StepKey, Step]]]:
    both = {(s.step_name, s.step_id) for s in left} & {(s.step_name, s.step_id) for s in right}

    def keyed(steps: Iterable[Step]) -> list[tuple[_StepKey, Step]]:
        counts: dict[tuple[str, str], int] = {}
        keys = []
        for step in steps:
            same = (step.step_name, step.step_id)
            key = same if same in both else (step.step_name, "")
            counts[key] = counts.get(key, 0) + 1
            keys.append(((*key, counts[key]), step))
        return keys

    return keyed(left), keyed(right)


def _numbers(steps: Iterable[Step]) -> dict[str, int]:
    """Step id → which step of its name it is, from 1."""
    counts: dict[str, int] = {}
    numbers = {}
    for step in steps:
        counts[step.step_name] = numbers[step.step_id] = counts.get(step.step_name, 0) + 1
    return numbers


def _of(step: Step | None) -> Step:
    assert step is not None, "a pair has at least one step"
    return step


def _digests(step: Step | None, digests: Digests) -> dict[str, str]:
    """Digests of a step by kind."""
    if step is None or step.span_id is None:
        return {}
    found = {kind: digests.get((step.span_id, kind)) for kind in ("input", "output")}
    return {kind: digest for kind, digest in found.items() if digest is not None}


def _compared(
    occurrence: int,
    left: Step | None,
    right: Step | None,
    left_digests: Mapping[str, str],
    right_digests: Mapping[str, str],
) -> StepComparison:
    given, gave = (change_at(left_digests, right_digests, kind) for kind in ("input", "output"))
    facts = {f"left_{name}": value for name, value in _facts(left).items()}
    facts |= {f"right_{name}": value for name, value in _facts(right).items()}
    change: Change = "same"
    if left is None or right is None:
        change = "only_right" if left is None else "only_left"
    elif any(_facts(left)[name] != _facts(right)[name] for name in _JUDGED) or {given, gave} - {
        "same",
        None,
    }:
        change = "changed"
    before, after = facts["left_duration_ns"], facts["right_duration_ns"]
    return StepComparison(
        step_name=_of(left or right).step_name,
        occurrence=occurrence,
        change=change,
        difference_ns=None if before is None or after is None else after - before,
        input=given,
        output=gave,
        **facts,
    )


_JUDGED = ("status", "attempt_count", "error")


def _facts(step: Step | None) -> dict[str, Any]:
    if step is None:
        return dict.fromkeys(("step_id", "status", "duration_ns", "attempt_count", "error"))
    return {
        "step_id": step.step_id,
        "status": step.status,
        "duration_ns": step.duration_ns,
        "attempt_count": step.attempt_count,
        "error": ": ".join(part for part in (step.error_type, step.error_message) if part) or None,
    }
