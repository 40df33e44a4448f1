"""An answer into a file: it has its name only when it is whole."""

import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from stepscope_collector.cli.session import Session
from stepscope_collector.errors import BadRequest, StoreUnavailable
from stepscope_collector.present.text.values import format_bytes

__all__ = ["form_of", "partial_of", "write_file"]

_SAY_EVERY_S: Final = 2.0


def form_of(path: Path, suffixes: Mapping[str, str]) -> str:
    """The format that the ending of a file names.

    Args:
        path: the file.
        suffixes: format → ending.

    Raises:
        BadRequest: it names none.
    """
    # the longest ending that fits: .otlp.jsonl before .jsonl
    for form, suffix in suffixes.items():
        if path.name.endswith(suffix):
            return form
    raise BadRequest(
        f"the ending of {path.name} names no format",
        hint=f"give --format, or end it with one of {', '.join(suffixes.values())}",
    )


@contextmanager
def partial_of(path: Path) -> Iterator[Path]:
    """The name a file has until it is whole; nothing is left under it after the block.

    Raises:
        StoreUnavailable: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="name another place",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_file(path: Path, chunks: Generator[bytes, None, None], session: Session) -> None:
    """Write the file under another name first, and say how large it is: what has the name is whole."""
    written, said_s = 0, time.monotonic()
    with partial_of(path) as partial:
        # for nobody else's eyes: payloads may hold anything
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
        with closing(chunks), os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                written += len(chunk)
                if time.monotonic() - said_s > _SAY_EVERY_S:
                    said_s = time.monotonic()
                    session.note(f"written {format_bytes(written)}")
        partial.replace(path)
    session.note(f"{path}: {format_bytes(written)}")
