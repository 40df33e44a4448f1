"""Which executions are to be removed, and why: a question to the history, which changes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stepscope_collector.config import RetentionConfig
from stepscope_collector.query.load import sql
from stepscope_collector.retention.room import Room
from stepscope_collector.store import Database
from stepscope_collector.store.survey import Starts

__all__ = ["Due", "Plan", "RuleCount", "make_plan", "merged"]

_NO_LIMIT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Due:
    """An execution whose time is up, or whose payloads' time is."""

    execution_id: str
    workflow_id: str
    reason: str | None
    """age, count or bytes; None: only its payloads."""
    rule: int | None
    """Position in retention.rules; None: the settings for all."""
    bytes: int
    """Estimated, of what goes."""
    starts: Starts
    has_payloads_due: bool
    rows: int = 1
    """Of its spans, and itself."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What one rule removes."""

    rule: str
    """Name of the setting, or the text of one of `retention.rules`."""
    executions: int
    bytes: int
    """Estimated: their part of the file by spans, payloads and log records."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due at one moment."""

    due: Sequence[Due]
    planned_at: datetime
    """UTC without zone, before the history was asked."""
    used_bytes: int
    needed_bytes: int = 0
    """Bytes that must go for `max_bytes`."""

    @property
    def executions(self) -> list[Due]:
        """Those that are to be removed."""
        return [each for each in self.due if each.reason is not None]

    @property
    def payloads(self) -> list[Due]:
        """Those that stay without their payloads."""
        return [each for each in self.due if each.reason is None]

    def counts(self, config: RetentionConfig) -> list[RuleCount]:
        """What each rule removes, in the order of the settings."""
        return merged([RuleCount(_name(each, config), 1, each.bytes) for each in self.due])


def merged(counts: Sequence[RuleCount]) -> list[RuleCount]:
    """One row per rule."""
    numbers, sizes = Counter[str](), Counter[str]()
    for each in counts:
        numbers[each.rule] += each.executions
        sizes[each.rule] += each.bytes
    return [RuleCount(name, numbers[name], sizes[name]) for name in sorted(numbers)]


def _name(due: Due, config: RetentionConfig) -> str:
    if due.rule is not None:
        return config.rules[due.rule].text
    return {"age": "max_age_s", "count": "max_count", "bytes": "max_bytes"}.get(
        due.reason or "", "payload_max_age_s"
    )


def make_plan(
    database: Database,
    config: RetentionConfig,
    now_ns: int,
    room: Room,
    *,
    workflow: str = "*",
    with_bytes: bool = False,
    most: int = _NO_LIMIT,
) -> Plan:
    """What is due now.

    Args:
        database: the history.
        config: the limits.
        now_ns: the time, ns since the epoch.
        room: the sizes, and what must go for `max_bytes`.
        workflow: only workflows whose id is like this; `*` and `?` stand for characters.
        with_bytes: estimate bytes also when no limit needs them.
        most: executions at most, the longest ended first.
    """
    planned_at = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
    needed_bytes, used_bytes = room.needed_bytes, room.live_bytes
    if not needed_bytes:  # what the log holds is not in the file yet, and all of a young history
        used_bytes += room.log_bytes
    if not (needed_bytes or with_bytes or config.is_any_but_bytes):
        return Plan([], planned_at, used_bytes)
    rules = config.rules
    given: dict[str, Any] = {
        "now": now_ns,
        "max_age": config.max_age_s,
        "max_count": config.max_count,
        "payload_age": config.payload_max_age_s,
        "failed_age": config.failed_max_age_s,
        "slow_age": config.slow_max_age_s,
        "sample_age": config.sample_max_age_s,
        "sample_percent": config.sample_percent,
        "rule_numbers": list(range(len(rules))),
        "rule_workflows": [rule.workflow for rule in rules],
        "rule_statuses": [",".join(rule.statuses) for rule in rules],
        "rule_ages": [rule.max_age_s for rule in rules],
        "rule_counts": [rule.max_count for rule in rules],
        "rule_payload_ages": [rule.payload_max_age_s for rule in rules],
        "workflow": workflow,
        "need": needed_bytes,
        "with_bytes": with_bytes or needed_bytes > 0,
        "used": used_bytes,
        "most": most,
    }
    with database.read() as connection:
        rows = connection.execute(sql("retention/candidates"), given).fetchall()
    due = [
        Due(execution_id, workflow_id, reason, rule, size, Starts(first, last), has_payloads, count)
        for execution_id, workflow_id, reason, rule, size, first, last, has_payloads, count in rows
    ]
    return Plan(due, planned_at, used_bytes, needed_bytes)
