"""`stepscope remap`: the history as the profiles of now would have mapped it from the beginning."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.values import format_duration

__all__ = ["command"]

_ASK_EVERY_S = 0.2
_SAY_EVERY_S = 2.0

Progress = Mapping[str, Any]


class Remapping(Protocol):
    """The server, or the file itself."""

    def begin(self, since: str | None, dialect: str | None) -> Progress:
        """Ask for a remap, or for one like it to go on."""

    def step(self) -> Progress:
        """How far it is a little later."""

    def newest(self) -> Progress | None:
        """The one asked for last."""

    def stop(self) -> Progress | None:
        """End it."""


@click.command("remap")
@click.option("--since", metavar="TIME", help="Only traces with spans since then, such as 24h.")
@click.option(
    "--dialect", metavar="NAME", help="Only traces this profile mapped, or would map now."
)
@click.option("--status", "is_asking", is_flag=True, help="Only tell how far the last one is.")
@click.option("--stop", "is_stopping", is_flag=True, help="End the one that goes on.")
@shared_options()
@pass_session
def command(
    session: Session, since: str | None, dialect: str | None, is_asking: bool, is_stopping: bool
) -> None:
    """Map the history anew after a profile changed.

    Spans are kept as they came, so executions and steps can be derived again. A few traces at a
    time, while the server goes on receiving; readers see a trace as it was or as it is. Interrupted
    it goes on where it was: the server by itself, without a server when the same is asked again.
    """
    if (is_asking or is_stopping) and (since or dialect):
        raise BadRequest("--status and --stop take no --since and no --dialect")
    client = session.client()
    if client.is_live:
        with client:
            told = _ask(session, _Server(session, client), since, dialect, is_asking, is_stopping)
    else:
        client.close()
        # Imports DuckDB, which `--help` need not.
        from stepscope_collector.cli.remap_file import remapping

        with remapping(session.settings) as file:
            told = _ask(session, file, since, dialect, is_asking, is_stopping)
    if told is None:
        session.note("no remap was ever asked for")
    else:
        session.write_document(told, lambda document, _: _text(document))


def _ask(
    session: Session,
    remapping: Remapping,
    since: str | None,
    dialect: str | None,
    is_asking: bool,
    is_stopping: bool,
) -> Progress | None:
    if is_asking:
        return remapping.newest()
    if is_stopping:
        return remapping.stop()
    told = remapping.begin(since, dialect)
    teller = _Teller(session, told)
    while told["state"] == "running":
        told = remapping.step()
        teller.tell(told)
    return told


class _Server:
    """A server that does the work by itself."""

    def __init__(self, session: Session, client: Client) -> None:
        self._session = session
        self._client = client

    def begin(self, since: str | None, dialect: str | None) -> Progress:
        """Ask for it."""
        told: Progress = self._client.remap(since, dialect)["remap"]
        return told

    def step(self) -> Progress:
        """How far it is a little later."""
        try:
            threading.Event().wait(_ASK_EVERY_S)
            told = self.newest()
        except KeyboardInterrupt:
            self._session.note("the server goes on; see --status, end it with --stop")
            raise
        assert told is not None, "one was asked for"
        return told

    def newest(self) -> Progress | None:
        """The one asked for last."""
        told: Progress | None = self._client.get("/api/admin/remap")["remap"]
        return told

    def stop(self) -> Progress | None:
        """End it."""
        told: Progress | None = self._client.stop_remap()["remap"]
        return told


class _Teller:
    """Says every two seconds how far it is."""

    def __init__(self, session: Session, told: Progress) -> None:
        self._session = session
        self._began_s = self._said_s = time.monotonic()
        self._before = told["done_count"]

    def tell(self, told: Progress) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s < _SAY_EVERY_S or told["state"] != "running":
            return
        self._said_s = now_s
        done, whole = told["done_count"], max(told["trace_count"], told["done_count"], 1)
        text = f"{done} of {whole} traces ({done * 100 // whole} %), {told['span_count']} spans"
        if done > self._before:
            left_s = (now_s - self._began_s) / (done - self._before) * (whole - done)
            text += f", about {format_duration(int(left_s) * 10**9)} left"
        self._session.note(text)


def _text(told: Progress) -> str:
    asked = f" of dialect {told['dialect']}" if told["dialect"] else ""
    asked += f" since {told['since_at']}" if told["since_at"] else ""
    text = (
        f"remap{asked} {told['state']}: {told['done_count']} of {told['trace_count']} traces, "
        f"{told['remapped_count']} mapped anew with {told['span_count']} spans\n"
    )
    if told["failed_count"]:
        text += f"{told['failed_count']} traces stay as they were; the last: {told['last_error']}\n"
    return text
