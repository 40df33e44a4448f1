"""How long an execution of a workflow that takes long may be silent before it counts as lost (R077).

Engines that send a span only when it has ended are silent all the while. So an open execution may
be silent for three times the 99th percentile of its workflow, where that is more than the setting
`executions.lost_after_s`. The limit is written to the few rows that need it: views stay as cheap.

A long history must not be read for that over and over: the newest rows say enough of most workflows,
and what was asked is known for a thousand times as long as the asking took.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["Silence", "allow_silence"]

_ALIKE: Final = 0.1
"""A limit that changes by less than this part of it stays."""
_NEWEST_ROWS: Final = 200_000
"""Of all executions; they are read first, however long the history is."""
_ENOUGH: Final = 100
"""Executions of a workflow among those; with fewer more rows are read."""
_FURTHER: Final = 4
"""Times as many, each time, down to the first."""
_KNOWN_FOR: Final = 1000
"""Times what the asking took; so it takes a thousandth of the time at most."""


class _Known(NamedTuple):
    limit_ns: int | None
    """None: the setting says it."""
    until_s: float
    """Of the clock; then it is asked again."""


class Silence:
    """Finds the limits, and remembers what it has asked. For one thread.

    Args:
        lost_after_s: the setting; half of it is a while.
        clock: seconds.
    """

    def __init__(self, lost_after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lost_after_s = lost_after_s
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def find(self, connection: Connection, now_ns: int) -> dict[str, int]:
        """Limits in ns of open executions that were silent for a while and whose workflow takes long.

        Args:
            connection: of a reader.
            now_ns: the time, ns since the epoch.
        """
        sql = Prepared(connection)
        before = max(now_ns - int(self._lost_after_s * 1e9) // 2, 0)
        silent = sql.run("silence/list_silent", before=before).fetchall()
        workflows = {workflow for _, workflow, _ in silent}
        begun_s = self._clock()
        self._known = {
            workflow: known for workflow, known in self._known.items() if known.until_s > begun_s
        }
        if asked := workflows - self._known.keys():
            limits = _limits(sql, asked)
            until_s = self._clock() + (self._clock() - begun_s) * _KNOWN_FOR
            self._known |= {each: _Known(limits.get(each), until_s) for each in asked}
        return {
            execution_id: limit_ns
            for execution_id, workflow, now_allowed in silent
            if (limit_ns := self._known[workflow].limit_ns) is not None
            and not _is_alike(limit_ns, now_allowed)
        }


def allow_silence(connection: Connection, limits: Mapping[str, int]) -> None:
    """Give executions the limits that `Silence` has found.

    Args:
        connection: of the writer, inside a transaction.
        limits: ns by execution.
    """
    sql = Prepared(connection)
    given = {"execution_ids": list(limits), "limits": list(limits.values())}
    for table in ("executions", "attempts", "open_spans"):
        sql.run("silence/allow", {"table": table}, **given)


def _limits(sql: Prepared, workflows: Collection[str]) -> dict[str, int]:
    """Limits of those workflows that may be silent for longer than the setting says."""
    (newest,) = sql.row("silence/newest")
    found: dict[str, tuple[int, int | None]] = {}
    wanted, rows, quantile = workflows, _NEWEST_ROWS, "quantile_disc"
    while wanted:
        from_row = max(0, newest - rows)
        found |= _counted(sql, wanted, from_row, quantile)
        if not from_row:
            break
        wanted = [each for each in wanted if found.get(each, (0, None))[0] < _ENOUGH]
        # All values of a workflow at once may be more than the memory of the engine holds.
        rows, quantile = rows * _FURTHER, "approx_quantile"
    return {each: limit_ns for each, (_, limit_ns) in found.items() if limit_ns is not None}


def _counted(
    sql: Prepared, workflows: Collection[str], from_row: int, quantile: str
) -> dict[str, tuple[int, int | None]]:
    rows = sql.run(
        "silence/limits", {"quantile": quantile}, workflows=sorted(workflows), from_row=from_row
    ).fetchall()
    return {workflow: (count, limit_ns) for workflow, count, limit_ns in rows}


def _is_alike(limit_ns: int, before_ns: int | None) -> bool:
    return before_ns is not None and abs(limit_ns - before_ns) <= before_ns * _ALIKE
