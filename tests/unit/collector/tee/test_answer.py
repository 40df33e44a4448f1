"""What answers mean: which may be tried again, when, and which never."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import Overloaded, PayloadTooLarge
from stepscope_collector.ingest import Receipt
from stepscope_collector.receive.responses import (
    failure_body,
    grpc_failure,
    http_headers,
    success_body,
)
from stepscope_collector.tee.answer import of_grpc_error, of_http, of_nothing, of_success
from stepscope_collector.tee.forwarder import delay_s


def details(seconds, nanos=0):
    packed = Any()
    packed.Pack(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos)))
    return Status(details=[Any(type_url="x/unknown"), packed]).SerializeToString()


def http(status, headers=None, body=b"", signal="traces"):
    return of_http(signal, status, headers or {}, body, now_s=1_000_000_000)


@pytest.mark.parametrize(
    ("code", "trailer", "kind"),
    [
        ("CANCELLED", None, "later"), ("DEADLINE_EXCEEDED", None, "later"),
        ("ABORTED", None, "later"), ("OUT_OF_RANGE", None, "later"),
        ("UNAVAILABLE", None, "later"), ("DATA_LOSS", None, "later"),
        ("RESOURCE_EXHAUSTED", None, "never"), ("RESOURCE_EXHAUSTED", details(3), "later"),
        ("UNKNOWN", None, "never"), ("INVALID_ARGUMENT", None, "never"),
        ("NOT_FOUND", None, "never"), ("ALREADY_EXISTS", None, "never"),
        ("PERMISSION_DENIED", None, "never"), ("UNAUTHENTICATED", None, "never"),
        ("FAILED_PRECONDITION", None, "never"), ("UNIMPLEMENTED", None, "never"),
        ("INTERNAL", details(3), "never"),
    ],
)  # fmt: skip
def test_grpc_codes_mean_what_the_table_of_otlp_says(code, trailer, kind):
    """OTLP: Failures of OTLP/gRPC."""
    assert of_grpc_error(code, "why", trailer).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "taken"), (202, "taken"), (301, "never"), (400, "never"), (401, "never"),
     (404, "never"), (408, "never"), (413, "never"), (429, "later"), (500, "never"),
     (501, "never"), (502, "later"), (503, "later"), (504, "later")],
)  # fmt: skip
def test_http_statuses_mean_what_otlp_says(status, kind):
    """OTLP: Failures of OTLP/HTTP, retryable response codes."""
    assert http(status).kind == kind


def test_the_endpoint_can_ask_to_wait():
    """OTLP: RetryInfo, Retry-After."""
    assert of_grpc_error("UNAVAILABLE", "", details(2, 500_000_000)).wait_s == 2.5
    assert of_grpc_error("UNAVAILABLE", "", b"\xff broken").wait_s == 0
    assert http(503, {"retry-after": "7"}).wait_s == 7
    assert http(503, {"retry-after": "Sun, 09 Sep 2001 01:46:50 GMT"}).wait_s == 10
    assert http(503, {"retry-after": "Sun, 09 Sep 2001 01:46:30 GMT"}).wait_s == 0
    assert http(503, {"retry-after": "soon"}).wait_s == 0


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_our_own_answers_are_understood(signal, encoding):
    """ours: another Stepscope is the most likely other side."""
    media = {"content-type": f"application/{'json' if encoding == 'json' else 'x-protobuf'}"}
    body = success_body(signal, encoding, Receipt(3, 2, "two were bad"))
    answer = http(200, media, body, signal)
    assert (answer.kind, answer.rejected, answer.message) == ("taken", 2, "two were bad")
    assert http(200, media, b"", signal).rejected == 0
    assert of_success(signal, b"\xff\xff").kind == "taken"
    full = http(
        503,
        {**media, "retry-after": http_headers(Overloaded("full"))["Retry-After"]},
        failure_body(Overloaded("full"), encoding),
    )
    assert (full.kind, full.reason, full.message, full.wait_s) == ("later", "http_503", "full", 1)
    large = PayloadTooLarge("too large")
    assert of_grpc_error(*grpc_failure(large)).kind == "never"
    assert of_grpc_error(*grpc_failure(Overloaded("full"))).wait_s == 1
    assert http(413, media, failure_body(large, encoding)).message == "too large"


def test_only_an_error_about_the_data_is_worth_sending_in_parts():
    """ours: a wrong token refuses every part."""
    assert http(400).is_about_the_data
    assert http(413).is_about_the_data
    assert of_grpc_error("INVALID_ARGUMENT", "", None).is_about_the_data
    assert not http(401).is_about_the_data
    assert not of_grpc_error("UNIMPLEMENTED", "", None).is_about_the_data
    assert not http(503).is_about_the_data
    assert not of_success("traces", b"").is_about_the_data


def test_words_of_others_are_short_and_on_one_line():
    """ours: they stand in our log and on terminals."""
    assert http(500, {}, b"a\nb\x1b[31m" + b"x" * 9000).message.startswith("a b [31mxxx")
    assert len(http(500, {}, b"x" * 9000).message) == 300
    assert of_nothing(ConnectionRefusedError("no")).reason == "ConnectionRefusedError"


@given(st.binary(max_size=40), st.integers(200, 599))
def test_any_answer_has_a_meaning(body, status):
    """ours: whatever listens there."""
    for media in ("application/json", "application/x-protobuf", "text/html", ""):
        http(status, {"content-type": media}, body)
    of_grpc_error("INTERNAL", "x", body)


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.floats(0, 1))
def test_delays_grow_stay_bounded_and_are_at_least_as_asked(attempt, asked_s, chance):
    """OTLP: exponential backoff with jitter; the server's wish counts."""
    found = delay_s(attempt, asked_s, chance)
    assert 0.5 <= found <= 300
    assert found >= min(asked_s, 300)
    assert delay_s(attempt, 0, chance) <= 30
    assert delay_s(1, 0, 1) == 1
    assert delay_s(3, 0, 1) == 4
