"""`stepscope prune`: removes the executions whose time is up."""

from collections.abc import Mapping
from typing import Any

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.values import format_bytes

__all__ = ["command"]


@click.command("prune")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be removed, by rule.")
@click.option("--max-age", metavar="TIME", help="Instead of the settings: what ended longer ago.")
@click.option(
    "--max-count",
    metavar="N",
    help="Instead of the settings: all but the newest N of each workflow.",
)
@click.option(
    "--max-bytes", metavar="SIZE", help="Instead of the settings: until the file holds less."
)
@click.option(
    "--payload-max-age",
    metavar="TIME",
    help="Instead of the settings: payloads of what ended longer ago.",
)
@click.option("--workflow", metavar="NAME", help="Only workflows like this; * and ? as in shells.")
@shared_options()
@pass_session
def command(session: Session, /, is_dry: bool, **limits: str | None) -> None:
    """Remove executions whose time is up.

    As the settings retention.* say, or the options in their place. Whole executions only; those that still run and those that are pinned stay. A running server does
    this by itself every retention.interval_s.
    """
    given = {name: value for name, value in limits.items() if value is not None}
    with session.client(is_writing=True) as client:
        if is_dry:
            told = client.get("/api/admin/prune", given)["prune"]
        else:
            told = client.send("POST", "/api/admin/prune", given)["prune"]
    session.write_document(told, lambda document, _: _text(document, is_dry=is_dry))


def _text(told: Mapping[str, Any], *, is_dry: bool) -> str:
    lines = [
        f"{rule['rule']}: "
        + ("only payloads of " if rule["rule"] == "payload_max_age_s" else "")
        + f"{rule['executions']} executions"
        + (f", about {format_bytes(rule['bytes'])}" if is_dry else "")
        for rule in told["rules"]
    ]
    if is_dry:
        lines.append(
            f"nothing was removed; {format_bytes(told['used_bytes'])} of the file are in use"
        )
    else:
        erased = told["erased"]
        lines.append(
            f"removed {erased['executions']} executions with {erased['spans']} spans, "
            f"{erased['payloads']} payloads, {erased['log_records']} log records, "
            f"{erased['metric_points']} data points"
        )
    return "\n".join(lines) + "\n"
