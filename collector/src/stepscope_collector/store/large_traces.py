"""When the spans of large traces are folded: not with every commit, but now and then.

All spans of a trace are folded together, 60 µs each. A trace of a hundred thousand spans that comes
in two hundred commits would keep the writer from everything else. So after a large trace was folded
it waits for ten times as long as that took: at most a tenth of the writer's time goes into it. Its
new spans are stored and answered for as always; its executions and steps are that much older.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from stepscope_collector.store.statements import Prepared

__all__ = ["LARGE_SPANS", "LargeTraces"]

LARGE_SPANS: Final = 4096
"""Folded in about 0.25 s."""
_TIMES: Final = 10
_MOST_REMEMBERED: Final = 1000


class LargeTraces:
    """Which traces are large, and which of them wait to be folded."""

    def __init__(self, sql: Prepared, clock: Callable[[], float] = time.monotonic) -> None:
        self._sql = sql
        self._clock = clock
        self.due_s: dict[UUID, float] = {}
        """Large traces, and from when on they may be folded again."""
        self._sizes: Counter[str] = Counter()
        self._began_s = 0.0
        self._waiting: set[UUID] = set()
        self._is_stale = False
        """A transaction came to nothing: `_waiting` may differ from what is stored."""
        self._load()

    @property
    def is_any_waiting(self) -> bool:
        """Whether any waits to be folded."""
        return self._is_stale or bool(self._waiting)

    def _load(self) -> None:
        rows = self._sql.run("fold/unfolded").fetchall()
        self._waiting = {trace_id for (trace_id,) in rows}
        self._is_stale = False

    def due(self, listed: int) -> str | None:
        """Table of the traces in `folding` to be folded now; None: none of them.

        Args:
            listed: how many are in `folding`.
        """
        if self._is_stale:
            self._load()
        now_s = self._clock()
        waiting = [trace_id for trace_id, due_s in self.due_s.items() if due_s > now_s]
        table = "folding"
        if waiting:
            ((due,),) = self._sql.run("fold/list_due", waiting=waiting).fetchall()
            if due < listed:
                self._sql.run("fold/mark_unfolded")
                self._load()
                table = "folding_now"
                if due == 0:
                    return None
        if self._waiting:
            self._folded_with(table)
        return table

    def _folded_with(self, table: str) -> None:
        """Traces that wait and are folded with this commit wait no longer."""
        found = self._sql.run_text(f"select distinct trace_id from {table}").fetchall()  # noqa: S608
        self.forget([trace_id for (trace_id,) in found if trace_id in self._waiting])

    def waited(self) -> UUID | None:
        """The one that was due first; None: none is due yet."""
        if self._is_stale:
            self._load()
        if not self._waiting:
            return None
        first = min(self._waiting, key=lambda trace_id: (self.due_s.get(trace_id, 0.0), trace_id))
        return first if self.due_s.get(first, 0.0) <= self._clock() else None

    def forget(self, trace_ids: Sequence[UUID]) -> None:
        """They are folded."""
        if trace_ids:
            self._sql.run("fold/unmark_unfolded", trace_ids=list(trace_ids))
            self._waiting.difference_update(trace_ids)

    def begin(self) -> None:
        """Traces are folded from now on."""
        self._began_s = self._clock()
        self._sizes.clear()

    def measure(self, rows: Sequence[Sequence[Any]]) -> None:
        """Note how many spans each trace has; the trace is the second column."""
        if len(rows) > LARGE_SPANS:
            self._sizes = Counter(row[1] for row in rows)

    def done(self) -> None:
        """They are folded, and written."""
        now_s = self._clock()
        for trace_id, count in self._sizes.items():
            if count > LARGE_SPANS:
                self.due_s.pop(key := UUID(hex=trace_id), None)
                self.due_s[key] = now_s + _TIMES * (now_s - self._began_s)
        self._sizes.clear()
        while len(self.due_s) > _MOST_REMEMBERED:
            del self.due_s[next(iter(self.due_s))]

    def rolled_back(self) -> None:
        """What was noted in this transaction is not."""
        self._sizes.clear()
        self._is_stale = True
