"""Makes the database file as small as what is in it, while the server goes on.

DuckDB uses the space of removed rows again and gives it back to the disk only where it lies at the end of the
file. So everything is copied to a new file: from one snapshot, while commits go on and are noted in memory;
then they are done again on the copy, the last ones between two commits, and the copy takes the file's name
(docs/decisions/compaction.md).
"""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from stepscope_collector.decode.batch import Plan
from stepscope_collector.errors import StepscopeError, StoreUnavailable
from stepscope_collector.retention.work import Work
from stepscope_collector.store import Connection, Database
from stepscope_collector.store.backup import Backup
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.engine import EngineError, connect_again, connect_released
from stepscope_collector.store.journal import Commit, Journal, Unnoted
from stepscope_collector.store.migrate import row_counts
from stepscope_collector.store.recover import find_damage

__all__ = ["Compacted", "compact"]

logger = logging.getLogger(__name__)

_FEW: Final = 3
"""Entries left that are done again while commits wait."""
_TURNS: Final = 3
_WHILE_S: Final = 0.06
_IDLE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction has done."""

    before_bytes: int
    """Size of the file."""
    after_bytes: int
    elapsed_ns: int
    waited_ns: int
    """For so long commits waited at its end."""


def compact(database: Database, work: Work) -> Compacted:
    """Exchange the file for a copy without free space; readers see the same.

    Args:
        database: a file.
        work: runs what needs the writer.

    Raises:
        StoreUnavailable: a backup is being made, no space, too much came in meanwhile, or a statement does not
            end; the file is as it was.
    """
    _refuse_if_held(database)
    began_ns = time.monotonic_ns()
    journal = Journal()
    mapping: list[Any] = []

    def begin(connection: Connection) -> None:
        def run(committer: Committer, _: Plan) -> None:
            committer.ensure_open()
            connection.execute("begin")
            connection.execute("select count(*) from stored.schema_version").fetchall()
            mapping.append(committer.mapping)
            committer.journal = journal

        work(Unnoted(run))

    try:
        with database.copied(begin) as copy:
            assert database.path is not None
            before = database.path.stat().st_size
            waited_ns = _catch_up(database, work, copy, journal, mapping[0])
            after = database.path.stat().st_size
    finally:
        with suppress(StepscopeError):
            work(Unnoted(lambda committer, _: committer.end_journal()))
    done = Compacted(before, after, time.monotonic_ns() - began_ns, waited_ns)
    logger.info("database compacted", extra={"before": before, "after": after})
    return done


def _refuse_if_held(database: Database) -> None:
    if database.overdue:
        raise StoreUnavailable(
            f"statements of users go on after their time and hold the file: {database.overdue}",
            hint="try again later, or start the server again",
        )


def _catch_up(
    database: Database,
    work: Work,
    copy: Backup,
    journal: Journal,
    mapping: Any,
) -> int:
    """Bring the copy up to date and exchange the files; for how long commits waited, ns."""
    quiet = replace(database.config, threads=1, checkpoint_threshold_bytes=2**30)
    root = connect_released(copy.path, quiet, _IDLE_S)
    try:
        if sum(row_counts(root).values()) != copy.rows or find_damage(root, None) is not None:
            raise StoreUnavailable("the copy is not what was copied; check the disk")
        other = Committer(connect_again(root), mapping)
        repeat = _Repeat(other, journal)
        for _ in range(_TURNS):  # while commits go on
            repeat.until(len(journal.entries))
        while repeat.left > _FEW:  # more quickly than further ones come
            work(Unnoted(lambda _committer, _plan: repeat.for_a_while()))
        root.execute("checkpoint")
        database.wait_until_idle(_IDLE_S)
        work(Unnoted(lambda committer, _: committer.checkpoint()))
        database.wait_until_idle(_IDLE_S)

        def swap(committer: Committer, _: Plan) -> int:
            began_ns = time.monotonic_ns()
            if committer.journal is not journal:  # what was committed since the copy does not know
                raise StoreUnavailable("the database was opened again meanwhile; nothing is lost")
            repeat.until(len(journal.entries))
            _refuse_if_held(database)  # it cannot be closed, nor opened again
            root.execute("checkpoint")
            other.connection.close()
            root.close()
            try:
                committer.move(database.swap(copy.path))
            except BaseException:
                committer.stop()
                raise
            return time.monotonic_ns() - began_ns

        return work(Unnoted(swap))
    except EngineError as error:
        raise StoreUnavailable(f"the compaction failed: {error}") from error
    finally:
        root.close()


class _Repeat:
    """Does on the copy what was done to the database."""

    def __init__(self, other: Committer, journal: Journal) -> None:
        self._other = other
        self._journal = journal
        self._done = 0

    @property
    def left(self) -> int:
        """Entries that are not done."""
        return len(self._journal.entries) - self._done

    def for_a_while(self) -> None:
        """Do the next ones, for as long as commits may wait; at least two, as one may have come since."""
        deadline_s = time.monotonic() + _WHILE_S
        self.until(self._done + 2)
        while self.left and time.monotonic() < deadline_s:
            self.until(self._done + 1)

    def until(self, end: int) -> None:
        """Do those before a position in the journal."""
        if self._journal.is_full:
            raise StoreUnavailable(
                "more came in during the compaction than it keeps",
                hint="try again at a quieter time",
            )
        other = self._other
        for entry in self._journal.entries[self._done : end]:
            if isinstance(entry, Commit):
                if other.mapping is not entry.mapping:
                    other.use(entry.mapping)
                other.commit(entry.group, entry.now, entry.now_ns)
            else:
                entry.run(other, entry.plan)
            self._done += 1
