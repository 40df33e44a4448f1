"""Clients that send at a rate whatever the server says, and hold what it does not take."""

import heapq
import http.client
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from stepscope_collector.config.endpoints import Endpoints
from tests.faults.held import Requests, signal_of
from tests.faults.load import METHODS

__all__ = ["Clients", "Log"]

_TIMEOUT_S: Final = 30.0
_UNANSWERED_S: Final = 1.0
"""How long a client waits with a request that got no answer."""
_RETRYABLE: Final = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "429", "503"}


class Answer(NamedTuple):
    """What a client learns."""

    code: str
    """"OK" or "200"; another code; "" when there was no answer."""
    retry_s: float | None
    """When to send again; None: the server says that there is no use."""
    what: str


@dataclass
class Log:
    """What clients saw; `accepted` and `refused` by transport and signal."""

    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Answers after which a client gives up, or that lack the time to come again."""
    answers_s: list[float] = field(default_factory=list)
    """How long each success took."""
    most_held: int = 0


class Clients:
    """Threads, each with a connection of its own and one request at a time.

    Args:
        endpoints: of the server.
        requests: what they send.
        count: of threads; half of them send over gRPC, half over HTTP.
    """

    def __init__(self, endpoints: Endpoints, requests: Requests, count: int) -> None:
        self.log = Log()
        self.accepted: set[int] = set()
        """Numbers of the requests that the server has promised to hold."""
        self._endpoints = endpoints
        self._requests = requests
        self._lock = threading.Lock()
        self._held: list[tuple[float, int]] = []
        """Requests that were refused, by the time at which they go out again."""
        self._under_way = 0
        self._next = 0
        self._rate: float | None = None
        self._turn = 0.0
        self._is_making = True
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(count)
        ]

    def start(self, rate: float | None, count: int) -> None:
        """Let so many clients send.

        Args:
            rate: requests per second, those that are sent again included; None: each client sends
                as soon as it has its answer.
            count: clients, those that send already included.
        """
        with self._lock:
            self._rate = rate
            self._turn = time.monotonic()
        for thread in self._threads[:count]:
            if thread.ident is None:
                thread.start()

    def finish(self, timeout_s: float) -> None:
        """Make no more requests; return when every one that is held was accepted."""
        self._is_making = False
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"{len(self._held)} requests are still held"

    def give_up(self) -> None:
        """End the threads whatever they hold."""
        self._is_over.set()

    def _run(self, number: int) -> None:
        client: _Grpc | _Http = (_Http if number % 2 else _Grpc)(self._endpoints)
        while (request := self._take()) is not None:
            payload = self._requests.payload(request)
            began = time.monotonic()
            answer = client.post(signal_of(request), payload)
            self._settle(client.name, request, answer, time.monotonic() - began)
        client.close()

    def _take(self) -> int | None:
        """The next request in its time; None: nothing is left to be sent."""
        while not self._is_over.wait(self._wait_s()):
            with self._lock:
                if self._held and self._held[0][0] <= time.monotonic():
                    self._under_way += 1
                    return heapq.heappop(self._held)[1]
                if self._is_making:
                    self._under_way += 1
                    self._next += 1
                    return self._next - 1
                if not self._held and not self._under_way:
                    return None
        return None

    def _wait_s(self) -> float:
        """How long until it is this client's turn."""
        with self._lock:
            if self._rate is None:
                return 0.0
            now = time.monotonic()
            # who is late by more than that is late for good
            turn = max(self._turn, now - 0.5)
            self._turn = turn + 1 / self._rate
        return max(0.0, turn - now)

    def _settle(self, transport: str, number: int, answer: Answer, elapsed_s: float) -> None:
        which = (transport, signal_of(number))
        with self._lock:
            self._under_way -= 1
            now = time.monotonic()
            log = self.log
            if answer.code in {"OK", "200"} and not answer.what:
                log.accepted[which] += 1
                log.answers_s.append(elapsed_s)
                self.accepted.add(number)
            elif not answer.code:
                log.unanswered.append(answer.what)
                heapq.heappush(self._held, (now + _UNANSWERED_S, number))
            elif answer.code in _RETRYABLE and answer.retry_s:
                log.refused[which] += 1
                heapq.heappush(self._held, (now + answer.retry_s, number))
            else:
                log.lost.append(f"{transport} {answer.code}: {answer.what}")
            log.most_held = max(log.most_held, len(self._held))


class _Grpc:
    name: Final = "grpc"

    def __init__(self, endpoints: Endpoints) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(endpoints.otlp_grpc, options=options)
        self._exports = {s: self._channel.unary_unary(method) for s, method in METHODS.items()}

    def post(self, signal: str, payload: bytes) -> Answer:
        try:
            body = self._exports[signal](payload, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return _refusal(error)
        return Answer("OK", None, body.hex())

    def close(self) -> None:
        self._channel.close()


def _refusal(error: Any) -> Answer:
    code = error.code().name
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            retry = RetryInfo()
            for detail in Status.FromString(value).details:
                if detail.Unpack(retry):
                    delay = retry.retry_delay
                    return Answer(code, delay.seconds + delay.nanos / 1e9, error.details())
            return Answer(code, None, error.details())
    return Answer("", None, f"{code}: {error.details()}")  # not from the server's code


class _Http:
    name: Final = "http"

    def __init__(self, endpoints: Endpoints) -> None:
        self._connection = http.client.HTTPConnection(endpoints.otlp_http, timeout=_TIMEOUT_S)

    def post(self, signal: str, payload: bytes) -> Answer:
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            self._connection.request("POST", f"/v1/{signal}", payload, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer("", None, repr(error))
        retry_s: float | None = None
        with suppress(TypeError, ValueError):
            retry_s = float(response.headers["Retry-After"])
        return Answer(str(response.status), retry_s, body.decode("latin-1"))

    def close(self) -> None:
        self._connection.close()
