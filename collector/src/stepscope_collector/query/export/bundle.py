"""A bundle: one zip file with everything of the chosen executions, for another collector to import.

    manifest.json           format and version, what was chosen, counts, and of each member its
                            signal, rows, bytes and SHA-256; the last member of the file
    traces/000001.otlp      OTLP requests in protobuf, as any OTLP receiver takes them
    traces/000001.json      when their rows were committed first: [[ns, rows], …] in their order

Nothing in it names the machine it comes from.
"""

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from stepscope_collector import __version__
from stepscope_collector.query.export.chosen import Chosen
from stepscope_collector.query.export.otlp import requests
from stepscope_collector.query.filters import put
from stepscope_collector.query.load import sql
from stepscope_collector.store import Connection

__all__ = ["BUNDLE_FORMAT", "BUNDLE_VERSION", "MANIFEST", "bundle"]

BUNDLE_FORMAT: Final = "stepscope-bundle"
BUNDLE_VERSION: Final = 1
"""Raised when an older import would misread a newer bundle."""
MANIFEST: Final = "manifest.json"

_PIECE_BYTES: Final = 1 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""Of all members: equal histories give equal bundles but for `made_at`."""


class _Out(io.RawIOBase):
    """What was written to it since it was last asked; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self.size += len(piece)
        return len(piece)

    def take(self) -> bytes:
        """Everything that waits."""
        found = b"".join(self._pieces)
        self._pieces, self.size = [], 0
        return found


def bundle(connection: Connection, chosen: Chosen) -> Iterator[bytes]:
    """The bytes of the bundle, in pieces.

    Args:
        connection: inside one transaction; in use until the last piece was taken.
        chosen: BadRequest as `Chosen.conditions`.
    """
    members: list[dict[str, Any]] = []
    counts: Counter[str] = Counter(traces=0, logs=0, metrics=0)
    numbers: Counter[str] = Counter()
    executions = _count(connection, chosen)
    out = _Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as file:
        for piece in requests(connection, chosen, is_whole=True):
            numbers[piece.signal] += 1
            counts[piece.signal] += piece.rows
            name = f"{piece.signal}/{numbers[piece.signal]:06}"
            about = {"signal": piece.signal, "rows": piece.rows}
            body = piece.message.SerializeToString()
            members.append(_add(file, f"{name}.otlp", body) | about)
            times = json.dumps(piece.ingested, separators=(",", ":")).encode()
            members.append(_add(file, f"{name}.json", times))
            if out.size >= _PIECE_BYTES:
                yield out.take()
        manifest = {
            "format": BUNDLE_FORMAT,
            "format_version": BUNDLE_VERSION,
            "made_by": f"stepscope-collector {__version__}",
            "made_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "chosen": chosen.described(),
            "counts": {
                "executions": executions,
                "spans": counts["traces"],
                "log_records": counts["logs"],
                "metric_points": counts["metrics"],
            },
            "members": members,
        }
        _add(file, MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    yield out.take()


def _count(connection: Connection, chosen: Chosen) -> int:
    conditions = chosen.conditions()
    connection.execute(put(sql("export/count"), conditions), dict(conditions.params) or None)
    ((count,),) = connection.fetchall()
    return int(count)


def _add(file: zipfile.ZipFile, name: str, body: bytes) -> dict[str, Any]:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    file.writestr(info, body)
    return {"name": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
