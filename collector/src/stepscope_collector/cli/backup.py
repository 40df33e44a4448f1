"""`stepscope backup DEST`: a consistent copy of the history, checked before it has its name."""

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from stepscope_collector.cli.client import Answer
from stepscope_collector.cli.output import partial_of
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest, StepscopeError, StoreUnavailable
from stepscope_collector.present.text.values import format_bytes

__all__ = ["command"]

_SAY_EVERY_S = 2.0


@click.command("backup")
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@shared_options()
@pass_session
def command(session: Session, destination: Path) -> None:
    """Write a checked copy of the history to a file.

    DEST is the new file, or a directory that gets `stepscope-TIME.duckdb`. The server goes on
    receiving meanwhile; the copy holds what was committed when it began. It is received as
    DEST.partial, compared with what the server sent, opened and read in full, and only then has its
    name.
    """
    path = _target(destination)
    started = time.monotonic()
    with partial_of(path) as partial:
        with session.client() as client:
            with _progress(session, lambda: client.is_live):
                answer = client.backup()
            _receive(answer, partial, session)
        rows = _check(partial, answer, session)
        _name(partial, path)
    size = path.stat().st_size
    session.write_document(
        {
            "backup": str(path),
            "rows": rows,
            "bytes": size,
            "elapsed_s": round(time.monotonic() - started, 1),
        },
        lambda document, _: (
            f"{document['backup']}: {rows} rows, {format_bytes(size)}, "
            f"{document['elapsed_s']} s, checked\n"
        ),
    )


def _target(destination: Path) -> Path:
    if destination.is_dir():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        destination = destination / f"stepscope-{stamp}.duckdb"
    if destination.exists():
        raise BadRequest(f"{destination} exists already", hint="name a new file or a directory")
    if not destination.parent.is_dir():
        raise BadRequest(f"there is no directory {destination.parent}", hint="make it first")
    return destination


def _receive(answer: Answer, partial: Path, session: Session) -> None:
    expected = int(answer.headers.get("content-length", "-1"))
    digest, received, said_s = hashlib.sha256(), 0, time.monotonic()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in answer.chunks:
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if time.monotonic() - said_s > _SAY_EVERY_S:
                said_s = time.monotonic()
                session.note(f"received {format_bytes(received)} of {format_bytes(expected)}")
        file.flush()
        os.fsync(file.fileno())
    if received != expected or digest.hexdigest() != answer.headers.get("x-stepscope-sha256"):
        raise StoreUnavailable(
            f"the backup did not arrive whole: {received} of {expected} bytes, "
            "or with another checksum",
            hint="try again; see the server's log",
        )


def _check(partial: Path, answer: Answer, session: Session) -> int:
    # Imports DuckDB, which a command that asks a server has not needed so far.
    from stepscope_collector.store.backup import check_backup

    expected = int(answer.headers.get("x-stepscope-rows", "-1"))
    rows = check_backup(partial, session.settings.store)
    if rows != expected:
        raise StoreUnavailable(
            f"the backup holds {rows} rows, the server copied {expected}",
            hint="try again; see the server's log",
        )
    return rows


@contextmanager
def _progress(session: Session, is_live: Callable[[], bool]) -> Iterator[None]:
    """Say every two seconds how far the server is, on a terminal."""
    is_done = threading.Event()

    def tell() -> None:
        while not is_done.wait(_SAY_EVERY_S):
            with suppress(StepscopeError), session.client() as client:
                if about := client.get("/api/doctor").get("backup"):
                    written, whole = about["written_bytes"], about["database_bytes"]
                    session.note(f"copied {format_bytes(written)}, {format_bytes(whole)} in all")

    teller = threading.Thread(target=tell, name="stepscope-backup-progress", daemon=True)
    if is_live() and sys.stderr.isatty():
        teller.start()
    try:
        yield
    finally:
        is_done.set()
        if teller.is_alive():
            teller.join()


def _name(partial: Path, path: Path) -> None:
    # Imports DuckDB, which is loaded by now.
    from stepscope_collector.store.files import sync

    partial.rename(path)
    sync(path.parent)
