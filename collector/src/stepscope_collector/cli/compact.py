"""`stepscope compact`: the file as small as what is in it."""

from collections.abc import Mapping
from typing import Any

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.values import format_bytes, format_duration

__all__ = ["command"]


@click.command("compact")
@shared_options()
@pass_session
def command(session: Session) -> None:
    """Make the database file as small as what is in it.

    While the server goes on: everything is copied to a new file beside it, which then takes its name.
    What was deleted is gone from the disk after this, too.
    """
    with session.client(is_writing=True) as client:
        told = client.send("POST", "/api/admin/compact")["compaction"]
    session.write_document(told, lambda document, _: _text(document))


def _text(told: Mapping[str, Any]) -> str:
    return (
        f"compacted from {format_bytes(told['before_bytes'])} to "
        f"{format_bytes(told['after_bytes'])} in {format_duration(told['elapsed_ns'])}; commits "
        f"waited {format_duration(told['waited_ns'])}\n"
    )
