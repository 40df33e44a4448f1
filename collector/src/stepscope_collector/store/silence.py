"""How long an execution of a workflow that takes long may be silent before it counts as lost (R077).

Engines that send a span only when it has ended are silent all the while. So an open execution may
be silent for three times the 99th percentile of its workflow, where that is more than the setting
`executions.lost_after_s`. The limit is written to the few rows that need it: views stay as cheap.
"""

from collections.abc import Mapping

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["allow_silence", "find_silence"]

_ALIKE = 0.1
"""A limit that changes by less than this part of it stays."""


def find_silence(connection: Connection, now_ns: int, lost_after_s: float) -> dict[str, int]:
    """Limits in ns of open executions that were silent for a while and whose workflow takes long.

    Reads what has ended of their workflows: a tenth of a second and more among a million executions.

    Args:
        connection: of a reader.
        now_ns: the time, ns since the epoch.
        lost_after_s: the setting; half of it is a while.
    """
    sql = Prepared(connection)
    before = max(now_ns - int(lost_after_s * 1e9) // 2, 0)
    silent = sql.run("silence/list_silent", before=before).fetchall()
    if not silent:
        return {}
    workflows = sorted({workflow for _, workflow, _ in silent})
    limits = dict(sql.run("silence/limits", workflows=workflows).fetchall())
    return {
        execution_id: limits[workflow]
        for execution_id, workflow, now_allowed in silent
        if workflow in limits and not _is_alike(limits[workflow], now_allowed)
    }


def allow_silence(connection: Connection, limits: Mapping[str, int]) -> None:
    """Give executions the limits that `find_silence` has found.

    Args:
        connection: of the writer, inside a transaction.
        limits: ns by execution.
    """
    sql = Prepared(connection)
    given = {"execution_ids": list(limits), "limits": list(limits.values())}
    for table in ("executions", "attempts", "open_spans"):
        sql.run("silence/allow", {"table": table}, **given)


def _is_alike(limit_ns: int, before_ns: int | None) -> bool:
    return before_ns is not None and abs(limit_ns - before_ns) <= before_ns * _ALIKE
