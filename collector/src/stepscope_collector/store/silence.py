"""How long an execution of a workflow that takes long may be silent before it counts as lost (R077).

Engines that send a span only when it has ended are silent all the while. So an open execution may
be silent for three times the 99th percentile of its workflow, where that is more than the setting
`executions.lost_after_s`. The limit is written to the few rows that need it: views stay as cheap.
"""

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.statements import Prepared

__all__ = ["allow_silence"]


def allow_silence(connection: Connection, now_ns: int, lost_after_s: float) -> int:
    """Give open executions that were silent for a while the limit of their workflow; how many.

    Args:
        connection: of the writer, inside a transaction.
        now_ns: the time, ns since the epoch.
        lost_after_s: the setting; half of it is a while.
    """
    sql = Prepared(connection)
    before = max(now_ns - int(lost_after_s * 1e9) // 2, 0)
    ((silent,),) = sql.run("silence/list_silent", before=before).fetchall()
    if not silent:
        return 0
    ((limited,),) = sql.run("silence/list_limits").fetchall()
    if limited:
        for table in ("executions", "attempts", "open_spans"):
            sql.run("silence/allow", {"table": table})
    return int(limited)
