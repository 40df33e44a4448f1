"""What a file is, by its first bytes, and its requests one after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.bundle import read_bundle
from stepscope_collector.importing.otlp_file import opened, read_json_lines, read_protobuf
from stepscope_collector.importing.piece import Piece, Refused

__all__ = ["read_source"]

_ZIP: Final = b"PK\x03\x04"
_LOOKED_AT: Final = 4096


def read_source(path: Path, signal: Signal | None = None) -> Iterator[Piece | Refused]:
    """The requests of a file, of bounded size, in order.

    Args:
        path: a bundle, or an OTLP file in JSON or protobuf.
        signal: what a protobuf file holds, where its bytes leave that open.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is none of these, or damaged.
    """
    head = _head(path)
    if head.startswith(_ZIP):
        yield from read_bundle(path)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        yield from read_json_lines(path)
    elif head:
        yield from read_protobuf(path, signal)
    else:
        raise BadRequest(f"{path} is empty")


def _head(path: Path) -> bytes:
    with opened(path) as (file, _):
        found: bytes = file.read(_LOOKED_AT)
        return found
