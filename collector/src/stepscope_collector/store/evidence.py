"""The stored spans of a trace and of all that shares executions with it, as the fold reads them.

For questions: temporary tables inside the transaction of a reader, gone when it ends.
"""

from typing import Any

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.fold_writer import Folded, FoldMapping
from stepscope_collector.store.profile_check import PROFILE_MACROS
from stepscope_collector.store.statements import Prepared

__all__ = ["Evidence"]


class Evidence:
    """The table `evidence` on one connection, and what its spans say together."""

    def __init__(self, connection: Connection, mapping: FoldMapping) -> None:
        self._sql = Prepared(connection)
        self._mapping = mapping

    def load(self, trace_id: str) -> Folded | None:
        """Read a trace and fold it, as a commit that touches it would; None: there is no such trace.

        Args:
            trace_id: 32 hex digits.
        """
        for macro in PROFILE_MACROS:
            self._sql.run(macro)
        self._sql.run("fold/no_evidence")
        self._sql.run("fold/list_given", trace_ids=[trace_id])
        if not self._load_stored("folding"):
            return None
        folded = self._fold()
        ids = sorted(folded.touched())
        ((further,),) = self._sql.run(
            "fold/list_further", {"traces": "folding"}, execution_ids=ids
        ).fetchall()
        if further:
            self._load_stored("further")
            folded = self._fold()
        return folded

    def rows_of(self, trace_id: str, span_id: str) -> list[dict[str, Any]]:
        """The span, once for every time it was stored; see fold/one_span.sql.

        Args:
            trace_id: 32 hex digits.
            span_id: 16 hex digits.
        """
        found = self._sql.run("fold/one_span", trace_id=trace_id, span_id=span_id)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement of the mapping over `evidence`."""
        rows: list[tuple[Any, ...]] = self._sql.run_text(sql, **parameters).fetchall()
        return rows

    def _load_stored(self, traces: str) -> bool:
        first, last = self._sql.run("fold/stored_bounds", insert={"traces": traces}).fetchall()[0]
        if first is None:
            return False
        self._sql.run("fold/evidence_stored", insert={"traces": traces}, first=first, last=last)
        return True

    def _fold(self) -> Folded:
        dialects = [dialect for (dialect,) in self._sql.run("fold/evidence_dialects").fetchall()]
        rows = self._sql.run_text(self._mapping.contributions(dialects)).fetchall()
        return self._mapping.fold(rows)
