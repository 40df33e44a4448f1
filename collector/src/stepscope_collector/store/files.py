"""Files as the store needs them."""

import os
from pathlib import Path

__all__ = ["backlog_directory", "sync"]


def backlog_directory(database: Path) -> Path:
    """Where requests lie that are answered and not yet in the database at that path."""
    return database.with_name(f"{database.name}.backlog")


def sync(path: Path) -> None:
    """Have the system write a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
