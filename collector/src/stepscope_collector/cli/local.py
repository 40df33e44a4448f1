"""The read API over the database file, for when no server runs.

It is the application that the server serves, so both ways give the same answers.
"""

import functools
from collections.abc import Mapping
from typing import Any

from stepscope_collector import __version__
from stepscope_collector.cli.asgi import ask
from stepscope_collector.cli.client import Answer
from stepscope_collector.config import Settings
from stepscope_collector.present.rest.app import rest_app
from stepscope_collector.profiles import load_mapping
from stepscope_collector.query.doctor import damage_report, store_report
from stepscope_collector.retention import Retention
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.telemetry import Telemetry

__all__ = ["FileTransport"]


class FileTransport:
    """The read API in this process; it holds the database file until it is closed.

    Raises what `Database.open` raises, DatabaseLocked among it.
    """

    is_live = False

    def __init__(self, settings: Settings, *, is_writing: bool = False) -> None:
        self.where = f"file {settings.data.database_path}"
        self._database = Database.open(
            settings.data.database_path,
            settings.store,
            read_only=not is_writing,
            lost_after_s=settings.executions.lost_after_s,
        )
        try:
            self._application = rest_app(
                self._database,
                settings.sql,
                doctor=self._doctor,
                ready=lambda: False,
                mapping=functools.cache(lambda: load_mapping(settings)),
                retention=self._retention(settings) if is_writing else None,
            )
        except BaseException:
            self._database.close()
            raise

    def _retention(self, settings: Settings) -> Retention:
        database, mapping = self._database, load_mapping(settings)
        committer = Committer(database.writer(), mapping, database.reopen, database.committed)
        return Retention(
            database, lambda run: run(committer, mapping.plan), settings.retention, Telemetry()
        )

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """The answer of the read API."""
        return ask(self._application, method, target, headers, body or b"")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _doctor(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "is_ready": False,
            "store": store_report(self._database),
            "damage": damage_report(self._database),
        }
