"""Server-sent events of the read API, out of the bytes they come in."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["read_events"]


def read_events(chunks: Iterable[bytes]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Name, id (None: it has none) and data of each whole event; comments are left out.

    Reads what our server writes: one line of data, ended with line feeds.
    """
    rest = b""
    for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            fields = dict(
                line.split(": ", 1)
                for line in block.decode("utf-8").split("\n")
                if ": " in line and not line.startswith(":")
            )
            if "data" in fields:
                yield fields.get("event", "message"), fields.get("id"), json.loads(fields["data"])
