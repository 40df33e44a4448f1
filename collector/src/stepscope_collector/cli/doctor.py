"""`stepscope doctor`: what the collector says about itself."""

from collections.abc import Mapping
from typing import Any

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.report import report_text

__all__ = ["command"]


@click.command("doctor")
@shared_options()
@pass_session
def command(session: Session) -> None:
    """Check the collector and its database.

    Counters of what was received, stored, repeated, rejected and refused; versions; sizes and
    numbers of rows.
    """
    with session.client() as client:
        report: Mapping[str, Any] = {"asked": client.where, **client.get("/api/doctor")}
    session.write_document(report, report_text)
