"""OTLP/gRPC: what the server does with what the ingest says. Rows of the checklist: tests/conformance."""

import gc
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.errors import (
    ConfigError,
    Overloaded,
    PayloadUndecodable,
    PortTaken,
    StoreUnavailable,
)
from stepscope_collector.receive.otlp_grpc import METHODS, GrpcReceiver
from tests.unit.collector.receive.conftest import Desk, Limits, Receipt

_TRACES, _LOGS, _METRICS = METHODS
_Call = Callable[..., bytes]


def _call(address: str, method: str = _TRACES, payload: bytes = b"") -> bytes:
    with grpc.insecure_channel(address) as channel:
        return bytes(channel.unary_unary(method)(payload, timeout=20))


def _error(address: str, payload: bytes = b"") -> tuple[grpc.StatusCode, Status]:
    with pytest.raises(grpc.RpcError) as caught:
        _call(address, payload=payload)
    call: Any = caught.value
    status = Status()
    for key, value in call.trailing_metadata():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
    return call.code(), status


@pytest.mark.parametrize("method", METHODS)
def test_each_method_hands_on_its_signal(desk: Desk, grpc_address: str, method: str) -> None:
    """OTLP: G1, C4."""
    assert _call(grpc_address, method) == b""
    assert desk.taken[0].signal == METHODS[method]
    assert str(desk.taken[0].sender).startswith("127.0.0.1 (grpc-python/")
    assert desk.clients == ["127.0.0.1"]


def test_the_answer_comes_after_the_commit(desk: Desk, grpc_address: str) -> None:
    """OTLP: C22."""
    desk.is_holding = True
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_call, grpc_address)
        assert desk.arrived.acquire(timeout=10)
        assert not answer.done()
        desk.held[0].set_result(Receipt())
        assert answer.result(10) == b""


def test_one_waiting_call_does_not_hold_up_others(desk: Desk, grpc_address: str) -> None:
    """OTLP: G13."""
    desk.is_holding = True
    with grpc.insecure_channel(grpc_address) as channel:
        export = channel.unary_unary(_TRACES)
        waiting = [export.future(b"", timeout=20) for _ in range(40)]
        for _ in waiting:
            assert desk.arrived.acquire(timeout=10)
        desk.is_holding = False
        assert export(b"", timeout=20) == b""
        assert not any(call.done() for call in waiting)
        for held in desk.held:
            held.set_result(Receipt())
        assert {call.result(10) for call in waiting} == {b""}


@pytest.mark.parametrize("error", [Overloaded("full"), StoreUnavailable("disk is full")])
@pytest.mark.parametrize("where", ["refusal", "failure"])
def test_what_is_temporary_is_unavailable_with_retry_info(
    desk: Desk, grpc_address: str, error: Exception, where: str
) -> None:
    """OTLP: G6, G9, G10."""
    setattr(desk, where, error)
    code, status = _error(grpc_address)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert (status.code, status.message) == (14, str(error))
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 1


@pytest.mark.parametrize("where", ["refusal", "failure"])
def test_a_bug_of_ours_is_logged_once_and_tells_the_client_nothing(
    desk: Desk, grpc_address: str, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """ours: no traceback at users, and one in the log."""
    setattr(desk, where, ZeroDivisionError("secret"))
    with caplog.at_level(logging.DEBUG):
        code, status = _error(grpc_address)
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in status.message
    assert [r.exc_info is not None for r in caplog.records if r.levelno >= logging.WARNING] == [
        True
    ]


def test_undecodable_bytes_are_refused_without_a_word_in_the_log(
    grpc_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """OTLP: G8; hostile input writes no traceback."""
    with caplog.at_level(logging.DEBUG):
        code, status = _error(grpc_address, b"\xff\xff")
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert status.details[0].TypeName() == "google.rpc.BadRequest"
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


def test_a_partial_success_is_passed_on(desk: Desk, grpc_address: str) -> None:
    """OTLP: C5."""
    desk.receipt = Receipt(1, 2, "why")
    response = ExportTraceServiceResponse.FromString(_call(grpc_address))
    assert response.partial_success.rejected_spans == 2


def test_a_call_whose_client_gave_up_is_committed_all_the_same(
    desk: Desk, grpc_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """OTLP: G18, C9: never half a request, and the second try changes nothing."""
    desk.is_holding = True
    with caplog.at_level(logging.DEBUG), grpc.insecure_channel(grpc_address) as channel:
        call = channel.unary_unary(_TRACES).future(b"", timeout=20)
        assert desk.arrived.acquire(timeout=10)
        call.cancel()
        desk.is_holding = False
        desk.held[0].set_result(Receipt())
        assert channel.unary_unary(_TRACES)(b"", timeout=20) == b""
    assert not desk.held[0].cancelled()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_request_that_would_wait_or_is_large_is_decoded_beside_the_loop(
    desk: Desk, grpc_address: str, size: int
) -> None:
    """ours: nobody else may wait for it, health checks least of all."""
    desk.is_busy = size == 100
    submit, seen, go_on = desk.submit, threading.Event(), threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        seen.set()
        assert go_on.wait(20)
        return submit(*arguments, **more)

    desk.submit = slow  # type: ignore[method-assign]  # it takes long
    payload = ExportTraceServiceRequest(
        resource_spans=[{"schema_url": "x" * size}]
    ).SerializeToString()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_call, grpc_address, payload=payload)
        try:
            assert seen.wait(20)
            assert _call(grpc_address, "/grpc.health.v1.Health/Check") == b"\x08\x01"
        finally:
            go_on.set()
        assert answer.result(20) == b""


def test_a_call_that_is_given_up_while_it_is_decoded_is_taken_or_refused_all_the_same(
    desk: Desk, grpc_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """OTLP: G18, C9: and nobody hears of what is wrong with it."""
    desk.is_busy = True
    desk.refusal = PayloadUndecodable("no")
    submit, seen, go_on = desk.submit, threading.Event(), threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        seen.set()
        assert go_on.wait(20)
        return submit(*arguments, **more)

    desk.submit = slow  # type: ignore[method-assign]  # it takes long
    with caplog.at_level(logging.DEBUG), grpc.insecure_channel(grpc_address) as channel:
        call = channel.unary_unary(_TRACES).future(b"", timeout=20)
        assert seen.wait(20)
        call.cancel()
        go_on.set()
        desk.submit = submit  # type: ignore[method-assign]  # as before
        desk.refusal, desk.is_busy = None, False
        assert channel.unary_unary(_TRACES)(b"", timeout=20) == b""
        gc.collect()  # a future that nobody asked would speak now
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_second_receiver_on_the_port_is_refused_with_the_remedy(
    desk: Desk, grpc_address: str, capfd: pytest.CaptureFixture[str], grpc_config: OtlpConfig
) -> None:
    """ours: two collectors on one port would share its requests at random."""
    with pytest.raises(PortTaken, match=f"another process listens on {grpc_address}") as caught:
        GrpcReceiver(desk, grpc_address, Limits(), config=grpc_config).start()
    assert "--otlp-grpc" in str(caught.value.hint)
    assert capfd.readouterr() == ("", "")


def test_a_port_of_another_kind_of_server_is_taken_too(desk: Desk, grpc_config: OtlpConfig) -> None:
    """ours: as above."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(PortTaken):
            GrpcReceiver(
                desk, f"127.0.0.1:{other.getsockname()[1]}", Limits(), config=grpc_config
            ).start()


def test_an_address_of_another_machine_is_an_error_of_configuration(
    desk: Desk, grpc_config: OtlpConfig
) -> None:
    """ours: TEST-NET-1 belongs to nobody (RFC 5737)."""
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0"):
        GrpcReceiver(desk, "192.0.2.1:0", Limits(), config=grpc_config).start()


def test_a_port_is_free_again_after_stop(desk: Desk, grpc_config: OtlpConfig) -> None:
    """ours: a restart finds its port, connections of clients in TIME_WAIT or not."""
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), config=grpc_config)
    address = receiver.start()
    _call(address)
    receiver.stop(0)
    again = GrpcReceiver(desk, address, Limits(), config=grpc_config)
    assert again.start() == address
    assert _call(address) == b""
    again.stop(0)


def test_stop_lets_calls_finish_and_refuses_new_ones(desk: Desk, grpc_config: OtlpConfig) -> None:
    """OTLP: G19, G9: gRPC's core ends new calls with one of two codes, both retryable."""
    desk.is_holding = True
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), config=grpc_config)
    address = receiver.start()
    with ThreadPoolExecutor(2) as pool, grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(_TRACES).future(b"", timeout=20)
        assert desk.arrived.acquire(timeout=10)
        stopping = pool.submit(receiver.stop, 10)
        code = None
        while code is None:  # until the server has heard of it, calls still come in
            try:
                channel.unary_unary(_TRACES)(b"", timeout=0.5)
            except grpc.RpcError as error:
                code = (
                    error.code() if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED else None
                )
        assert code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert not stopping.done()
        for held in desk.held:
            held.set_result(Receipt())
        assert call.result(10) == b""
        stopping.result(10)


def test_no_thread_waits_for_ever_when_a_commit_never_comes(
    desk: Desk, grpc_config: OtlpConfig
) -> None:
    """ours: Python waits for the threads of a pool when it exits."""
    desk.is_holding = True
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), config=grpc_config)
    address = receiver.start()
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(_TRACES).future(b"", timeout=20)  # it ends with its last name
        assert desk.arrived.acquire(timeout=10)
        receiver.stop(0)
        assert call.exception(10) is not None
        workers = [t for t in threading.enumerate() if t.name.startswith("otlp-grpc")]
        for worker in workers:
            worker.join(10)
        assert not any(worker.is_alive() for worker in workers)


def test_the_stock_exporter_sends_again_after_the_hint(desk: Desk, grpc_address: str) -> None:
    """OTLP: G6, G10: the hint is short enough for the time a stock exporter gives a request."""
    _refuse_once(desk)
    exporter = OTLPSpanExporter(endpoint=f"http://{grpc_address}", insecure=True)
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span("n")
    span.end()
    assert exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]  # an SDK span
    assert len(desk.taken) == 1
    exporter.shutdown()


def test_calls_that_would_wait_longer_than_clients_do_come_again(
    desk: Desk, grpc_config: OtlpConfig
) -> None:
    """OTLP: G6, G10: refused at once, before their message is read, until the line is short again.

    ours: else the work is for calls that were given up meanwhile, and nobody gets an answer.
    """
    receiver = GrpcReceiver(desk, "127.0.0.1:0", Limits(), workers=1, config=grpc_config)
    address = receiver.start()
    try:
        with grpc.insecure_channel(address) as channel:
            export = channel.unary_unary(_TRACES)
            desk.is_holding = True
            calls = [export.future(b"", timeout=20) for _ in range(6)]
            # one is worked on, four wait; which one is the sixth is up to gRPC
            refused = _first_done(calls)
            assert refused.code() is grpc.StatusCode.UNAVAILABLE
            assert "limits.grpc_workers=1" in refused.details()
            assert desk.noted == [("traces", "overloaded", 0, None)]
            code, status = _error(address)
            assert code is grpc.StatusCode.UNAVAILABLE
            assert status.details[0].Is(RetryInfo.DESCRIPTOR)
            for number in range(5):
                assert desk.arrived.acquire(timeout=10)
                desk.held[number].set_result(Receipt())
            assert [call.result(10) for call in calls if call is not refused] == [b""] * 5
            desk.is_holding = False
            assert export(b"", timeout=20) == b""
    finally:
        receiver.stop(0)


def _first_done(calls: list[Any]) -> Any:
    """The call that ends first."""
    done: SimpleQueue[Any] = SimpleQueue()
    for call in calls:
        call.add_done_callback(done.put)
    return done.get(timeout=20)


def _refuse_once(desk: Desk) -> None:
    submit = desk.submit

    def refuse_first(*arguments: Any, **_: Any) -> Any:
        desk.submit = submit  # type: ignore[method-assign]  # one call is refused
        raise Overloaded("full")

    desk.submit = refuse_first  # type: ignore[method-assign]  # one call is refused
