"""How near the database is to `retention.max_bytes`, and how much of it has to go.

A checkpoint writes the last rows of a table anew before it frees what they took; so the file grows by
them, and while the write-ahead log is moved into it both take space. All of that has to stay below the cap.
Measured with DuckDB 2.0: one row group of payloads of 17 MB took a file of 34 MB; merging three took 21 MB more.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stepscope_collector.query.load import sql
from stepscope_collector.store import Database
from stepscope_collector.store.files import backlog_directory
from stepscope_collector.store.mark import log_path

__all__ = ["Room", "Sizes"]

_START_RATIO: Final = 0.85
"""Of the cap: when what a checkpoint may make of the file comes to this, something has to go."""
_GOAL_RATIO: Final = 0.6
"""Down to which it goes, so that not every look finds a few bytes."""
_LEAST_RATIO: Final = 0.1
"""Of the cap: so much history is left whatever comes in."""
_PLENTY_RATIO: Final = 0.25
"""Of the cap: with so much to spare, whatever a checkpoint writes anew, nobody has to ask how much that is. With less
senders would wait for commits for the sake of what is never written."""
_KNOWN_S: Final = 30.0
"""For so long the part that a checkpoint writes anew is taken as known: asking reads a column."""
_LEAST_BETWEEN_S: Final = 0.2
"""Looks that follow each other sooner say nothing about what comes in."""


@dataclass(frozen=True, slots=True)
class Room:
    """Sizes in bytes at one moment."""

    max_bytes: int
    """The cap; 0: none."""
    used_bytes: int
    """Of the file, as of the last checkpoint."""
    free_bytes: int
    """Of the file, for new rows."""
    log_bytes: int
    """Of the write-ahead log and the backlog: what is not in the file yet."""
    rewritten: float = 1.0
    """The part of what is used that a checkpoint may write anew, 0 to 1."""
    coming_bytes: int = 0
    """What is expected before the next look."""
    held_bytes: int = 0
    """Of what is used, for what was removed and is not freed yet."""

    @property
    def total_bytes(self) -> int:
        """The file and its log."""
        return self.used_bytes + self.free_bytes + self.log_bytes

    @property
    def is_short(self) -> bool:
        """Whether something has to go before the next look."""
        return bool(self.max_bytes) and self._top > self.max_bytes * _START_RATIO

    @property
    def spare_bytes(self) -> int:
        """What may still come before something has to go."""
        return max(0, int(self.max_bytes * _START_RATIO - self._top))

    @property
    def goal_bytes(self) -> int:
        """How much may be used, so that there is room again."""
        goal = self.max_bytes * _GOAL_RATIO - self.coming_bytes
        return int(max(goal, self.max_bytes * _LEAST_RATIO) / (1 + self.rewritten))

    @property
    def live_bytes(self) -> int:
        """What the history takes."""
        return max(0, self.used_bytes - self.held_bytes)

    @property
    def needed_bytes(self) -> int:
        """What has to go."""
        return max(0, self.live_bytes - self.goal_bytes) if self.is_short else 0

    def has_room_for_copy(self) -> bool:
        """Whether the file and a copy of what is in it stay below the cap together.

        A file that is above the cap alone becomes smaller by nothing else.
        """
        top = self.total_bytes + self.used_bytes + 2 * (self.log_bytes + self.coming_bytes)
        return not self.max_bytes or self.total_bytes > self.max_bytes or top <= self.max_bytes

    @property
    def _top(self) -> float:
        """Of the file and its log, during the next checkpoint; twice the log: in it and in the file."""
        written = self.used_bytes * (1 + self.rewritten)
        return written + 2 * self.log_bytes + self.coming_bytes


class Sizes:
    """Looks at the sizes of a database, and remembers how they grow. Thread-safe.

    Args:
        database: a file, or in memory: then all is 0.
        clock: seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, int] | None = None
        self._bytes_per_s = 0.0
        self._between_s = 0.0
        self._rewritten: tuple[float, float] | None = None
        self._work_s = 0.0

    def worked(self, elapsed_s: float) -> None:
        """For so long it took to make room; what comes in meanwhile needs room, too."""
        with self._lock:
            self._work_s = max(elapsed_s, self._work_s / 2)
            self._last = self._rewritten = None

    def look(self, max_bytes: int) -> Room:
        """The sizes now, for a cap."""
        used, free = self._blocks()
        log = self._waiting_bytes()
        if not max_bytes:
            return Room(0, used, free, log)
        with self._lock:
            coming = self._coming(used + log)
            whole = Room(max_bytes, used, free, log, 1.0, coming)
            if whole.spare_bytes >= max_bytes * _PLENTY_RATIO:
                return whole
            return Room(max_bytes, used, free, log, self._part_rewritten(), coming)

    def _coming(self, stored: int) -> int:
        now_s = self._clock()
        before_s, before = self._last or (now_s, stored)
        if self._last is None:
            self._last = now_s, stored
        elif now_s - before_s >= _LEAST_BETWEEN_S:
            self._between_s = now_s - before_s
            rate = (stored - before) / self._between_s
            self._bytes_per_s = max(rate, self._bytes_per_s * 0.8, 0.0)
            self._last = now_s, stored
        return int(self._bytes_per_s * (self._between_s + self._work_s))

    def _part_rewritten(self) -> float:
        now_s = self._clock()
        if self._rewritten is None or now_s > self._rewritten[0]:
            with self._database.read(is_fresh=False) as connection:
                ((part,),) = connection.execute(sql("retention/rewritten")).fetchall()
            self._rewritten = now_s + _KNOWN_S, part
        return self._rewritten[1]

    def _blocks(self) -> tuple[int, int]:
        with self._database.read(is_fresh=False) as connection:
            ((used, free),) = connection.execute(sql("retention/size")).fetchall()
        return used, free

    def _waiting_bytes(self) -> int:
        path = self._database.path
        if path is None:
            return 0
        return sum(_size(each) for each in (log_path(path), *backlog_directory(path).glob("*")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it went, or never was
        return 0
