"""How far an endpoint has come, in a file of its own."""

import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from stepscope_collector.tee.journal import Place

__all__ = ["Cursor", "forget_others"]

_SUFFIX = ".cursor"


class Cursor:
    """The place up to which an endpoint has taken everything, and what is being sent.

    Written without fsync: after a power cut some of it is sent again.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / (quote(name, safe="") + _SUFFIX)

    def load(self) -> tuple[Place, int] | None:
        """The place, and the sequence behind what was being sent; None at the first start."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(self._path.read_text("utf-8"))
            place = Place(int(found["sequence"]), int(found["segment"]), int(found["offset"]))
            return place, int(found["until"])
        return None

    def save(self, place: Place, until: int) -> None:
        """Note that everything before `place` is done, and that what is sent ends before `until`."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({**place._asdict(), "until": until}), "utf-8")
        partial.replace(self._path)


def forget_others(folder: Path, names: list[str]) -> None:
    """Remove the cursors of endpoints that are not set up any more."""
    kept = {quote(name, safe="") + _SUFFIX for name in names}
    for path in folder.glob(f"*{_SUFFIX}"):
        if path.name not in kept:
            path.unlink(missing_ok=True)
