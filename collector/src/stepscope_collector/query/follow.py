"""Follows the log records of an execution as they are committed."""

from dataclasses import dataclass
from typing import Final

from stepscope_collector.query.load import sql
from stepscope_collector.query.logs import MAX_LOGS, read_logs
from stepscope_collector.query.place import locate
from stepscope_collector.query.rows import Cursor, LogRecord
from stepscope_collector.query.timeline import LIVE
from stepscope_collector.store import Database

__all__ = ["LogFollower", "News"]

_ALL: Final = 2**62


@dataclass(frozen=True, slots=True)
class News:
    """What came since the last look."""

    logs: list[LogRecord]
    status: str
    """Of the execution, in the same snapshot as the records."""
    is_live: bool
    """It has not ended, as far as is known."""


class LogFollower:
    """Each record once, also one that comes late and stands before others in sequence.

    Followed is the order of commits: their times grow, since one thread commits. A clock that is set
    back hides what is committed until it has caught up.

    Args:
        database: what is read.
        execution_id: as `locate` takes it.
        since_ns: `position` of an earlier follower, to go on where that was; None: from the start.
    """

    def __init__(self, database: Database, execution_id: str, since_ns: int | None = None) -> None:
        self.position = 0 if since_ns is None else since_ns
        """Up to which commit everything was told, nanoseconds since the epoch."""
        self._database = database
        self._asked = execution_id
        self._has_begun = since_ns is not None

    def look(self, *, after: int | None = None, tail: int | None = None) -> News:
        """What came since the last look.

        Args:
            after: only for the first look: records with a greater sequence.
            tail: only for the first look: the last so many.

        Raises:
            NotFound: there is no such execution.
            BadRequest: `after` or `tail` out of range.
        """
        with self._database.read() as connection:
            reader: Cursor = connection
            place = locate(reader, self._asked)
            status = place.execution.status
            params = {"execution_id": place.execution_id, "since_ns": self.position}
            reader.execute(sql("logs/newest_commit"), params)
            newest = reader.fetchall()[0][0]
            bounds = place.bounds
            if not self._has_begun:
                limit = MAX_LOGS if tail is None else min(tail, MAX_LOGS)
                logs = read_logs(reader, bounds, after=after, limit=limit, is_tail=True)
            elif newest is None:
                logs = []
            else:
                logs = read_logs(reader, bounds, limit=_ALL, since_ns=self.position)
        self._has_begun = True
        self.position = self.position if newest is None else newest
        return News(logs, status, status in LIVE)
