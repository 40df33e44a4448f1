"""Why a span was mapped as it was: SQL that asks the profiles, and the fold's decisions in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from stepscope_collector.mapping.compile import FOLDED_DEFAULTS, CompiledMapping
from stepscope_collector.mapping.fold.attempts import Attempt
from stepscope_collector.mapping.fold.contribution import Contribution
from stepscope_collector.mapping.fold.executions import NAMED
from stepscope_collector.mapping.fold.history import Folded
from stepscope_collector.mapping.fold.tree import Node
from stepscope_collector.mapping.macros import asked_keys, expand
from stepscope_collector.mapping.profile import DIRECT_FIELDS, FIELDS, Profile

__all__ = [
    "Decision",
    "Filled",
    "decision_of",
    "detections_sql",
    "fields_of",
    "reads_of",
    "rules_sql",
]

_ONE: Final = (
    "from evidence s where s.trace_id = cast($trace_id as uuid)"
    " and s.span_id = cast('0x' || $span_id as ubigint) order by 1"
)
_COLUMNS: Final = ("scope_name", "service_name", "name", "kind", "parent_span_id", "status_code")
_WORD: Final = re.compile(r"\b[a-z_]+\b")
_TEXT: Final = re.compile(r"'(?:[^']|'')*'")


def detections_sql(mapping: CompiledMapping) -> str:
    """Select of whether each profile takes the span $trace_id, $span_id for its own.

    Columns: span_number, then one boolean or null per profile in the order of `mapping.profiles`.
    """
    asked = ", ".join(f"try({mapping.detects(name)})" for name in mapping.profiles)
    return f"select s.span_number, {asked} {_ONE}"


def rules_sql(mapping: CompiledMapping, dialect: str) -> str | None:
    """Select of which rules of a profile the span $trace_id, $span_id meets; None: it has none.

    Columns: span_number, then one boolean or null per rule.
    """
    profile = mapping.profiles.get(dialect)
    if profile is None or not profile.rules:
        return None
    asked = ", ".join(f"try({expand(rule.when, profile.maps)})" for rule in profile.rules)
    with_parents = _ONE.replace("from evidence s", f"from ({mapping.with_parents()}) s", 1)
    return f"select s.span_number, {asked} {with_parents}"


def reads_of(profile: Profile, row: Mapping[str, Any]) -> dict[str, str | None]:
    """What the condition of a profile reads of a span, and what stands there.

    Args:
        profile: the profile.
        row: the span, see store/sql/fold/one_span.sql.
    """
    found: dict[str, str | None] = {}
    words = set(_WORD.findall(_TEXT.sub("", profile.detect)))
    for column in _COLUMNS:
        if column in words:
            found[column] = None if row[column] is None else str(row[column])
    keys = asked_keys(profile.detect)
    for kind, source in (("attr", "attributes"), ("resource", "resource_attributes")):
        for key in sorted(keys[kind]):
            found[f"{kind}('{key}')"] = (row[source] or {}).get(key)
    return found


class Filled(NamedTuple):
    """One field that is filled, and by what."""

    field: str
    value: str
    expression: str
    by: str
    """Rule, profile or default."""


def fields_of(said: Contribution, profile: Profile | None) -> list[Filled]:
    """The fields that the span fills.

    Args:
        said: what it contributes.
        profile: that of its dialect; None: it is not in force any more.
    """
    chosen = _rule_number(said, profile)
    rule = None if profile is None or chosen is None else profile.rules[chosen]
    found = []
    for field in DIRECT_FIELDS if said.is_direct else FIELDS:
        value = getattr(said, field, None)
        if value is None:
            continue
        expression, by = "", "what was stored"
        if rule is not None and (field == "role" or field in rule.fields):
            expression = f"'{rule.role}'" if field == "role" else rule.fields[field]
            by = f"rule {rule.name}"
        elif profile is not None and field in profile.fields:
            expression, by = profile.fields[field], "profile"
        elif profile is not None and field in FOLDED_DEFAULTS and not said.is_direct:
            expression, by = FOLDED_DEFAULTS[field], "default"
        elif profile is not None and field == "role":
            expression, by = "'operation'", "default: no rule is met"
        found.append(Filled(field, str(value), " ".join(expression.split()), by))
    return found


class Decision(NamedTuple):
    """Where the fold put a span, and why."""

    role: str
    role_reason: str
    execution_id: str
    execution_reason: str
    step_id: str | None
    attempt: int | None
    attempt_reason: str | None
    decides: list[str]
    """Columns of the execution that have their value from this span."""
    said: Contribution


def decision_of(folded: Folded, number: int, profiles: Mapping[str, Profile]) -> Decision | None:
    """The decision about one row of `evidence`; None: the fold knows no such row.

    Args:
        folded: what its trace says.
        number: its span_number.
        profiles: by dialect.
    """
    for node in folded.nodes:
        for role, said in zip(node.roles, node.said, strict=True):
            if said.span_number == number:
                return _decision(folded, node, role, said, profiles)
        for said in node.unsaid:
            if said.span_number == number:
                return Decision(
                    said.role or "operation", "a placeholder of a span that has ended",
                    node.execution_id, "that of the span it stands for", None, None, None, [], said,
                )  # fmt: skip
    return None


def _decision(
    folded: Folded, node: Node, role: str, said: Contribution, profiles: Mapping[str, Profile]
) -> Decision:
    execution = folded.executions.get(node.execution_id)
    tries = [] if execution is None else execution.attempts
    own = next((each for each in tries if each.said.span_number == said.span_number), None)
    decides = []
    if execution is not None:
        if execution.final is said:
            decides += ["status", "ended_at", "error_type", "error_message"]
        if said.started == execution.started_unix_nano and role.startswith("execution"):
            decides.append("started_at")
        decides += [
            name
            for name in NAMED
            if execution.named[name] is not None and getattr(said, name) == execution.named[name]
        ]
    return Decision(
        role=role,
        role_reason=_role_reason(node, role, said, profiles),
        execution_id=node.execution_id,
        execution_reason=_execution_reason(node, profiles),
        step_id=(said.step_id or f"{node.span_id:016x}") if role.startswith("step") else None,
        attempt=None if own is None else own.number,
        attempt_reason=None if own is None else _attempt_reason(own, tries),
        decides=decides,
        said=said,
    )


def _role_reason(node: Node, role: str, said: Contribution, profiles: Mapping[str, Profile]) -> str:
    profile = profiles.get(said.dialect)
    if said.dialect == "otel":
        if node.is_root:
            return "no profile detects it, and it is the root of its trace"
        mapped = next((up for up in node.ancestors() if up.lead.dialect != "otel"), None)
        if mapped is None:
            return "no profile detects it, and it stands below the root"
        return f"no profile detects it; plain_spans of {mapped.lead.dialect}, which stands above"
    chosen = _rule_number(said, profile)
    if profile is None or said.is_direct:
        return "the span says so itself"
    if chosen is None:
        return "it meets no rule of its profile"
    rule = profile.rules[chosen]
    if role == said.role:
        return f"role of rule {rule.name}"
    if role == rule.nested_role and node.above is not None:
        return f"nested_role of rule {rule.name}: {_hex(node.above)} of {said.dialect} stands above"
    return f"hosted_role of rule {rule.name}: a span of another engine stands above"


def _rule_number(said: Contribution, profile: Profile | None) -> int | None:
    if profile is None or said.is_direct or said.rule is None or said.rule >= len(profile.rules):
        return None
    return said.rule


def _execution_reason(node: Node, profiles: Mapping[str, Profile]) -> str:
    wanted = node.execution_id
    if (reason := _named(node, profiles.get(node.lead.dialect))) is not None:
        return reason
    if wanted == f"{node.trace}-{node.span_id:016x}":
        return "it begins an execution and names none: the ids of trace and span"
    if node.parent is not None and node.parent.execution_id == wanted:
        return f"the span names none: that of its parent {_hex(node.parent)}"
    if node.is_root:
        return "the span names none and is the root of its trace: the trace id"
    return "the span names none, and its parent has not arrived: the trace id"


def _named(node: Node, profile: Profile | None) -> str | None:
    """Who names its execution; None: nobody does."""
    wanted, dialect = node.execution_id, node.lead.dialect
    top = node
    while top.above is not None:
        top = top.above
    is_topmost = profile is not None and profile.execution_by == "topmost" and top is not node
    if is_topmost and any(said.execution_id == wanted for said in top.said):
        return f"{_hex(top)} names it, the topmost span of {dialect} above"
    if any(said.execution_id == wanted for said in node.said):
        return "the span names it: field execution_id"
    number = _rule_number(node.lead, profile)
    if profile is None or number is None or not profile.rules[number].adopt:
        return None
    for child in node.children:
        if child.lead.dialect == dialect and child.execution_id == wanted:
            return f"the span names none and adopts that of its child {_hex(child)}"
    if wanted.startswith(node.trace):
        return None
    return "the span names none: that of the first run of its workflow id in the trace"


def _attempt_reason(own: Attempt, tries: Sequence[Attempt]) -> str:
    if own.said.attempt is not None:
        return "the span tells it: field attempt"
    same = sum(each.step_id == own.step_id for each in tries)
    return f"by time among the {same} of its step" if same > 1 else "the only one of its step"


def _hex(node: Node) -> str:
    return f"span {node.span_id:016x}"
