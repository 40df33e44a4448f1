"""What was deleted stays deleted: late spans, log records and points of it are dropped and counted.

Costs a commit nothing while nothing was deleted. Tombstones hold hashes and end after a while.
"""

from datetime import datetime

from stepscope_collector.store.engine import Connection
from stepscope_collector.store.eraser import Eraser
from stepscope_collector.store.statements import Prepared

__all__ = ["Tombstones"]


class Tombstones:
    """The statements, on the writer's connection, inside its transactions."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Prepared(connection)
        self._eraser = Eraser(connection)
        self._load()

    def _load(self) -> None:
        (self.is_any,) = self._sql.row("tombstones/any")

    def note(self, now: datetime, ends_at: datetime) -> None:
        """Note what the `Eraser` has removed last; until when it is known, UTC."""
        self._sql.run("tombstones/note", now=now, ends_at=ends_at)
        self.is_any = True

    def forget(self, now: datetime) -> None:
        """Forget what has ended."""
        if self.is_any:
            self._sql.run("tombstones/forget", now=now).fetchall()
            self._load()

    def drop_staged(self, now: datetime) -> int:
        """Drop staged spans of what was deleted; how many."""
        ((late,),) = self._sql.run("tombstones/list_staged").fetchall()
        if late:
            self._sql.run("tombstones/extend", now=now)
            self._sql.run("tombstones/drop_staged")
        return int(late)

    def erase_again(self, now: datetime) -> None:
        """Remove executions that were deleted and that spans of others have brought back."""
        rows = self._sql.run("tombstones/list_again", now=now).fetchall()
        if rows:
            self._eraser.erase_again([execution_id for (execution_id,) in rows])

    def drop_rows(self, what: str, now: datetime) -> int:
        """Drop what the commit of `now` has stored of it; how many rows.

        Args:
            what: logs or points.
            now: UTC time of the commit.
        """
        ((late,),) = self._sql.run(f"tombstones/drop_{what}", now=now).fetchall()
        return int(late)
