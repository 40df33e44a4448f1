"""Reads the rules of retention: other limits for some workflows and statuses."""

import fnmatch
import shlex
from dataclasses import dataclass
from typing import Any, Final, Self

from stepscope_collector.config.values import parse_count, parse_duration

__all__ = ["Rule", "parse_rules"]

_STATUSES: Final = (
    "success", "partial", "failed", "timed_out", "cancelled", "lost", "skipped", "superseded",
    "unknown",
)  # fmt: skip
"""Those an execution can end with; the others go on and are never removed."""


@dataclass(frozen=True)
class Rule:
    """One of `retention.rules`; what it does not name is as the other settings say."""

    text: str
    workflow: str = "*"
    statuses: tuple[str, ...] = ()
    max_age_s: int | None = None
    max_count: int | None = None
    payload_max_age_s: int | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """The rule that a text such as `workflow=etl-* status=success max_age=7d` says; ValueError."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ValueError(f"holds {text!r}: {error}".lower()) from error
        found: dict[str, Any] = {}
        for word in words:
            name, sign, value = word.partition("=")
            if not sign or name not in _READERS:
                raise ValueError(
                    f"holds {word!r}; write {', '.join(_READERS)}, each with = and a value"
                )
            if name in found:
                raise ValueError(f"names {name} twice in {text!r}")
            found[name] = _READERS[name](value)
        if not found.keys() & {"max_age", "max_count", "payload_max_age"}:
            raise ValueError(
                f"holds {text!r}, which says neither max_age nor max_count nor payload_max_age"
            )
        return cls(
            text,
            found.get("workflow", "*"),
            found.get("status", ()),
            found.get("max_age"),
            found.get("max_count"),
            found.get("payload_max_age"),
        )

    def is_for(self, workflow_id: str, status: str) -> bool:
        """Whether it speaks of executions like this."""
        return fnmatch.fnmatchcase(workflow_id, self.workflow) and (
            not self.statuses or status in self.statuses
        )


def _statuses(value: str) -> tuple[str, ...]:
    words = tuple(word for word in value.split(",") if word)
    for word in words:
        if word not in _STATUSES:
            raise ValueError(f"holds status={word!r}; write one of {', '.join(_STATUSES)}")
    return words


def _age(value: str) -> int:
    return int(parse_duration(value, "s", is_whole=True))


_READERS: Final[dict[str, Any]] = {
    "workflow": str, "status": _statuses, "max_age": _age, "max_count": parse_count,
    "payload_max_age": _age,
}  # fmt: skip


def parse_rules(value: object) -> tuple[Rule, ...]:
    """Rules from a list of texts, or from one text with semicolons; ValueError."""
    texts = value.split(";") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str | Rule) for t in texts):
        raise ValueError(f"is {value!r}, not a list of rules such as 'workflow=etl max_age=7d'")
    return tuple(
        each if isinstance(each, Rule) else Rule.of(each.strip())
        for each in texts
        if isinstance(each, Rule) or each.strip()
    )
