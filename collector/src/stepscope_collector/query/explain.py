"""Why one span became what it is: which profile, which rule, which field, and what the fold decided."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.mapping.explain import (
    decision_of,
    detections_sql,
    fields_of,
    reads_of,
    rules_sql,
)
from stepscope_collector.mapping.fold.history import Folded
from stepscope_collector.mapping.profile import Profile
from stepscope_collector.store import Database
from stepscope_collector.store.evidence import Evidence

__all__ = ["CandidateProfile", "CandidateRule", "FilledField", "SpanExplanation", "explain_span"]

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_SPAN_ID: Final = re.compile(r"[0-9a-fA-F]{16}")


@dataclass(frozen=True, slots=True)
class CandidateProfile:
    """A profile, and whether it takes the span for its own."""

    dialect: str
    priority: int
    source: str
    is_match: bool
    reason: str
    reads: dict[str, str | None]
    """What its condition reads of the span; null: absent."""


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """A rule of the profile that mapped the span."""

    name: str
    role: str
    condition: str
    is_match: bool
    is_chosen: bool
    """The first that matches is."""


@dataclass(frozen=True, slots=True)
class FilledField:
    """A field that the span fills."""

    field: str
    value: str
    expression: str
    by: str
    """The rule, `profile`, or `default`: what OpenTelemetry says."""


@dataclass(frozen=True, slots=True)
class SpanExplanation:
    """One stored span and every decision about it."""

    trace_id: str
    span_id: str
    name: str
    started_at: int
    dialect: str
    """The profile that mapped it."""
    detected_by: str
    """The profile that would map it now; another one: profiles have changed since."""
    role: str
    role_reason: str
    execution_id: str
    execution_reason: str
    stored_execution_id: str
    """Another one: profiles have changed since."""
    step_id: str | None
    attempt: int | None
    attempt_reason: str | None
    decides: Any
    """Columns of the execution that have their value from this span."""
    candidates: list[CandidateProfile]
    rules: list[CandidateRule]
    fields: list[FilledField]


def explain_span(
    database: Database, mapping: CompiledMapping, trace_id: str, span_id: str
) -> list[SpanExplanation]:
    """Every decision about a span, once for each time its id was stored.

    Raises:
        BadRequest: the ids are no hexadecimal ids.
        NotFound: there is no such span.
    """
    for name, value, form in (("trace_id", trace_id, _TRACE_ID), ("span_id", span_id, _SPAN_ID)):
        if not form.fullmatch(value):
            digits = 32 if form is _TRACE_ID else 16
            raise BadRequest(f"{name}={value!r} is no id", hint=f"{digits} hexadecimal digits")
    place = {"trace_id": trace_id.lower(), "span_id": span_id.lower()}
    with database.read() as connection:
        evidence = Evidence(connection, mapping)
        folded = evidence.load(place["trace_id"])
        rows = evidence.rows_of(**place) if folded is not None else []
        if not rows:
            raise NotFound(
                f"no span {place['span_id']} in trace {place['trace_id']}",
                hint='stepscope sql "select trace_id, span_id, name from spans" lists them',
            )
        assert isinstance(folded, Folded)
        detected = {
            number: said for number, *said in evidence.ask(detections_sql(mapping), **place)
        }
        rules: dict[tuple[str, int], list[bool | None]] = {}
        for dialect in {row["dialect"] for row in rows}:
            if (asked := rules_sql(mapping, dialect)) is not None:
                for number, *said in evidence.ask(asked, **place):
                    rules[dialect, number] = said
    return [
        _explained(mapping, folded, row, place, detected[row["span_number"]], rules) for row in rows
    ]


def _explained(
    mapping: CompiledMapping,
    folded: Folded,
    row: Mapping[str, Any],
    place: Mapping[str, str],
    detected: Sequence[bool | None],
    rules: Mapping[tuple[str, int], Sequence[bool | None]],
) -> SpanExplanation:
    number, dialect = row["span_number"], row["dialect"]
    profile = mapping.profiles.get(dialect)
    decision = decision_of(folded, number, mapping.profiles)
    assert decision is not None, "the fold knows every span of its traces"
    candidates = _candidates(mapping.profiles, row, detected)
    met = rules.get((dialect, number), ())
    chosen = next((place for place, is_met in enumerate(met) if is_met), None)
    return SpanExplanation(
        trace_id=place["trace_id"],
        span_id=place["span_id"],
        name=row["name"],
        started_at=row["start_time_unix_nano"],
        dialect=dialect,
        detected_by=next(each.dialect for each in candidates if each.is_match),
        role=decision.role,
        role_reason=decision.role_reason,
        execution_id=decision.execution_id,
        execution_reason=decision.execution_reason,
        stored_execution_id=row["execution_id"],
        step_id=decision.step_id,
        attempt=decision.attempt,
        attempt_reason=decision.attempt_reason,
        decides=decision.decides,
        candidates=candidates,
        rules=[
            CandidateRule(
                rule.name,
                rule.role,
                " ".join(rule.when.split()),
                met[place] is True,
                place == chosen,
            )
            for place, rule in enumerate(profile.rules if profile and met else ())
        ],
        fields=[FilledField(*each) for each in fields_of(decision.said, profile)],
    )


def _candidates(
    profiles: Mapping[str, Profile], row: Mapping[str, Any], detected: Sequence[bool | None]
) -> list[CandidateProfile]:
    """In the order in which they are asked; the first that matches maps the span."""
    found: list[CandidateProfile] = []
    winner: str | None = None
    for profile, is_match in zip(profiles.values(), detected, strict=True):
        reads = reads_of(profile, row)
        if is_match:
            reason = (
                "it detects the span, first of all"
                if winner is None
                else (f"it detects the span, too, but {winner} is asked before")
            )
            winner = winner or profile.name
        elif is_match is None:
            reason = "its condition has no value for this span"
        else:
            reason = "its condition is false for this span"
        found.append(
            CandidateProfile(
                profile.name, profile.priority, profile.source, bool(is_match), reason, reads
            )
        )
    return found
