"""Room in the memory of the engine, before it has to make some.

The blocks of what was written stay in the engine's memory, until `store.memory_limit_bytes` is reached. From then on each
commit has it let go of a few, and every time it also gives all memory that is free at that moment back to the system, which
hands it out again page by page: much of the CPU of taking spans in (`benchmarks/bench_memory.py`). So it is made
to let go of these blocks all at once, before they fill its memory; that takes some milliseconds.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.engine import Connection, EngineError
from stepscope_collector.store.statements import statement

__all__ = ["Headroom"]

_ROWS: Final = 120_000
"""Written between two looks: four row groups."""
_PART: Final = 0.75
"""Of the limit, that is to be free."""
_MOST_BYTES: Final = 384 << 20
"""Of a limit of gigabytes: room enough for several commits."""
_LEFT_BYTES: Final = 16 << 20
"""For what else is asked for at that moment."""
_LENGTH_BYTES: Final = 2048 * 16
"""Of the chunk in make_room.sql, for each of the array's elements."""


class Headroom:
    """Looks after it; for the writer thread, between transactions.

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
        """So many rows were committed. If somebody asks when it is time to look, the next commit will do."""
        self._rows += rows
        if self._rows < _ROWS:
            return
        # The rows are committed, whatever becomes of this; an engine that has stopped tells the next commit as well.
        with suppress(StoreUnavailable, EngineError), self._alone() as connection:
            if connection is not None:
                self._rows = 0
                self._look(connection)

    def _look(self, connection: Connection) -> None:
        ((blocks, others),) = connection.execute(statement("engine_memory")).fetchall()
        if self._limit_bytes - blocks - others >= self._wanted_bytes:
            return
        room = min(self._limit_bytes - others - _LEFT_BYTES, 2 * self._wanted_bytes)
        if room >= _LENGTH_BYTES:
            length = room // _LENGTH_BYTES
            connection.execute(statement("make_room").format(length=length)).fetchall()
