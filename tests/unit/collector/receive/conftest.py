"""Real receivers on free ports, before a desk that takes requests as the ingest would."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from google.protobuf.message import DecodeError, Message

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.batch import Encoding, Signal
from stepscope_collector.decode.native import in_use
from stepscope_collector.decode.otlp_json import REQUESTS, to_message
from stepscope_collector.errors import (
    Overloaded,
    PayloadUndecodable,
    StepscopeError,
    StoreUnavailable,
)
from stepscope_collector.receive.otlp_grpc import GrpcReceiver
from stepscope_collector.receive.otlp_http import otlp_app


class Receipt(NamedTuple):
    accepted: int = 1
    rejected: int = 0
    message: str = ""


class Limits(NamedTuple):
    max_payload_bytes: int = 1 << 20
    http_read_timeout_s: float = 30.0
    grpc_max_connections: int = 1000


class Taken(NamedTuple):
    signal: Signal
    message: Message
    sender: str | None


@dataclass
class Desk:
    """Decodes for real; what it answers is up to the test."""

    taken: list[Taken] = field(default_factory=list)
    receipt: Receipt = field(default_factory=Receipt)
    refusal: BaseException | None = None
    """Raised by submit."""
    failure: BaseException | None = None
    """The future fails with it."""
    is_holding: bool = False
    """Leaves futures unresolved, in `held`."""
    held: list[Future[Any]] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    clients: list[str] = field(default_factory=list)
    """Whose quota each request takes from."""
    noted: list[tuple[Signal, str, int, str | None]] = field(default_factory=list)

    def note_refused(
        self, signal: Signal, error: StepscopeError, payload_bytes: int, sender: str | None
    ) -> None:
        self.noted.append((signal, error.code, payload_bytes, sender))

    is_busy: bool = False
    """Whether `submit` is not to be called in an event loop."""

    room: int = 1 << 40
    """Bytes that may be held."""
    most_held: int = 0

    def hold(self, size: int) -> None:
        if size > self.room:
            raise Overloaded(f"{size} bytes more would exceed max_inflight_bytes")
        self.room -= size
        self.most_held = max(self.most_held, (1 << 40) - self.room)

    def release(self, size: int) -> None:
        self.room += size

    def submit(
        self,
        signal: Signal,
        payload: bytes,
        encoding: Encoding,
        sender: str | None = None,
        *,
        via: str = "",
        client: str = "",
    ) -> Future[Any]:
        if self.refusal is not None:
            raise self.refusal
        if encoding == "json":
            message, _ = to_message(signal, payload)
        else:
            try:
                message = REQUESTS[signal].FromString(payload)
            except DecodeError as error:
                raise PayloadUndecodable(str(error)) from error
        self.taken.append(Taken(signal, message, sender))
        self.clients.append(client)
        future: Future[Any] = Future()
        if self.is_holding:
            self.held.append(future)
        elif self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(self.receipt)
        self.arrived.release()
        return future


@pytest.fixture
def desk() -> Iterator[Desk]:
    taking = Desk()
    yield taking
    for future in taking.held:  # a test that failed must not leave a thread waiting
        if not future.done():
            future.set_exception(StoreUnavailable("end of the test"))


@pytest.fixture
def serve_http(desk: Desk) -> Iterator[Callable[..., str]]:
    """Starts an app before the desk; its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(**options: Any) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        app = otlp_app(desk, Limits(), **options)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((server, thread))
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def http(serve_http: Callable[..., str]) -> Iterator[httpx.Client]:
    """A client of an app before the desk."""
    with httpx.Client(base_url=f"http://{serve_http()}", timeout=20) as client:
        yield client


@pytest.fixture(params=["native", "grpcio"])
def grpc_config(request: pytest.FixtureRequest) -> OtlpConfig:
    """Settings of a receiver, with each of the servers of gRPC."""
    if request.param == "native" and in_use("auto").decoder != "native":
        pytest.skip("the native part is not installed")
    return OtlpConfig(grpc_server=request.param)


@pytest.fixture
def grpc_address(desk: Desk, grpc_config: OtlpConfig) -> Iterator[str]:
    """Address of a receiver before the desk."""
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), config=grpc_config)
    yield receiver.start()
    receiver.stop(0)
