"""What the head of an OTLP/HTTP request says."""

import pytest

from stepscope_collector.receive.head import Head


def head(*headers, **scope):
    """A head with these headers."""
    return Head({"method": "POST", "client": ("10.1.2.3", 4711), "headers": [*headers], **scope})


def test_of_a_header_that_comes_twice_the_first_counts():
    """ours: as Starlette has it, which the web port uses."""
    twice = head((b"user-agent", b"one"), (b"user-agent", b"two"))
    assert twice.text(b"user-agent") == "one"
    assert twice.text(b"expect") == ""


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        (b"application/x-protobuf", "protobuf"),
        (b" Application/JSON ; charset=utf-8", "json"),
        (b"text/plain", None),
        (b"\xff\xfe", None),
    ],
)
def test_the_encoding_is_what_the_media_type_says(content_type, encoding):
    """RFC 9110 8.3.1: case does not matter, and parameters follow a semicolon."""
    assert head((b"content-type", content_type)).encoding == encoding
    assert head().encoding is None


@pytest.mark.parametrize(
    ("length", "said", "announced"),
    [(None, None, 0), (b"", "", 0), (b"17", "17", 17), (b"-1", "-1", 0), (b"9" * 16, "9" * 16, 0)],
)
def test_what_is_announced_is_a_number_or_nothing(length, said, announced):
    """ours: for the note of a refusal; `declared_bytes` refuses what is no number."""
    headers = [] if length is None else [(b"content-length", length)]
    assert head(*headers).content_length == said
    assert head(*headers).announced_bytes == announced


def test_a_client_may_have_no_address_and_no_token():
    """ASGI: `client` is optional, on a Unix socket for one."""
    bare = head(client=None)
    assert (bare.address, bare.token, bare.expects_continue) == ("", "", False)
    assert head((b"expect", b"100-Continue")).expects_continue
