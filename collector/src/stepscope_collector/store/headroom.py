"""Room in the memory of the engine, before it has to make some.

The blocks of what was written stay in the engine's memory, until `store.memory_limit_bytes` is reached. From then on each
commit has it let go of a few, and every time it also gives all memory that is free at that moment back to the system, which
hands it out again page by page: much of the CPU of taking spans in (`benchmarks/bench_memory.py`). So it is made
to let go of these blocks all at once, before they fill its memory; that takes some milliseconds.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.engine import ROW_GROUP_ROWS, Connection, EngineError
from stepscope_collector.store.statements import statement

__all__ = ["Headroom"]

logger = logging.getLogger(__name__)

_ROWS: Final = 4 * ROW_GROUP_ROWS
"""Written between two looks."""
_PART: Final = 0.75
"""Of the limit, that is to be free."""
_MOST_BYTES: Final = 384 << 20
"""Room enough for several commits, however large the limit is."""
_LEFT_BYTES: Final = 16 << 20
"""For what else is asked for at that moment."""
_LENGTH_BYTES: Final = 2048 * 16
"""Of the chunk in make_room.sql, for each of the array's elements."""


class Headroom:
    """Keeps room in the engine's memory; for the writer thread, between transactions.

    Args:
        alone: begins a block in which nobody asks, and gives the writing connection; None: somebody asks just now.
        limit_bytes: setting store.memory_limit_bytes.
    """

    def __init__(
        self, alone: Callable[[], AbstractContextManager[Connection | None]], limit_bytes: int
    ) -> None:
        self._alone = alone
        self._limit_bytes = limit_bytes
        self._wanted_bytes = min(int(_PART * limit_bytes), _MOST_BYTES)
        self._rows = 0

    def written(self, rows: int) -> None:
        """So many rows were committed. If somebody asks when it is time to look, the next commit will do.

        Who has committed a whole row group is alone for a moment in any case, see threads.py.

        Raises nothing: the rows are committed and answered, and an engine that has stopped tells the next commit as well.
        """
        self._rows += rows
        if self._rows < _ROWS and rows < ROW_GROUP_ROWS:
            return
        try:
            with self._alone() as connection:
                if connection is not None and self._rows >= _ROWS:
                    self._rows = 0
                    self._look(connection)
        except (StoreUnavailable, EngineError) as error:
            logger.debug("no room made in the engine's memory", extra={"error": str(error)})
        except Exception:  # a bug of ours must not end the writer
            logger.exception("no room made in the engine's memory")

    def _look(self, connection: Connection) -> None:
        ((blocks, others),) = connection.execute(statement("engine_memory")).fetchall()
        if self._limit_bytes - blocks - others >= self._wanted_bytes:
            return
        # More than is looked for, so that the next look finds it: all blocks, of a limit that is not large.
        room = min(self._limit_bytes - others - _LEFT_BYTES, 2 * self._wanted_bytes)
        if room >= _LENGTH_BYTES:
            length = room // _LENGTH_BYTES
            connection.execute(statement("make_room").format(length=length)).fetchall()
