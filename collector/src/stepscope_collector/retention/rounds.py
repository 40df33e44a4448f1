"""Removes what is due in rounds on the writer thread, between commits, each of which is to take 60 ms.

Commits and questions wait for a round, so it has to be short; and every round has a price whatever it removes,
so it has to be worth it: what it has to know is asked of the whole history. How many rows one takes follows from how
long the ones before took. While senders wait for room they take longer, or removal does not keep up with them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from stepscope_collector.decode.batch import Plan as DecoderPlan
from stepscope_collector.retention.plan import Due
from stepscope_collector.retention.work import Work
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.eraser import Erased
from stepscope_collector.store.survey import Starts, survey
from stepscope_collector.telemetry import Telemetry

__all__ = ["Rounds"]

_ROUND_S: Final = 0.06
"""What a round is to take."""
_URGENT_ROUND_S: Final = 0.15
"""While senders wait for room, which it makes faster than they fill it: their answers are no later."""
_FIRST: Final = 10_000
_LEAST: Final = 10_000
"""Rows; fewer take hardly less time: under load its statements take 60 ms whatever they remove."""
_MOST: Final = 40_000
_URGENT_MOST: Final = 150_000
_LONG_NS: Final = 3600 * 10**9


class Rounds:
    """Runs rounds, one after the other.

    Args:
        database: the history.
        work: runs a round.
        telemetry: counts what was removed, and how long it took.
        clock: the time in ns since the epoch, that tombstones begin with.
        is_urgent: whether senders wait for what is removed.
    """

    def __init__(
        self,
        database: Database,
        work: Work,
        telemetry: Telemetry,
        clock: Callable[[], int],
        is_urgent: Callable[[], bool],
    ) -> None:
        self._database = database
        self._work = work
        self._telemetry = telemetry
        self._clock = clock
        self._is_urgent = is_urgent
        self._rows = _FIRST
        self._seen_at = datetime(1970, 1, 1)  # noqa: DTZ001 UTC without zone, as the columns are
        """The writer had seen it: what is committed from then on has this time or a later one."""

    def begin(self) -> int:
        """Before what is due is asked for; the time of `clock`, as the writer has seen it.

        What is committed later has a later time, so that no commit goes unnoticed that was under way.
        """
        self._seen_at, now_ns = self._work(lambda _committer, _plan: (_real_now(), self._clock()))
        return now_ns

    def chunks(self, due: Sequence[Due]) -> Iterator[Sequence[Due]]:
        """What each round is to remove, as many as the rounds before have shown to be right.

        Near each other in time, those that took long apart: so a round looks at little else.
        """
        due = sorted(due, key=_nearness)
        place = 0
        while place < len(due):
            end, rows = place, 0
            while end < len(due) and (end == place or rows + due[end].rows <= self._rows):
                rows += due[end].rows
                end += 1
            yield due[place:end]
            place = end

    def prune(self, chunk: Sequence[Due], planned_at: datetime) -> tuple[Erased, int]:
        """Remove executions; the rows, and for how many ns the writer was at it; StoreUnavailable."""
        ids, starts = _ids_and_starts(chunk)
        with self._database.read(is_fresh=False) as connection:
            known = survey(connection, ids, starts, self._seen_at)
        return self._run(
            chunk,
            lambda committer: committer.prune(ids, starts, planned_at, _now(self._clock()), known),
        )

    def prune_payloads(self, chunk: Sequence[Due], planned_at: datetime) -> tuple[Erased, int]:
        """Remove payloads of executions; as `prune`."""
        ids, starts = _ids_and_starts(chunk)
        return self._run(chunk, lambda committer: committer.prune_payloads(ids, starts, planned_at))

    def _run(
        self, chunk: Sequence[Due], erase: Callable[[Committer], Erased]
    ) -> tuple[Erased, int]:
        def run(committer: Committer, _: DecoderPlan) -> tuple[Erased, int, datetime]:
            began_ns = time.monotonic_ns()
            erased = erase(committer)
            elapsed_ns = time.monotonic_ns() - began_ns
            committer.make_room(erased.spans + erased.executions)
            return erased, elapsed_ns, _real_now()

        erased, elapsed_ns, self._seen_at = self._work(run)
        self._telemetry.observe("stepscope_prune_round_duration_seconds", elapsed_ns / 1e9)
        self._adjust(sum(each.rows for each in chunk), elapsed_ns)
        for what, rows in asdict(erased).items():
            if rows:
                self._telemetry.add("stepscope_removed_rows_total", rows, what, "due")
        return erased, elapsed_ns

    def _adjust(self, rows: int, elapsed_ns: int) -> None:
        """Take more or fewer rows from now on; a round that could have taken more says nothing about that."""
        round_s, most = (_URGENT_ROUND_S, _URGENT_MOST) if self._is_urgent() else (_ROUND_S, _MOST)
        factor = min(1.5, max(0.5, round_s * 1e9 / elapsed_ns))
        if factor < 1 or rows > self._rows // 2:
            self._rows = max(_LEAST, min(most, int(self._rows * factor)))


def _nearness(due: Due) -> tuple[bool, int]:
    return due.starts.last - due.starts.first > _LONG_NS, due.starts.first


def _ids_and_starts(chunk: Sequence[Due]) -> tuple[list[str], Starts]:
    starts = Starts(
        min(each.starts.first for each in chunk), max(each.starts.last for each in chunk)
    )
    return [each.execution_id for each in chunk], starts


def _real_now() -> datetime:
    return _now(time.time_ns())


def _now(now_ns: int) -> datetime:
    return datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
