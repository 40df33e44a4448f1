"""The read API over the database file, for when no server runs.

It is the application that the server serves, so both ways give the same answers.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stepscope_collector import __version__
from stepscope_collector.backlog import has_backlog
from stepscope_collector.cli.asgi import ask
from stepscope_collector.cli.client import Answer
from stepscope_collector.config import Settings
from stepscope_collector.ingest import Ingest
from stepscope_collector.present.rest.app import rest_app
from stepscope_collector.present.rest.compat import Intake
from stepscope_collector.profiles import load_mapping
from stepscope_collector.query.doctor import damage_report, store_report
from stepscope_collector.remap import Remapper
from stepscope_collector.retention import Retention
from stepscope_collector.saved import SavedQueries
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.store.files import backlog_directory
from stepscope_collector.store.log_limit import LogLimit
from stepscope_collector.tee import QueueAtRest
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.write_queue import groups_that_fit

__all__ = ["FileTransport"]

_DRAIN_S = 60


class FileTransport:
    """The read API in this process; it holds the database file until it is closed.

    Raises what `Database.open` raises, DatabaseLocked among it.
    """

    is_live = False

    def __init__(self, settings: Settings, *, is_writing: bool = False) -> None:
        self.where = f"file {settings.data.database_path}"
        # What a server that was killed had answered has to be there before anything is asked.
        is_writing = is_writing or has_backlog(settings.data.database_path)
        self._database = Database.open(
            settings.data.database_path,
            settings.store,
            read_only=not is_writing,
            lost_after_s=settings.executions.lost_after_s,
        )
        self._ingest: Ingest | None = None
        try:
            if is_writing:
                self._ingest = _ingest(self._database, settings)
                self._database.before_read = self._ingest.catch_up
            self._application = rest_app(
                self._database,
                settings.sql,
                doctor=self._doctor,
                ready=lambda: False,
                mapping=functools.cache(lambda: load_mapping(settings)),
                remapper=None if self._ingest is None else Remapper(self._ingest.between_commits),
                retention=None if self._ingest is None else self._retention(settings, self._ingest),
                intake=None
                if self._ingest is None
                else Intake(self._ingest, settings.limits.max_payload_bytes),
                saved=None
                if self._ingest is None
                else SavedQueries(
                    self._database, self._ingest.between_commits, settings.sql.timeout_s or None
                ),
            )
        except BaseException:
            self.close()
            raise

    def _retention(self, settings: Settings, ingest: Ingest) -> Retention:
        return Retention(
            self._database,
            ingest.between_commits,
            settings.retention,
            Telemetry(),
            tee=QueueAtRest(settings.data.tee_dir),
        )

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """The answer of the read API."""
        return ask(self._application, method, target, headers, body or b"")

    def close(self) -> None:
        """Commit what waits, and close the file."""
        if self._ingest is not None:
            self._ingest.drain(_DRAIN_S)
        self._database.close()

    def _doctor(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "is_ready": False,
            "store": store_report(self._database),
            "damage": damage_report(self._database),
        }


def _ingest(database: Database, settings: Settings) -> Ingest:
    mapping = load_mapping(settings)
    limits = settings.limits
    plan = replace(mapping.plan, max_items=limits.max_items, max_attributes=limits.max_attributes)
    committer = Committer(
        database.writer(),
        mapping,
        database.reopen,
        database.committed,
        log_limit=LogLimit(limits.execution_log_records, limits.execution_log_bytes),
    )
    path = settings.data.database_path
    backlog = backlog_directory(path) if has_backlog(path) else None
    return Ingest(
        committer,
        plan,
        groups_that_fit(settings.ingest, database.config, limits.max_inflight_bytes),
        limits.max_inflight_bytes,
        Telemetry(),
        backlog=backlog,
    )
