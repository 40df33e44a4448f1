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
from stepscope_collector.store.engine import Connection
from stepscope_collector.store.survey import Starts

__all__ = ["Due", "Plan", "RuleCount", "foresee", "make_plan", "merged", "used_bytes"]

_COUNTED_AT_ONCE: Final = 250_000
"""Executions: their ids and numbers take some 50 MB of the engine's memory."""


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
        return merged(
            [RuleCount(_name(each.reason, each.rule, config), 1, each.bytes) for each in self.due]
        )


def merged(counts: Sequence[RuleCount]) -> list[RuleCount]:
    """One row per rule."""
    numbers, sizes = Counter[str](), Counter[str]()
    for each in counts:
        numbers[each.rule] += each.executions
        sizes[each.rule] += each.bytes
    return [RuleCount(name, numbers[name], sizes[name]) for name in sorted(numbers)]


def _name(reason: str | None, rule: int | None, config: RetentionConfig) -> str:
    if rule is not None:
        return config.rules[rule].text
    return {"age": "max_age_s", "count": "max_count", "bytes": "max_bytes"}.get(
        reason or "", "payload_max_age_s"
    )


def make_plan(
    database: Database,
    config: RetentionConfig,
    now_ns: int,
    room: Room,
    *,
    workflow: str = "*",
    most: int,
) -> Plan:
    """What is due now, the longest ended first.

    Args:
        database: the history.
        config: the limits.
        now_ns: the time, ns since the epoch.
        room: the sizes, and what must go for `max_bytes`.
        workflow: only workflows whose id is like this; `*` and `?` stand for characters.
        most: executions at most that are removed, and as many whose payloads are.
    """
    planned_at = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
    needed_bytes = room.needed_bytes
    if not (needed_bytes or config.is_any_but_bytes):
        return Plan([], planned_at, used_bytes(room))
    with database.read() as connection:
        given = _given(connection, config, now_ns, room, workflow, with_bytes=needed_bytes > 0)
        rows = connection.execute(
            _text("due"), given | {"after": -1, "freed": 0, "need": needed_bytes, "most": most}
        ).fetchall()
        if len(rows) < most and _has_payload_ages(config):
            after = max((turn for *_, turn in rows), default=-1)
            rows += connection.execute(
                _text("stripped"), given | {"after": after, "most": most}
            ).fetchall()
    due = [
        Due(execution_id, workflow_id, reason, rule, round(size), Starts(first, last), count)
        for execution_id, workflow_id, reason, rule, size, first, last, count, _ in rows
    ]
    return Plan(due, planned_at, used_bytes(room), needed_bytes)


def foresee(
    database: Database, config: RetentionConfig, now_ns: int, room: Room, *, workflow: str = "*"
) -> list[RuleCount]:
    """How much of what is due now each rule removes; as `make_plan`, however much it is.

    It is asked part by part, so that it takes no more memory the more it is.
    """
    counts: list[RuleCount] = []
    after, freed = -1, 0.0
    with database.read() as connection:
        given = _given(connection, config, now_ns, room, workflow, with_bytes=True)
        for name in ("due", "stripped") if _has_payload_ages(config) else ("due",):
            text = sql("retention/due_counts").replace("{due}", _text(name))
            is_left = True
            while is_left:
                asked = given | {"after": after, "most": _COUNTED_AT_ONCE}
                if name == "due":
                    asked |= {"need": room.needed_bytes, "freed": freed}
                rows = connection.execute(text, asked).fetchall()
                for reason, rule, executions, size, _ in rows:
                    counts.append(RuleCount(_name(reason, rule, config), executions, round(size)))
                freed += sum(size for _, _, _, size, _ in rows)
                after = max((turn for *_, turn in rows), default=after)
                is_left = sum(executions for _, _, executions, _, _ in rows) >= _COUNTED_AT_ONCE
    return merged(counts)


def used_bytes(room: Room) -> int:
    """What the history takes, as its executions share it.

    What the log holds is not in the file yet, and all of a young history; of what must go for `max_bytes` it is no part.
    """
    return room.live_bytes + (0 if room.needed_bytes else room.log_bytes)


def _given(
    connection: Connection,
    config: RetentionConfig,
    now_ns: int,
    room: Room,
    workflow: str,
    *,
    with_bytes: bool,
) -> dict[str, Any]:
    weight = 0
    if with_bytes:
        ((weight,),) = connection.execute(sql("retention/weight")).fetchall()
    rules = config.rules
    return {
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
        "has_counts": any([config.max_count, *(rule.max_count for rule in rules)]),
        "workflow": workflow,
        "with_bytes": with_bytes,
        "weight": weight or 1,
        "used": used_bytes(room) if with_bytes else 0,
    }


def _has_payload_ages(config: RetentionConfig) -> bool:
    return any([config.payload_max_age_s, *(rule.payload_max_age_s for rule in config.rules)])


def _text(name: str) -> str:
    return sql(f"retention/{name}").replace("{judged}", sql("retention/judged"))
