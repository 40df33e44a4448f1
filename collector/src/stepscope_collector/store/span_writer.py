"""Writes a batch of spans: stage, drop what is stored, insert, fold into executions.

Runs inside the transaction of the writer thread. The rules stand in the SQL files; this module is
their order and what can be left out for a batch.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import duckdb

from stepscope_collector.store.group import Spans
from stepscope_collector.store.statements import statement

__all__ = ["Mapping", "SpanWriter", "Written"]


class Mapping(Protocol):
    """What the write path asks of the compiled profiles."""

    @property
    def detect_sql(self) -> str:
        """Select of the names of the dialects in `incoming_spans`."""

    @property
    def select(self) -> Callable[[Sequence[str]], str]:
        """SQL of the mapped rows of `incoming_spans`, given the dialects present."""


class Written(NamedTuple):
    """What became of the spans of one commit."""

    stored: int
    duplicate: int


class SpanWriter:
    """The write path of spans on one connection.

    It registers `incoming_spans` and `incoming_payloads`; the committer releases them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
        self._connection = connection
        self._mapping = mapping
        self._may_be_open = True
        connection.execute(statement("same_span"))
        connection.execute(statement("same_home"))
        # A deployment that only has spans of one kind never needs the search for mixed traces.
        self._any_explicit, self._any_implicit = self._row("kinds_stored")

    def write(self, spans: Spans, now: datetime, now_ns: int) -> Written:
        """Store the spans and fold them into their executions.

        Args:
            spans: those of one commit.
            now: UTC time of the commit.
            now_ns: the same in ns since the epoch.
        """
        self._connection.register("incoming_spans", spans.rows)
        self._stage(now_ns)
        received, first, last, first_open, any_explicit, any_implicit = self._bounds()
        join, stored = "positional join staged m", received
        if self._drop_duplicates(spans, first, last):
            join = "join staged m using (span_row)"
            stored, *_ = self._bounds()
            if stored == 0:
                return Written(0, received)
        self._connection.execute(
            statement("insert_spans").replace("{join}", join), {"ingested_at": now}
        )
        if spans.payloads is not None:
            self._connection.register("incoming_payloads", spans.payloads)
            self._run("insert_payloads", ingested_at=now)
        self._run("insert_traces")
        if spans.open_count or self._may_be_open:
            self._follow_open(spans, now, first_open)
        self._fold(now, now_ns, any_explicit=any_explicit, any_implicit=any_implicit)
        return Written(stored, received - stored)

    def _run(self, name: str, **parameters: object) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(statement(name), parameters)

    def _row(self, name: str, **parameters: object) -> tuple[Any, ...]:
        row = self._run(name, **parameters).fetchone()
        assert row is not None, "aggregates give one row"
        return row

    def _create(self, name: str, **parameters: object) -> int:
        """Rows of the temporary table that the statement creates."""
        (count,) = self._row(name, **parameters)
        assert isinstance(count, int)
        return count

    def _stage(self, now_ns: int) -> None:
        detected = self._connection.execute(self._mapping.detect_sql).fetchall()
        mapped = self._mapping.select([dialect for (dialect,) in detected])
        self._connection.execute(
            statement("stage_spans").replace("{mapped}", mapped), {"now": now_ns}
        )

    def _bounds(self) -> tuple[Any, ...]:
        return self._row("bounds")

    def _drop_duplicates(self, spans: Spans, first: int, last: int) -> bool:
        """Whether any staged span was dropped or may have been."""
        (candidates,) = self._row("find_stored", first=first, last=last)
        if candidates:
            self._run("drop_stored", first=first, last=last)
        if spans.may_repeat:
            self._run("drop_repeated")
        return bool(candidates) or spans.may_repeat

    def _follow_open(self, spans: Spans, now: datetime, first_open: int | None) -> None:
        if spans.open_count:
            self._run("fold_open")
        self._run("delete_open")
        if spans.open_count and first_open is not None:
            self._run("insert_open", ingested_at=now, first=first_open)
        (left,) = self._row("count_open")
        self._may_be_open = left > 0

    def _fold(self, now: datetime, now_ns: int, *, any_explicit: bool, any_implicit: bool) -> None:
        self._any_explicit = self._any_explicit or any_explicit
        self._any_implicit = self._any_implicit or any_implicit
        source = "staged"
        if self._any_explicit and self._any_implicit and self._create(
            "find_mixed", any_explicit=any_explicit, any_implicit=any_implicit
        ):
            self._resolve(now, now_ns)
            source = "(from staged where execution_id not in (select execution_id from refolded))"
        self._connection.execute(statement("fold_staged").replace("{source}", source))
        if self._create("find_executions"):
            self._run("update_executions", ingested_at=now)
        self._run("insert_executions", ingested_at=now)

    def _resolve(self, now: datetime, now_ns: int) -> None:
        """Assign the spans of mixed traces and fold the executions this touches from scratch."""
        first, last = self._row("mixed_bounds")
        self._run("resolve_mixed", first=first, last=last)
        self._run("move_spans")
        self._run("move_payloads")
        self._run("list_refolded")
        first, last = self._row("refold_bounds")
        self._run("load_refolded", first=first, last=last, now=now_ns)
        self._run("delete_refolded")
        self._connection.execute(
            statement("fold_staged").replace("{source}", "refold_source")
        )
        self._run("find_executions")
        self._run("insert_executions", ingested_at=now)
