"""One connection of HTTP/2 in the native part, without its socket: frames in, events and frames out."""

import resource
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.decode.native import in_use
from tests.unit.collector.receive.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    GREETING,
    HEAD,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    cancel,
    data,
    frame,
    frames,
    grow,
    head,
    initial_window,
    message,
    packed,
    ping,
)

if in_use("auto").decoder != "native":
    pytest.skip("the native part is not installed", allow_module_level=True)

from stepscope_collector.receive.http2.kernel import Kind, connection

_WINDOW = 256 * 1024
_OK = [("grpc-status", "0")]
_BEGUN = (Kind.CALL, 1, HEAD[":path"], [("content-type", HEAD["content-type"]), ("te", HEAD["te"])])


def _sent(http: Any) -> list[Frame]:
    """What is to be sent; nothing happens meanwhile."""
    sent, events = http.output()
    assert events == []
    return list(frames(sent))


def _agreed() -> Any:
    """A connection whose client knows its settings."""
    http = connection()
    assert http.receive(GREETING + frame(SETTINGS, flags=ACK)) == []
    assert not http.is_greeting
    _sent(http)
    return http


def _ends(http: Any) -> list[Frame]:
    """The last that a connection sends, which is closed."""
    assert http.is_closed
    return [each for each in _sent(http) if each.kind == GOAWAY]


def test_a_call_in_one_piece() -> None:
    """ours: gRPC over HTTP/2, Requests and Responses."""
    http = connection()
    assert http.is_greeting
    assert http.receive(GREETING + head() + data(message(b"what"), is_last=True)) == [_BEGUN]
    assert [each.kind for each in _sent(http)] == [SETTINGS, SETTINGS, WINDOW_UPDATE]
    assert http.want(1, 4) == [(Kind.MESSAGE, 1, False, b"what")]
    assert http.want(1, 4) == [(Kind.END, 1, 0)]
    http.end(1, b"this", _OK)
    first, answer, last = _sent(http)
    assert (first.kind, first.flags, first.stream) == (HEADERS, END_HEADERS, 1)
    assert answer == (DATA, 0, 1, message(b"this"))
    assert (last.kind, last.flags, last.stream) == (HEADERS, END_HEADERS | END_STREAM, 1)
    assert _sent(http) == []
    assert not http.is_closed


def test_an_answer_without_a_message_is_one_frame() -> None:
    """ours: gRPC over HTTP/2, Responses: Trailers-Only."""
    http = _agreed()
    http.receive(head(flags=END_HEADERS | END_STREAM))
    http.end(1, None, [("grpc-status", "3"), ("grpc-message", "no")])
    (only,) = _sent(http)
    assert (only.kind, only.flags) == (HEADERS, END_HEADERS | END_STREAM)


def test_metadata_come_as_text_or_bytes() -> None:
    """ours: a token of other signs than ASCII is refused like any other."""
    (event,) = _agreed().receive(head(authorization="Bearer é", user_agent="a", path="/a/b?c"))
    assert event[2] == "/a/b"
    assert ("authorization", b"Bearer \xe9") in event[3]
    assert ("user-agent", "a") in event[3]


_405, _415 = b"\x68\x0d\xff", b"\x68\x2d\xff"
_PART = st.binary(max_size=40)
_CALLS = st.lists(
    st.tuples(st.lists(_PART, max_size=3), st.integers(1, 60)), min_size=1, max_size=3
)


@given(_CALLS, st.lists(st.integers(0, 1000), max_size=8))
def test_the_same_bytes_cut_anywhere_say_the_same(
    calls: list[tuple[list[bytes], int]], cuts: Sequence[int]
) -> None:
    """ours: what a socket gives at one time is chance."""
    sent = GREETING
    for number, (messages, size) in enumerate(calls):
        stream = 2 * number + 1
        sent += head(stream) + ping()
        sent += data(b"".join(map(message, messages)), stream, is_last=True, size=size)
    whole = _told([sent])
    places = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})
    assert _told([sent[a:b] for a, b in pairwise(places)]) == whole
    wanted = [(s * 2 + 1, each) for s, (messages, _) in enumerate(calls) for each in messages]
    assert [(e[1], e[3]) for e in sorted(whole[0]) if e[0] == Kind.MESSAGE] == sorted(wanted)


def _told(pieces: list[bytes]) -> tuple[list[Any], list[Frame]]:
    """Events and output of a connection that wants every message and ends every call; by stream."""
    http = connection()
    told: list[Any] = []
    todo: list[Any] = []
    for piece in pieces:
        todo += http.receive(piece)
    while todo:
        event = todo.pop(0)
        told.append(event)
        if event[0] == Kind.END:
            http.end(event[1], b"answer", _OK)
        elif event[0] in {Kind.CALL, Kind.MESSAGE}:
            todo += http.want(event[1], 1 << 20)
    return sorted(told), sorted(_sent(http))


@pytest.mark.parametrize("size", [1, 500, 1 << 14, 1 << 16])
def test_a_message_larger_than_the_window_comes_when_somebody_wants_it(size: int) -> None:
    """ours: what waits for its turn waits at the client; in whatever frames it comes."""
    http = _agreed()
    content = bytes(range(256)) * 1200
    sent = message(content)
    http.receive(head() + data(sent[: 1 << 16], size=size))
    http.receive(data(sent[1 << 16 : _WINDOW], size=700 if size > 1000 else 1 << 14))
    assert _sent(http) == []  # no WINDOW_UPDATE
    assert http.want(1, 1 << 20) == []
    grown = [each for each in _sent(http) if each.kind == WINDOW_UPDATE]
    assert (1, _WINDOW) in [(each.stream, each.number) for each in grown]
    assert http.receive(data(sent[_WINDOW:], size=max(size, 500))) == [
        (Kind.MESSAGE, 1, False, content)
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")
def test_a_message_in_frames_of_a_byte_costs_what_it_is_long() -> None:
    """issue #4: hostile input: else 64 MiB of it would be gigabytes of memory."""
    http = _agreed()
    http.receive(head() + data(message(bytes(4 << 20))[:5]))
    assert http.want(1, 4 << 20) == []
    part = data(bytes(10_000), size=1)
    before = _resident_bytes()
    for _ in range(200):
        assert http.receive(part) == []
        _sent(http)
    assert _resident_bytes() - before < 20 << 20


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def test_a_client_that_sends_more_than_it_may_is_closed() -> None:
    """ours: RFC 9113, 6.9: of an unread call there are 256 KiB in memory."""
    http = _agreed()
    http.receive(head() + data(bytes(_WINDOW)))
    assert not http.is_closed
    http.receive(data(b"x"))
    # the stream or the connection, as the receiver likes
    assert [each.number for each in _sent(http) if each.kind in {RST_STREAM, GOAWAY}] == [3]


def test_bytes_of_calls_that_nobody_reads_are_given_back() -> None:
    """ours: else the window of the connection shrinks until nobody can send."""
    http = _agreed()
    used = 0
    for number in range(1000):
        stream = 2 * number + 1
        how = number % 4
        body = data(bytes(_WINDOW // 2), stream)
        used += _WINDOW // 2
        http.receive(head(stream, content_type="text/plain" if how == 3 else "application/grpc"))
        if how == 0:
            http.end(stream, None, _OK)
        http.receive(body)
        if how == 1:
            http.receive(cancel(stream))
        elif how == 2:
            http.end(stream, None, _OK)
        used -= sum(
            each.number for each in _sent(http) if each.kind == WINDOW_UPDATE and each.stream == 0
        )
        assert 0 <= used <= 64 * _WINDOW
    assert not http.is_closed


def test_a_message_over_the_limit_is_known_before_it_comes() -> None:
    """OTLP: G2: its length is enough."""
    http = _agreed()
    http.receive(head() + data(message(bytes(1001))[:5]))
    assert http.want(1, 1001) == []
    assert http.receive(data(bytes(1000))) == []
    http.receive(head(3) + data(message(bytes(1001))[:5], 3))
    assert http.want(3, 1000) == [(Kind.TOO_LARGE, 3, 1001)]


@pytest.mark.parametrize("begun", [b"", message(b"abc")[:-1], b"\0\0"])
def test_the_end_of_a_call_that_has_no_whole_message(begun: bytes) -> None:
    """OTLP: G8."""
    http = _agreed()
    http.receive(head())
    assert http.want(1, 100) == []
    assert http.receive(data(begun, is_last=True)) == [(Kind.END, 1, 0)]


def test_several_messages_come_one_at_a_time() -> None:
    """ours: each is asked for."""
    http = _agreed()
    assert (
        http.receive(head() + data(message(b"a") + message(b"") + message(b"c", flag=1)))[1:] == []
    )
    assert http.want(1, 9) == [(Kind.MESSAGE, 1, False, b"a")]
    assert http.want(1, 9) == [(Kind.MESSAGE, 1, False, b"")]
    assert http.want(1, 9) == [(Kind.MESSAGE, 1, True, b"c")]
    assert http.want(1, 9) == []
    assert http.receive(data(message(b"d"))) == [(Kind.MESSAGE, 1, False, b"d")]


def test_a_call_that_its_client_ends() -> None:
    """OTLP: G18: and what is done for it then does nothing."""
    http = _agreed()
    http.receive(head())
    assert http.receive(cancel()) == [(Kind.RESET, 1, 0)]
    assert http.want(1, 100) == []
    assert http.write(1, b"late")
    http.end(1, b"late", _OK)
    assert _sent(http) == []
    assert http.receive(head(3) + cancel(3))[-1] == (Kind.RESET, 3, 0)


def test_a_call_that_its_client_ends_after_the_answer_began() -> None:
    """ours: as above."""
    http = _agreed()
    http.receive(head())
    assert http.write(1, b"one")
    assert http.receive(cancel()) == [(Kind.RESET, 1, 0)]
    http.end(1, None, _OK)
    assert [each.kind for each in _sent(http)] in ([], [HEADERS], [HEADERS, DATA])


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"method": "GET"}, _405),
        ({"content_type": "application/json"}, _415),
        ({"content_type": "application/grpc-web"}, _415),
        ({"content_type": "application/json", "method": "GET"}, _415),
    ],
)
def test_what_is_no_call_has_its_answer_and_is_no_event(
    changed: dict[str, str], status: bytes
) -> None:
    """ours: gRPC over HTTP/2, Requests: POST and application/grpc."""
    http = _agreed()
    assert http.receive(head(**changed)) == []
    answer, reset = _sent(http)
    assert (answer.kind, answer.flags) == (HEADERS, END_HEADERS | END_STREAM)
    # the eighth entry of HPACK's table with a value of three bytes, packed by Huffman's code
    assert answer.payload.startswith(b"\x48\x83" + status)
    assert (reset.kind, reset.number) == (RST_STREAM, 0)
    assert http.receive(head(3))[0][:2] == (Kind.CALL, 3)


def test_a_call_that_ends_before_its_message_is_whole() -> None:
    """OTLP: G2: RFC 9113, 8.1: the whole answer, then RST_STREAM with NO_ERROR, so that clients read it."""
    http = _agreed()
    http.receive(head() + data(message(bytes(100))[:50]))
    http.end(1, None, [("grpc-status", "8")])
    answer, reset = _sent(http)
    assert (answer.kind, answer.flags) == (HEADERS, END_HEADERS | END_STREAM)
    assert (reset.kind, reset.number) == (RST_STREAM, 0)
    assert http.receive(data(bytes(50), is_last=True)) == []  # it was under way
    assert _sent(http) == []


def test_a_call_that_ends_while_its_client_takes_nothing() -> None:
    """ours: the answer comes before RST_STREAM then, too."""
    http = connection()
    http.receive(PREFACE + initial_window(0) + head() + data(b"\0"))
    http.end(1, b"answer", _OK)
    assert RST_STREAM not in [each.kind for each in _sent(http)]
    http.receive(grow(100, 1))
    assert [each.kind for each in _sent(http)] == [DATA, HEADERS, RST_STREAM]


def test_a_client_that_takes_nothing_is_written_nothing() -> None:
    """ours: flow control: an answer waits until it is taken, with whoever gives it."""
    http = connection()
    http.receive(PREFACE + initial_window(0) + head())
    assert not http.write(1, b"one")
    assert not http.write(1, b"one")
    http.receive(grow(8, 1))
    assert http.write(1, b"one")
    assert not http.write(1, b"two")
    assert [each.payload for each in _sent(http) if each.kind == DATA] == [message(b"one")]
    http.receive(grow(3, 1))
    assert http.write(1, b"two")
    assert not http.write(1, b"three")  # the rest of two comes first
    http.receive(grow(100, 1))
    assert b"".join(each.payload for each in _sent(http) if each.kind == DATA) == message(b"two")
    assert http.write(1, b"three")


def test_a_connection_that_goes_away_closes_after_its_last_call() -> None:
    """OTLP: G19: GOAWAY, and nothing is lost."""
    http = _agreed()
    http.receive(head())
    http.go_away()
    last, asked = _sent(http)
    assert (last.kind, last.number, asked.kind) == (GOAWAY, 0, PING)
    assert http.receive(head(3))[0][:2] == (Kind.CALL, 3)  # it was under way
    http.receive(ping(ACK, asked.payload))
    assert _sent(http)[-1].payload == b"\0\0\0\3\0\0\0\0"
    assert http.receive(head(5)) == []
    http.end(1, None, _OK)
    assert _sent(http)
    assert not http.is_closed
    http.end(3, None, _OK)
    assert _sent(http)
    assert http.is_closed
    assert _sent(http) == []


def test_a_connection_without_calls_closes_when_its_client_knows() -> None:
    """OTLP: G19."""
    http = _agreed()
    http.go_away()
    http.receive(ping(ACK, _sent(http)[-1].payload))
    assert [each.number for each in _ends(http)] == [0]
    greeting = connection()
    greeting.go_away()
    assert greeting.is_closed


def test_pings_are_answered_and_sent_one_at_a_time() -> None:
    """OTLP: G14: however many a client sends."""
    http = _agreed()
    http.receive(b"".join(ping(content=b"%08d" % number) for number in range(500)))
    assert _sent(http) == [(PING, ACK, 0, b"%08d" % number) for number in range(500)]
    http.ping()
    http.ping()
    (asked,) = _sent(http)
    assert (asked.kind, asked.flags) == (PING, 0)
    http.receive(ping(ACK, asked.payload))
    http.ping()
    assert [each.kind for each in _sent(http)] == [PING]
    greeting = connection()
    greeting.ping()  # there is nobody to ask yet


def _floods() -> dict[str, list[bytes]]:
    begun = head(flags=0)
    many = range(1, 20_001, 2)
    return {
        "reset at once": [b"".join(head(each) + cancel(each) for each in many)],
        "malformed heads": [b"".join(frame(HEADERS, each, b"\x83", 5) for each in many)],
        "more calls than may be": [b"".join(head(each) for each in many)],
        "no calls": [b"".join(head(each, method="GET") for each in many)],
        "continuations": [begun, *[frame(CONTINUATION, 1, packed({"a": "b" * 90}))] * 1000],
        "continuations of nothing": [begun, *[frame(CONTINUATION, 1)] * 1000],
        "empty frames": [head(), *[frame(DATA, 1)] * 20_000],
        "frames of a byte": [head() + data(bytes(_WINDOW), size=1)],
        "a frame that is too large": [frame(PING, 0, bytes(70_000))],
    }


@pytest.mark.parametrize("name", _floods())
def test_a_flood_closes_the_connection(name: str) -> None:
    """issue #4: CVE-2023-44487 and its like: it does not grow, and what is sent is bounded."""
    http = _agreed()
    for sent in _floods()[name]:
        events = http.receive(sent)
        assert len(events) <= 400
        if http.is_closed:
            break
    (last,) = _ends(http)
    assert int.from_bytes(last.payload[4:8], "big") in {
        6,
        11,
    }  # FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM


def test_a_head_over_the_limit_ends_its_call_only() -> None:
    """issue #4: slow and large heads: 16 KiB; 431 is RFC 6585's."""
    http = _agreed()
    assert http.receive(head(x="y" * 16_000))[0][:2] == (Kind.CALL, 1)
    assert http.receive(head(3, x="y" * 16_300)) == []
    answer, reset = _sent(http)
    assert (answer.kind, answer.stream, reset.kind, reset.stream) == (HEADERS, 3, RST_STREAM, 3)
    assert http.receive(head(5))[0][:2] == (Kind.CALL, 5)


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nHost: there\r\n\r\n", b"\x16\x03\x01" + bytes(60), PREFACE * 2]
)
def test_bytes_that_are_no_http_2_close_it(sent: bytes) -> None:
    """issue #4: hostile input."""
    http = connection()
    assert http.receive(sent) == []
    _ends(http)
    assert http.receive(GREETING + head()) == []
    assert http.is_closed


@pytest.mark.parametrize(
    "sizes",
    [(1, 0, 1 << 14, 1), (128, 1 << 24, 1 << 14, 1), (1, 1, 1 << 13, 1), (1, 1, 1 << 24, 1)],
)
def test_sizes_that_cannot_be_are_refused(sizes: tuple[int, ...]) -> None:
    """ours: an error and no panic."""
    http2 = type(connection())
    with pytest.raises(ValueError, match="sizes that HTTP/2 does not know"):
        http2(*sizes)


def test_trailers_that_are_no_headers_are_refused() -> None:
    """ours: a bug of ours is told as such."""
    http = _agreed()
    http.receive(head())
    with pytest.raises(ValueError, match="header value"):
        http.end(1, None, [("grpc-message", "a\nb")])
    http.end(1, None, _OK)
    assert _sent(http)[0].stream == 1


_FRAME = st.builds(
    frame,
    st.integers(0, 10),
    st.sampled_from([0, 1, 2, 3, 5, 1 << 31]),
    st.one_of(
        st.binary(max_size=60),
        st.just(packed(HEAD)),
        st.just(message(b"abc")),
        st.builds(lambda number: number.to_bytes(4, "big"), st.integers(0, (1 << 32) - 1)),
    ),
    st.sampled_from([0, 1, 4, 5, 8, 9, 0x20, 0x2D]),
)


@given(st.one_of(st.binary(max_size=300), st.lists(_FRAME, max_size=12).map(b"".join)))
def test_any_bytes_after_the_greeting_end_well(sent: bytes) -> None:
    """issue #4: hostile input: no exception, whatever is done with what it says."""
    http = connection()
    for event in http.receive(GREETING + sent):
        http.want(event[1], 100)
        http.write(event[1], b"answer")
        http.end(event[1], b"last", _OK)
    http.ping()
    http.go_away()
    answer, _ = http.output()
    assert all(each.stream < 1 << 31 for each in frames(answer))
