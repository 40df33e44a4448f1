"""The whole process on one page: store, ingest, receivers, pages; start and stop in order.

Start: database, writer thread, OTLP/gRPC, then OTLP/HTTP and the web port in one event loop.
Stop (SIGTERM, SIGINT): no new requests, what is in flight is committed and answered, then the
database is checkpointed and closed. A second signal ends the process at once; what was answered
is on disk all the same.
"""

import asyncio
import contextlib
import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

import uvicorn

from stepscope_collector import __version__
from stepscope_collector.access.certificates import Certificates, Material
from stepscope_collector.access.gate import Gate
from stepscope_collector.access.guard import Guard
from stepscope_collector.access.ports import check_ports
from stepscope_collector.config import Settings
from stepscope_collector.config.endpoints import Endpoints
from stepscope_collector.config.values import split_address
from stepscope_collector.decode.batch import Decoder, Signal
from stepscope_collector.decode.native import InUse, chosen
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.one_store import OneStore
from stepscope_collector.present.rest.app import need_of, rest_refusal
from stepscope_collector.profiles import LoadedProfiles
from stepscope_collector.receive.cors import with_cors
from stepscope_collector.receive.http_protocol import limited_http
from stepscope_collector.receive.otlp_grpc import GrpcReceiver
from stepscope_collector.receive.otlp_http import otlp_refusal
from stepscope_collector.receive.sockets import address_of, listen
from stepscope_collector.receive.timed import Timed
from stepscope_collector.store.database import Database
from stepscope_collector.store.memory import share_arenas
from stepscope_collector.tee.outgoing import Outgoing
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.process import process_samples
from stepscope_collector.telemetry.prometheus import prometheus_text
from stepscope_collector.telemetry.values import Reading
from stepscope_collector.tenants import Tenants

__all__ = ["serve"]

logger = logging.getLogger(__name__)

_START_S: Final = 10
"""How long the HTTP servers may take to start."""

_YOUNG_OBJECTS: Final = 10_000
"""So many new objects are there before the garbage collector looks at them; Python says 700 or 2,000."""

_MAX_FILES: Final = 65_536

_STOP_SENDING_S: Final = 3
"""How long a stop waits for what is being sent to others; the tee's queue is on disk."""


def serve(settings: Settings) -> int:
    """Run the collector until SIGTERM or SIGINT; the exit code.

    Raises:
        DatabaseLocked, NewerSchema, DatabaseDamaged, PortTaken, ConfigError: it cannot start.
    """
    share_arenas()
    _allow_files()
    os.umask(0o077)  # the history may hold anybody's data; DuckDB makes its log with the umask
    telemetry = Telemetry()
    gate = Gate(settings.auth.path(settings.data.dir), telemetry.asked)
    certificates = Certificates.of(settings.tls)
    check_ports(settings, has_tokens=gate.is_closed)
    profiles = LoadedProfiles(settings)
    with contextlib.ExitStack() as cleanup:
        http = cleanup.enter_context(listen(settings.otlp.http, "--otlp-http"))
        web = cleanup.enter_context(listen(settings.web.listen, "--web"))
        database = Database.open(
            settings.data.database_path,
            settings.store,
            lost_after_s=settings.executions.lost_after_s,
        )
        cleanup.callback(database.close)
        collector = _Collector(settings, database, telemetry, gate, certificates, profiles)
        cleanup.callback(collector.close)
        profiles.note(collector.own.ingest.between_commits)
        grpc = collector.start_grpc()
        endpoints = Endpoints(
            pid=os.getpid(),
            otlp_grpc=grpc,
            otlp_http=address_of(http),
            web=address_of(web),
            version=__version__,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            scheme="http" if certificates is None else "https",
            token=gate.local_secret,
            certificate_sha256="" if certificates is None else certificates.current().sha256,
        )
        collector.start_outgoing(endpoints)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(collector.run(http, web, endpoints))
    if not (database.is_idle and collector.tenants.are_idle):
        # Everything is committed and closed but for what nothing ends, and Python would wait for that.
        logging.shutdown()
        os._exit(0)
    return 0


def _allow_files() -> None:
    """As many open files as this process may have: each connection is one, and often 1024 are allowed."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if most == resource.RLIM_INFINITY else min(most, _MAX_FILES)
    if resource.RLIM_INFINITY == now or now >= wanted:
        return
    with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _loop_factory() -> Any:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


@dataclass(slots=True)
class _Collector:
    """The parts of a running collector."""

    settings: Settings
    database: Database
    telemetry: Telemetry
    gate: Gate
    certificates: Certificates | None
    profiles: LoadedProfiles
    decoder: InUse = field(init=False)
    outgoing: Outgoing = field(init=False)
    own: OneStore = field(init=False)
    """The store of all who belong to no tenant."""
    tenants: Tenants = field(init=False)
    grpc: GrpcReceiver = field(init=False)
    started_s: float = field(default_factory=time.time)
    is_ready: bool = False

    def __post_init__(self) -> None:
        limits = self.settings.limits
        wanted = cast("Decoder", self.settings.ingest.decoder)
        self.decoder = chosen(wanted)
        logger.debug("OTLP in protobuf is decoded", extra=self.decoder._asdict())
        self.outgoing = Outgoing(self.settings, self.telemetry)
        self.own = OneStore(
            self.settings,
            self.database,
            self.telemetry,
            self.profiles.mapping,
            tee=self.outgoing.tee,
            own_id=self.outgoing.own_id,
        )
        self.tenants = Tenants(
            self.settings, self.profiles, self._paths, self._hosts, lambda: self.is_ready
        )
        self.grpc = GrpcReceiver(
            self.own.grpc,
            self.settings.otlp.grpc,
            limits,
            workers=limits.grpc_workers,
            observe=self._observe_grpc,
            gate=self.gate,
            certificates=self.certificates,
            config=self.settings.otlp,
            of_tenant=self.tenants.grpc_door,
        )
        logger.debug("gRPC is served", extra=self.grpc.in_use._asdict())

    def start_grpc(self) -> str:
        """Start OTLP/gRPC; its address."""
        return self.grpc.start()

    def start_outgoing(self, endpoints: Endpoints) -> None:
        """Start the tee and the export of metrics; ConfigError when one leads back here."""
        own = (endpoints.otlp_grpc, endpoints.otlp_http, endpoints.web)
        self.outgoing.start(own, self.readings)

    async def run(self, http: socket.socket, web: socket.socket, endpoints: Endpoints) -> None:
        """Serve until a signal asks to stop, then answer what is in flight."""
        servers = [
            _Server(_uvicorn_config(app, self.certificates, self.settings))
            for app in (self._otlp_app(), self._web_app())
        ]
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, stopping)
        if hasattr(signal, "SIGHUP"):  # not on Windows
            had_terminal = _has_terminal()
            loop.add_signal_handler(signal.SIGHUP, self._on_hangup, stopping, had_terminal)
        tasks = [
            asyncio.create_task(server.serve([listening]))
            for server, listening in zip(servers, (http, web), strict=True)
        ]
        try:
            async with asyncio.timeout(_START_S):
                await asyncio.gather(*(server.has_started.wait() for server in servers))
            self.is_ready = True
            self.own.start()
            self.tenants.start(self.gate.tenants())
            self._publish(endpoints)
            _announce(endpoints, self.settings)
            ended = asyncio.create_task(stopping.wait())
            with _seldom_collected():
                await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
        finally:
            self.is_ready = False
            endpoints.remove(self.settings.data.endpoints_path)
            await self._give_notice()
            self.own.retention.close()  # somebody may wait for the end of a long prune
            self.tenants.end_prunes()
            await asyncio.to_thread(self.grpc.stop, self.settings.shutdown.grace_s)
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.own.mcp is not None:
                await self.own.mcp.close()
            await self.tenants.close_faces()

    def _on_signal(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            logger.warning("second signal, leaving at once")
            os._exit(130)
        stopping.set()

    async def _give_notice(self) -> None:
        """Let balancers see that we are about to stop, while requests are still taken."""
        self.grpc.health.drain()
        if self.settings.shutdown.notice_s:
            await asyncio.sleep(self.settings.shutdown.notice_s)

    def _publish(self, endpoints: Endpoints) -> None:
        """Tell the machine where we are, now and whenever our certificate is another one."""
        path = self.settings.data.endpoints_path
        endpoints.write(path)

        def again(material: Material) -> None:
            if self.is_ready:
                replace(endpoints, certificate_sha256=material.sha256).write(path)

        if self.certificates is not None:
            self.certificates.changed = again

    def _on_hangup(self, stopping: asyncio.Event, had_terminal: bool) -> None:
        if had_terminal and not _has_terminal():
            self._on_signal(stopping)  # its window was closed
        else:
            self.reload()

    def reload(self) -> None:
        """SIGHUP: read again what may change while the process runs.

        What cannot be read stays as it was; it says so itself and raises nothing.
        """
        self.gate.reload()
        if self.certificates is not None:
            self.certificates.reload()
        logger.info("tokens and certificates read again")
        # requests that wait for their commit are waited for, and not here: this is the event loop
        threading.Thread(
            target=self.profiles.reload,
            args=(self._use,),
            name="stepscope-reload",
            daemon=True,
        ).start()

    def _use(self, mapping: CompiledMapping) -> None:
        self.own.ingest.use(mapping)
        self.tenants.use(mapping)

    def close(self) -> None:
        """Commit what waits; the receivers have stopped."""
        self.grpc.stop(0)
        grace_s = self.settings.shutdown.grace_s
        self.own.close(grace_s)
        self.tenants.close(grace_s)
        self.outgoing.stop(_STOP_SENDING_S)

    @property
    def _paths(self) -> dict[str, Signal]:
        config = self.settings.otlp
        return {
            config.http_traces_path: "traces",
            config.http_logs_path: "logs",
            config.http_metrics_path: "metrics",
        }

    @property
    def _hosts(self) -> list[str]:
        return [split_address(self.settings.web.listen)[0]]

    def _otlp_app(self) -> Timed:
        app = self.own.otlp_app(self._paths)
        of_tenant = self.tenants.otlp_app
        guarded = Guard(app, self.gate, "http", lambda *_: "ingest", otlp_refusal, of_tenant)
        # before the guard: a preflight has no credentials
        return Timed(
            with_cors(guarded, self.settings.otlp.http_cors_origins),
            self._paths,
            self._observe_http,
        )

    def _web_app(self) -> Guard:
        app = self.own.web_app(
            self._hosts,
            doctor=self.doctor,
            metrics=self.metrics,
            mapping=lambda: self.profiles.mapping,
            ready=lambda: self.is_ready,
        )
        guarded = Guard(app, self.gate, "web", need_of, rest_refusal, self.tenants.web_app)
        assert self.own.mcp is not None
        self.own.mcp.guarded = self.tenants.guarded = guarded
        return guarded

    def _observe_grpc(self, method: str, code: str, elapsed_s: float) -> None:
        self.telemetry.observe("rpc_server_call_duration", elapsed_s, method, code)

    def _observe_http(self, route: str, status: str, elapsed_s: float) -> None:
        self.telemetry.observe("http_server_request_duration", elapsed_s, route, status)

    def metrics(self) -> str:
        """All metrics of this process in the Prometheus text format."""
        return prometheus_text(self.readings())

    def readings(self) -> list[Reading]:
        """All metrics of this process."""
        return self.own.readings(lambda: process_samples() | self.outgoing.samples())

    def doctor(self) -> dict[str, Any]:
        """What `stepscope doctor` shows of this process and its store."""
        readings = self.readings()  # it waits for commits, which the tee's numbers come after
        about = {
            "profiles": self.profiles.report(),
            **self.outgoing.report(),
            **self.tenants.report(),
        }
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime_s": round(time.time() - self.started_s, 3),
            "is_ready": self.is_ready,
            "decoder": self.decoder.decoder,
            "decoder_reason": self.decoder.reason,
            "grpc_server": self.grpc.in_use.server,
            "grpc_server_reason": self.grpc.in_use.reason,
            "needs_token": self.gate.is_closed,
            **self.own.report(readings, about),
        }


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """What is there by now stays, so the garbage collector leaves it alone and comes less often.

    Small requests make many objects, and each time it would look at all those of the start as well.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def _announce(endpoints: Endpoints, settings: Settings) -> None:
    """The one line on stdout that says where; scripts read it."""
    sys.stdout.write(
        f"stepscope ready: OTLP/gRPC {endpoints.otlp_grpc}, OTLP/HTTP {endpoints.otlp_http}, "
        f"web {endpoints.scheme}://{endpoints.web}, data {settings.data.dir}\n"
    )
    sys.stdout.flush()


def _uvicorn_config(
    app: Any, certificates: Certificates | None, settings: Settings
) -> uvicorn.Config:
    secure: dict[str, Any] = {}
    if certificates is not None:
        secure["ssl_context_factory"] = lambda *_: certificates.http_context()
    return uvicorn.Config(
        app,
        **secure,
        log_config=None,
        http=limited_http(settings.limits),
        ws="none",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=math.ceil(settings.shutdown.grace_s),
    )


class _Server(uvicorn.Server):
    """A uvicorn server that is one of several in a process which handles the signals itself."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell who waits for it."""
        await super().startup(sockets)
        self.has_started.set()
