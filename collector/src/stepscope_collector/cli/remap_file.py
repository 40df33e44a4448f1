"""The remap of a database file that no server has open."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from stepscope_collector.config import Settings
from stepscope_collector.decode.batch import Plan
from stepscope_collector.present.rest.encode import encode_row
from stepscope_collector.profiles import load_mapping
from stepscope_collector.query.times import parse_time_ns
from stepscope_collector.remap import Remap, Remapper, progress_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database

__all__ = ["FileRemapping", "remapping"]

T = TypeVar("T")


class FileRemapping:
    """Answers as /api/admin/remap does."""

    def __init__(self, remapper: Remapper) -> None:
        self._remapper = remapper

    def begin(self, since: str | None, dialect: str | None) -> Mapping[str, Any]:
        """Ask for a remap, or for one like it to go on."""
        since_ns = 0 if since is None else parse_time_ns(since, "since", time.time_ns())
        return _told(self._remapper.begin(since_ns, dialect))

    def step(self) -> Mapping[str, Any]:
        """Map the next traces anew."""
        remap = self._remapper.step()
        assert remap is not None, "one was asked for"
        return _told(remap)

    def newest(self) -> Mapping[str, Any] | None:
        """The one asked for last."""
        remap = self._remapper.newest()
        return None if remap is None else _told(remap)

    def stop(self) -> Mapping[str, Any] | None:
        """End it."""
        remap = self._remapper.stop()
        return None if remap is None else _told(remap)


@contextmanager
def remapping(settings: Settings) -> Iterator[FileRemapping]:
    """The file, opened for writing.

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

        yield FileRemapping(Remapper(work))


def _told(remap: Remap) -> Mapping[str, Any]:
    told: Mapping[str, Any] = encode_row(progress_of(remap))
    return told
