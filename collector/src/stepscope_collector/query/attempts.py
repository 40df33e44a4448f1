"""The tries and the steps of one execution, as views `attempts` and `steps` have them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stepscope_collector.query.beside import Beside
from stepscope_collector.query.error_path import TreeSpan, find_error_step
from stepscope_collector.query.live import Clock, duration_of, span_hex, time_of
from stepscope_collector.query.load import parsed
from stepscope_collector.query.place import Place
from stepscope_collector.query.rows import Attempt, Cursor, ErrorStep, Step, fetch

__all__ = ["StoredSpan", "attempts_of", "error_step_of", "spans_of", "steps_of"]


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """An ended span of any role."""

    row: int
    """Its number within the transaction."""
    role: str | None
    is_folded: bool
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
    dialect: str
    trace_id: str
    span_id: int
    parent_span_id: int
    ingested_at: int
    error_stack: str | None = None
    """Read apart."""

    @property
    def has_error(self) -> bool:
        """Whether there may be a stack."""
        failed = self.status in {"failed", "timed_out"}
        return failed or self.error_type is not None or self.error_message is not None

    @property
    def is_attempt(self) -> bool:
        """Whether it is a try, and the only one to tell of it."""
        return self.role == "step" and not self.is_folded

    def in_tree(self) -> TreeSpan:
        """What tells whether it made its execution fail."""
        return TreeSpan(
            self.trace_id.replace("-", ""),
            span_hex(self.span_id),
            span_hex(self.parent_span_id),
            self.role,
            self.status,
            _step_id(self),
            self.name if self.step_name is None else self.step_name,
            1 if self.attempt is None else self.attempt,
            self.error_type,
            self.error_message,
            self.ended_unix_nano,
        )

    def attempt_of(self, execution_id: str) -> Attempt:
        """As view `attempts` has it."""
        started, ended = self.started_unix_nano, self.ended_unix_nano
        status = "unknown" if self.status is None else self.status
        return _attempt(execution_id, self, status, ended, max(started, ended))


@dataclass(frozen=True, slots=True)
class _Try:
    """A try that goes on, or that several spans or events tell together."""

    step_id: str | None
    step_name: str | None
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
    name: str | None = None
    """Of the span that goes on."""
    is_expected_retry: bool | None = None
    status: str | None = None
    """None: its span goes on."""
    status_native: str | None = None
    queued_unix_nano: int | None = None
    ended_unix_nano: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_stack: str | None = None

    def attempt_of(self, execution_id: str, clock: Clock) -> Attempt:
        """As view `attempts` has it."""
        status, seen = self.status, self.last_seen_unix_nano
        if status is None:
            has_begun = self.started_unix_nano > 0
            status = clock.live_status(seen, self.silence_ns, "lost") if has_begun else "queued"
        elif self.ended_unix_nano is None and status in {"running", "retrying"}:
            status = clock.open_status(status, seen, self.silence_ns, "lost")
        return _attempt(
            execution_id, self, status, self.ended_unix_nano, seen, self.queued_unix_nano
        )


def _step_id(row: StoredSpan | _Try) -> str:
    return (span_hex(row.span_id) or "") if row.step_id is None else row.step_id


def _attempt(
    execution_id: str,
    row: StoredSpan | _Try,
    status: str,
    ended_unix_nano: int | None,
    last_seen_unix_nano: int,
    queued_unix_nano: int | None = None,
) -> Attempt:
    started = row.started_unix_nano
    step_id = _step_id(row)
    names = (row.step_name, row.name, step_id)
    return Attempt(
        execution_id,
        step_id,
        next(name for name in names if name is not None),
        row.step_type,
        row.step_index,
        1 if row.attempt is None else row.attempt,
        row.max_attempts,
        row.is_expected_retry,
        status,
        row.status_native,
        time_of(queued_unix_nano),
        duration_of(queued_unix_nano, started),
        time_of(started),
        time_of(ended_unix_nano),
        duration_of(started, ended_unix_nano),
        time_of(last_seen_unix_nano),
        row.error_type,
        row.error_message,
        row.error_stack,
        row.dialect,
        row.trace_id.replace("-", ""),
        span_hex(row.span_id),
        span_hex(row.parent_span_id),
        row.ingested_at,
    )


def spans_of(reader: Cursor, place: Place) -> list[StoredSpan]:
    """The ended spans of the execution that lies there, in no order; `attempts_of` and all others take them."""
    spans = fetch(reader, StoredSpan, parsed(reader, "executions/spans"), place.bounds)
    rows = {span.row for span in spans if span.is_attempt and span.has_error}
    if not rows:
        return spans
    asked = {"execution_id": place.execution_id, "first": min(rows), "last": max(rows)}
    reader.execute(parsed(reader, "executions/stacks"), asked)
    stacks = {row: stack for row, stack in reader.fetchall() if row in rows}
    return [replace(span, error_stack=stacks.get(span.row)) for span in spans]


def error_step_of(place: Place, spans: Iterable[StoredSpan]) -> ErrorStep | None:
    """The step that made the execution fail; None: it did not fail, or no step did (R033)."""
    execution = place.execution
    if execution.status not in {"failed", "timed_out"}:
        return None
    in_order = sorted(spans, key=lambda span: (span.ended_unix_nano, span.span_id))
    error = (execution.error_type, execution.error_message)
    return find_error_step([span.in_tree() for span in in_order], error)


def attempts_of(
    reader: Cursor,
    place: Place,
    spans: Iterable[StoredSpan] | None = None,
    around: Beside | None = None,
) -> list[Attempt]:
    """Every try of every step of the execution that lies there, in order of start.

    Args:
        reader: inside a read-only transaction.
        place: of the execution.
        spans: `spans_of` it; None: they are read.
        around: what there is `beside` them; None: nobody has asked.
    """
    return sorted(_attempts(reader, place, spans, around), key=lambda a: (*_start(a), a.attempt))


def _attempts(
    reader: Cursor, place: Place, spans: Iterable[StoredSpan] | None, around: Beside | None
) -> Iterator[Attempt]:
    of, clock = place.execution_id, place.clock
    for span in spans_of(reader, place) if spans is None else spans:
        if span.is_attempt:
            yield span.attempt_of(of)
    bounds = {"execution_id": of}
    if around is None or around.has_open:
        for goes_on in fetch(reader, _Try, parsed(reader, "executions/open_attempts"), bounds):
            yield goes_on.attempt_of(of, clock)
    bounds["first_unix_nano"] = place.bounds["first_unix_nano"]
    if around is None or around.has_folded:
        for folded in fetch(reader, _Try, parsed(reader, "executions/folded_attempts"), bounds):
            yield folded.attempt_of(of, clock)


def steps_of(
    reader: Cursor,
    place: Place,
    spans: Iterable[StoredSpan] | None = None,
    around: Beside | None = None,
) -> list[Step]:
    """The steps of the execution that lies there, in order of step_index; arguments as of `attempts_of`."""
    tries: dict[str, list[Attempt]] = {}
    for attempt in _attempts(reader, place, spans, around):
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
