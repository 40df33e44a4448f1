"""The tenants of one process: a store, a backlog and a read API for each, chosen by the token.

A tenant's history lies in a data directory of its own, `tenants/NAME` below that of the collector. It is
opened in a thread of this module, at the start when a token names it, else when the first token does;
requests wait for that a little and then come again. What cannot be opened stands in the log; its
tenant is told no more than that, and nobody else is concerned.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillOpening
from dataclasses import replace
from typing import Any, Final, NamedTuple

from stepscope_collector import __version__
from stepscope_collector.access.tenant_names import is_tenant
from stepscope_collector.config import Settings
from stepscope_collector.config.targets import TeeConfig, TelemetryConfig
from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import StepscopeError, StoreUnavailable
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.one_store import App, OneStore
from stepscope_collector.profiles import LoadedProfiles
from stepscope_collector.receive.door import Door
from stepscope_collector.telemetry.prometheus import prometheus_text
from stepscope_collector.waiting import shutting_down

__all__ = ["Tenants", "settings_of"]

logger = logging.getLogger(__name__)

_OPEN_AT_ONCE: Final = 2
"""Stores that are opened at the same time; each is read for up to store.verify_s."""
_AGAIN_S: Final = 5.0
"""A store that could not be opened is tried again so much later, at the next request."""
_HTTP_WAITS_S: Final = 10.0
"""How long a request over HTTP waits for its store; that holds no thread."""


class _Tenant(NamedTuple):
    """What requests of one tenant are handed to."""

    store: OneStore
    otlp: App
    web: App


class Tenants:
    """Finds the store of a tenant, and opens it. Thread-safe.

    Args:
        settings: of the collector.
        profiles: those in force.
        paths: of OTLP/HTTP.
        hosts: names of this server.
        ready: whether data can be received.
    """

    def __init__(
        self,
        settings: Settings,
        profiles: LoadedProfiles,
        paths: Mapping[str, Signal],
        hosts: Collection[str],
        ready: Callable[[], bool],
    ) -> None:
        self.guarded: App | None = None
        """The whole web port behind the gate, for tools that delete; set before the first request."""
        self._settings = settings
        self._profiles = profiles
        self._mapping = profiles.mapping
        self._paths = paths
        self._hosts = hosts
        self._ready = ready
        self._lock = threading.Lock()
        self._found: dict[str, Future[_Tenant | None]] = {}
        """None: it could not be opened."""
        self._failed_s: dict[str, float] = {}
        self._is_closing = False
        self._pool = ThreadPoolExecutor(_OPEN_AT_ONCE, thread_name_prefix="stepscope-tenant")

    def start(self, names: Iterable[str]) -> None:
        """Begin to open the stores of these."""
        for name in names:
            self._find(name)

    async def otlp_app(self, name: str) -> App:
        """The OTLP/HTTP of a tenant.

        Raises:
            StoreUnavailable: its store is not open in time.
        """
        return (await self._ask(name)).otlp

    async def web_app(self, name: str) -> App:
        """The web port of a tenant; as `otlp_app`."""
        return (await self._ask(name)).web

    def grpc_door(self, name: str, within_s: float) -> Door:
        """Where requests of a tenant over gRPC go.

        Raises:
            StoreUnavailable: its store is not open in time.
        """
        try:
            found = self._find(name).result(within_s)
        except StillOpening:
            raise _opening() from None
        return _whole(found).store.grpc

    def use(self, mapping: CompiledMapping) -> None:
        """Map what comes from now on with other profiles, in the stores that are being opened, too."""
        with self._lock:
            self._mapping = mapping
        for tenant in self._each():
            try:
                tenant.store.ingest.use(mapping)
            except StepscopeError as error:
                logger.warning("a tenant keeps its profiles", extra={"error": error.message})

    def report(self) -> dict[str, Any]:
        """What `stepscope doctor` shows to those who belong to no tenant: how many there are, no names."""
        with self._lock:
            found = list(self._found.values())
        done = [each.result() for each in found if each.done() and not each.cancelled()]
        counts = {
            "open": sum(tenant is not None for tenant in done),
            "opening": len(found) - len(done),
            "failed": sum(tenant is None for tenant in done),
        }
        return {"tenants": counts} if found else {}

    def end_prunes(self) -> None:
        """Somebody may wait for the end of a long prune."""
        for tenant in self._open_now():
            tenant.store.retention.close()

    async def close_faces(self) -> None:
        """End what goes on in the event loop."""
        for tenant in self._open_now():
            if tenant.store.mcp is not None:
                await tenant.store.mcp.close()

    def close(self, grace_s: float) -> None:
        """Open no more, commit what waits in each for at most so long, close them."""
        with self._lock:
            self._is_closing = True
        self._pool.shutdown(cancel_futures=True)
        stores = [tenant.store for tenant in self._open_now()]
        if not stores:
            return
        with ThreadPoolExecutor(len(stores), thread_name_prefix="stepscope-close") as closing:
            list(closing.map(lambda store: _close(store, grace_s), stores))

    @property
    def are_idle(self) -> bool:
        """Whether no reader is at work in any of them."""
        return all(tenant.store.database.is_idle for tenant in self._open_now())

    async def _ask(self, name: str) -> _Tenant:
        found = self._find(name)
        if not found.done():
            try:
                async with asyncio.timeout(_HTTP_WAITS_S):
                    await asyncio.shield(asyncio.wrap_future(found))
            except TimeoutError:
                raise _opening() from None
        return _whole(found.result())

    def _find(self, name: str) -> Future[_Tenant | None]:
        with self._lock:
            if self._is_closing:
                raise shutting_down()
            found = self._found.get(name)
            if found is None or self._is_due_again(name, found):
                found = self._found[name] = self._pool.submit(self._open, name)
            return found

    def _is_due_again(self, name: str, found: Future[_Tenant | None]) -> bool:
        has_failed = found.done() and found.result() is None
        return has_failed and time.monotonic() - self._failed_s[name] > _AGAIN_S

    def _open(self, name: str) -> _Tenant | None:
        with self._lock:
            mapping = self._mapping
        try:
            store = OneStore.open(settings_of(self._settings, name), mapping)
            self._profiles.note(store.ingest.between_commits)
            return self._put_together(store)
        except Exception as error:
            # The outermost boundary of this thread; other tenants go on.
            self._failed_s[name] = time.monotonic()
            is_ours = not isinstance(error, StepscopeError)
            logger.error(  # noqa: TRY400 a traceback only for what nobody raised on purpose
                "the store of a tenant cannot be opened",
                extra={"tenant": name, "error": str(error)},
                exc_info=is_ours,
            )
            return None

    def _put_together(self, store: OneStore) -> _Tenant:
        def doctor() -> dict[str, Any]:
            about = {"version": __version__, "is_ready": self._ready()}
            return about | store.report(store.readings(), {})

        web = store.web_app(
            self._hosts,
            doctor=doctor,
            metrics=lambda: prometheus_text(store.readings()),
            mapping=lambda: self._profiles.mapping,
            ready=self._ready,
        )
        assert store.mcp is not None
        store.mcp.guarded = self._guarded
        return _Tenant(store, store.otlp_app(self._paths), web)

    async def _guarded(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.guarded is not None  # a store may be open before the web port is
        await self.guarded(scope, receive, send)

    def _open_now(self) -> list[_Tenant]:
        with self._lock:
            done = [each for each in self._found.values() if each.done() and not each.cancelled()]
        return [tenant for each in done if (tenant := each.result()) is not None]

    def _each(self) -> Iterable[_Tenant]:
        """All of them, those that are being opened when they are open."""
        with self._lock:
            found = list(self._found.values())
        for each in found:
            tenant = each.result()
            if tenant is not None:
                yield tenant


def settings_of(settings: Settings, name: str) -> Settings:
    """The settings of a tenant's store: what is limited is limited for each by itself."""
    assert is_tenant(name), "the file of tokens was checked"
    own = settings.tenants
    inflight_bytes = max(own.max_inflight_bytes, settings.limits.max_payload_bytes)
    return replace(
        settings,
        data=replace(settings.data, dir=settings.data.tenants_dir / name),
        store=replace(settings.store, memory_limit_bytes=own.memory_limit_bytes),
        limits=replace(settings.limits, max_inflight_bytes=inflight_bytes),
        tee=TeeConfig(),
        telemetry=TelemetryConfig(),
    )


def _whole(found: _Tenant | None) -> _Tenant:
    if found is None:
        raise StoreUnavailable(
            "the store of this tenant cannot be opened; the collector's log says why"
        )
    return found


def _opening() -> StoreUnavailable:
    return StoreUnavailable("the store of this tenant is being opened; try again")


def _close(store: OneStore, grace_s: float) -> None:
    store.close(grace_s)
    store.database.close()
