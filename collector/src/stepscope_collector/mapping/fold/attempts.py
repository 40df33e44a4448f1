"""The tries of steps, in whatever shape they were told.

Sibling spans, one span id for every try, tries nested in each other, tries in new traces, several
spans about one try, tries that are only events of the one span, steps that are only events.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from stepscope_collector.mapping.fold.contribution import OPEN_STATUSES, Contribution
from stepscope_collector.mapping.fold.tree import Node

__all__ = ["Attempt", "attempts_of"]


@dataclass(slots=True)
class Attempt:
    """One try of one step: a row of stored.attempts; times in ns since the epoch."""

    step_id: str
    number: int
    said: Contribution
    """The span that tells most about it."""
    status: str
    started_unix_nano: int
    ended_unix_nano: int | None
    """None: it goes on, or nobody tells."""
    last_seen_unix_nano: int
    step_name: str | None
    step_type: str | None
    status_native: str | None
    error_type: str | None
    error_message: str | None
    error_stack: str | None
    queued_unix_nano: int | None
    parent_span_id: int
    is_direct: bool
    """It is in stored.spans already."""


def attempts_of(nodes: Iterable[Node]) -> list[Attempt]:
    """The tries of all steps of one execution, in order.

    Args:
        nodes: those of one execution.
    """
    told: dict[str, list[tuple[str, Contribution, Node]]] = defaultdict(list)
    found: list[Attempt] = []
    for node in nodes:
        for role, said in zip(node.roles, node.said, strict=True):
            if role in ("step", "step_part", "step_whole") or (
                role == "step_start" and _stands_alone(node)
            ):
                told[said.step_id or f"{node.span_id:016x}"].append((role, said, node))
            for place, event in enumerate(said.event_steps or []):
                found.append(_event_step(said, place, event))
    for step_id, of_step in told.items():
        if len(of_step) == 1 and of_step[0][0] == "step":  # most steps by far
            said = of_step[0][1]
            number = 1 + len(said.failed_tries or ()) if said.attempt is None else said.attempt
            found += _try(step_id, number, of_step)
        else:
            found += _tries(step_id, of_step)
    found.sort(key=lambda each: (each.started_unix_nano, each.step_id, each.number))
    return found


def _stands_alone(node: Node) -> bool:
    """Whether nothing below a scheduled step has begun; then it is queued, or never began."""
    return not any(role in ("step", "step_part") for child in node.children for role in child.roles)


def _tries(step_id: str, told: list[tuple[str, Contribution, Node]]) -> list[Attempt]:
    if any(role != "step_start" for role, _, _ in told):
        told = [each for each in told if each[0] != "step_start"]
    wholes = [said for role, said, _ in told if role == "step_whole"]
    if any(role == "step" for role, _, _ in told):
        told = [each for each in told if each[0] != "step_whole"]
    else:
        told = [
            ("step", said._replace(failed_tries=None), node)
            if role == "step_whole"
            else (role, said, node)
            for role, said, node in told
        ]
        wholes = []
    told.sort(key=lambda each: each[1].order)
    by_number: dict[int, list[tuple[str, Contribution, Node]]] = defaultdict(list)
    numbered = {said.attempt for _, said, _ in told if said.attempt is not None}
    following = 1
    for each in told:
        number = each[1].attempt
        if number is None:
            following += len(each[1].failed_tries or [])
            while following in numbered:
                following += 1
            number = following
            following += 1
        by_number[number].append(each)
    tries: list[Attempt] = []
    for number, parts in sorted(by_number.items()):
        tries += _try(step_id, number, parts)
    if wholes:
        _conclude(tries, max(wholes, key=lambda said: (said.ended > 0, said.order)))
    for before, after in itertools.pairwise(tries):
        if before.status == "retrying" and after.status != "queued":
            before.status = "failed"  # what was to be tried again has been
    return tries


def _conclude(tries: list[Attempt], whole: Contribution) -> None:
    """Tell the tries of a step how the whole of it came out, where they do not tell themselves."""
    for failed in whole.failed_tries or []:
        of_it = [each for each in tries if each.started_unix_nano <= failed["ended_unix_nano"]]
        if of_it and of_it[-1].status == "unknown":
            of_it[-1].status = "failed"
            of_it[-1].error_type = failed["error_type"]
            of_it[-1].error_message = failed["error_message"]
    for each in tries[:-1]:
        if each.status == "unknown":
            each.status = "failed"  # why else was it tried again
    last = tries[-1]
    if last.status == "unknown":
        last.status = whole.status or "unknown"
        last.status_native = whole.status_native
        last.error_type, last.error_message = whole.error_type, whole.error_message
        last.error_stack = whole.error_stack


def _try(step_id: str, number: int, parts: list[tuple[str, Contribution, Node]]) -> list[Attempt]:
    """The rows of one try, those of the failed tries before it that its span tells included."""
    whole = [said for role, said, _ in parts if role == "step"]
    scheduled = [said for role, said, _ in parts if role == "step_start"]
    said = parts[0][1]
    if len(parts) > 1:  # of several spans that tell the whole try, an ended one wins, then the last
        said = max(
            whole or [said for _, said, _ in parts], key=lambda each: (each.ended > 0, each.order)
        )
    if whole:
        status = said.status or "unknown"
        ended = said.ended or None
        if ended is None and status not in OPEN_STATUSES:
            status = "running"
    elif scheduled:
        status = said.status if said.status in ("failed", "cancelled", "timed_out") else "queued"
        ended = (said.ended or None) if status != "queued" else None
    else:  # only parts of it: how it came out is told elsewhere, and not yet
        status, ended = "running", None
    started = min(each.started for _, each, _ in parts)
    first = Attempt(
        step_id=step_id,
        number=number,
        said=said,
        status=status,
        started_unix_nano=started,
        ended_unix_nano=ended,
        last_seen_unix_nano=max(each.seen for _, each, _ in parts),
        step_name=_known(said.step_name, parts),
        step_type=said.step_type,
        status_native=said.status_native,
        error_type=said.error_type,
        error_message=said.error_message,
        error_stack=said.error_stack,
        queued_unix_nano=min(
            (each.queued_unix_nano for _, each, _ in parts if each.queued_unix_nano), default=None
        ),
        parent_span_id=said.parent,
        is_direct=said.is_direct,
    )
    return [*_failed_before(first), first]


def _known(name: str | None, parts: list[tuple[str, Contribution, Node]]) -> str | None:
    return name or next((said.step_name for _, said, _ in parts if said.step_name), None)


def _failed_before(last: Attempt) -> list[Attempt]:
    """The tries that failed inside the span of the last one, told by its events."""
    failed = sorted(last.said.failed_tries or [], key=lambda each: each["ended_unix_nano"])
    tries = []
    started = last.started_unix_nano
    for place, each in enumerate(failed):
        tries.append(
            Attempt(
                step_id=last.step_id,
                number=last.number - len(failed) + place,
                said=last.said,
                status="failed",
                started_unix_nano=started,
                ended_unix_nano=each["ended_unix_nano"],
                last_seen_unix_nano=max(each["ended_unix_nano"], last.said.started),
                step_name=last.step_name,
                step_type=last.step_type,
                status_native=None,
                error_type=each["error_type"],
                error_message=each["error_message"],
                error_stack=None,
                queued_unix_nano=None if place else last.queued_unix_nano,
                parent_span_id=last.parent_span_id,
                is_direct=last.is_direct,
            )
        )
        started = each["ended_unix_nano"]
    if failed:  # when a later try was queued is not told
        last.queued_unix_nano = None
    last.started_unix_nano = started
    return tries


def _event_step(said: Contribution, place: int, event: dict[str, object]) -> Attempt:
    """A step that is an event: it is known to have happened, not how it came out."""
    at = event["at_unix_nano"]
    assert isinstance(at, int)
    name, kind = event["name"], event["type"]
    return Attempt(
        step_id=f"{said.span_id:016x}-{place}",
        number=1,
        said=said,
        status="unknown",
        started_unix_nano=at,
        ended_unix_nano=None,
        last_seen_unix_nano=max(at, said.started),
        step_name=None if name is None else str(name),
        step_type=None if kind is None else str(kind),
        status_native=None,
        error_type=None,
        error_message=None,
        error_stack=None,
        queued_unix_nano=None,
        parent_span_id=said.span_id,
        is_direct=False,
    )
