"""Removes whole executions: of every table, what belongs to them, in one transaction of the writer.

Two ways: retention removes many at a time between bounds that it knows, and looks for their log records
and points near their commits only; somebody who asks for a deletion wants every trace gone, so that
everything is searched and ids are taken out of the executions that name them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.rollups import freeze
from stepscope_collector.store.statements import Prepared
from stepscope_collector.store.survey import NEVER, Commits, Starts, Survey, materialized

__all__ = ["YOUNG", "Erased", "Eraser", "Names", "Starts"]

_LARGE: Final = ("spans", "payloads", "log_records", "metric_points")
_SMALL: Final = frozenset(("attempts", "open_spans", "unfolded_traces", "log_drops"))
"""Small tables that may hold rows of an execution that is not pinned."""
_FIRST: Final = datetime(1970, 1, 1)  # noqa: DTZ001 UTC without zone, as the columns are
YOUNG: Final = timedelta(hours=1)
"""Longer than any client retries a request; SDKs give up after seconds, collectors after minutes."""


class Names(NamedTuple):
    """Ids of what was deleted, as bytes of OTLP but for those of executions."""

    execution_ids: frozenset[str]
    traces: frozenset[bytes]
    """Of which nothing is left."""
    spans: frozenset[tuple[bytes, bytes]]
    """Trace and span, where something of the trace is left."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows were removed."""

    executions: int = 0
    spans: int = 0
    payloads: int = 0
    log_records: int = 0
    metric_points: int = 0

    def __add__(self, other: Self) -> "Erased":
        return Erased(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Erased)))


class Eraser:
    """The statements, on the writer's connection, inside a transaction.

    They leave the temporary tables `erasing`, `erasing_traces`, `erased_spans` and `whole_traces`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = Prepared(connection)

    def delete(self, execution_ids: Sequence[str]) -> Erased:
        """Remove every trace of the executions; those that are not stored do no harm."""
        self._sql.run("erase/list_given", execution_ids=list(execution_ids))
        self._sql.run("erase/list_traces", materialized(are_most=False), **Starts()._asdict())
        starts = self._starts()
        self._sql.run("erase/list_spans", **starts._asdict())
        self._unname(execution_ids)
        erased = self._erase(starts, Starts(), Commits(_FIRST, NEVER))
        self._sql.run("erase/take_rejections")
        points = self._count("erase/take_points_in_attributes")
        self._sql.run("erase/take_exemplars")
        self._sql.run("erase/take_remap_errors")
        self.take_dimensions()
        return erased + Erased(metric_points=points)

    def erase_again(self, execution_ids: Sequence[str]) -> None:
        """Remove what was made of executions that had been deleted."""
        self._sql.run("erase/list_given", execution_ids=list(execution_ids))
        self._sql.run("erase/list_traces", materialized(are_most=False), **Starts()._asdict())
        starts = self._starts()
        self._sql.run("erase/list_spans", **starts._asdict())
        self._erase(starts, Starts(), Commits())

    def prune(
        self, execution_ids: Sequence[str], starts: Starts, planned_at: datetime, known: Survey
    ) -> tuple[Erased, bool]:
        """Remove executions that nothing has happened to since they were chosen, and no pinned one.

        Every statement costs a millisecond or more whatever it finds, and each row group it scans as much again: so
        what a reader could find stands in `known`, and rows that were looked for once are removed by their place.

        Args:
            execution_ids: those to remove, each once.
            starts: of all their spans.
            planned_at: when they were chosen, UTC.
            known: what `survey` has said of them since then.

        Returns:
            What was removed; and whether `erasing` holds executions of which something may still be
            under way.
        """
        bounds = starts._asdict()
        insert = materialized(are_most=known.are_most)
        listed = self._count(
            "erase/list_prunable",
            insert,
            execution_ids=list(execution_ids),
            planned_at=planned_at,
            **bounds,
        )
        if not listed:
            return Erased(), False
        self._sql.run("erase/list_traces", insert, **bounds)
        self._sql.run("erase/list_spans", **bounds)
        # What they counted goes on counting.
        are_all = listed == len(execution_ids)
        freeze(self._connection, "erasing", known.counted if are_all else None)
        *places, young = self._sql.row("erase/places", since=planned_at - YOUNG)
        payloads = self._count("erase/take_rows", {"table": "payloads"}, **bounds)
        spans, _, executions = (
            self._take(table, noted, first, last)
            for table, noted, first, last in zip(
                ("spans", "traces", "executions"),
                ("erased_spans", "erasing_traces", "erasing"),
                places[::2],
                places[1::2],
                strict=True,
            )
        )
        small = self._list_whole_known(known, are_all=are_all)
        later = {"later": known.asked_at}
        logs = self._count("erase/take_logs", **known.logs._asdict(), **later)
        points = self._count("erase/take_points", **known.points._asdict(), **later)
        self._take_small(small)
        if young:
            self._sql.run("erase/list_young", since=planned_at - YOUNG)
            self._sql.run("erase/keep_young")
        return Erased(executions, spans, payloads, logs, points), bool(young)

    def _take(self, table: str, noted: str, first: int | None, last: int | None) -> int:
        """Remove rows by their places."""
        if first is None:
            return 0
        given = {"table": table, "noted": noted}
        return self._count("erase/take_places", given, first=first, last=last)

    def _list_whole_known(self, known: Survey, *, are_all: bool) -> frozenset[str]:
        """Make `whole_traces` when the spans are gone; the small tables that may hold rows of what is erased.

        Args:
            known: of the executions.
            are_all: all of them are erased.
        """
        come, first, last = self._sql.row("erase/come_since", since=known.asked_at)
        if are_all and not (come or known.others):
            self._sql.run("erase/all_whole")
            return known.small
        traces = known.traces
        if come:
            traces = Starts(min(traces.first, first), max(traces.last, last))
        self._sql.run("erase/list_whole", **traces._asdict())
        self._sql.run("erase/take_whole", **traces._asdict())
        return _SMALL if come else known.small

    def _take_small(self, tables: Collection[str]) -> None:
        for table in sorted(tables):
            if table == "log_drops":
                self._sql.run("erase/take_log_drops")
            elif table == "unfolded_traces":
                self._sql.run("erase/take_traces", {"table": table})
            else:
                self._sql.run("erase/take_small", {"table": table})

    def prune_payloads(
        self, execution_ids: Sequence[str], starts: Starts, planned_at: datetime
    ) -> Erased:
        """Remove the payloads of executions; arguments as of `prune`."""
        bounds = starts._asdict()
        self._sql.run(
            "erase/list_prunable",
            materialized(are_most=False),
            execution_ids=list(execution_ids),
            planned_at=planned_at,
            **bounds,
        )
        return Erased(payloads=self._count("erase/take_rows", {"table": "payloads"}, **bounds))

    def prune_orphans(self, before: datetime, most: int) -> Erased:
        """Remove what no execution owns and was committed before: log records, points, rejections.

        Args:
            before: UTC.
            most: log records, and points, at most.
        """
        given = {"before": before, "most": most}
        logs = self._count(
            "erase/take_orphans",
            {
                "table": "log_records",
                "is_in_no_trace": "(o.trace_id is null or o.trace_id not in "
                "(select trace_id from stored.traces))",
            },
            **given,
        )
        points = self._count(
            "erase/take_orphans", {"table": "metric_points", "is_in_no_trace": "true"}, **given
        )
        self._sql.run("erase/take_old_rejections", before=before)
        return Erased(log_records=logs, metric_points=points)

    def names(self) -> Names:
        """How requests name what `delete` has removed last."""
        ids = self._sql.run("erase/name_executions").fetchall()
        return Names(
            frozenset(execution_id for (execution_id,) in ids),
            frozenset(
                bytes.fromhex(trace) for (trace,) in self._sql.run("erase/name_traces").fetchall()
            ),
            frozenset(
                (bytes.fromhex(trace), span_id.to_bytes(8, "big"))
                for trace, span_id in self._sql.run("erase/name_spans").fetchall()
            ),
        )

    def put_last_behind(self) -> None:
        """Take the last row of each large table and put it behind all others.

        The engine leaves out what was removed of a row group when it writes the group anew, and that it does
        at the next checkpoint after something was added to it.
        """
        for table in _LARGE:
            given = {"table": table}
            self._sql.run("erase/find_last", given)
            self._sql.run("erase/take_last", given)
            self._sql.run("erase/put_last", given)

    def of_user(self, user_id: str) -> list[str]:
        """The executions that ran for a user."""
        rows = self._sql.run("erase/list_of_user", user_id=user_id).fetchall()
        return [execution_id for (execution_id,) in rows]

    def take_dimensions(self) -> None:
        """Remove resources and scopes that nothing stored refers to any more.

        What remembers those it has written must forget them (`Committer.generation`).
        """
        for table, column in (("resources", "resource_id"), ("scopes", "scope_id")):
            self._sql.run("erase/take_dimensions", {"table": table, "column": column})

    def _starts(self) -> Starts:
        first, last = self._sql.row("erase/trace_bounds")
        return Starts() if first is None else Starts(first, last)

    def _erase(self, starts: Starts, executions: Starts, commits: Commits) -> Erased:
        """Remove `erasing`.

        Args:
            starts: of the spans.
            executions: of the executions; they may tell of more than what is stored of them.
            commits: of the log records and points.
        """
        spans = self._count("erase/take_rows", {"table": "spans"}, **starts._asdict())
        payloads = self._count("erase/take_rows", {"table": "payloads"}, **starts._asdict())
        self._sql.run("erase/list_whole", **self._starts()._asdict())
        logs = self._count("erase/take_logs", **commits._asdict(), later=NEVER)
        points = self._count("erase/take_points", **commits._asdict(), later=NEVER)
        self._take_small({*_SMALL, "pins"})
        self._sql.run("erase/take_of_traces", **starts._asdict())
        self._sql.run("erase/take_traces", {"table": "traces"})
        erased = self._count("erase/take_executions", **executions._asdict())
        return Erased(erased, spans, payloads, logs, points)

    def _unname(self, execution_ids: Sequence[str]) -> None:
        """Take the ids out of the executions that name them, such as their children."""
        if not self._count("erase/list_referring"):
            return
        first, last = self._sql.row("erase/referring_bounds")
        self._sql.run("erase/unname_executions")
        self._sql.run(
            "erase/unname_spans", execution_ids=list(execution_ids), first=first, last=last
        )

    def _count(self, name: str, insert: dict[str, str] | None = None, /, **parameters: Any) -> int:
        ((count,),) = self._sql.run(name, insert, **parameters).fetchall()
        return int(count)
