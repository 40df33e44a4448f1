"""Imports into a database file that no server has open."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from stepscope_collector.config import Settings
from stepscope_collector.decode.batch import Plan
from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.importer import Importer
from stepscope_collector.importing.piece import signal_of
from stepscope_collector.present.rest.encode import encode_row
from stepscope_collector.profiles import load_mapping
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database

__all__ = ["FileTaking", "taking"]

T = TypeVar("T")


class FileTaking:
    """Answers as POST /api/admin/import does."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    def take(
        self, signal: str, payload: bytes, source: str, ingested: Sequence[Sequence[int]]
    ) -> Mapping[str, Any]:
        """What became of the rows of a request."""
        found = signal_of(signal)
        if found is None:
            raise BadRequest(f"there is no signal {signal!r}")
        taken = self._importer.take(found, payload, source, ingested)
        told: Mapping[str, Any] = encode_row(taken)
        return told


@contextmanager
def taking(settings: Settings) -> Iterator[FileTaking]:
    """The file, opened for writing; made if there is none.

    Raises what `Database.open` raises, DatabaseLocked among it, and ConfigError for a wrong profile.
    """
    mapping = load_mapping(settings)
    with Database.open(
        settings.data.database_path, settings.store, lost_after_s=settings.executions.lost_after_s
    ) as database:
        committer = Committer(database.writer(), mapping, database.reopen, database.committed)

        def work(run: Callable[[Committer, Plan], T]) -> T:
            done = run(committer, mapping.plan)
            committer.renew_if_due(database.renew)
            return done

        yield FileTaking(Importer(work))
        _fold_large(Committer(database.writer(), mapping, database.reopen, database.committed))


def _fold_large(committer: Committer) -> None:
    """Fold the large traces that came, as a server does now and then; one that begins finds all due."""
    while committer.has_unfolded:
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        if not committer.fold_later(now, now_ns):
            return
