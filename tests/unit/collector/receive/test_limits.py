"""What may come in by its size, and what it unpacks to."""

import gzip
import sys
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from stepscope_collector.errors import (
    Overloaded,
    PayloadTooLarge,
    PayloadUndecodable,
    UnsupportedMedia,
)
from stepscope_collector.receive.limits import (
    KNOWN_ENCODINGS,
    BodySize,
    declared_bytes,
    decompress,
    known_encoding,
)

_MIB = 1 << 20


def _raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


_COMPRESS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", KNOWN_ENCODINGS)
@given(data=st.binary(max_size=1000))
def test_every_encoding_gives_back_what_was_compressed(encoding: str, data: bytes) -> None:
    """OTLP: C2, H21."""
    assert decompress(_COMPRESS[encoding](data), encoding, 1000) == data


@pytest.mark.parametrize("encoding", KNOWN_ENCODINGS)
def test_the_limit_itself_is_allowed_and_one_byte_more_is_not(encoding: str) -> None:
    """OTLP: G2, H13, the limit holds after decompression."""
    body = _COMPRESS[encoding](b"x" * 700_000)
    assert len(decompress(body, encoding, 700_000)) == 700_000
    with pytest.raises(PayloadTooLarge, match="max_payload_bytes=699999"):
        decompress(body, encoding, 699_999)


@given(data=st.binary(max_size=300))
def test_deflate_without_its_header_is_taken_too(data: bytes) -> None:
    """OTLP: H21; many clients mean the bare format by deflate."""
    assert decompress(_raw_deflate(data), "deflate", 300) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_limit(encoding: str) -> None:
    """OTLP: G4, H13; 200 MiB of zeros in 200 KiB."""
    body = _COMPRESS[encoding](bytes(200 * _MIB))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            decompress(body, encoding, 8 * _MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * _MIB


def test_several_gzip_members_are_one_body() -> None:
    """OTLP: C2, RFC 1952 2.2; zero padding after the last one is let pass."""
    body = gzip.compress(b"a") + gzip.compress(b"") + gzip.compress(b"b" * 300_000)
    assert decompress(body + bytes(100_000), "gzip", _MIB) == b"a" + b"b" * 300_000


def test_a_flood_of_empty_gzip_members_is_refused() -> None:
    """ours: each costs work though it unpacks to nothing."""
    with pytest.raises(PayloadUndecodable, match="1024 members"):
        decompress(gzip.compress(b"") * 2000, "gzip", 100)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda body: b"",
        lambda body: body[:-1],
        lambda body: body[:5],
        lambda body: body[:-3] + bytes([body[-3] ^ 1]) + body[-2:],
        lambda body: body + b"x",
        lambda body: b"\x0a\x00" + body,
    ],
)
def test_damaged_bodies_are_refused_for_good(encoding: str, damage) -> None:  # type: ignore[no-untyped-def]  # a lambda
    """OTLP: H12, bad gzip is bad data."""
    with pytest.raises(PayloadUndecodable):
        decompress(damage(_COMPRESS[encoding](b"some text " * 50)), encoding, 1000)


def test_a_cut_or_odd_zstd_body_is_refused() -> None:
    """OTLP: H12, H21; several frames are one body, and a window of more than 8 MiB is refused."""
    body = zstd.compress(b"some text " * 50)
    for damaged in (b"", body[:-1], body[:5], body + b"x", b"\x0a\x00" + body):
        with pytest.raises(PayloadUndecodable):
            decompress(damaged, "zstd", 1000)
    assert decompress(body + zstd.compress(b"more"), "zstd", 1000) == b"some text " * 50 + b"more"
    with pytest.raises(PayloadUndecodable, match="1024 frames"):
        decompress(zstd.compress(b"") * 2000, "zstd", 100)
    wide = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    engine = zstd.ZstdCompressor(options=wide)
    with pytest.raises(PayloadUndecodable, match="is not zstd"):
        decompress(engine.compress(b"x") + engine.flush(), "zstd", 1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_room_is_asked_for_before_more_is_unpacked(encoding: str) -> None:
    """issue #4: one byte budget; what is unpacked counts while it is."""
    asked: list[int] = []

    def hold(size: int) -> None:
        asked.append(size)
        if sum(asked) > 2 * _MIB:
            raise Overloaded("no room")

    body = _COMPRESS[encoding](bytes(64 * _MIB))
    with pytest.raises(Overloaded):
        decompress(body, encoding, 64 * _MIB, hold)
    assert sum(asked) <= 3 * _MIB


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@given(body=st.binary(max_size=100))
def test_any_bytes_are_unpacked_or_refused(encoding: str, body: bytes) -> None:
    """ours: hostile bytes end in a result or a documented error."""
    try:
        assert len(decompress(body, encoding, 50)) <= 50
    except (PayloadUndecodable, PayloadTooLarge):
        return


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("identity", "identity"),
        ("GZIP", "gzip"),
        (" x-gzip ", "gzip"),
        ("zlib", "deflate"),
        ("zstd", "zstd"),
        ("deflate", "deflate"),
    ],
)
def test_content_encodings_are_known_in_any_case(header: str | None, encoding: str) -> None:
    """OTLP: H21."""
    assert known_encoding(header) == encoding


@pytest.mark.parametrize("header", ["lz4", "br", "gzip, gzip", "x" * 1000])
def test_an_unknown_content_encoding_is_refused_with_the_known_ones(header: str) -> None:
    """OTLP: H21, never parse compressed bytes as if they were not."""
    with pytest.raises(UnsupportedMedia, match="use gzip, deflate, zstd, identity") as caught:
        known_encoding(header)
    assert len(caught.value.message) < 200


def test_a_declared_length_over_the_limit_is_refused_before_reading() -> None:
    """OTLP: H14."""
    assert declared_bytes(None, 10) is None
    assert declared_bytes("10", 10) == 10
    for header in ("11", "9" * 5000):
        with pytest.raises(PayloadTooLarge, match="max_payload_bytes=10;"):
            declared_bytes(header, 10)


@pytest.mark.parametrize("header", ["", "-1", "1.5", "x", "١"])
def test_a_declared_length_that_is_no_number_is_refused(header: str) -> None:
    """OTLP: H12."""
    with pytest.raises(PayloadUndecodable, match="content-length"):
        declared_bytes(header, 10)


def test_a_body_is_refused_with_the_chunk_that_passes_the_limit() -> None:
    """OTLP: H14, a chunked body has no declared length."""
    size = BodySize(10)
    size.add(10)
    with pytest.raises(PayloadTooLarge):
        size.add(1)
