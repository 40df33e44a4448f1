"""Takes whole traces out of the history and puts them in again as the profiles of now map them.

Runs inside a transaction of the writer thread, so that readers see one or the other, and the position
of the remap is committed with the rows it speaks of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared, statement

__all__ = ["Remap", "RemapWriter", "State", "Taken", "newest_remap"]

_ROWS: Final = ("payloads", "spans")
"""Tables with a row or more per span."""

State = Literal["running", "finished", "stopped"]


@dataclass(frozen=True, slots=True)
class Remap:
    """A row of stored.remaps; times in ns since the epoch."""

    remap_id: int
    state: State
    since_unix_nano: int
    dialect: str | None
    position_unix_nano: int
    position_trace_id: UUID
    trace_count: int
    done_count: int
    remapped_count: int
    span_count: int
    failed_count: int
    last_error: str | None


class Taken(NamedTuple):
    """Traces that share no execution with others, and the bounds of their starts in ns."""

    trace_ids: list[UUID]
    first: int
    last: int


class RemapWriter:
    """The statements of a remap, on the writer's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = Prepared(connection)

    def begin(self, remap_id: int, since_ns: int, dialect: str | None, now: datetime) -> None:
        """Note a remap of everything from `since_ns` on."""
        self._sql.run("remap/begin", remap_id=remap_id, since=since_ns, dialect=dialect, now=now)

    def advance(self, remap: Remap, now: datetime) -> None:
        """Note how far it is."""
        self._sql.run(
            "remap/advance",
            now=now,
            **{
                name: getattr(remap, name)
                for name in Remap.__slots__
                if name not in ("since_unix_nano", "dialect", "trace_count")
            },
        )

    def next_traces(self, remap: Remap, most: int) -> list[tuple[UUID, int]]:
        """The traces to look at after its position, each with its first start in ns."""
        rows: list[tuple[UUID, int]] = self._sql.run(
            "remap/next_traces",
            position_unix_nano=remap.position_unix_nano,
            position_trace_id=remap.position_trace_id,
            since=remap.since_unix_nano,
            most=most,
        ).fetchall()
        return rows

    def only_dialect(
        self, trace_ids: Sequence[UUID], dialect: str, condition: str | None
    ) -> list[UUID]:
        """Those traces of which the profile has mapped a span, or would map one now.

        Args:
            trace_ids: those to choose from.
            dialect: name of the profile.
            condition: SQL of what it takes for its own, over `evidence`; None: there is no such
                profile any more.
        """
        self._sql.run("remap/list_given", trace_ids=list(trace_ids))
        bounds = self._bounds()
        if bounds is None:
            return []
        self._sql.run("fold/no_evidence")
        self._sql.run(
            "fold/evidence_stored",
            insert={"traces": "remapping"},
            first=bounds.first,
            last=bounds.last,
        )
        rows = self._sql.run(
            "remap/only_dialect", insert={"condition": condition or "false"}, dialect=dialect
        ).fetchall()
        self._sql.run("fold/no_evidence")
        return [trace_id for (trace_id,) in rows]

    def dialects(self) -> list[str]:
        """Names of all profiles that mapped some execution."""
        return [name for (name,) in self._sql.run("remap/dialects").fetchall()]

    def choose(self, trace_ids: Sequence[UUID]) -> Taken | None:
        """The traces and all that share executions with them; None: none is stored."""
        self._sql.run("remap/list_traces", trace_ids=list(trace_ids))
        return self._bounds()

    def take_out(self, taken: Taken) -> None:
        """Remove what is stored of the traces chosen last; call `choose` before."""
        bounds: dict[str, Any] = {"first": taken.first, "last": taken.last}
        self._sql.run("remap/keep_times", **bounds)
        (first_seen,) = self._sql.row("remap/attempts_from")
        if first_seen is not None:
            self._sql.run("remap/take_attempts", first=first_seen)
        self._sql.run("remap/take_executions")
        self._sql.run("remap/take_open")
        self._sql.run("remap/take_traces")  # after what they lead to
        for table in _ROWS:
            self._sql.run("remap/take_rows", {"table": table}, **bounds)

    def give_times(self, taken: Taken) -> None:
        """Give what was written again the times of its first commit."""
        bounds: dict[str, Any] = {"first": taken.first, "last": taken.last}
        for table in _ROWS:
            self._sql.run("remap/give_times_rows", {"table": table}, **bounds)
        self._sql.run("remap/give_times_executions", **bounds)
        self._sql.run("remap/give_times_open", **bounds)

    def _bounds(self) -> Taken | None:
        first, last, trace_ids = self._sql.row("remap/bounds")
        return None if first is None else Taken(trace_ids, first, last)


def newest_remap(connection: Connection) -> Remap | None:
    """The remap that was asked for last."""
    rows = connection.execute(statement("remap/newest")).fetchall()
    return Remap(*rows[0]) if rows else None
