"""What a file is, by its first bytes, and its requests one after the other."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.bundle import read_bundle
from stepscope_collector.importing.gather import gathered
from stepscope_collector.importing.kind import refuse_other_kind
from stepscope_collector.importing.older.documents import executions_of, read_any
from stepscope_collector.importing.older.requests import Requests
from stepscope_collector.importing.older.rows import Unreadable
from stepscope_collector.importing.older.sqlite import MAGIC, read_sqlite
from stepscope_collector.importing.otlp_file import (
    MAX_LINE_BYTES,
    opened,
    pieces_of_json,
    read_json,
    read_protobuf,
)
from stepscope_collector.importing.piece import Piece, Refused

__all__ = ["read_source"]

_ZIP: Final = b"PK\x03\x04"
_LOOKED_AT: Final = 4096


def read_source(
    path: Path, signal: Signal | None = None, zone: tzinfo | None = None
) -> Iterator[Piece | Refused]:
    """The requests of a file, of bounded size, in order; small ones of spans together.

    Args:
        path: a bundle, an OTLP file in JSON or protobuf, or an SQLite database or JSON documents of an
            older design.
        signal: what a protobuf file holds, where its bytes leave that open.
        zone: of local times that name none, in what an older design wrote; None: of this machine.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is none of these, or damaged.
    """
    yield from gathered(_read(path, signal, zone or _LocalZone()))


def _read(path: Path, signal: Signal | None, own: tzinfo) -> Iterator[Piece | Refused]:
    head = _head(path)
    if head.startswith(_ZIP):
        yield from read_bundle(path)
    elif head.startswith(MAGIC):
        yield from read_sqlite(path, own)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        yield from _read_json(path, own)
    elif head:
        if signal is None:
            refuse_other_kind(path, head)
        yield from read_protobuf(path, signal)
    else:
        raise BadRequest(f"{path} is empty")


def _read_json(path: Path, zone: tzinfo) -> Iterator[Piece | Refused]:
    """OTLP, or documents of an older design; each text of a file may be either."""
    requests = Requests()
    done_bytes = 0
    for text, place, done_bytes in read_json(path):
        if text is None:
            yield Refused(place, f"longer than {MAX_LINE_BYTES} bytes", done_bytes)
            continue
        found = _loaded(text)
        _refuse_own_export(path, found)
        documents = executions_of(found)
        if documents is None:
            yield from pieces_of_json(text, place, done_bytes)
            continue
        for number, document in enumerate(documents, 1):
            own_place = f"{place}, execution {number}"
            try:
                record, extras = read_any(document, zone)
            except Unreadable as error:
                yield Refused(own_place, str(error), done_bytes)
                continue
            yield from requests.add(record, extras, own_place, done_bytes)
    yield from requests.end(done_bytes)


def _refuse_own_export(path: Path, found: Any) -> None:
    first = found[0] if isinstance(found, list) and found else found
    is_own = isinstance(first, dict) and {"execution", "steps", "attempts"} <= first.keys()
    if is_own:
        raise BadRequest(
            f"{path} is what stepscope export writes in JSON to be read, not to be imported",
            hint="export a bundle: -o FILE.zip, or OTLP: -o FILE.otlp.jsonl",
        )


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _LocalZone(tzinfo):
    """The zone of this machine, at the time in question."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:  # as tzinfo has it
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()


def _head(path: Path) -> bytes:
    with opened(path) as (file, _):
        found: bytes = file.read(_LOOKED_AT)
        return found
