"""One transaction of the writer thread: everything of a group of requests, or nothing."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Described
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.engine import (
    Connection,
    EngineError,
    checkpoint,
    damage_in,
    has_stopped,
    refusal,
)
from stepscope_collector.store.eraser import YOUNG, Erased, Eraser, Names
from stepscope_collector.store.group import Group
from stepscope_collector.store.headroom import Headroom
from stepscope_collector.store.journal import Commit, Journal, Other, Unnoted
from stepscope_collector.store.known import IdSet, KnownExecutions
from stepscope_collector.store.log_limit import UNLIMITED, LogLimit, LogLimiter, note_drops
from stepscope_collector.store.span_writer import Mapping, SpanWriter, Written
from stepscope_collector.store.statements import Prepared, statement
from stepscope_collector.store.survey import Starts, Survey
from stepscope_collector.store.tombstones import Tombstones

__all__ = ["Committer"]

_RENEW_ROWS: Final = 3_000_000
"""After which what the engine keeps for their row groups is worth a moment in which everybody waits."""
_INCOMING = (
    "incoming_spans",
    "incoming_shapes",
    "incoming_payloads",
    "incoming_resources",
    "incoming_scopes",
    "incoming_logs",
    "incoming_metrics",
    "incoming_requests",
    "incoming_rejections",
)


@dataclass(slots=True)
class Committer:
    """The only code that writes the history; used by the writer thread alone."""

    connection: Connection
    mapping: Mapping
    reopen: Callable[[str | None], Connection] | None = None
    """Opens the database again after its engine has stopped, or begins a new one after the damage
    named; None: it stays stopped."""
    committed: Callable[[], None] | None = None
    """Called after each commit, before anything is acknowledged."""
    generation: int = 0
    """Counts the databases written to: what is remembered of an earlier one may be gone."""
    journal: Journal | None = None
    """What is done from now on is noted there, to be done again on a copy; None: nothing is."""
    log_limit: LogLimit = UNLIMITED
    """Of each execution."""
    id_set: Callable[[], IdSet | None] = lambda: None
    """Makes an empty one; what it gives, and whether it is there, makes no difference but in CPU."""
    headroom: Headroom | None = None
    """Keeps room in the engine's memory, told of each commit by the writer; None: nobody does."""
    known: KnownExecutions = field(init=False)
    """Has to be filled from the file, beside the writer."""
    _spans: SpanWriter = field(init=False)
    _tombstones: Tombstones = field(init=False)
    _eraser: Eraser = field(init=False)
    _logs: LogLimiter = field(init=False)
    _sql: Prepared = field(init=False)
    _rows: int = 0
    """Written or removed since the file was opened: spans, log records and points."""
    _is_stopped: bool = False
    _damage: str | None = None

    def __post_init__(self) -> None:
        self.known = KnownExecutions(self.id_set)
        self._logs = LogLimiter(self.connection, self.log_limit)
        self._begin()

    def _begin(self) -> None:
        """What belongs to the connection."""
        self._rows = 0
        self._tombstones = Tombstones(self.connection)
        self._eraser = Eraser(self.connection)
        self._spans = self._span_writer(self.connection, self.mapping)
        self._sql = Prepared(self.connection)

    def use(self, mapping: Mapping) -> None:
        """Map with other profiles from the next transaction on.

        Raises:
            StoreUnavailable: not now; the ones before stay.
        """
        with self._engine() as connection:
            self._spans = self._span_writer(connection, mapping)
            self.mapping = mapping

    def _span_writer(self, connection: Connection, mapping: Mapping) -> SpanWriter:
        return SpanWriter(connection, mapping, self._tombstones, self.known)

    def note_profiles(self, told: Described[str, str], now: datetime) -> None:
        """Keep what the profiles in force say of themselves, for those who ask the file.

        Args:
            told: JSON by name.
            now: UTC time without zone.

        Raises:
            StoreUnavailable: not now; all stays as it was.
        """
        given: dict[str, Any] = {"names": list(told), "told": list(told.values())}
        with self.transaction():
            self._sql.run("profiles/forget", **given)
            self._sql.run("profiles/note", **given, now=now)

    def commit(self, group: Group, now: datetime, now_ns: int) -> Written:
        """Write the group and commit; the rows are on disk when this returns.

        Args:
            group: at least one stream.
            now: UTC time without zone.
            now_ns: the same in ns since the epoch.

        Raises:
            StoreUnavailable: the disk or memory is at its limit; nothing of the group was written.
            Unwritable: DuckDB refuses some row of it; nothing of the group was written.
        """
        with self.transaction():
            dropped = self._limit_logs(group, now)
            written = self.write(group, now, now_ns)._replace(dropped_logs=tuple(dropped))
        self._logs.committed()
        if self.journal is not None:
            self.journal.add(Commit(group, now, now_ns, self.mapping), written.rows)
        return written

    def note(self, run: Callable[..., Any], plan: Any) -> None:
        """Note something else that was done with this committer and the decoder's plan."""
        if self.journal is not None and not isinstance(run, Unnoted):
            self.journal.add(Other(run, plan), 0)

    def move(self, connection: Connection) -> None:
        """Go on with the writer of another file that holds the same."""
        self.connection = connection
        self.journal = None
        self.__post_init__()

    @property
    def wants_renewal(self) -> bool:
        """Whether the engine by now keeps much for the row groups that were written."""
        return self._rows >= _RENEW_ROWS

    def renew(self, renew: Callable[[], Connection | None]) -> bool:
        """Go on with the same file after it was opened again, unless it is in use; whether it was.

        Args:
            renew: as `Database.renew`.

        Raises:
            StoreUnavailable: not now; it is opened before anything else is done.
        """
        if self._is_stopped:
            self.ensure_open()
            return False
        if self.journal is not None:
            return False
        before = self._spans
        try:
            with self._engine():
                connection = renew()
                if connection is None:
                    return False
                self.connection = connection
                self.generation += 1  # the file may be a new one, if the one before was damaged
                self._begin()
                self._spans.large.due_s = before.large.due_s
                self._logs.use(connection)
        except BaseException:
            self.stop()
            with suppress(StoreUnavailable):  # at once, for the sake of readers
                self.ensure_open()
            raise
        return True

    def renew_if_due(self, renew: Callable[[], Connection | None]) -> None:
        """The same for a command, after each piece of its work; what fails is left to the next one."""
        if self.wants_renewal:
            with suppress(StoreUnavailable):
                self.renew(renew)

    def end_journal(self) -> None:
        """Note nothing any more."""
        self.journal = None

    def stop(self) -> None:
        """Open the database again before anything else is done."""
        self.journal = None
        self._is_stopped = True

    def set_aside(self, damage: str) -> None:
        """Set the file aside, as it is damaged, and go on with a new one.

        Raises:
            StoreUnavailable: not now; it is done before anything else is.
        """
        self.stop()
        self._damage = damage
        self.ensure_open()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction around the block: what it writes is on disk after it, or nothing is.

        Raises:
            StoreUnavailable, Unwritable: as `commit`.
        """
        try:
            with self._engine() as connection:
                connection.execute("begin")
                yield connection
                self._spans.release()
                connection.execute("commit")
            if self.committed is not None:
                self.committed()
        except BaseException:
            self._roll_back()
            raise
        finally:
            # not before: a connection whose transaction failed refuses even this
            with suppress(EngineError):
                for name in _INCOMING:
                    self.connection.unregister(name)

    @property
    def has_unfolded(self) -> bool:
        """Whether any large trace waits to be folded."""
        return self._spans.has_unfolded

    def fold_later(self, now: datetime, now_ns: int) -> bool:
        """Fold the large trace that has waited longest, if that is long enough; whether there was one.

        Raises:
            StoreUnavailable, Unwritable: as `commit`.
        """
        with self.transaction():
            return self._spans.fold_later(now, now_ns)

    def write(self, group: Group, now: datetime, now_ns: int, *, may_wait: bool = True) -> Written:
        """Write the group inside a `transaction`.

        Args:
            group: as `commit`.
            now: as `commit`.
            now_ns: as `commit`.
            may_wait: large traces may be folded later.
        """
        self._insert("resources", group.resources)
        self._insert("scopes", group.scopes)
        written = Written(0, 0)
        if group.spans is not None:
            written = self._spans.write(group.spans, now, now_ns, may_wait=may_wait)
        if group.log_drops:
            note_drops(self.connection, group.log_drops, now)
        self._insert("logs", group.kept_logs if group.log_drops else group.logs, ingested_at=now)
        if group.logs is not None:
            if group.log_drops:  # they are signs of life as well
                self.connection.register("incoming_logs", group.logs)
            self._note_signs(group, now, now_ns)
        self._insert("metrics", group.metrics, ingested_at=now)
        self._rows += written.stored + _count(group.logs) + _count(group.metrics)
        self._insert("requests", group.requests, received_at=now)
        self._insert("rejections", group.rejections, received_at=now)
        if self._tombstones.is_any:
            written = self._drop_deleted(written, group, now)
        return written

    def _limit_logs(self, group: Group, now: datetime) -> Sequence[int]:
        """Mark the log records beyond the limit of their execution; their places."""
        if group.logs is None or not self.log_limit.is_set:
            return ()
        over = self._logs.over(group.logs, now)
        if over is None:
            return ()
        group.kept_logs, group.log_drops = over.kept, over.drops
        return over.places

    def _drop_deleted(self, written: Written, group: Group, now: datetime) -> Written:
        drop = self._tombstones.drop_rows
        logs = 0 if group.logs is None else drop("logs", now)
        points = 0 if group.metrics is None else drop("points", now)
        return written._replace(deleted_logs=logs, deleted_points=points)

    def delete(self, execution_ids: Sequence[str], now: datetime, known_until: datetime) -> Erased:
        """Remove every trace of executions, and let nothing late bring them back.

        Args:
            execution_ids: those to remove; those that are not stored are only kept away.
            now: UTC time.
            known_until: UTC, for how long they are kept away.

        Raises:
            StoreUnavailable: not now; all stays as it was.
        """
        with self.transaction():
            erased = self._eraser.delete(execution_ids)
            self._tombstones.note(now, known_until)
        self.known.removed(erased.executions)
        self.generation += 1  # resources that are gone must be written again when they come again
        return erased

    def deleted_names(self) -> Names:
        """How requests name what `delete` has removed last."""
        with self._engine():
            return self._eraser.names()

    def prune(
        self,
        execution_ids: Sequence[str],
        starts: Starts,
        planned_at: datetime,
        now: datetime,
        known: Survey,
    ) -> Erased:
        """Remove executions whose time is up, if nothing has happened to them since they were chosen.

        Args:
            execution_ids: those to remove; pinned ones stay.
            starts: of all their spans.
            planned_at: when they were chosen, UTC.
            now: UTC time.
            known: as of `Eraser.prune`.

        Raises:
            StoreUnavailable: not now; all stays as it was.
        """
        with self.transaction():
            erased, is_young = self._eraser.prune(execution_ids, starts, planned_at, known)
            if is_young:
                self._tombstones.note(now, now + YOUNG)
        self.known.removed(erased.executions)
        self._rows += erased.spans
        return erased

    def make_room(self, rows: int) -> None:
        """In the engine's memory, after so many rows were removed: what was read to find them fills it as well."""
        if self.headroom is not None:
            self.headroom.written(rows)

    def prune_payloads(
        self, execution_ids: Sequence[str], starts: Starts, planned_at: datetime
    ) -> Erased:
        """Remove the payloads of executions; arguments and errors as of `prune`."""
        with self.transaction():
            return self._eraser.prune_payloads(execution_ids, starts, planned_at)

    def prune_orphans(self, before: datetime, most: int) -> Erased:
        """Remove log records and points that no execution owns; as `Eraser.prune_orphans`."""
        with self.transaction():
            return self._eraser.prune_orphans(before, most)

    def delete_user(self, user_id: str, now: datetime, known_until: datetime) -> Erased:
        """Remove every trace of all executions of a user; as `delete`."""
        with self._engine():
            found = self._eraser.of_user(user_id)
        return self.delete(found, now, known_until) if found else Erased()

    def pin(self, execution_id: str, now: datetime | None) -> None:
        """Keep an execution whatever retention says; `now` None: no longer."""
        with self.transaction():
            if now is None:
                self._sql.run("erase/unpin", execution_id=execution_id)
            else:
                self._sql.run("erase/pin", execution_id=execution_id, now=now)

    def name_query(self, name: str, row: Described[str, Any] | None) -> None:
        """Keep a query under a name, instead of what has it; None: only forget that."""
        with self.transaction():
            self._sql.run("queries/forget", name=name)
            if row is not None:
                self._sql.run("queries/save", name=name, **row)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, which frees what was removed; StoreUnavailable."""
        with self._engine() as connection:
            checkpoint(connection)
        if self.committed is not None:
            self.committed()

    def free(self) -> None:
        """Have the engine free what was removed, as far as it does without a copy; StoreUnavailable."""
        with self.transaction():
            self._eraser.put_last_behind()
        self.checkpoint()

    def forget_deleted(self, now: datetime) -> None:
        """Forget what was deleted long ago; `now` in UTC."""
        if self._tombstones.is_any:
            with self.transaction():
                self._tombstones.forget(now)

    def write_signs(self, group: Group, now: datetime, now_ns: int) -> None:
        """Write spans that log records told of again, inside a `transaction`."""
        if group.spans is not None:
            self._spans.write(group.spans, now, now_ns, is_from_log=True)

    def _note_signs(self, group: Group, now: datetime, now_ns: int) -> None:
        """Log records of a span that goes on are signs of life, and some tell of it in full."""
        if group.signs is not None:
            self._spans.write(group.signs, now, now_ns, is_from_log=True)
        elif not self._spans.may_be_open:
            return
        self._sql.run("signs/list_seen", now=now_ns)
        ((found,),) = self._sql.run("signs/list_open").fetchall()
        if found:
            self._sql.run("signs/see_open")
        if group.signs is not None:
            first, last = self._sql.row("signs/bounds")
            self._sql.run("signs/add_folded", first=first, last=last)
            self._sql.run("signs/see_attempts")
        if found or group.signs is not None:
            self._sql.run("signs/see_executions")

    def _insert(self, what: str, rows: Any, **parameters: Any) -> None:
        if rows is None:
            return
        self.connection.register(f"incoming_{what}", rows)
        self._sql.run(f"insert_{what}", **parameters)

    def known_requests(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Which content hashes of log and metric requests were committed before."""
        with self._engine() as connection:
            found = connection.execute(
                statement("find_requests"), {"hashes": [UUID(bytes=value) for value in hashes]}
            ).fetchall()
        return {request_hash.bytes for (request_hash,) in found}

    def forget_requests(self, before: datetime) -> None:
        """Forget log and metric requests committed before a UTC time."""
        with self.transaction() as connection:  # also a checkpoint that follows it needs its mark
            connection.execute(statement("prune_requests"), {"before": before})

    def _roll_back(self) -> None:
        self._spans.rolled_back()
        # the failed statement may have ended the transaction itself
        with suppress(EngineError):
            self.connection.execute("rollback")
        if self._is_stopped:
            # At once, for the sake of readers; if it fails now, the next commit tries again.
            with suppress(StoreUnavailable):
                self.ensure_open()

    @contextmanager
    def _engine(self) -> Iterator[Connection]:
        """The connection, opened again if the engine has stopped; its errors become ours."""
        if self._is_stopped:
            if self.reopen is None:
                raise StoreUnavailable("the database engine has stopped; start the collector again")
            self.connection = self.reopen(self._damage)
            self.generation += 1
            self._damage = None
        try:
            if self._is_stopped:
                self.__post_init__()
                self._is_stopped = False
            yield self.connection
        except EngineError as error:
            if (damage := damage_in(error)) is not None:
                self._is_stopped, self._damage = True, damage
                raise StoreUnavailable(
                    f"the database is damaged and replaced by a new one: {damage}"
                ) from error
            self._is_stopped = self._is_stopped or has_stopped(error)
            raise refusal(error) from error

    def ensure_open(self) -> None:
        """Open the database again if its engine has stopped; StoreUnavailable: not now."""
        with self._engine():
            pass


def _count(rows: Any) -> int:
    return 0 if rows is None else int(rows.num_rows)
