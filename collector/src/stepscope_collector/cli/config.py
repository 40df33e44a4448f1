"""`stepscope config`: the effective settings and where each comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from stepscope_collector import config
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.tables import Column, Screen, render_table

__all__ = ["command"]


@click.group("config", invoke_without_command=True)
@shared_options()
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show the effective settings and where they come from.

    Order: default, TOML file, STEPSCOPE_* variable, flag; the later one wins.
    """
    if ctx.invoked_subcommand is None:
        session = ctx.ensure_object(Session)
        session.write_rows(_rows(session.loaded), _table)


@command.command("path")
@shared_options()
@pass_session
def path(session: Session) -> None:
    """Print the path of the TOML file in use; exit code 1 when there is none."""
    found = session.loaded.config_file
    if found is None:
        session.note("no config file; stepscope.toml here or --config FILE would be one")
        raise click.exceptions.Exit(1)
    session.write(f"{found}\n")


@command.command("check")
@shared_options()
@pass_session
def check(session: Session) -> None:
    """Check file, variables and flags; a mistake ends with exit code 2."""
    loaded = session.loaded
    changed = sum(source != "default" for source in loaded.sources.values())
    file = loaded.config_file or "no config file"
    session.write(f"ok: {file}; {changed} of {len(loaded.sources)} settings are not the default\n")


def _rows(loaded: config.Loaded) -> list[dict[str, Any]]:
    rows = []
    for setting in config.all_settings():
        section, name = setting.key.split(".")
        value = getattr(getattr(loaded.settings, section), name)
        rows.append(
            {
                "key": setting.key,
                "value": setting.plain(value),
                "shown": setting.show(value),
                "source": loaded.sources[setting.key],
                "variable": setting.variable,
                "flag": setting.flag,
            }
        )
    unset = {"source": loaded.sources["tee.to"], "variable": "", "flag": ""}
    rows += [
        {"key": f"tee.to {each.name}", "value": each.endpoint, "shown": each.endpoint, **unset}
        for each in loaded.settings.tee.to
    ]
    return rows


def _table(rows: Sequence[Mapping[str, Any]], screen: Screen) -> str:
    columns = [
        Column("SETTING", lambda row: row["key"]),
        Column("VALUE", lambda row: row["shown"]),
        Column("SOURCE", lambda row: row["source"]),
        Column("VARIABLE", lambda row: row["variable"]),
    ]
    return render_table(columns, rows, screen)
