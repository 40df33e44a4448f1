"""One store and all that works on it: what takes in, maps anew, removes, and answers questions.

The collector has one of its own and one for each tenant. Nothing in here is shared with another but what
the settings say and the profiles, so what one of them holds is in no object of another.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, Self, cast

from stepscope_collector.backlog import has_backlog
from stepscope_collector.config import Settings
from stepscope_collector.decode.batch import Decoder, Signal
from stepscope_collector.decode.native import id_set
from stepscope_collector.errors import StepscopeError, StoreUnavailable
from stepscope_collector.importing.importer import Importer
from stepscope_collector.ingest import Ingest
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.present.mcp.face import McpFace
from stepscope_collector.present.rest.app import rest_app
from stepscope_collector.present.rest.compat import Intake
from stepscope_collector.query.doctor import (
    backup_report,
    damage_report,
    store_report,
    store_samples,
)
from stepscope_collector.receive.door import Door
from stepscope_collector.receive.otlp_http import DECODE_THREADS, otlp_app
from stepscope_collector.remap import Remapper
from stepscope_collector.retention import Retention
from stepscope_collector.saved import SavedQueries
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.store.files import backlog_directory
from stepscope_collector.store.headroom import Headroom
from stepscope_collector.store.log_limit import LogLimit
from stepscope_collector.tee import QueueAtRest, Tee
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.summary import now_of, times_of
from stepscope_collector.telemetry.values import Reading, Sample
from stepscope_collector.upkeep import Upkeep
from stepscope_collector.write_queue import groups_that_fit

__all__ = ["App", "OneStore"]

logger = logging.getLogger(__name__)

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


class OneStore:
    """The parts of it, put together; `close` ends them, the database with the last.

    Args:
        settings: those of this store.
        database: open; it belongs to this object from now on.
        telemetry: its counts.
        mapping: the profiles in force at the start.
        tee: sends on what comes in; None: nothing is sent on.
        own_id: id that requests carry which this collector has sent out; None: it sends nothing.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        telemetry: Telemetry,
        mapping: CompiledMapping,
        *,
        tee: Tee | None = None,
        own_id: str | None = None,
    ) -> None:
        limits = settings.limits
        path = settings.data.database_path
        self.settings: Final = settings
        self.database: Final = database
        self.telemetry: Final = telemetry
        self.ingest: Final = Ingest(
            Committer(
                database.writer(),
                mapping,
                database.reopen,
                database.committed,
                log_limit=LogLimit(limits.execution_log_records, limits.execution_log_bytes),
                id_set=partial(id_set, path.parent),
                headroom=Headroom(database.alone, database.config.memory_limit_bytes),
            ),
            replace(
                mapping.plan,
                max_items=limits.max_items,
                max_attributes=limits.max_attributes,
                decoder=cast("Decoder", settings.ingest.decoder),
            ),
            groups_that_fit(settings.ingest, database.config, limits.max_inflight_bytes),
            limits.max_inflight_bytes,
            telemetry,
            tee=tee,
            own_id=own_id,
            sender_bytes_per_s=limits.sender_bytes_per_s,
            backlog=backlog_directory(path)
            if settings.ingest.backlog or has_backlog(path)
            else None,
        )
        database.before_read = self.ingest.catch_up
        self.remapper: Final = Remapper(self.ingest.between_commits)
        self.retention: Final = Retention(
            database,
            self.ingest.between_commits,
            settings.retention,
            telemetry,
            tee=tee or QueueAtRest(settings.data.tee_dir),
        )
        self.retention.taken_bytes = lambda: self.ingest.taken_bytes
        self.ingest.waits_for_commits = self.retention.is_tight
        self.upkeep: Final = Upkeep(
            database,
            self.ingest.between_commits,
            settings.executions.lost_after_s,
            self.retention,
            lambda: self.ingest.has_unfolded,
            lambda: self.ingest.known,
            lambda: self.ingest.wants_renewal,
        )
        self.grpc: Final = Door(self.ingest, "grpc")
        self.mcp: McpFace | None = None
        self._pool: Final = ThreadPoolExecutor(DECODE_THREADS, thread_name_prefix="otlp-http")

    @classmethod
    def open(cls, settings: Settings, mapping: CompiledMapping) -> Self:
        """The store in the data directory of the settings, at work.

        Raises:
            StepscopeError: as `Database.open`.
        """
        database = Database.open(
            settings.data.database_path,
            settings.store,
            lost_after_s=settings.executions.lost_after_s,
        )
        try:
            made = cls(settings, database, Telemetry(), mapping)
        except BaseException:
            database.close()
            raise
        made.start()
        return made

    def start(self) -> None:
        """Begin what goes on by itself."""
        self.remapper.follow()  # where the last process left it
        self.upkeep.start()

    def close(self, grace_s: float) -> None:
        """Commit what waits for at most so long; the receivers have stopped. The database stays open."""
        self.remapper.close()
        self.retention.close()
        self.upkeep.close()
        self._pool.shutdown(wait=False)
        if not self.ingest.drain(grace_s):
            logger.error("requests were still waiting for their commit", extra={"s": grace_s})

    def otlp_app(self, paths: Mapping[str, Signal]) -> App:
        """The app of OTLP/HTTP."""
        door = Door(self.ingest, "http")
        return otlp_app(door, self.settings.limits, paths=paths, pool=self._pool)

    def web_app(
        self,
        hosts: Collection[str],
        *,
        doctor: Callable[[], Mapping[str, Any]],
        metrics: Callable[[], str],
        mapping: Callable[[], CompiledMapping],
        ready: Callable[[], bool],
    ) -> App:
        """The app of the web port, and `mcp` as a part of it, whose `guarded` is still to be set.

        Args:
            hosts: names of this server.
            doctor: the answer of /api/doctor.
            metrics: the answer of /metrics.
            mapping: the profiles in force.
            ready: whether data can be received.
        """
        settings = self.settings
        self.mcp = McpFace(settings.mcp, hosts)
        self.mcp.read_api = app = rest_app(
            self.database,
            settings.sql,
            doctor=doctor,
            metrics=metrics,
            telemetry=self.telemetry,
            ready=ready,
            remapper=self.remapper,
            retention=self.retention,
            importer=Importer(self.ingest.between_commits),
            saved=SavedQueries(
                self.database, self.ingest.between_commits, settings.sql.timeout_s or None
            ),
            mapping=mapping,
            intake=Intake(self.ingest, settings.limits.max_payload_bytes),
            allowed_hosts=None if settings.tls.cert else hosts,
            faces={"/mcp": self.mcp},
            public_workflows=settings.auth.public_workflows,
        )
        return app

    def readings(self, more: Callable[[], dict[str, list[Sample]]] = dict) -> list[Reading]:
        """All metrics of this store, and the values that are looked up elsewhere, after what waits is committed."""
        self.ingest.catch_up()
        state = more() | self.ingest.samples()
        try:
            state |= store_samples(self.database)
        except StepscopeError as error:  # the other numbers count all the more now
            logger.warning("the store was not measured", extra={"error": error.message})
        return self.telemetry.read(state)

    def report(self, readings: list[Reading], about: Mapping[str, Any]) -> dict[str, Any]:
        """What `stepscope doctor` shows of it, and `about` in the midst."""
        return {
            "now": now_of(readings),
            "ingest": self.telemetry.snapshot(),
            "denied": self.telemetry.denied(),
            "times": times_of(readings),
            **about,
            "store": self._store_report(),
            "retention": self.retention.report(),
            "damage": damage_report(self.database),
            **backup_report(self.database),
        }

    def _store_report(self) -> dict[str, Any]:
        try:
            return store_report(self.database)
        except StoreUnavailable as error:  # the rest says why, and counts what is refused
            return {"error": error.message}
