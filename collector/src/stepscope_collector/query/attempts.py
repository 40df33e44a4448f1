"""The tries and the steps of one execution, as views `attempts` and `steps` have them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stepscope_collector.query.live import Clock, duration_of, span_hex, time_of
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import Place
from stepscope_collector.query.rows import Attempt, Cursor, Step, fetch

__all__ = ["attempts_of", "steps_of"]

_OPEN: Final = frozenset({None, "running", "retrying"})
"""Of a try that has not ended: statuses that silence turns into lost. None: nothing but its start was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A try as it is stored: by its own span, by one that goes on, or by several spans or events together.

    What one of the three does not tell is None.
    """

    step_id: str | None
    step_name: str | None
    name: str | None = None
    step_type: str | None
    step_index: int | None
    attempt: int | None
    max_attempts: int | None
    is_expected_retry: bool | None = None
    status: str | None = None
    status_native: str | None = None
    queued_unix_nano: int | None = None
    started_unix_nano: int
    ended_unix_nano: int | None = None
    last_seen_unix_nano: int | None = None
    silence_ns: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_stack: str | None = None
    dialect: str
    trace_id: str
    span_id: int
    parent_span_id: int
    ingested_at: int

    def attempt_of(self, execution_id: str, clock: Clock) -> Attempt:
        span_id = span_hex(self.span_id)
        step_id = self.step_id if self.step_id is not None else span_id or ""
        name = self.step_name if self.step_name is not None else self.name
        started, ended = self.started_unix_nano, self.ended_unix_nano
        seen = self.last_seen_unix_nano
        if seen is None:
            seen = started if ended is None else max(started, ended)
        status = self.status
        if ended is None and status in _OPEN:
            status = clock.open_status(status, seen, self.silence_ns, "lost")
        return Attempt(
            execution_id,
            step_id,
            step_id if name is None else name,
            self.step_type,
            self.step_index,
            1 if self.attempt is None else self.attempt,
            self.max_attempts,
            self.is_expected_retry,
            "unknown" if status is None else status,
            self.status_native,
            time_of(self.queued_unix_nano),
            duration_of(self.queued_unix_nano, started),
            time_of(started),
            time_of(ended),
            duration_of(started, ended),
            time_of(seen),
            self.error_type,
            self.error_message,
            self.error_stack,
            self.dialect,
            self.trace_id.replace("-", ""),
            span_id,
            span_hex(self.parent_span_id),
            self.ingested_at,
        )


def attempts_of(reader: Cursor, place: Place) -> list[Attempt]:
    """Every try of every step of the execution that lies there, in order of start."""
    return sorted(_attempts(reader, place), key=lambda a: (*_start(a), a.attempt))


def _attempts(reader: Cursor, place: Place) -> Iterator[Attempt]:
    of = {"execution_id": place.execution_id}
    since = {**of, "first_unix_nano": place.bounds["first_unix_nano"]}
    for statement, bounds in (
        ("executions/attempts", place.bounds),
        ("executions/open_attempts", of),
        ("executions/folded_attempts", since),
    ):
        for told in fetch(reader, _Told, sql(statement), bounds):
            yield told.attempt_of(place.execution_id, place.clock)


def steps_of(reader: Cursor, place: Place) -> list[Step]:
    """The steps of the execution that lies there, in order of step_index."""
    tries: dict[str, list[Attempt]] = {}
    for attempt in _attempts(reader, place):
        tries.setdefault(attempt.step_id, []).append(attempt)
    # Rank by the first start, ties by the span of the final try.
    found = sorted(
        ((_first_start(of_step), _final(of_step), of_step) for of_step in tries.values()),
        key=lambda step: (*_last(step[0]), *_last(step[1].span_id)),
    )
    steps = [
        _step(rank, first_started_at, final, of_step)
        for rank, (first_started_at, final, of_step) in enumerate(found)
    ]
    return sorted(steps, key=lambda step: step.step_index)


def _step(rank: int, first_started_at: int | None, final: Attempt, tries: list[Attempt]) -> Step:
    first = min(tries, key=lambda a: (a.attempt, *_start(a)))
    return Step(
        final.execution_id,
        rank if final.step_index is None else final.step_index,
        final.step_id,
        final.step_name,
        final.step_type,
        final.attempt,
        len(tries),
        final.max_attempts,
        final.is_expected_retry,
        final.status,
        final.status_native,
        first.queued_at,
        first.wait_ns,
        first_started_at,
        final.started_at,
        final.ended_at,
        final.duration_ns,
        final.last_seen_at,
        final.error_type,
        final.error_message,
        final.error_stack,
        final.dialect,
        final.trace_id,
        final.span_id,
        final.parent_span_id,
        final.ingested_at,
    )


def _first_start(tries: list[Attempt]) -> int | None:
    return min((a.started_at for a in tries if a.started_at is not None), default=None)


def _final(tries: list[Attempt]) -> Attempt:
    """The try with the greatest number, of several the one that started last."""
    return max(tries, key=lambda a: (a.attempt, *_known(a.started_at), *_known(a.span_id)))


def _start(attempt: Attempt) -> tuple[bool, int | str, bool, int | str]:
    return *_last(attempt.started_at), *_last(attempt.span_id)


def _last(value: int | str | None) -> tuple[bool, int | str]:
    """A value to sort by, with null last."""
    return (True, 0) if value is None else (False, value)


def _known(value: int | str | None) -> tuple[bool, int | str]:
    """A value to sort by, with null least."""
    return (False, 0) if value is None else (True, value)
