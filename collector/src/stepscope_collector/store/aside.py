"""Sets damaged files aside: renamed with the time and the reason beside them, never deleted."""

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from stepscope_collector.store.files import backlog_directory, sync
from stepscope_collector.store.mark import log_path

__all__ = [
    "SetAside",
    "copies_beside",
    "copy_aside",
    "cut_log",
    "files_aside",
    "move_aside",
    "move_log_aside",
]

logger = logging.getLogger(__name__)

_DAMAGED: Final = "damaged"
_REPLACED: Final = "replaced"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that was set aside."""

    file: str
    """Its name in the data directory; its log, if any, has `.wal` behind it."""
    bytes: int
    """With its log."""
    reason: str


def move_aside(path: Path, reason: str, *, kind: str = _DAMAGED) -> Path:
    """Rename a database nobody has open, and its log; the new path."""
    to = _free_name(path, kind)
    _note(to, reason)
    if (log := log_path(path)).exists():
        log.rename(log_path(to))
    path.rename(to)
    if kind != _DAMAGED and (waiting := backlog_directory(path)).exists():
        # of a history that is damaged the next one takes them in
        waiting.rename(backlog_directory(to))
    sync(path.parent)
    if kind == _DAMAGED:
        logger.error("database damaged, set aside", extra={"file": str(to), "reason": reason})
    return to


def move_log_aside(path: Path, reason: str) -> Path:
    """Rename the log of a database nobody has open, beside a copy of the database it belongs to.

    The log can be replayed on the database as it is now and on no later one.
    """
    to = _free_name(path, _DAMAGED)
    copied = copy_aside(path, to)
    _note(to, reason if copied else f"{reason}; no space for a copy of the database beside it")
    log_path(path).rename(log_path(to))
    sync(path.parent)
    logger.error("write-ahead log damaged, set aside", extra={"file": str(to), "reason": reason})
    return to


def cut_log(path: Path, acknowledged_bytes: int, reason: str) -> Path:
    """Cut off what follows the acknowledged part of the log; the whole log is kept aside."""
    to = log_path(_free_name(path, _DAMAGED))
    log = log_path(path)
    shutil.copyfile(log, to)
    to.chmod(0o600)
    sync(to)
    with log.open("r+b") as file:
        file.truncate(acknowledged_bytes)
    sync(log)
    sync(path.parent)
    logger.warning(
        "write-ahead log cut behind what was acknowledged",
        extra={"file": str(to), "kept_bytes": acknowledged_bytes, "reason": reason},
    )
    return to


def copy_aside(path: Path, to: Path) -> bool:
    """Copy a file nobody has open, if that leaves as much space as it takes."""
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        return False
    shutil.copyfile(path, to)
    to.chmod(0o600)
    sync(to)
    return True


def files_aside(path: Path) -> list[SetAside]:
    """What lies aside as damaged beside the database at `path`, oldest first."""
    found = []
    for note in sorted(path.parent.glob(f"{path.name}.{_DAMAGED}-*.txt")):
        file = note.with_suffix("")
        sizes = [each.stat().st_size for each in (file, log_path(file)) if each.exists()]
        if sizes:
            found.append(SetAside(file.name, sum(sizes), note.read_text("utf-8").strip()))
    return found


def copies_beside(path: Path) -> list[str]:
    """Names of the files beside the database at `path` that hold a history, too: set aside, or copies."""
    names = (file.name for file in path.parent.glob(f"{path.name}.*") if file.is_file())
    own = {f"{path.name}.{ending}" for ending in ("wal", "lock", "undo")}
    return sorted(name for name in names if name not in own and not name.endswith(".txt"))


def _note(to: Path, reason: str) -> None:
    note = to.with_name(f"{to.name}.txt")
    note.write_text(reason + "\n", encoding="utf-8")
    note.chmod(0o600)


def _free_name(path: Path, kind: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name, number = f"{path.name}.{kind}-{stamp}", 1
    while any(path.parent.glob(f"{name}*")):
        number += 1
        name = f"{path.name}.{kind}-{stamp}-{number}"
    return path.with_name(name)
