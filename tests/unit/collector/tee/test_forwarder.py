"""One endpoint's way through the queue: the same bytes again, past damage, and to a quick end."""

import socket
import threading

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.tee import Record
from tests.integration.collector.tees import other, spans
from tests.strategies.workflows import span
from tests.unit.collector.tee.queues import WAIT_S, counted, made, put, until
from tests.unit.collector.test_ingest import with_bad_ids


def test_what_was_being_sent_is_sent_again_with_the_same_bytes(tmp_path):
    """ours: an endpoint that knows requests by content must recognise it after our restart."""
    is_down = True

    def answer(_payload, context):
        if is_down:
            context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        return b""

    with other(answer) as (endpoint, taken):
        tee, _ = made(tmp_path, endpoint)
        put(tee, 1, 2)
        tee.start()
        until(lambda: taken)
        put(tee, 3, 4)
        tee.stop(WAIT_S)
        first = taken[0][0]
        assert first == b"".join(spans(n).SerializeToString() for n in (1, 2))
        del taken[:]
        is_down = False
        tee, telemetry = made(tmp_path, endpoint, max_batch_bytes=0)
        put(tee, 5)
        tee.start()
        until(lambda: tee.status()[0]["queued_requests"] == 0)
        assert [payload for payload, _ in taken] == [
            first, *(spans(n).SerializeToString() for n in (3, 4, 5)),
        ]  # fmt: skip
        assert counted(telemetry, "otelcol_exporter_sent_spans") == 20
        tee.stop(WAIT_S)
        tee, _ = made(tmp_path, endpoint)
        assert tee.status()[0]["queued_requests"] == 0
        tee.stop(WAIT_S)


def test_a_damaged_queue_is_left_behind_and_counted(tmp_path, caplog):
    """ours: one bad byte on disk must not stop the tee for ever."""
    with other(lambda *_: b"") as (endpoint, taken):
        tee, _ = made(tmp_path, endpoint)
        put(tee, 1, 2, 3)
        (path,) = (tmp_path / "tee").glob("*.requests")
        content = bytearray(path.read_bytes())
        second = content.index(spans(2).SerializeToString())
        content[second + 5] ^= 1
        path.write_bytes(content)
        tee.start()
        until(lambda: tee.status()[0]["queued_requests"] == 0)
        put(tee, 4)
        until(lambda: tee.status()[0]["sent_requests"] == 2)
        assert tee.status()[0]["lost_requests"] == 2
        assert "queue of the tee is damaged" in caplog.text
        tee.stop(WAIT_S)
    assert [payload for payload, _ in taken] == [spans(n).SerializeToString() for n in (1, 4)]


def test_an_endpoint_that_was_away_too_long_goes_on_with_what_is_left(tmp_path, caplog):
    """issue #4: size cap with the oldest dropped and counted, also over a restart."""
    large = b"\x0a\x00" * 30_000
    with other(lambda *_: b"") as (endpoint, taken):
        tee, telemetry = made(tmp_path, endpoint)
        for _ in range(40):
            tee.append([Record("logs", "protobuf", large, 7)])
            tee.publish()
        tee.start()
        until(lambda: tee.status()[0]["queued_requests"] == 0)
        row = tee.status()[0]
        assert row["sent_requests"] + row["lost_requests"] == 40
        assert row["lost_requests"] > 10
        lost = counted(telemetry, "otelcol_exporter_enqueue_failed_log_records")
        assert lost == 7 * row["lost_requests"]
        assert "queue of the tee was full" in caplog.text
        tee.stop(WAIT_S)
    assert sum(len(payload) for payload, _ in taken) == row["sent_requests"] * len(large)


def test_only_the_signals_asked_for_are_sent(tmp_path):
    """ours: a server for traces alone."""
    with other(lambda *_: b"") as (endpoint, taken):
        tee, _ = made(tmp_path, endpoint, signals=("logs",))
        put(tee, 1)
        put(tee, 2, signal="logs")
        tee.start()
        until(lambda: tee.status()[0]["sent_requests"] == 1)
        tee.stop(WAIT_S)
    assert len(taken) == 1


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_stop_does_not_wait_for_a_slow_endpoint(tmp_path, protocol):
    """ours: SIGTERM ends within its grace; what was not taken stays in the queue."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tee, _ = made(tmp_path, endpoint, protocol=protocol, timeout_s=60.0)
        put(tee, 1)
        tee.start()
        silent.settimeout(WAIT_S)
        connection, _ = silent.accept()
        # the beginning of the request is here, and no answer follows
        assert connection.recv(10)
        stopping = threading.Thread(target=tee.stop, args=(WAIT_S,))
        stopping.start()
        stopping.join(WAIT_S / 2)
        assert not stopping.is_alive()
        connection.close()
    tee, _ = made(tmp_path, endpoint)
    assert tee.status()[0]["queued_requests"] == 1
    tee.stop(WAIT_S)


def test_a_queue_that_cannot_be_written_is_counted_and_nothing_else(tmp_path, monkeypatch, caplog):
    """issue #4: the tee is no reason to refuse anything."""
    with other(lambda *_: b"") as (endpoint, taken):
        tee, telemetry = made(tmp_path, endpoint)

        def full(_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fdatasync", full)
            put(tee, 1, 2)
        put(tee, 3)
        tee.start()
        until(lambda: tee.status()[0]["sent_requests"] == 1)
        assert tee.status()[0]["lost_requests"] == 2
        assert counted(telemetry, "otelcol_exporter_enqueue_failed_spans") == 8
        assert caplog.text.count("queue of the tee cannot be written") == 1
        tee.stop(WAIT_S)
    assert [payload for payload, _ in taken] == [spans(3).SerializeToString()]


def test_an_endpoint_that_refuses_a_whole_request_gets_what_is_good_in_it(tmp_path):
    """ours: the OpenTelemetry Collector refuses a request for one span with a bad id."""

    def strict(payload, context):
        request = ExportTraceServiceRequest.FromString(payload)
        for each in request.resource_spans[0].scope_spans[0].spans:
            if len(each.span_id) != 8:
                context.abort(grpc.StatusCode.INTERNAL, "invalid length for SpanID")
        return b""

    with other(strict) as (endpoint, taken):
        tee, telemetry = made(tmp_path, endpoint)
        for body, rows in ((with_bad_ids(span("good", scope="x")), 2), (with_bad_ids(), 1)):
            tee.append([Record("traces", "protobuf", body, rows)])
        tee.publish()
        tee.start()
        until(lambda: tee.status()[0]["queued_requests"] == 0)
        row = tee.status()[0]
        assert (row["sent_rows"], row["dropped_rows"]) == (1, 2)
        assert counted(telemetry, "otelcol_exporter_send_failed_spans") == 2
        tee.stop(WAIT_S)
    names = [
        [each.name for part in ExportTraceServiceRequest.FromString(payload).resource_spans
         for each in part.scope_spans[0].spans] for payload, _ in taken
    ]  # fmt: skip
    # together, the first alone, mended, the second alone
    assert names == [["good", "no id", "no id"], ["good", "no id"], ["good"], ["no id"]]
