"""`stepscope import`: history from files, through the server that runs or into the file itself."""

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import click

from stepscope_collector.cli.interrupt import interruptible
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest, StepscopeError
from stepscope_collector.present.text.values import format_duration

__all__ = ["command"]

_SAY_EVERY_S = 2.0
_MOST_TOLD = 20
"""Refusals told one by one; all are counted."""


class Taking(Protocol):
    """The server, or the file itself."""

    def take(
        self, signal: str, payload: bytes, source: str, ingested: Sequence[Sequence[int]]
    ) -> Mapping[str, Any]:
        """What became of the rows of a request: stored, known, refused, deleted, reasons."""


@click.command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True,
    type=click.Path(path_type=Path, allow_dash=True),
)  # fmt: skip
@click.option(
    "--signal", type=click.Choice(["traces", "logs", "metrics"]),
    help="What an OTLP file in protobuf holds, if its bytes leave that open.",
)  # fmt: skip
@click.option(
    "--timezone", metavar="ZONE",
    help="Of local times that name none, in databases of design 002, such as Europe/Paris. Default: "
    "that of this machine.",
)  # fmt: skip
@shared_options()
@pass_session
def command(
    session: Session, files: tuple[Path, ...], signal: str | None, timezone: str | None
) -> None:
    """Take files in: bundles, OTLP, databases of older designs.

    A bundle of `stepscope export`; OTLP in JSON, one request per line or one alone, or in protobuf, as
    the OpenTelemetry Collector writes files, packed with gzip or zstd or not; the SQLite databases of designs 000, 001 and
    002, and JSON documents of older designs, whose ids and times stay. Each row is stored once, however often it
    comes. `-` is stdin. The server goes on receiving meanwhile; interrupted, the same command goes on where it was.
    """
    told = _Told(session)
    zone = _zone(timezone)
    client = session.client_or_none()
    if client is not None and client.is_live:
        with client:
            _import(files, (signal, zone), client, told)
    else:
        if client is not None:
            client.close()
        # Imports DuckDB, which a command that asks a server need not.
        from stepscope_collector.cli.import_file import taking

        with taking(session.settings) as file:
            _import(files, (signal, zone), file, told)
    session.write_document(told.document(), lambda document, _: _text(document))


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadRequest(
            f"timezone={name!r} is none that is known", hint="such as Europe/Paris or UTC"
        ) from error


def _import(
    files: Sequence[Path],
    reading: tuple[str | None, tzinfo | None],
    into: Taking,
    told: "_Told",
) -> None:
    signal, zone = reading
    # Imports protobuf, which `--help` need not.
    from stepscope_collector.importing.piece import Refused, signal_of
    from stepscope_collector.importing.source import read_source

    for given in files:
        with _readable(given) as path:
            told.begin(given, path)
            try:
                with interruptible():
                    for piece in read_source(path, signal_of(signal), zone):
                        if isinstance(piece, Refused):
                            told.refused(piece.place, piece.rows, [piece.reason])
                        else:
                            taken = into.take(
                                piece.signal, piece.payload, given.name, piece.ingested
                            )
                            told.taken(piece.signal, piece.place, taken)
                        told.progress(piece.done_bytes)
                    told.end()
            except KeyboardInterrupt:
                told.interrupted()
                raise
            except StepscopeError as error:
                told.stopped()
                message = error.message.replace(str(path), str(given))
                raise type(error)(message, hint=error.hint) from error


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """The path of a file that can be read from its begin again: stdin and pipes are kept aside."""
    is_stdin = str(path) == "-"
    if not is_stdin and (path.is_file() or path.is_dir() or not path.exists()):
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="stepscope-import-") as aside:
        if is_stdin:
            shutil.copyfileobj(sys.stdin.buffer, aside)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, aside)
        aside.flush()
        yield Path(aside.name)


class _Told:
    """Counts, and says every two seconds how far it is."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stored: Counter[str] = Counter(traces=0, logs=0, metrics=0)
        self._known = self._refused = self._deleted = 0
        self._reasons: list[dict[str, Any]] = []
        self._files: list[str] = []
        self._began_s = self._said_s = time.monotonic()
        self._path, self._whole = Path(), 1
        self._place, self._taken = "", 0
        self._is_other_kind: bool | None = None

    def begin(self, given: Path, path: Path) -> None:
        """A file begins: as it was named, and what is read."""
        self._path = given
        self._place, self._taken, self._is_other_kind = "", 0, None
        self._whole = max(path.stat().st_size, 1) if path.is_file() else 1
        self._began_s = self._said_s = time.monotonic()

    def end(self) -> None:
        """The file is done; BadRequest: nothing of it could be taken."""
        self._files.append(str(self._path))
        if self._is_other_kind:
            reason = self._reasons[-1]
            raise BadRequest(
                f"{self._path} holds nothing that can be imported: {reason['place']}: "
                f"{reason['reason']}",
                hint="see docs/portable.md",
            )

    def stopped(self) -> None:
        """The file cannot be read on: what came before stays."""
        if self._taken:
            self._session.note(
                f"{self._path}: read until {self._place}; {self._taken} rows of it are stored, and stay"
            )

    def interrupted(self) -> None:
        """Somebody ended it: what came before stays."""
        self._session.note(
            f"{self._path}: interrupted; {self._taken} rows of it are stored, the same command takes the rest"
        )

    def taken(self, signal: str, place: str, taken: Mapping[str, Any]) -> None:
        """A request was taken."""
        self._place, self._is_other_kind = place, False
        self._taken += taken["stored"] + taken["known"] + taken["deleted"]
        self._stored[signal] += taken["stored"]
        self._known += taken["known"]
        self._deleted += taken["deleted"]
        if taken["refused"]:
            self.refused(place, taken["refused"], taken["reasons"])

    def refused(self, place: str, count: int, reasons: Sequence[str]) -> None:
        """Rows were refused."""
        self._refused += count
        if self._is_other_kind is None:
            self._is_other_kind = True
        for reason in reasons:
            if len(self._reasons) < _MOST_TOLD:
                where = {"file": str(self._path), "place": place}
                self._reasons.append({**where, "reason": reason})

    def progress(self, done_bytes: int) -> None:
        """So much of the file is read."""
        now_s = time.monotonic()
        if now_s - self._said_s < _SAY_EVERY_S:
            return
        self._said_s = now_s
        share = min(done_bytes / self._whole, 1)
        text = f"{self._path.name}: {share:.0%}, {sum(self._stored.values())} rows stored"
        if self._known:
            text += f", {self._known} were stored before"
        if share:
            text += f", {_left((now_s - self._began_s) * (1 - share) / share)} left"
        self._session.note(text)

    def document(self) -> dict[str, Any]:
        """What became of everything."""
        return {
            "files": self._files,
            "stored": {
                "spans": self._stored["traces"],
                "log_records": self._stored["logs"],
                "metric_points": self._stored["metrics"],
            },
            "known": self._known,
            "deleted": self._deleted,
            "refused": self._refused,
            "reasons": self._reasons,
        }


def _left(seconds: float) -> str:
    """How long it will take, about: nobody reads hundredths here."""
    if seconds < 59.5:
        return f"about {max(round(seconds), 1)} s"
    return f"about {format_duration(round(seconds) * 10**9)}"


def _text(told: Mapping[str, Any]) -> str:
    stored = told["stored"]
    files = f"{len(told['files'])} file{'' if len(told['files']) == 1 else 's'}"
    text = (
        f"{files}: {stored['spans']} spans, {stored['log_records']} log records, "
        f"{stored['metric_points']} data points stored; {told['known']} rows were stored before\n"
    )
    if told["deleted"]:
        text += f"{told['deleted']} rows are of executions that were deleted, and stay away\n"
    if told["refused"]:
        text += f"{told['refused']} refused:\n"
        for each in told["reasons"]:
            text += f"  {each['file']}, {each['place']}: {each['reason']}\n"
    return text
