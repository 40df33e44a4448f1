"""The critical path of an execution: what its duration consists of, and how much slack the rest has.

Nobody tells which step waited for which, so it is taken from the clock: a step waits for what ended
last before it was queued or began (its driver), and begins as long after that as it did. Then the
path leads from the end of the execution back to its start: what ended last, its driver, the driver
of that. The slack of a step is how much longer it could have taken without a later end of the
execution, all else being equal; on the path it is 0. What lies inside a step is told likewise between
the bounds of that step. `critical_path` is pure.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal, NamedTuple, TypeAlias

from stepscope_collector.query.rows import Cursor
from stepscope_collector.query.timeline import Timeline, Try, read_timeline
from stepscope_collector.store import Database

__all__ = ["CriticalPath", "PathSegment", "Slack", "critical_path", "execution_critical_path"]

Kind: TypeAlias = Literal["self", "child", "queue", "back_off", "gap"]


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The critical path in sum; the parts from `self_ns` on sum to `total_ns`."""

    execution_id: str
    from_at: int
    until_at: int
    total_ns: int
    critical_ns: int
    """All but the gaps."""
    self_ns: int
    child_ns: int
    queue_ns: int
    back_off_ns: int
    gap_ns: int


@dataclass(frozen=True, slots=True)
class PathSegment:
    """A piece of the path; the pieces follow each other without holes or overlaps."""

    kind: str
    step_id: str | None
    step_name: str | None
    attempt: int | None
    child_execution_id: str | None
    started_at: int
    ended_at: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Slack:
    """A step or child execution: how long it is on the path, and how much longer it could have taken."""

    step_id: str | None
    step_name: str | None
    child_execution_id: str | None
    above_step_id: str | None
    is_critical: bool
    critical_ns: int
    """What of the path is its own: not that of steps inside it."""
    slack_ns: int | None
    """None: it did not run between start and end of the execution, as far as clocks tell."""


_Key: TypeAlias = tuple[Literal["step", "child"], str]
_MAX_CLIMB: Final = 64
"""Steps around a node that are asked whether it meets them in time, before it counts as at the top."""


class Piece(NamedTuple):
    """What a node did for a while; the pieces of a node follow each other."""

    kind: Kind
    begin_ns: int
    end_ns: int
    attempt: int | None = None


@dataclass(slots=True)
class _Node:
    step_id: str | None
    name: str | None
    child_id: str | None
    pieces: Sequence[Piece]
    begin_ns: int
    end_ns: int
    order: int = 0
    below: list["_Node"] = field(default_factory=list)
    driver: "_Node | None" = None
    slack_ns: int | None = None
    is_critical: bool = False
    critical_ns: int = 0


def execution_critical_path(
    database: Database, execution_id: str, *, now_ns: int
) -> tuple[CriticalPath, list[PathSegment], list[Slack]]:
    """The critical path of an execution; of one that goes on as if it ended at `now_ns`.

    Raises:
        NotFound: there is no such execution.
    """
    with database.read() as connection:
        reader: Cursor = connection
        timeline = read_timeline(reader, execution_id, now_ns)
    return critical_path(timeline)


def critical_path(timeline: Timeline) -> tuple[CriticalPath, list[PathSegment], list[Slack]]:
    """The path in sum, its pieces from start to end, and every step and child with its slack.

    Missing parents, circles of steps and steps outside their parent or the execution do no harm:
    they count as beside the others, or not at all.
    """
    window = (timeline.from_ns, timeline.until_ns)
    top = _Node(None, None, None, [Piece("gap", *window)], *window)
    nodes, above = _nodes(timeline)
    _hang(top, nodes, above)
    for level in _levels(top):
        _drive(level)
    segments = [_segment(node, piece) for node, piece in _walk(top)]
    slacks = [
        Slack(
            node.step_id,
            node.name,
            node.child_id,
            above[key][1] if key in above else None,
            node.is_critical,
            node.critical_ns,
            node.slack_ns,
        )
        for key, node in nodes.items()
    ]
    return _sum(timeline, segments), segments, slacks


def _sum(timeline: Timeline, segments: Iterable[PathSegment]) -> CriticalPath:
    parts = dict.fromkeys(("self", "child", "queue", "back_off", "gap"), 0)
    for segment in segments:
        parts[segment.kind] += segment.duration_ns
    total = timeline.until_ns - timeline.from_ns
    return CriticalPath(
        timeline.execution.execution_id,
        timeline.from_ns,
        timeline.until_ns,
        total,
        total - parts["gap"],
        parts["self"],
        parts["child"],
        parts["queue"],
        parts["back_off"],
        parts["gap"],
    )


def _nodes(timeline: Timeline) -> tuple[dict[_Key, _Node], dict[_Key, _Key]]:
    """Steps and children, and what each lies in."""
    tries: dict[str, list[Try]] = {}
    for row in timeline.tries:
        tries.setdefault(row.step_id, []).append(row)
    nodes: dict[_Key, _Node] = {}
    for step_id, of_step in tries.items():
        pieces = _pieces(of_step)
        bounds = pieces[0].begin_ns, pieces[-1].end_ns
        nodes["step", step_id] = _Node(step_id, of_step[-1].step_name, None, pieces, *bounds)
    above: dict[_Key, _Key] = {
        ("step", step_id): ("step", around) for step_id, around in timeline.above.items()
    }
    for child in timeline.children:
        bounds = child.begun_at, child.ended_at
        key: _Key = ("child", child.execution_id)
        piece = Piece("child", *bounds)
        nodes[key] = _Node(None, child.workflow_name, child.execution_id, [piece], *bounds)
        if child.above is not None:
            above[key] = ("step", child.above)
    return nodes, _without_circles(above)


def _pieces(tries: Iterable[Try]) -> list[Piece]:
    """Queue, attempts and back-off of a step, one after the other; of two tries at once the first."""
    ordered = sorted(tries, key=lambda row: (row.started_at, row.ended_at))
    ready = [
        min(row.started_at, row.started_at if row.queued_at is None else row.queued_at)
        for row in ordered
    ]
    # From when on one of this and the later tries stood in a queue.
    ready = list(accumulate(reversed(ready), min))[::-1]
    pieces: list[Piece] = []
    free = ready[0]
    for row, queued in zip(ordered, ready, strict=True):
        if free < queued:
            pieces.append(Piece("back_off", free, queued, row.attempt))
            free = queued
        if free < row.started_at:
            pieces.append(Piece("queue", free, row.started_at, row.attempt))
            free = row.started_at
        if free < row.ended_at or not pieces:
            pieces.append(Piece("self", free, max(free, row.ended_at), row.attempt))
            free = max(free, row.ended_at)
    return pieces


def _hang(top: _Node, nodes: Mapping[_Key, _Node], above: Mapping[_Key, _Key]) -> None:
    """Put each node below the nearest node around it that it meets in time."""
    for key, node in nodes.items():
        holder = top
        place = above.get(key)
        for _ in range(_MAX_CLIMB):
            around = None if place is None else nodes.get(place)
            if place is None or around is None:
                break
            if around.begin_ns <= node.end_ns and node.begin_ns <= around.end_ns:
                holder = around
                break
            place = above.get(place)
        holder.below.append(node)


def _without_circles(above: Mapping[_Key, _Key]) -> dict[_Key, _Key]:
    """What lies in what, but for nodes that lie in themselves: these lie in nothing."""
    done: set[_Key] = set()
    circling: set[_Key] = set()
    for start in above:
        way: dict[_Key, int] = {}
        key: _Key | None = start
        while key is not None and key not in done and key not in way:
            way[key] = len(way)
            key = above.get(key)
        if key is not None and key in way:
            circling |= {each for each, place in way.items() if place >= way[key]}
        done.update(way)
    return {key: place for key, place in above.items() if key not in circling}


def _levels(top: _Node) -> Iterator[_Node]:
    """Every node that has some below it, from the top; those below are cut to its bounds and sorted."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        met = []
        for inner in node.below:
            begin, end = max(inner.begin_ns, node.begin_ns), min(inner.end_ns, node.end_ns)
            if begin <= end:
                inner.begin_ns, inner.end_ns = begin, end
                met.append(inner)
        met.sort(
            key=lambda each: (each.begin_ns, each.end_ns, each.step_id or "", each.child_id or "")
        )
        for order, inner in enumerate(met):
            inner.order = order
        node.below = met
        if met:
            yield node
        waiting.extend(met)


def _drive(level: _Node) -> None:
    """Driver and slack of all nodes directly below `level`, whose own slack is known."""
    nodes = level.below
    begins = [node.begin_ns for node in nodes]
    ends = sorted((node.end_ns, node.order) for node in nodes)
    last_end = ends[-1][0]
    for node in nodes:
        place = bisect_left(ends, (node.begin_ns, node.order))
        node.driver = nodes[ends[place - 1][1]] if place else None
    # least[n]: the earliest end, among what follows from nodes n and later, that may not be passed.
    least = [last_end] * (len(nodes) + 1)
    for node in reversed(nodes):
        first = max(bisect_left(begins, node.end_ns), node.order + 1)
        own = least[first] - node.end_ns
        waits_until = last_end if node.driver is None else node.driver.end_ns + own
        least[node.order] = min(least[node.order + 1], waits_until)
        node.slack_ns = own + (level.slack_ns or 0)


def _walk(top: _Node) -> Iterator[tuple[_Node, Piece]]:
    """The pieces of the path in order, each with the node whose it is; marks the nodes on it."""
    waiting: list[_Node | tuple[_Node, Piece]] = [top]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            node, piece = item
            node.critical_ns += piece.end_ns - piece.begin_ns
            yield item
            continue
        item.is_critical = True
        waiting.extend(reversed(list(_expand(item))))


def _expand(node: _Node) -> Iterator[_Node | tuple[_Node, Piece]]:
    chain = []
    last = max(node.below, key=lambda each: (each.end_ns, each.order), default=None)
    while last is not None:
        chain.append(last)
        last = last.driver
    at = node.begin_ns
    for inner in reversed(chain):
        yield from _between(node, at, inner.begin_ns)
        yield inner
        at = inner.end_ns
    yield from _between(node, at, node.end_ns)


def _between(node: _Node, begin_ns: int, end_ns: int) -> Iterator[tuple[_Node, Piece]]:
    """What the node itself did in that time."""
    for piece in node.pieces:
        begin, end = max(begin_ns, piece.begin_ns), min(end_ns, piece.end_ns)
        if begin < end:
            yield node, piece._replace(begin_ns=begin, end_ns=end)


def _segment(node: _Node, piece: Piece) -> PathSegment:
    return PathSegment(
        piece.kind,
        node.step_id,
        node.name,
        piece.attempt,
        node.child_id,
        piece.begin_ns,
        piece.end_ns,
        piece.end_ns - piece.begin_ns,
    )
