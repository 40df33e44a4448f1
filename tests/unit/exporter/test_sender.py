"""The queue and the thread that empties it."""

import threading

import pytest

from stepscope._encode import light_span
from stepscope._logs import LogEncoder, LogLine
from stepscope._pipeline import SpanEncoder
from stepscope._sender import Limits, Sender
from stepscope._spans import LightSpan
from stepscope._wire import Answer


class Line:
    """A transport in memory whose answers are given; waits at the gate while it is closed."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []
        self.asked = []
        self.called = threading.Condition()
        self.gate = threading.Event()
        self.gate.set()

    def send(self, signal, body, timeout_s):
        with self.called:
            self.asked.append((signal, timeout_s))
            self.called.notify_all()
        self.gate.wait(10)
        self.bodies.append(body)
        return self.answers.pop(0) if self.answers else Answer("accepted")

    def close(self):
        self.gate.set()


def span(name="s", **attributes):
    made = LightSpan(lambda _: None, name, 1, None, attributes, 1, None, False)
    made.end_ns = 2
    return made


@pytest.fixture
def start():
    senders = []

    def make(line, **limits):
        encoder = SpanEncoder({}, ("stepscope", "1"))
        sender = Sender(
            lambda: line, {"traces": encoder}, Limits(**{"delay_s": 0.01, **limits}), "here"
        )
        senders.append(sender)
        return sender

    yield make
    for sender in senders:
        sender.close(1)


def test_everything_put_is_sent_once(start):
    """issue #3: all arrive, from many threads."""
    line = Line()
    sender = start(line, batch_items=100)

    def work():
        for _ in range(2500):
            sender.put(span())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.flush(30)
    assert sender.counters.sent == 20_000
    body = light_span(span())[28:]
    assert sum(sent.count(body[:8]) for sent in line.bodies) == 20_000


def test_a_full_queue_drops_and_counts(start):
    """issue #3: bounded memory; counts of dropped."""
    line = Line()
    line.gate.clear()
    sender = start(line, queue_items=10)
    for _ in range(100):
        sender.put(span())
    assert sender.queued <= 10
    line.gate.set()
    assert sender.flush(10)
    assert sender.counters.sent + sender.counters.dropped == 100
    assert sender.counters.dropped >= 80


def test_the_queue_is_bounded_in_bytes_and_frees_what_it_sends(start):
    """issue #3: bounded memory, however large the payloads."""
    line = Line()
    sender = start(line, queue_bytes=100_000, batch_items=3)
    line.gate.clear()
    for _ in range(50):
        sender.put(span(**{"stepscope.input": "x" * 10_000}))
    dropped = sender.counters.dropped
    assert 30 <= dropped < 50
    line.gate.set()
    assert sender.flush(10)
    for _ in range(100):
        sender.put(span(**{"stepscope.input": "x" * 10_000}))
        assert sender.flush(10)
    assert sender.counters.dropped == dropped


def test_retries_wait_as_long_as_the_server_asks(start):
    """OTLP: RetryInfo and Retry-After."""
    line = Line(Answer("retry", "busy", wait_s=0.0), Answer("retry", "busy", wait_s=0.0))
    sender = start(line)
    sender.put(span())
    assert sender.flush(10)
    assert (sender.counters.sent, sender.counters.retries, len(line.bodies)) == (1, 2, 3)
    assert len(set(line.bodies)) == 1


def test_refused_and_rejected_are_counted_apart(start, caplog):
    """issue #3: partial_success answers are surfaced; one warning."""
    line = Line(Answer("refused", "bad token"), Answer("accepted", "too large", rejected=1))
    sender = start(line)
    sender.put(span())
    assert sender.flush(10)
    sender.put(span())
    sender.put(span())
    assert sender.flush(10)
    counters = sender.counters
    assert (counters.refused, counters.rejected, counters.sent) == (1, 1, 1)
    assert counters.last_error == "too large"
    assert len(caplog.records) == 1


def test_a_span_that_cannot_be_encoded_costs_only_itself(start):
    """ours: a bug of ours must show in the counts."""
    sender = start(Line())
    broken = span()
    broken.trace_id = -1
    for item in (span(), broken, span()):
        sender.put(item)
    assert sender.flush(10)
    assert (sender.counters.sent, sender.counters.dropped) == (2, 1)


def test_closing_is_bounded_and_counts_what_is_lost(start):
    """issue #3: ends within its time."""
    line = Line()
    line.gate.clear()
    line.close = lambda: None
    sender = start(line, batch_items=1)
    for _ in range(5):
        sender.put(span())
    sender.close(0.2)
    assert sender.counters.lost >= 4
    line.gate.set()
    sender.put(span())
    assert sender.counters.dropped == 1
    assert sender.flush(1) is True


def test_logs_are_sent_in_their_own_time_and_bounds():
    """OTel: OTEL_BLRP_*; one thread serves both signals."""
    line = Line()
    sender = Sender(
        lambda: line,
        {"traces": SpanEncoder({}, ("a", "1")), "logs": LogEncoder({}, ("a", "1"))},
        Limits(delay_s=0.01, timeout_s=30.0), "here",
        log_limits=Limits(delay_s=3600, queue_items=3, batch_items=2, timeout_s=50.0),
    )  # fmt: skip
    logs = sender.queue_of("logs")
    sender.put_item("logs", logs, LogLine(1, 9, "INFO", "line", {}, 1, 1))
    for place in range(5):
        if place == 4:
            line.gate.clear()
        sender.put(span())
        with line.called:
            assert line.called.wait_for(lambda n=place: len(line.asked) > n, 10)
    assert len(logs) == 1
    for _ in range(4):
        sender.put_item("logs", logs, LogLine(1, 9, "INFO", "line", {}, 1, 1))
    assert (len(logs), sender.counters.dropped) == (3, 2)
    line.gate.set()
    assert sender.flush(10)
    sender.close(1)
    assert line.asked == [("traces", 30.0)] * 5 + [("logs", 50.0)] * 2
    assert sender.counters.sent == 8
