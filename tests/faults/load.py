"""Senders that keep a collector busy, and know what it has promised them."""

import http.client
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from stepscope_collector.config.endpoints import Endpoints
from tests.integration.collector.process import stored
from tests.strategies.recount import NOT_DERIVED, NOT_OPEN, NOT_RECOUNTED, TWICE
from tests.strategies.workflows import (
    T0,
    Sent,
    execution,
    history,
    marker,
    request,
    span,
    step,
)

__all__ = ["BATCHES_PER_EXECUTION", "Load", "batch_of", "check_holds", "check_whole", "log_of"]

BATCHES_PER_EXECUTION = 4
METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
TIMEOUT_S = 20
LOGS = "select body from stored.log_records order by body"
POINTS = "select name from stored.metric_points order by name"


def batch_of(sender: int, number: int) -> list[Sent]:
    """Spans of one execution that goes on over several batches, its own span in the first or last."""
    which, part = divmod(number, BATCHES_PER_EXECUTION)
    name = f"{sender}/{which}"
    last = BATCHES_PER_EXECUTION - 1
    whole = execution(name, f"E{name}", trace=name, end=9000)
    sent = []
    if part == 0 and which % 2:
        sent.append(marker(whole, at=1))
    if part == (0 if which % 3 == 0 else last):
        sent.append(whole)
    for n in range(6):
        at = part * 1000 + n * 100
        one = step(
            f"{name}/{part}/{n}", f"E{name}", trace=name, parent=name, start=at, end=at + 50,
            outcome="failure" if n == 3 else "success",
            attributes={"big": f"{n}" * 9000} if n == 5 else {},
        )  # fmt: skip
        if n == 1:
            sent.append(marker(one, at=at + 1))
        sent.append(one)
        below = f"{one.span.name}/query"
        sent.append(
            span(below, trace=name, parent=one.span.name, start=at + 1, end=at + 9, scope="sql")
        )
    return sent


def log_of(sender: int, number: int) -> bytes:
    """One log request, different from all others."""
    made = ExportLogsServiceRequest()
    record = made.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0 + number)
    record.body.string_value = f"{sender}/{number}"
    return made.SerializeToString()


def point_of(sender: int, number: int) -> bytes:
    """One metric request, different from all others."""
    made = ExportMetricsServiceRequest()
    metric = made.resource_metrics.add().scope_metrics.add().metrics.add(name=f"{sender}/{number}")
    metric.gauge.data_points.add(time_unix_nano=T0 + number, as_int=number)
    return made.SerializeToString()


@dataclass
class Sender:
    number: int
    acknowledged: int = 0
    """Batches 0 up to here, each its spans, its log and its metric request, were answered with
    success."""
    answered_ns: list[int] = field(default_factory=list)
    """When each of them was, on the clock of time.monotonic_ns."""
    begun: int = 0
    """Batches of which something was sent."""
    parts: int = 0
    """Requests of the batch at hand that were answered."""
    refused: list[str] = field(default_factory=list)
    """Answers that say the data is bad: there must be none."""


class Load:
    """Senders in threads, each with one request at a time; what is not answered is sent again."""

    def __init__(self, count: int) -> None:
        self.senders = [Sender(n) for n in range(count)]
        self._changed = threading.Condition()
        self._endpoints: Endpoints | None = None
        self._generation = 0
        self._is_ending = False
        self._threads = [
            threading.Thread(target=self._run, args=(sender,)) for sender in self.senders
        ]
        for thread in self._threads:
            thread.start()

    def resume(self, endpoints: Endpoints) -> None:
        """Send to this collector from now on."""
        with self._changed:
            self._endpoints = endpoints
            self._generation += 1
            self._changed.notify_all()

    def acknowledged(self) -> list[int]:
        """Batches each sender was promised."""
        with self._changed:
            return [sender.acknowledged for sender in self.senders]

    def wait_for_more(self, than: list[int], timeout_s: float) -> None:
        """Until some sender was promised more than that."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(s.acknowledged > n for s, n in zip(self.senders, than, strict=True)),
                timeout_s,
            )

    def end(self, timeout_s: float) -> None:
        """Let each sender finish its execution and stop."""
        self._is_ending = True
        for thread in self._threads:
            thread.join(timeout_s)
            assert not thread.is_alive()
        assert [sender.refused for sender in self.senders] == [[] for _ in self.senders]

    def give_up(self) -> None:
        """End the threads whatever they do, after a test failed."""
        with self._changed:
            self._is_ending = True
            self._generation = -1
            self._changed.notify_all()

    def _run(self, sender: Sender) -> None:
        generation = 0
        while not self._is_done(sender):
            with self._changed:
                seen = generation
                self._changed.wait_for(lambda: self._generation != seen)  # noqa: B023
                generation = self._generation
                if generation < 0:
                    return
                assert self._endpoints is not None
                client = (_Http if sender.number % 2 else _Grpc)(self._endpoints)
            try:
                while not self._is_done(sender) and not sender.refused:
                    self._send(sender, client)
            except _NOW_NOT:
                continue
            finally:
                client.close()

    def _is_done(self, sender: Sender) -> bool:
        is_whole = sender.acknowledged % BATCHES_PER_EXECUTION == 0
        is_whole = is_whole and sender.begun == sender.acknowledged
        return self._generation < 0 or (self._is_ending and is_whole)

    def _send(self, sender: Sender, client: "_Http | _Grpc") -> None:
        n = sender.acknowledged
        sender.begun = n + 1
        spans = request(batch_of(sender.number, n)).SerializeToString()
        requests = (
            ("traces", spans),
            ("logs", log_of(sender.number, n)),
            ("metrics", point_of(sender.number, n)),
        )
        for signal, payload in requests[sender.parts :]:
            if outcome := client.post(signal, payload):
                sender.refused.append(outcome)
                return
            sender.parts += 1
        sender.parts = 0
        sender.answered_ns.append(time.monotonic_ns())
        with self._changed:
            sender.acknowledged += 1
            self._changed.notify_all()


_NOW_NOT = (OSError, http.client.HTTPException, grpc.RpcError)
"""What a client meets when the collector is killed, stops or starts."""
_NOT_THERE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
}


def _is_there(at: str) -> bool:
    """Whether anybody listens at HOST:PORT."""
    host, _, port = at.rpartition(":")
    try:
        socket.create_connection((host, int(port)), TIMEOUT_S).close()
    except OSError:
        return False
    return True


class _Grpc:
    def __init__(self, endpoints: Endpoints) -> None:
        self._at = endpoints.otlp_grpc
        self._channel = grpc.insecure_channel(self._at)

    def post(self, signal: str, payload: bytes) -> str:
        """What was wrong with it; "" when all of it was taken."""
        try:
            return self._channel.unary_unary(METHODS[signal])(payload, timeout=TIMEOUT_S).hex()
        except grpc.RpcError as error:
            if error.code() in _NOT_THERE:
                raise
            # When a server is killed while the client of gRPC 1.85 connects, it now and then waits for
            # its own deadline.
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and not _is_there(self._at):
                raise
            return f"{error.code()}: {error.details()}"

    def close(self) -> None:
        self._channel.close()


class _Http:
    def __init__(self, endpoints: Endpoints) -> None:
        self._connection = http.client.HTTPConnection(endpoints.otlp_http, timeout=TIMEOUT_S)

    def post(self, signal: str, payload: bytes) -> str:
        """What was wrong with it; "" when all of it was taken."""
        self._connection.request(
            "POST", f"/v1/{signal}", payload, {"Content-Type": "application/x-protobuf"}
        )
        response = self._connection.getresponse()
        body = response.read()
        if response.status == 503:
            raise ConnectionError("not available now")
        return "" if response.status == 200 and not body else f"{response.status}: {body!r}"

    def close(self) -> None:
        self._connection.close()


def check_whole(data: Path, load: Load) -> None:
    """Everything that was sent is there once and says the same as if it had come in one piece."""
    batches = [
        batch_of(sender, number)
        for sender, acknowledged in enumerate(load.acknowledged())
        for number in range(acknowledged)
    ]
    with history() as once:
        once.write(*batches)
        expected = once.tables()
    with stored(data) as connection:
        for question in (NOT_RECOUNTED, NOT_DERIVED, NOT_OPEN, TWICE):
            assert connection.execute(question).fetchall() == []
        for table in ("spans", "executions", "open_spans", "payloads"):
            assert connection.execute(f"select count(*) from stored.{table}").fetchone() == (
                len(expected[table]),
            )
        assert connection.execute(
            "select execution_id, span_count, attempt_count, failed_attempt_count, status, "
            "final_end_unix_nano from stored.executions order by execution_id"
        ).fetchall() == [
            (
                row["execution_id"], row["span_count"], row["attempt_count"],
                row["failed_attempt_count"], row["status"], row["final_end_unix_nano"],
            )
            for row in expected["executions"]
        ]  # fmt: skip
        once_each = sorted(
            (f"{sender}/{number}",)
            for sender, acknowledged in enumerate(load.acknowledged())
            for number in range(acknowledged)
        )
        for question in (LOGS, POINTS):
            assert connection.execute(question).fetchall() == once_each


def check_holds(data: Path, promised: list[int]) -> None:
    """One state of the whole, with everything that was promised and nothing twice.

    Args:
        data: a data directory without a server.
        promised: batches each sender was promised.
    """
    names = sorted((f"{s}/{n}",) for s, count in enumerate(promised) for n in range(count))
    spans = {
        (int.from_bytes(sent.span.trace_id), int.from_bytes(sent.span.span_id))
        for s, count in enumerate(promised)
        for n in range(count)
        for sent in batch_of(s, n)
    }
    with stored(data) as connection:
        for question in (NOT_RECOUNTED, NOT_DERIVED, NOT_OPEN, TWICE):
            assert connection.execute(question).fetchall() == []
        found = {
            (trace.int, span)
            for trace, span in connection.execute(
                "select trace_id, span_id from stored.spans"
            ).fetchall()
        }
        assert spans - found == set()
        for question in (LOGS, POINTS):
            rows = connection.execute(question).fetchall()
            assert len(rows) == len(set(rows))
            assert set(names) - set(rows) == set()
