"""Reads what a start has left of a database file, beside everything else, with a fiftieth of a core."""

import logging
import time
from collections.abc import Callable
from typing import Final

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.blocks import Read
from stepscope_collector.store.database import Database
from stepscope_collector.store.recover import find_damage
from stepscope_collector.store.sweep import Sweep

__all__ = ["Verifier"]

logger = logging.getLogger(__name__)

_REST: Final = 49.0
"""Times the CPU that a piece took it pauses: what a span costs is to stay as it is."""
_DISK_REST: Final = 4.0
"""Times as long as a piece took, where it has to wait for the disk."""
_AGAIN_S: Final = 1.0
"""After which a block that failed is read again; it may have been half written."""
_CHECKPOINT_S: Final = 10.0
"""After which it looks whether a checkpoint has come."""


class _OpenedAgain(Exception):
    """The file was closed while it was read, and is open again or will be soon."""


class Verifier:
    """Reads on. For one thread.

    Args:
        database: the history.
        set_aside: is told the damage that was found, and how to find out, on the writer thread, whether the database
            still is that file.
    """

    def __init__(
        self, database: Database, set_aside: Callable[[str, Callable[[], bool]], object]
    ) -> None:
        self._database = database
        self._set_aside = set_aside

    def go_on(self) -> float | None:
        """Read a piece; seconds to pause before the next. None: nothing is left.

        Raises:
            StoreUnavailable: not now.
        """
        unread = self._database.unread()
        if unread is None:
            return None
        sweep, read = unread

        def reading(offset: int, size: int) -> bytes:
            try:
                return read(offset, size)
            except StoreUnavailable as error:
                if self._database.unread() == unread:
                    raise
                raise _OpenedAgain from error

        try:
            return self._read_on(sweep, reading)
        except _OpenedAgain:
            return _AGAIN_S

    def _read_on(self, sweep: Sweep, read: Read) -> float | None:
        begun_s, begun_cpu_s = time.monotonic(), time.thread_time()
        if sweep.has_failed:
            if sweep.look_again(read):
                self._ask_engine(sweep)
                self._database.was_read(
                    sweep
                )  # not before: if the engine cannot say, it is asked again
                return None
        elif sweep.is_done:
            self._database.was_read(sweep)
            logger.info("database read in full", extra={"path": str(self._database.path)})
            return None
        else:
            sweep.read_on(read)
        if sweep.has_failed:
            return _AGAIN_S
        if sweep.waits_for_checkpoint:
            return _CHECKPOINT_S
        disk_s = (time.monotonic() - begun_s) * _DISK_REST
        return max(disk_s, (time.thread_time() - begun_cpu_s) * _REST)

    def _ask_engine(self, sweep: Sweep) -> None:
        """Whether what has failed is in use."""
        path = {"path": str(self._database.path)}
        logger.warning("blocks fail their checksum, all rows are read", extra=path)
        with self._database.read(is_fresh=False) as connection:
            damage = find_damage(connection, None)
        if damage is not None:
            self._set_aside(damage, lambda: self._database.is_unread(sweep))
