"""The files of a database as a kill -9 leaves them: a part in the file, the rest in its log."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stepscope_collector.config import StoreConfig
from stepscope_collector.mapping.group import NewDimensions
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.mark import log_path
from tests.strategies.workflows import MAPPING, History, Sent, execution, step

CONFIG = StoreConfig(memory_limit_bytes=512 << 20, threads=2)

__all__ = ["CONFIG", "FileHistory", "copy_crashed", "crashed_files", "spans_of", "tables"]


class FileHistory(History):
    """A history in a file, whose commits are marked as the service does it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._committer = Committer(database.writer(), MAPPING, database.reopen, database.committed)
        self._dimensions = NewDimensions()


def spans_of(number: int, count: int = 40) -> list[Sent]:
    """One execution with steps that do not compress to nothing."""
    rng = random.Random(number)
    name = f"{number}"
    whole = execution(name, f"E{name}", trace=name, end=9000)
    return [whole] + [
        step(
            f"{name}/{n}", f"E{name}", trace=name, parent=name, start=n * 10, end=n * 10 + 5,
            attributes={"noise": rng.randbytes(60).hex(), "big": rng.randbytes(1500).hex()},
        )
        for n in range(count)
    ]  # fmt: skip


def crashed_files(directory: Path, *, in_file: int = 6, in_log: int = 4) -> None:
    """Leave a database in the directory as if its process had been killed."""
    path = directory / "living" / "stepscope.duckdb"
    with Database.open(path, CONFIG) as database:
        history = FileHistory(database)
        for number in range(in_file):
            history.write(spans_of(number))
        database.checkpoint()
        for number in range(in_file, in_file + in_log):
            history.write(spans_of(number))
        for file in path.parent.iterdir():
            shutil.copy(file, directory / file.name)
    assert log_path(directory / path.name).exists() == bool(in_log)
    shutil.rmtree(path.parent)


def copy_crashed(files: Path, to: Path) -> Path:
    """A copy of the files; the database."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(files, to)
    return to / "stepscope.duckdb"


@contextmanager
def opened(path: Path, config: StoreConfig = CONFIG) -> Iterator[FileHistory]:
    with Database.open(path, config) as database:
        yield FileHistory(database)


def tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows that are there after a start."""
    with opened(path) as history:
        return history.tables()
