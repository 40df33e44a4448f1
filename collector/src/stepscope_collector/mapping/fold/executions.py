"""Executions from what their spans say: when they began, how they ended, who started them."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stepscope_collector.mapping.fold.attempts import Attempt, attempts_of
from stepscope_collector.mapping.fold.contribution import OPEN_STATUSES, Contribution
from stepscope_collector.mapping.fold.tree import Node
from stepscope_collector.mapping.profile import Profile

__all__ = ["Execution", "executions_of"]

NAMED: Final = (
    "service_name",
    "workflow_id",
    "workflow_name",
    "workflow_version",
    "project",
    "trigger_type",
    "user_id",
    "tags",
    "root_execution_id",
    "retry_of_execution_id",
    "execution_name",
    "session_id",
)
"""Fields that are taken from the first span that knows them, those of the execution itself first."""

_ROLES: Final = ("execution", "execution_end", "execution_start", "execution_attempt")
_PARTS: Final = ("step", "operation")
_OUTCOMES: Final = ("failed", "timed_out", "cancelled", "success", "skipped")
"""Of the outcomes of its steps the first in this order is that of an execution."""
_FAILED: Final = frozenset({"failed", "timed_out"})


@dataclass(slots=True)
class Execution:
    """One execution: a row of stored.executions; times in ns since the epoch."""

    execution_id: str
    nodes: list[Node]
    attempts: list[Attempt]
    named: dict[str, str | None] = field(default_factory=dict)
    dialect: str | None = None
    profile: Profile | None = None
    started_unix_nano: int | None = None
    queued_unix_nano: int | None = None
    """When it was queued; null: not told."""
    final: Contribution | None = None
    """The span that ended it."""
    ended_unix_nano: int | None = None
    status: str | None = None
    """Of one that goes on: null, or queued, waiting, retrying."""
    try_count: int | None = None
    """Tries of the whole execution that were told; null: none."""
    parent_execution_id: str | None = None
    continued_from_execution_id: str | None = None
    structural_parent: "str | None" = None
    """The execution in which its topmost span stands."""


def executions_of(nodes: Iterable[Node], profiles: Mapping[str, Profile]) -> dict[str, Execution]:
    """The executions of nodes of whole traces, by id.

    Args:
        nodes: every span of the traces, as `nodes_of` gives them.
        profiles: by dialect.
    """
    members: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if any(role != "noise" for role in node.roles):
            members[node.execution_id].append(node)
    found = {}
    for execution_id, of_it in members.items():
        of_it.sort(key=lambda node: (node.key, node.trace))
        found[execution_id] = _execution(execution_id, of_it, profiles)
    _continue(found)
    for execution in found.values():
        if execution.named["root_execution_id"] is None:
            execution.named["root_execution_id"] = _root(execution, found)
    return found


def _execution(execution_id: str, nodes: list[Node], profiles: Mapping[str, Profile]) -> Execution:
    execution = Execution(execution_id, nodes, attempts_of(nodes))
    told = sorted(
        (
            (_rank(role), said.order, role, said)
            for node in nodes
            for role, said in zip(node.roles, node.said, strict=True)
        ),
        key=lambda each: each[:2],
    )
    own = [(role, said) for _, _, role, said in told if role in _ROLES] or _of_the_root(nodes)
    ranked = [said for *_, said in told]
    mapped = [said for said in ranked if said.dialect != "otel"]
    speaker = own[0][1] if own else (mapped or ranked)[0]
    execution.dialect = speaker.dialect if own or mapped else None
    execution.profile = profiles.get(speaker.dialect)
    for name in NAMED:
        execution.named[name] = next(
            (value for said in ranked if (value := getattr(said, name)) is not None), None
        )
    if execution.named["workflow_name"] is None and own and own[0][0] in _PARTS:
        execution.named["workflow_name"] = own[0][1].step_name or own[0][1].name
    begun = [said.started for _, said in own if said.started]
    execution.started_unix_nano = min(begun, default=None)
    queued = [said.queued_unix_nano for _, said in own if said.queued_unix_nano]
    execution.queued_unix_nano = min(queued, default=None)
    tries = [said for role, said in own if role == "execution_attempt"]
    execution.try_count = len(tries) or None
    _end(execution, own)
    execution.structural_parent = _structural_parent(execution)
    # a profile that says "" knows that there is none
    named_parents = [s.parent_execution_id for s in ranked if s.parent_execution_id is not None]
    parent = named_parents[0] if named_parents else execution.structural_parent
    execution.parent_execution_id = None if parent == execution_id else parent or None
    continued = [s.continued_from_execution_id for s in ranked if s.continued_from_execution_id]
    execution.continued_from_execution_id = continued[0] if continued else None
    return execution


def _of_the_root(nodes: Sequence[Node]) -> list[tuple[str, Contribution]]:
    """What speaks for an execution of which no span tells: the span above which nothing stands.

    A call of a model outside of any agent, a task run by itself, what no rule of a profile knows: the
    trace is the execution.
    """
    return [
        (role, said)
        for node in nodes
        if node.is_root and node.execution_id == node.trace
        for role, said in zip(node.roles, node.said, strict=True)
        if role in _PARTS
    ]


def _rank(role: str) -> int:
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)


def _end(execution: Execution, own: Sequence[tuple[str, Contribution]]) -> None:
    """How it ended, from its final spans; without one, from its steps if the dialect says so."""
    finals = [
        said
        for role, said in own
        if role in ("execution", "execution_end", *_PARTS)
        and said.ended
        and said.status not in OPEN_STATUSES
    ]
    if not finals and execution.profile and execution.profile.status_from == "attempts":
        finals = [said for role, said in own if role == "execution_attempt" and said.ended]
        going_on = any(not said.ended for role, said in own if role == "execution_attempt")
        finals = [] if going_on else finals
    last_seen = max((said.seen for _, said in own), default=0)
    if finals:
        best = max(finals, key=lambda said: (said.ended, said.order))
        succeeded = [said for said in finals if said.status == "success"]
        if execution.profile and execution.profile.outcome == "first_success" and succeeded:
            best = min(succeeded, key=lambda said: (said.ended, said.order))
        execution.final = best
        execution.ended_unix_nano = best.ended
        execution.status = best.status or "unknown"
        return
    waiting = [said for _, said in own if said.status in OPEN_STATUSES and said.seen == last_seen]
    if waiting:
        execution.status = max(waiting, key=lambda said: said.order).status
    if execution.profile and execution.profile.status_from != "spans":
        _infer(execution)


def _infer(execution: Execution) -> None:
    """The status of an execution that no span ends, from the last tries of its steps."""
    last: dict[str, Attempt] = {}
    for attempt in execution.attempts:
        known = last.get(attempt.step_id)
        if known is None or attempt.number >= known.number:
            last[attempt.step_id] = attempt
    statuses = {attempt.status for attempt in last.values()}
    failed = [attempt.said for attempt in last.values() if attempt.status in _FAILED]
    if execution.profile and execution.profile.status_from == "errors" and not failed:
        execution.status = "unknown"
        return
    if statuses & OPEN_STATUSES:
        # the least hopeful word that is true of the whole
        order = ("retrying", "running", "waiting", "queued")
        execution.status = next(status for status in order if status in statuses)
    elif statuses:
        execution.status = next((s for s in _OUTCOMES if s in statuses), "unknown")
        execution.ended_unix_nano = max(a.last_seen_unix_nano for a in last.values())
        if failed:
            execution.final = max(failed, key=lambda said: (said.ended, said.order))


def _structural_parent(execution: Execution) -> str | None:
    """The execution above its first span that stands in another one.

    Only its own spans count where it has any: a signal reaches it from below another one's.
    """
    own = [node for node in execution.nodes if any(role in _ROLES for role in node.roles)]
    for node in own or execution.nodes:
        for up in node.ancestors():
            if up.execution_id != execution.execution_id:
                return up.execution_id
    return None


def _root(execution: Execution, executions: Mapping[str, Execution]) -> str | None:
    """The top of its tree, None: itself.

    Only parents that share a trace with their child are sure to be known here, whatever came first:
    of any other the id is all that counts.
    """
    seen = {execution.execution_id}
    current = execution
    while (parent := current.parent_execution_id) and parent not in seen:
        seen.add(parent)
        above = executions.get(parent)
        traces = {node.trace for node in current.nodes}
        if above is None or not any(node.trace in traces for node in above.nodes):
            return parent
        if named := above.named["root_execution_id"]:
            return named
        current = above
    return None if current is execution else current.execution_id


def _continue(executions: dict[str, Execution]) -> None:
    """Chain the runs of which each continues the one before under the same workflow id.

    Engines tell a continuation as a child of the run that it continues, or of what started both.
    """
    chains: dict[tuple[str, str | None, str], list[Execution]] = defaultdict(list)
    for execution in executions.values():
        if execution.profile is None or not execution.profile.continues:
            continue
        above = executions.get(execution.structural_parent or "")
        workflow_id = execution.named["workflow_id"]
        if workflow_id is None:
            continue
        if above is not None and above.named["workflow_id"] == workflow_id:
            chains[execution.nodes[0].trace, execution.dialect, workflow_id].append(execution)
    for (trace, dialect, workflow_id), later in chains.items():
        chain = later + [
            each
            for each in executions.values()
            if each not in later
            and each.dialect == dialect
            and each.named["workflow_id"] == workflow_id
            and any(node.trace == trace for node in each.nodes)
        ]
        chain.sort(key=lambda each: (each.started_unix_nano or 0, each.execution_id))
        top = chain[0].parent_execution_id
        for before, after in itertools.pairwise(chain):
            after.continued_from_execution_id = before.execution_id
            after.parent_execution_id = top
            if before.status in {None, "success", *OPEN_STATUSES}:
                before.status = "superseded"
                before.ended_unix_nano = before.ended_unix_nano or after.started_unix_nano
