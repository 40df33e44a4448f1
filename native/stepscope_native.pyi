"""The native parts of Stepscope.

The decoder is for `stepscope_collector.decode.native`, `Http2` for `….receive.http2`, `failed_blocks` for `….store.blocks`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

API: int
"""Counted up with every change of the calls below."""
__version__: str

def failed_blocks(content: bytes, block_bytes: int) -> list[int]:
    """Which blocks do not have their checksum; wheels of before have no such function."""

class Odd(ValueError):
    """The request is out of the ordinary; the reference decoder knows what to do with it."""

class NotUtf8(Odd):
    """A string of the request is not UTF-8; mended it may be decoded."""

class Http2:
    """One HTTP/2 connection of gRPC without its socket.

    Events: (0, stream, path, metadata) a call; (1, stream, is compressed, message); (2, stream, 0) no more messages;
    (3, stream, bytes) a message over the limit; (4, stream, 0) the client has ended the call.
    """

    def __init__(
        self, max_streams: int, window_bytes: int, frame_bytes: int, head_bytes: int
    ) -> None: ...
    def receive(self, data: bytes) -> list[tuple[Any, ...]]: ...
    def want(self, stream: int, limit: int) -> list[tuple[Any, ...]]: ...
    def write(self, stream: int, message: bytes) -> bool: ...
    def end(
        self, stream: int, message: bytes | None, trailers: Sequence[tuple[str, str]]
    ) -> None: ...
    def ping(self) -> None: ...
    def go_away(self) -> None: ...
    def output(self) -> tuple[bytes, list[tuple[Any, ...]]]: ...
    @property
    def is_greeting(self) -> bool: ...
    @property
    def is_closed(self) -> bool: ...

class Kernel:
    """A decoder for one set of profiles."""

    def __init__(
        self,
        slots: Sequence[tuple[str, int, bool, tuple[int, int, str, str | None] | None]],
        columns: tuple[list[str], list[str]],
        own: tuple[str, int, int],
        limits: tuple[int, int],
    ) -> None: ...
    def decode(self, signal: str, payload: bytes, first_row: int) -> Part: ...
    def gather(
        self, gathering: Gathering, payload: bytes, first_row: int
    ) -> tuple[int, int, Rows | None, Rows | None, list[Any], list[Any]] | None: ...
    def know_resource(
        self,
        message: bytes,
        schema_url: str,
        number: int,
        texts: Sequence[str | None],
        dimension: object,
    ) -> None: ...
    def know_scope(
        self, message: bytes, schema_url: str, number: int, dimension: object
    ) -> None: ...

class Gathering:
    """Columns that the spans of several requests are appended to."""

    @property
    def bytes(self) -> int: ...

class Part:
    """A decoded request that waits for what Python knows of their resources and scopes."""

    @property
    def row_count(self) -> int: ...
    @property
    def open_count(self) -> int: ...
    @property
    def resources(self) -> list[tuple[bytes, str]]: ...
    @property
    def scopes(self) -> list[tuple[bytes, str]]: ...
    @property
    def refused(self) -> list[bytes]: ...
    @property
    def inexact(self) -> list[tuple[int, bytes]]: ...
    @property
    def exemplars(self) -> list[tuple[int, bytes]]: ...
    @property
    def without_data(self) -> int: ...
    @property
    def event_names(self) -> list[str]: ...
    @property
    def payloads(self) -> Rows | None: ...
    def rows(
        self,
        resource_ids: Sequence[int],
        resource_texts: Sequence[Sequence[str | None]],
        scope_ids: Sequence[int],
        raws: Sequence[tuple[int, bytes]],
        exemplars: Sequence[tuple[int, bytes]],
    ) -> Rows: ...

class Rows:
    """Decoded rows: one or more record batches of one schema."""

    @staticmethod
    def together(parts: list[Rows]) -> Rows: ...
    def part(self, first: int, count: int) -> Rows: ...
    def shaped(self, column: str) -> Rows: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    def repeats(self, column: str) -> bool: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> Any: ...

class IdSet:
    """A set of hashes of 63 bits; whether one was never put in is certain.

    Args:
        folder: where those that do not stay in memory stand in a file; None: all stay.
        most_in_memory: about how many do before there is a file.
    """

    def __init__(self, folder: Path | None = None, most_in_memory: int = 2_000_000) -> None: ...
    def put(self, hashes: Sequence[int]) -> list[int]: ...
    def put_all(self, hashes: object) -> None: ...
    def __len__(self) -> int: ...
