"""Spans as trees: who stands above whom, and which execution each span belongs to.

An execution's id is, in this order: the id a span names itself; that of its nearest ancestor; the
trace id (design: section 3). Parents may never arrive, spans may be sent twice, and hostile ones
make cycles.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stepscope_collector.mapping.fold.contribution import Contribution
from stepscope_collector.mapping.profile import Profile, Rule

__all__ = ["Node", "nodes_of"]

_UNMAPPED = "otel"
_OPENS = ("execution", "execution_start")
_LEADS = (
    *_OPENS,
    "execution_end",
    "execution_attempt",
    "step",
    "step_whole",
    "step_start",
    "step_part",
)


@dataclass(slots=True, eq=False)
class Node:
    """One span, with everything that was said of it."""

    trace: str
    span_id: int
    said: list[Contribution] = field(default_factory=list)
    """What its final spans say; what its placeholders say as long as there is no final one."""
    unsaid: list[Contribution] = field(default_factory=list)
    """Placeholders, once there is a final span."""
    parent: "Node | None" = None
    """None: a root, or its parent is not known."""
    is_root: bool = False
    children: "list[Node]" = field(default_factory=list)
    above: "Node | None" = None
    """Nearest ancestor of the same dialect."""
    roles: list[str] = field(default_factory=list)
    """One per contribution in `said`."""
    execution_id: str = ""
    lead: Contribution = None  # type: ignore[assignment]
    """The contribution that decides where the span belongs."""
    key: tuple[int, int, int, str, int, str] = (0, 0, 0, "", 0, "")
    """Order among the nodes: that of `lead`."""

    def ancestors(self) -> "Iterable[Node]":
        """From its parent to the top."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


def nodes_of(contributions: Iterable[Contribution], profiles: Mapping[str, Profile]) -> list[Node]:
    """The nodes of whole traces, each with its place, roles and execution.

    Args:
        contributions: of all spans of their traces.
        profiles: by dialect.
    """
    nodes = _gather(contributions)
    ordered = _from_the_top(nodes)
    for node in ordered:
        dialect = node.lead.dialect
        node.above = next((up for up in node.ancestors() if up.lead.dialect == dialect), None)
        node.roles = [_role(node, said, profiles) for said in node.said]
        if len(node.said) > 1:
            node.lead = min(zip(node.roles, node.said, strict=True), key=_lead_first)[1]
            node.key = node.lead.order
    own = {id(node): _own_id(node, profiles) for node in ordered}
    adopting = [n for n in reversed(ordered) if own[id(n)] is None and _adopts(n, profiles)]
    first = _first_runs(ordered, own) if adopting else {}
    for node in adopting:  # from below: what was adopted can be adopted again
        same = (node.trace, node.lead.dialect, node.lead.workflow_id or "")
        own[id(node)] = _adopted(node, own) or first.get(same)
    _assign(ordered, own)
    return ordered


def _gather(contributions: Iterable[Contribution]) -> dict[tuple[str, int], Node]:
    finals: dict[tuple[str, int], list[Contribution]] = defaultdict(list)
    opens: dict[tuple[str, int], list[Contribution]] = defaultdict(list)
    for each in contributions:
        (finals if each.ended else opens)[each.node].append(each)
    nodes = {}
    for key in finals.keys() | opens.keys():
        node = nodes[key] = Node(*key)
        told, waiting = finals.get(key, []), opens.get(key, [])
        node.said = told or waiting
        if len(node.said) > 1:
            node.said.sort(key=lambda each: each.order)
        node.unsaid = waiting if told else []
        node.lead = node.said[0]
        node.key = node.lead.order
    return nodes


def _from_the_top(nodes: dict[tuple[str, int], Node]) -> list[Node]:
    """All nodes with parents before children; cycles are cut above their first node."""
    for node in sorted(nodes.values(), key=lambda each: (each.trace, each.key)):
        # several tries under one span id have one parent; a broken sender's may have several
        parents = sorted({each.parent for each in node.said})
        node.is_root = not any(parents)
        found = next((nodes[node.trace, up] for up in parents if (node.trace, up) in nodes), None)
        if found is not None and not _is_above(node, found):
            node.parent = found
            found.children.append(node)
    ordered = [node for node in nodes.values() if node.parent is None]
    ordered.sort(key=lambda each: (each.trace, each.key))
    for node in ordered:  # grows while it is walked
        ordered.extend(node.children)
    return ordered


def _is_above(node: Node, other: Node) -> bool:
    """Whether `node` stands above `other`, or is it."""
    up: Node | None = other
    while up is not None:
        if up is node:
            return True
        up = up.parent
    return False


def _role(node: Node, said: Contribution, profiles: Mapping[str, Profile]) -> str:
    if said.dialect == _UNMAPPED:
        if node.is_root:
            return "execution"
        mapped = next((up for up in node.ancestors() if up.lead.dialect != _UNMAPPED), None)
        if mapped is None:
            return "step"
        above = profiles.get(mapped.lead.dialect)
        return above.plain_spans if above is not None else "operation"
    rule = _rule(said, profiles)
    if rule is not None and rule.nested_role is not None and node.above is not None:
        return rule.nested_role
    if rule is not None and rule.hosted_role is not None and _is_hosted(node, said.dialect):
        return rule.hosted_role
    return said.role or "operation"


def _is_hosted(node: Node, dialect: str) -> bool:
    """Whether a span of another engine stands above."""
    return any(up.lead.dialect not in (_UNMAPPED, dialect) for up in node.ancestors())


def _rule(said: Contribution, profiles: Mapping[str, Profile]) -> Rule | None:
    profile = profiles.get(said.dialect)
    if profile is None or said.rule is None or said.is_direct:
        return None
    return profile.rules[said.rule]


def _lead_first(pair: tuple[str, Contribution]) -> tuple[int, tuple[int, int, int, str, int, str]]:
    role, said = pair
    return _LEADS.index(role) if role in _LEADS else len(_LEADS), said.order


def _own_id(node: Node, profiles: Mapping[str, Profile]) -> str | None:
    profile = profiles.get(node.lead.dialect)
    rule = _rule(node.lead, profiles)
    if rule is not None and rule.hosted_role is not None and _is_hosted(node, node.lead.dialect):
        return None  # it is a part of what stands above
    if profile is not None and profile.execution_by == "topmost":
        while node.above is not None:
            node = node.above
    named = [each.execution_id for each in node.said if each.execution_id]
    return (node.lead.execution_id or min(named)) if named else None


def _adopts(node: Node, profiles: Mapping[str, Profile]) -> bool:
    rule = _rule(node.lead, profiles)
    return rule is not None and rule.adopt


def _adopted(node: Node, own: dict[int, str | None]) -> str | None:
    for child in sorted(node.children, key=lambda each: each.key):
        named = own[id(child)]
        if named is not None and child.lead.dialect == node.lead.dialect:
            return named
    return None


def _first_runs(
    ordered: Iterable[Node], own: Mapping[int, str | None]
) -> dict[tuple[str, str, str], str]:
    """By trace, dialect and workflow id the id of the first run: that of a start whose run comes later."""
    first: dict[tuple[str, str, str], str] = {}
    for node in sorted(ordered, key=lambda each: each.key):
        named, workflow_id = own[id(node)], node.lead.workflow_id
        if named is not None and workflow_id is not None:
            first.setdefault((node.trace, node.lead.dialect, workflow_id), named)
    return first


def _assign(ordered: list[Node], own: dict[int, str | None]) -> None:
    has_trace_id: set[str] = set()
    for node in ordered:  # parents first, and the roots of a trace in their order
        named = own[id(node)]
        opens = node.lead.dialect != _UNMAPPED and any(role in _OPENS for role in node.roles)
        if named is not None:
            node.execution_id = named
        elif opens and not (node.is_root and node.trace not in has_trace_id):
            node.execution_id = f"{node.trace}-{node.span_id:016x}"
        elif opens or node.parent is None:
            node.execution_id = node.trace
            if opens:
                has_trace_id.add(node.trace)
        else:
            node.execution_id = node.parent.execution_id
