"""Writes a batch of spans: stage, drop what is stored, insert, fold into executions.

Runs inside the transaction of the writer thread. The rules stand in the SQL files; this module is
their order and what can be left out for a batch.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.fold_writer import FoldMapping, FoldWriter
from stepscope_collector.store.group import Spans
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.store.large_traces import LargeTraces
from stepscope_collector.store.statements import Prepared
from stepscope_collector.store.tombstones import Tombstones

__all__ = ["Mapping", "SpanWriter", "Written"]


class Mapping(FoldMapping, Protocol):
    """What the write path asks of the compiled profiles."""

    @property
    def dialects_of(self) -> Callable[[frozenset[str]], Sequence[str] | None]:
        """The dialects of spans of scopes of these names, if that is all it takes to tell."""

    @property
    def detect_sql(self) -> Callable[[frozenset[str]], str]:
        """Select of the names of the dialects in `incoming_spans`, given the columns present."""

    def select(self, dialect: str, present: frozenset[str], /, *, is_only: bool) -> str:
        """Select of the mapped rows of one of them, given the columns present; `is_only`: no other is."""

    @property
    def profiles(self) -> Collection[str]:
        """Names of all profiles."""

    @property
    def detects(self) -> Callable[[str], str | None]:
        """SQL of what the profile of that name takes for its own; None: there is none."""


_NOT_FOLDED: Final = "(from staged where trace_id not in (select trace_id from folding))"
_NOT_REFOLDED: Final = "execution_id not in (select execution_id from refolded)"


class Written(NamedTuple):
    """What became of the spans of one commit."""

    stored: int
    duplicate: int
    deleted: int = 0
    """Of executions that were deleted."""
    deleted_logs: int = 0
    deleted_points: int = 0
    dropped_logs: tuple[int, ...] = ()
    """Places, among the log records of the commit, of those beyond the limit of their execution."""

    @property
    def rows(self) -> int:
        """Spans that came."""
        return self.stored + self.duplicate + self.deleted

    @property
    def deleted_rows(self) -> dict[str, int]:
        """Rows of deleted executions that were dropped, by signal."""
        return {"traces": self.deleted, "logs": self.deleted_logs, "metrics": self.deleted_points}


class SpanWriter:
    """The write path of spans on one connection.

    It registers `incoming_spans` and `incoming_payloads`, and `incoming_shapes` where the first is a view
    of it; the committer releases them.
    """

    def __init__(
        self,
        connection: Connection,
        mapping: Mapping,
        tombstones: Tombstones,
        known: KnownExecutions,
    ) -> None:
        self._connection = connection
        self._tombstones = tombstones
        self._known = known
        self._sql = Prepared(connection)
        self._mapping = mapping
        self._folding = FoldWriter(connection, mapping, known)
        self._may_be_open = True
        self._is_view = False
        self._sql.run("same_span")
        self._sql.run("same_home")
        # A deployment that only has spans of one kind never needs the search for mixed traces.
        self._any_explicit, self._any_implicit = self._sql.row("kinds_stored")

    @property
    def large(self) -> LargeTraces:
        """What is remembered of large traces."""
        return self._folding.large

    @property
    def may_be_open(self) -> bool:
        """Whether any span may be open."""
        return self._may_be_open

    def write(
        self,
        spans: Spans,
        now: datetime,
        now_ns: int,
        *,
        is_from_log: bool = False,
        may_wait: bool = True,
    ) -> Written:
        """Store the spans and fold them into their executions.

        Args:
            spans: those of one commit.
            now: UTC time of the commit.
            now_ns: the same in ns since the epoch.
            is_from_log: they were not sent, but log records told of them.
            may_wait: large traces may be folded later.
        """
        self.register(spans)
        is_in_order = self._stage(spans, now_ns)
        deleted = self._tombstones.drop_staged(now) if self._tombstones.is_any else 0
        is_in_order = is_in_order and not deleted
        received, first, last, first_open, any_explicit, any_implicit, any_folded = self._sql.row(
            "bounds"
        )
        if received == 0:
            return Written(0, 0, deleted)
        stored = received
        if self._drop_duplicates(spans, first, last):
            is_in_order = False
            stored, *_ = self._sql.row("bounds")
            if stored == 0:
                return Written(0, received, deleted)
        folded = self._folding.before_insert(any_folded=any_folded, may_wait=may_wait)
        self._insert(stored, now, is_in_order=is_in_order, is_from_log=is_from_log)
        if spans.payloads is not None:
            self._connection.register("incoming_payloads", spans.payloads)
            self._sql.run("insert_payloads", ingested_at=now)
        self._sql.run("insert_traces")
        if spans.open_count or self._may_be_open:
            self._follow_open(spans, now, first_open)
        source = "staged"
        if folded is not None:
            self._folding.after_insert(folded, now, now_ns)
        if self._folding.is_listed:
            source = _NOT_FOLDED
        self._fold(source, now, now_ns, any_explicit=any_explicit, any_implicit=any_implicit)
        self._folding.done()
        if self._tombstones.is_any:
            self._tombstones.erase_again(now)
        return Written(stored, received - stored, deleted)

    @property
    def has_unfolded(self) -> bool:
        """Whether any large trace waits to be folded."""
        return self._folding.has_unfolded

    def fold_later(self, now: datetime, now_ns: int) -> bool:
        """Fold the large trace that has waited longest, inside a transaction; whether there was one."""
        return self._folding.fold_later(now, now_ns)

    def rolled_back(self) -> None:
        """The transaction of the last `write` came to nothing."""
        self._may_be_open = True
        self._is_view = False
        self._folding.rolled_back()

    def release(self) -> None:
        """Drop what `write` made of the batch, before its transaction ends."""
        if self._is_view:
            self._connection.execute("drop view incoming_spans")
            self._is_view = False

    def register(self, spans: Spans) -> None:
        """Let statements read a batch as `incoming_spans`, with all attributes in its map."""
        self.release()
        if not spans.shapes:
            self._connection.register("incoming_spans", spans.rows)
            return
        self._connection.register("incoming_shapes", spans.rows)
        shapes = [f'"{name}"' for name in spans.shapes]
        cases = [
            f"when {name} is not null then cast({name} as map(varchar, varchar))" for name in shapes
        ]
        insert = {"shapes": ", ".join(shapes), "cases": " ".join(cases)}
        self._sql.run("join_shapes", insert=insert)
        self._is_view = True

    def _stage(self, spans: Spans, now_ns: int) -> bool:
        """Whether the staged rows stand in the order of the batch."""
        dialects = self._mapping.dialects_of(spans.scope_names)
        if dialects is None:
            detected = self._sql.run_text(self._mapping.detect_sql(spans.columns)).fetchall()
            dialects = [dialect for (dialect,) in detected]
        assert dialects, "a batch has spans"
        is_only = len(dialects) == 1
        into = "create or replace temp table staged as"
        # One after the other: a statement of all would hold what the engine keeps for inserting
        # each of them at once, 12 MB a dialect.
        for dialect in dialects:
            mapped = self._mapping.select(dialect, spans.columns, is_only=is_only)
            self._sql.run("stage_spans", insert={"into": into, "mapped": mapped}, now=now_ns)
            into = "insert into staged by name"
        return is_only

    def _drop_duplicates(self, spans: Spans, first: int, last: int) -> bool:
        """Whether any staged span was dropped or may have been."""
        (candidates,) = self._sql.row("find_stored", first=first, last=last)
        if candidates:
            self._sql.run("drop_stored", first=first, last=last)
        if spans.may_repeat:
            self._sql.run("drop_repeated")
        return bool(candidates) or spans.may_repeat

    def _insert(
        self, expected: int, now: datetime, *, is_in_order: bool, is_from_log: bool
    ) -> None:
        join = "positional join staged m" if is_in_order else "cross join staged m"
        result = self._sql.run(
            "insert_spans", insert={"join": join}, ingested_at=now, is_from_log=is_from_log
        )
        ((inserted,),) = result.fetchall()
        if inserted != expected:
            raise AssertionError(f"{inserted} of {expected} staged spans met their batch")

    def _follow_open(self, spans: Spans, now: datetime, first_open: int | None) -> None:
        if spans.open_count:
            self._sql.run("fold_open")
        self._sql.run("delete_open")
        if spans.open_count and first_open is not None:
            self._sql.run("insert_open", ingested_at=now, first=first_open)
        (left,) = self._sql.row("count_open")
        self._may_be_open = left > 0

    def _fold(
        self, source: str, now: datetime, now_ns: int, *, any_explicit: bool, any_implicit: bool
    ) -> None:
        self._any_explicit = self._any_explicit or any_explicit
        self._any_implicit = self._any_implicit or any_implicit
        if self._any_explicit and self._any_implicit:
            # a statement that makes a table gives the number of its rows
            ((mixed,),) = self._sql.run(
                "find_mixed",
                {"source": source},
                any_explicit=any_explicit,
                any_implicit=any_implicit,
            ).fetchall()
            if mixed:
                self._resolve(now, now_ns)
                source = f"(from {source} where {_NOT_REFOLDED})"
        self._sql.run("fold_staged", insert={"source": source})
        if self._known.find(self._sql):
            self._sql.run("find_executions")
            self._sql.run("update_executions", ingested_at=now)
        else:
            self._sql.run("no_merged")
        self._insert_executions(now)

    def _insert_executions(self, now: datetime) -> None:
        ((inserted,),) = self._sql.run("insert_executions", ingested_at=now).fetchall()
        self._known.added(inserted)

    def _resolve(self, now: datetime, now_ns: int) -> None:
        """Assign the spans of mixed traces and fold the executions this touches from scratch."""
        first, last = self._sql.row("mixed_bounds")
        self._sql.run("resolve_mixed", first=first, last=last)
        self._sql.run("move_spans")
        self._sql.run("move_payloads")
        self._sql.run("note_moved")
        self._sql.run("list_refolded")
        first, last = self._sql.row("refold_bounds")
        self._sql.run("load_refolded", first=first, last=last, now=now_ns)
        self._sql.run("delete_refolded")
        self._sql.run("fold_staged", insert={"source": "refold_source"})
        self._sql.run("no_merged")
        self._known.note(self._sql, "folded")
        self._insert_executions(now)
        self._sql.run("keep_ingested")
