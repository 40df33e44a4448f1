"""Ctrl-C while the engine runs a statement in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["interruptible"]

_SAYS: Final = "Query interrupted"
"""DuckDB 2.0 takes the signal that Python would make a KeyboardInterrupt of, and raises a RuntimeError."""


@contextmanager
def interruptible() -> Iterator[None]:
    """KeyboardInterrupt, whoever noticed it first."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != _SAYS:
            raise
        raise KeyboardInterrupt from error
