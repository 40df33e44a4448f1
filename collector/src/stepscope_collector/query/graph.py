"""One execution as a graph: its steps and child executions, what lies in what and what followed what.

Nobody tells which step waited for which, so the clock does, as for the critical path: of what lies in
the same place, one follows another when it began after that had ended, and nothing lies between them.
`join` is pure.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from stepscope_collector.query.attempts import steps_of
from stepscope_collector.query.payloads import PayloadPart, read_parts
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import Cursor, Execution, Step
from stepscope_collector.query.timeline import ChildTime, read_timeline
from stepscope_collector.store import Database

__all__ = [
    "MAX_EDGES",
    "MAX_NODES",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "GraphPayload",
    "execution_graph",
    "join",
]

MAX_NODES: Final = 1000
"""Nodes of a graph at most, the first ones."""
MAX_EDGES: Final = 5000

_KINDS: Final = ("input", "output")


@dataclass(frozen=True, slots=True)
class GraphPayload:
    """What went into a node or came out of it; the whole body: /api/executions/{id}/payloads."""

    kind: str
    key: str
    attempt: int | None
    span_id: str | None
    media_type: str
    size_bytes: int
    is_truncated: bool
    """The sender cut it."""
    body: str
    """As many characters of it as were asked for."""
    has_more: bool


@dataclass(frozen=True, slots=True)
class GraphNode:
    """The execution (node 0), a step, or a child execution."""

    node: int
    above: int | None
    """The node it lies in; null: it is the execution."""
    step_id: str | None
    child_execution_id: str | None
    name: str
    type: str | None
    status: str
    attempt_count: int
    max_attempts: int | None
    started_at: int | None
    """Of a step its first start."""
    ended_at: int | None
    duration_ns: int | None
    """From the first start to the end, over all attempts; null: it goes on."""
    error_type: str | None
    error_message: str | None
    payloads: list[GraphPayload]


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """`then`: the target followed the source; `into`: it was among the first inside the source."""

    source: int
    target: int
    kind: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Node 0 is the execution; the others stand in order of start."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    is_truncated: bool


def execution_graph(
    database: Database, execution_id: str, *, now_ns: int, max_chars: int = 0
) -> Graph:
    """The graph of an execution as of now.

    Args:
        database: what is read.
        execution_id: of the execution, or of its trace.
        now_ns: nanoseconds since the epoch.
        max_chars: characters of each input and output; 0: none, just what there is.

    Raises:
        NotFound: there is no such execution.
    """
    with database.read() as connection:
        reader: Cursor = connection
        place = locate(reader, execution_id)
        steps = steps_of(reader, place)
        timeline = read_timeline(reader, place.execution_id, now_ns)
        parts, has_more = read_parts(reader, place, kinds=_KINDS, max_chars=max_chars)
    drawn = join(place.execution, steps, timeline.above, timeline.children)
    return replace(
        drawn,
        nodes=list(_with_payloads(drawn.nodes, parts)),
        is_truncated=drawn.is_truncated or has_more,
    )


def join(
    execution: Execution,
    steps: Iterable[Step],
    above: Mapping[str, str],
    children: Iterable[ChildTime],
) -> Graph:
    """The graph without payloads.

    Args:
        execution: the execution.
        steps: its steps.
        above: step → the step it lies in; circles do no harm.
        children: the executions it started.
    """
    inside: list[tuple[int | None, int, str, Step | ChildTime]] = [
        *((step.first_started_at, step.step_index, step.step_id, step) for step in steps),
        *((child.begun_at, 0, child.execution_id, child) for child in children),
    ]
    inside.sort(key=lambda each: (each[0] is None, each[0] or 0, *each[1:3]))
    kept = [row for *_, row in inside[: MAX_NODES - 1]]
    numbers = {row.step_id: at for at, row in enumerate(kept, 1) if isinstance(row, Step)}
    uppers = [above.get(row.step_id) if isinstance(row, Step) else row.above for row in kept]
    around = _without_circles([0, *(0 if up is None else numbers.get(up, 0) for up in uppers)])
    nodes = [_whole(execution)]
    for at, row in enumerate(kept, 1):
        made = _of_step(row) if isinstance(row, Step) else _of_child(row)
        nodes.append(replace(made, node=at, above=around[at]))
    edges = list(islice(_edges(nodes), MAX_EDGES + 1))
    is_truncated = len(inside) > len(kept) or len(edges) > MAX_EDGES
    return Graph(nodes, edges[:MAX_EDGES], is_truncated)


def _without_circles(around: Sequence[int]) -> list[int]:
    """What lies in what; a node that would lie in itself lies at the top."""
    found = list(around)
    is_checked = [True] + [False] * (len(found) - 1)
    for number in range(1, len(found)):
        way: dict[int, None] = {}
        at = number
        while not is_checked[at] and at not in way:
            way[at] = None
            at = found[at]
        if at in way:
            found[at] = 0
        for passed in way:
            is_checked[passed] = True
    return found


def _edges(nodes: Sequence[GraphNode]) -> Iterator[GraphEdge]:
    groups: dict[int, list[GraphNode]] = {}
    for node in nodes[1:]:
        groups.setdefault(node.above or 0, []).append(node)
    for upper, group in groups.items():
        for node, before in zip(group, _followed(group), strict=True):
            if before:
                yield from (GraphEdge(source, node.node, "then") for source in before)
            else:
                yield GraphEdge(upper, node.node, "into")


def _followed(group: Sequence[GraphNode]) -> Iterator[list[int]]:
    """For each node those it followed directly; the nodes are in order of start.

    A node precedes another that stands behind it and began when it had ended, or later. Of those
    that precede one, the one that stands last began last: whatever ended before that beginning has
    it in between, and all others precede directly.
    """
    going: list[tuple[int, int]] = []  # end, place in the group
    ended: list[tuple[int, int]] = []
    last = -1
    for place, node in enumerate(group):
        begin = node.started_at
        while begin is not None and going and going[0][0] <= begin:
            each = heapq.heappop(going)
            ended.append(each)
            last = max(last, each[1])
        if begin is None or last < 0:
            yield []
        else:
            last_begin = group[last].started_at or 0
            direct = {last}
            for at in range(bisect_right(ended, (last_begin, len(group))), len(ended)):
                direct.add(ended[at][1])
            yield [group[each].node for each in sorted(direct)]
        if begin is not None and node.ended_at is not None:
            heapq.heappush(going, (max(begin, node.ended_at), place))


def _whole(execution: Execution) -> GraphNode:
    return GraphNode(
        0, None, None, None, execution.workflow_name, "workflow", execution.status, 1, None,
        execution.started_at, execution.ended_at, execution.duration_ns, execution.error_type,
        execution.error_message, [],
    )  # fmt: skip


def _of_step(step: Step) -> GraphNode:
    begin, end = step.first_started_at, step.ended_at
    took = None if begin is None or end is None else max(0, end - begin)
    return GraphNode(
        0, None, step.step_id, None, step.step_name, step.step_type, step.status,
        step.attempt_count, step.max_attempts, begin, end, took, step.error_type,
        step.error_message, [],
    )  # fmt: skip


def _of_child(child: ChildTime) -> GraphNode:
    end = child.ended_at if child.has_ended else None
    took = None if end is None else end - child.begun_at
    return GraphNode(
        0, None, None, child.execution_id, child.workflow_name, "workflow", child.status, 1, None,
        child.begun_at, end, took, None, None, [],
    )  # fmt: skip


def _with_payloads(nodes: Iterable[GraphNode], parts: Iterable[PayloadPart]) -> Iterator[GraphNode]:
    of: dict[str | None, list[GraphPayload]] = {}
    for part in parts:
        of.setdefault(part.step_id, []).append(
            GraphPayload(
                part.kind, part.key, part.attempt, part.span_id, part.media_type, part.size_bytes,
                part.is_truncated, part.body, part.has_more,
            )
        )  # fmt: skip
    for node in nodes:
        has_own = node.node == 0 or node.step_id is not None
        yield replace(node, payloads=of.get(node.step_id, [])) if has_own else node
