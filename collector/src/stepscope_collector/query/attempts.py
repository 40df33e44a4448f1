"""The tries and the steps of one execution, as views `attempts` and `steps` have them."""

from collections.abc import Iterator
from dataclasses import dataclass

from stepscope_collector.query.live import Clock, duration_of, span_hex, time_of
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import Place
from stepscope_collector.query.rows import Attempt, Cursor, Step, fetch

__all__ = ["attempts_of", "steps_of"]


@dataclass(frozen=True, slots=True)
class _StoredAttempt:
    """A try that its own span tells."""

    step_id: str | None
    step_name: str | None
    name: str
    step_type: str | None
    step_index: int | None
    attempt: int | None
    max_attempts: int | None
    is_expected_retry: bool | None
    status: str | None
    status_native: str | None
    started_unix_nano: int
    ended_unix_nano: int
    error_type: str | None
    error_message: str | None
    error_stack: str | None
    dialect: str
    trace_id: str
    span_id: int
    parent_span_id: int
    ingested_at: int

    def attempt_of(self, execution_id: str, _: Clock) -> Attempt:
        started, ended = self.started_unix_nano, self.ended_unix_nano
        return Attempt(
            execution_id,
            span_hex(self.span_id) or "" if self.step_id is None else self.step_id,
            self.name if self.step_name is None else self.step_name,
            self.step_type,
            self.step_index,
            1 if self.attempt is None else self.attempt,
            self.max_attempts,
            self.is_expected_retry,
            "unknown" if self.status is None else self.status,
            self.status_native,
            None,
            None,
            time_of(started),
            time_of(ended),
            duration_of(started, ended),
            time_of(max(started, ended)),
            self.error_type,
            self.error_message,
            self.error_stack,
            self.dialect,
            self.trace_id.replace("-", ""),
            span_hex(self.span_id),
            span_hex(self.parent_span_id),
            self.ingested_at,
        )


@dataclass(frozen=True, slots=True)
class _OpenAttempt:
    """A try that goes on."""

    step_id: str | None
    step_name: str | None
    name: str
    step_type: str | None
    step_index: int | None
    attempt: int | None
    max_attempts: int | None
    started_unix_nano: int
    last_seen_unix_nano: int
    silence_ns: int | None
    dialect: str
    trace_id: str
    span_id: int
    parent_span_id: int
    ingested_at: int

    def attempt_of(self, execution_id: str, clock: Clock) -> Attempt:
        return Attempt(
            execution_id,
            span_hex(self.span_id) or "" if self.step_id is None else self.step_id,
            self.name if self.step_name is None else self.step_name,
            self.step_type,
            self.step_index,
            1 if self.attempt is None else self.attempt,
            self.max_attempts,
            None,
            clock.live_status(self.last_seen_unix_nano, self.silence_ns, "lost"),
            None,
            None,
            None,
            time_of(self.started_unix_nano),
            None,
            None,
            time_of(self.last_seen_unix_nano),
            None,
            None,
            None,
            self.dialect,
            self.trace_id.replace("-", ""),
            span_hex(self.span_id),
            span_hex(self.parent_span_id),
            self.ingested_at,
        )


@dataclass(frozen=True, slots=True)
class _FoldedAttempt:
    """A try that several spans, or events, tell together."""

    step_id: str
    step_name: str | None
    step_type: str | None
    step_index: int | None
    attempt: int
    max_attempts: int | None
    is_expected_retry: bool | None
    status: str
    status_native: str | None
    queued_unix_nano: int | None
    started_unix_nano: int
    ended_unix_nano: int | None
    last_seen_unix_nano: int
    silence_ns: int | None
    error_type: str | None
    error_message: str | None
    error_stack: str | None
    dialect: str
    trace_id: str
    span_id: int
    parent_span_id: int
    ingested_at: int

    def attempt_of(self, execution_id: str, clock: Clock) -> Attempt:
        status, seen = self.status, self.last_seen_unix_nano
        if self.ended_unix_nano is None and status in {"running", "retrying"}:
            status = clock.open_status(status, seen, self.silence_ns, "lost")
        return Attempt(
            execution_id,
            self.step_id,
            self.step_id if self.step_name is None else self.step_name,
            self.step_type,
            self.step_index,
            self.attempt,
            self.max_attempts,
            self.is_expected_retry,
            status,
            self.status_native,
            time_of(self.queued_unix_nano),
            duration_of(self.queued_unix_nano, self.started_unix_nano),
            time_of(self.started_unix_nano),
            time_of(self.ended_unix_nano),
            duration_of(self.started_unix_nano, self.ended_unix_nano),
            time_of(seen),
            self.error_type,
            self.error_message,
            self.error_stack,
            self.dialect,
            self.trace_id.replace("-", ""),
            span_hex(self.span_id),
            span_hex(self.parent_span_id),
            self.ingested_at,
        )


def attempts_of(reader: Cursor, place: Place) -> list[Attempt]:
    """Every try of every step of the execution that lies there, in order of start."""
    return sorted(_attempts(reader, place), key=lambda a: (*_start(a), a.attempt))


def _attempts(reader: Cursor, place: Place) -> Iterator[Attempt]:
    of, clock = place.execution_id, place.clock
    for stored in fetch(reader, _StoredAttempt, sql("executions/attempts"), place.bounds):
        yield stored.attempt_of(of, clock)
    bounds = {"execution_id": of}
    for goes_on in fetch(reader, _OpenAttempt, sql("executions/open_attempts"), bounds):
        yield goes_on.attempt_of(of, clock)
    bounds["first_unix_nano"] = place.bounds["first_unix_nano"]
    for folded in fetch(reader, _FoldedAttempt, sql("executions/folded_attempts"), bounds):
        yield folded.attempt_of(of, clock)


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
