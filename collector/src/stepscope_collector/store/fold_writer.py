"""Folds the traces of a commit whose executions and steps only several spans together tell.

Runs inside the transaction of the writer thread, in two halves: before the staged spans are stored
it reads all spans of their traces and has the mapping fold them, so that new rows are stored as
they belong; after it, rows stored before are moved, and executions and tries are written anew.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.store.large_traces import LargeTraces
from stepscope_collector.store.profile_check import PROFILE_MACROS
from stepscope_collector.store.statements import Prepared

__all__ = ["FoldMapping", "FoldWriter", "Folded"]


class Folded(Protocol):
    """What whole traces say, as the mapping folds them; streams are Arrow tables."""

    def assigned(self) -> Any:
        """`span_number`, `execution_id`, `role`, `step_id` and `step_name` of every span."""

    def touched(self) -> set[str]:
        """Executions whose rows may have changed."""

    def execution_rows(self, wanted: set[str]) -> Any:
        """Rows of stored.executions, or None."""

    def attempt_rows(self, wanted: set[str]) -> Any:
        """Rows of stored.attempts, or None."""


class FoldMapping(Protocol):
    """What folding asks of the compiled profiles."""

    @property
    def contributions(self) -> Callable[[Sequence[str]], str]:
        """SQL of the contributions of the spans in `evidence`, given the dialects present."""

    @property
    def fold(self) -> Callable[[Sequence[Sequence[Any]]], Folded]:
        """What the rows of that SQL say together."""


class FoldWriter:
    """The folding half of the write path of spans, on one connection."""

    def __init__(
        self, connection: Connection, mapping: FoldMapping, known: KnownExecutions
    ) -> None:
        self._connection = connection
        self._known = known
        self._sql = Prepared(connection)
        self._mapping = mapping
        for macro in PROFILE_MACROS:
            self._sql.run(macro)
        self._sql.run("fold/no_traces")
        # A deployment without such dialects never needs the search for their traces.
        (self._any_folded,) = self._sql.row("fold/any_folded")
        self._is_listed = False
        self.large = LargeTraces(self._sql)
        """Those of the history."""

    @property
    def is_listed(self) -> bool:
        """Whether some traces of this commit are folded, now or later."""
        return self._is_listed

    def before_insert(self, *, any_folded: bool, may_wait: bool) -> Folded | None:
        """Fold the traces of `staged` that need it and give their staged spans their executions.

        Args:
            any_folded: whether any staged span is of a folded dialect.
            may_wait: large traces may be folded later.

        Returns:
            None: there is nothing to fold now.
        """
        self._any_folded = self._any_folded or any_folded
        if not self._any_folded:
            return None
        self._is_listed = True
        listed = self._run_counted("fold/list_traces")
        if not listed:
            return None
        traces = self.large.due(listed) if may_wait else "folding"
        if traces is None:
            return None
        self.large.begin()
        self._sql.run("fold/no_evidence")
        self._sql.run("fold/evidence_staged", insert={"traces": traces})
        self._load_stored(traces)
        folded = self._fold_whole(traces, has_staged=True)
        with self._given("folded_spans", folded.assigned()):
            self._sql.run("fold/assign_staged")
        return folded

    @property
    def has_unfolded(self) -> bool:
        """Whether any large trace waits to be folded."""
        return self.large.is_any_waiting

    def fold_later(self, now: datetime, now_ns: int) -> bool:
        """Fold the large trace that has waited longest, if long enough; whether there was one."""
        trace_id = self.large.waited()
        if trace_id is None:
            return False
        self.large.begin()
        self._sql.run("fold/list_given", trace_ids=[trace_id])
        self._sql.run("fold/no_evidence")
        self._is_listed = True
        if self._load_stored("folding"):  # else its spans were removed since
            folded = self._fold_whole("folding", has_staged=False)
            self.after_insert(folded, now, now_ns)
        self.large.forget([trace_id])
        self.done()
        return True

    def rolled_back(self) -> None:
        """The transaction came to nothing."""
        self.large.rolled_back()

    def _fold_whole(self, traces: str, *, has_staged: bool) -> Folded:
        """Fold what is in `evidence`, the traces of a table, and all that share executions with them."""
        folded = self._fold()
        touched = folded.touched()
        if self._run_counted(
            "fold/list_further", {"traces": traces}, execution_ids=sorted(touched)
        ):
            if has_staged:
                self._sql.run("fold/evidence_staged", insert={"traces": "further"})
            self._load_stored("further")
            self._sql.run("fold/add_further")
            folded = _Narrowed(self._fold(), touched)
        return folded

    def after_insert(self, folded: Folded, now: datetime, now_ns: int) -> None:
        """Move what was stored before and write executions and tries anew.

        Args:
            folded: what `before_insert` gave.
            now: UTC time of the commit.
            now_ns: the same in ns since the epoch.
        """
        with self._given("folded_spans", folded.assigned()):
            moved = self._run_counted("fold/list_moved")
        if moved:
            self._sql.run("fold/move_spans")
            self._sql.run("move_payloads")
            self._sql.run("note_moved")
        self._sql.run("fold/mark_traces")
        touched = folded.touched()
        self._sql.run("fold/executions_before", execution_ids=sorted(touched))
        known, first = self._sql.row("fold/before_bounds")
        if known:
            self._sql.run("fold/delete_executions")
            self._sql.run("fold/delete_attempts", first=first)
        times: dict[str, Any] = {"now": now_ns, "ingested_at": now}
        with self._given("folded_executions", folded.execution_rows(touched)) as is_any:
            if is_any:
                self._known.note(self._sql, "folded_executions")
                self._sql.run("fold/insert_executions", **times)
        with self._given("folded_attempts", folded.attempt_rows(touched)) as is_any:
            if is_any:
                self._sql.run("fold/insert_attempts", **times)

    def done(self) -> None:
        """Forget the traces of this commit."""
        if self._is_listed:
            self._sql.run("fold/no_traces")
            self._is_listed = False
            self.large.done()

    def _load_stored(self, traces: str) -> bool:
        """Whether anything of the traces of a table is stored; then it stands in `evidence`."""
        first, last = self._sql.run("fold/stored_bounds", insert={"traces": traces}).fetchall()[0]
        if first is None:
            return False
        bounds = {"first": first, "last": last}
        self._sql.run("fold/evidence_stored", insert={"traces": traces}, **bounds)
        return True

    def _fold(self) -> Folded:
        dialects = [dialect for (dialect,) in self._sql.run("fold/evidence_dialects").fetchall()]
        rows = self._sql.run_text(self._mapping.contributions(dialects)).fetchall()
        self.large.measure(rows)
        return self._mapping.fold(rows)

    def _run_counted(
        self, name: str, insert: dict[str, str] | None = None, /, **parameters: Any
    ) -> int:
        """Run a statement that makes a table; the number of its rows."""
        ((count,),) = self._sql.run(name, insert, **parameters).fetchall()
        return int(count)

    @contextmanager
    def _given(self, name: str, rows: Any) -> Iterator[bool]:
        """An Arrow table registered under a name; False when there is none."""
        if rows is None:
            yield False
            return
        self._connection.register(name, rows)
        try:
            yield True
        finally:
            self._connection.unregister(name)


class _Narrowed:
    """What a wider fold says of the executions that the commit touches.

    Executions of which not every trace was read must stay as they are.
    """

    def __init__(self, folded: Folded, touched: Collection[str]) -> None:
        self._touched = set(touched)
        self.assigned = folded.assigned
        self.execution_rows = folded.execution_rows
        self.attempt_rows = folded.attempt_rows

    def touched(self) -> set[str]:
        """The executions that the traces of the commit touch."""
        return self._touched
