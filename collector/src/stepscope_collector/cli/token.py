"""`stepscope token`: make, list and revoke what lets clients in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from stepscope_collector.access.tokens import (
    SCOPES,
    Token,
    create_token,
    read_tokens,
    revoke_token,
)
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.config.values import parse_duration
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.tables import Column, Screen, render_table

__all__ = ["command"]

_MAX_DAYS: Final = 36500


@click.group("token")
def command() -> None:
    """Make, list and revoke the tokens that clients need.

    They are kept as hashes in the data directory, with or without a running server, which obeys a
    change at once. With the first token every request needs one.
    """


@command.command("create")
@click.option("--name", required=True, help="Name for lists, logs and metrics; user of basic auth.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it allows: send data, read it, everything. May be given several times.",
)
@click.option("--expires-in", metavar="TIME", help="Such as 90d. Default: it never expires.")
@click.option(
    "--tenant",
    metavar="NAME",
    help="Whose history it opens, and nothing else; made with the first request. Default: the collector's own.",
)
@click.option(
    "--user",
    metavar="USER",
    help="Whose executions it shows, with those of public workflows; only with --scope read. Default: all.",
)
@shared_options()
@pass_session
def create(
    session: Session,
    /,
    name: str,
    scopes: tuple[Any, ...],
    expires_in: str | None,
    tenant: str | None,
    user: str | None,
) -> None:
    """Make a token and print it. It cannot be shown again."""
    settings = session.settings
    chosen = tuple(scope for scope in SCOPES if scope in scopes)
    expires_at = None if expires_in is None else datetime.now(UTC) + _lifetime(expires_in)
    path = settings.auth.path(settings.data.dir)
    secret = create_token(path, name, chosen, expires_at, tenant=tenant, user=user)
    if session.format == "table":
        session.write(f"{secret}\n")
        session.note("keep it: it is shown once, and only its hash is stored")
    else:
        made = {
            "name": name,
            "scopes": list(chosen),
            "tenant": tenant,
            "user": user,
            "token": secret,
        }
        session.write_rows([made], _table)


@command.command("list")
@shared_options()
@pass_session
def list_(session: Session, /) -> None:
    """List all tokens, those that no longer count included."""
    settings = session.settings
    now = datetime.now(UTC)
    rows = [_row(token, now) for token in read_tokens(settings.auth.path(settings.data.dir))]
    session.write_rows(rows, _table)


@command.command("revoke")
@click.argument("name")
@shared_options()
@pass_session
def revoke(session: Session, /, name: str) -> None:
    """End a token: the next request with it is refused."""
    settings = session.settings
    token = revoke_token(settings.auth.path(settings.data.dir), name)
    session.note(f"revoked {token.name}")


def _lifetime(text: str) -> timedelta:
    try:
        seconds = parse_duration(text, "s", is_whole=False)
    except ValueError as error:
        raise BadRequest(f"--expires-in {error}") from error
    if not 0 < seconds <= _MAX_DAYS * 86400:
        raise BadRequest(f"--expires-in is {text!r}; it must be above 0 and at most {_MAX_DAYS}d")
    return timedelta(seconds=seconds)


def _row(token: Token, now: datetime) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "tenant": token.tenant,
        "user": token.user,
        "state": token.state(now),
        **{
            name: None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}Z"
            for name, moment in (
                ("created_at", token.created_at),
                ("expires_at", token.expires_at),
                ("revoked_at", token.revoked_at),
            )
        },
    }


def _restricted(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    columns = {
        "tenant": Column("TENANT", lambda row: row["tenant"] or "-"),
        "user": Column("USER", lambda row: row["user"] or "-"),
    }
    return [column for name, column in columns.items() if any(row[name] for row in rows)]


def _table(rows: Sequence[Mapping[str, Any]], screen: Screen) -> str:
    columns = [
        Column("NAME", lambda row: row["name"]),
        Column("SCOPES", lambda row: ", ".join(row["scopes"])),
        *_restricted(rows),
        Column("STATE", lambda row: row["state"]),
        Column("CREATED", lambda row: row["created_at"]),
        Column("EXPIRES", lambda row: row["expires_at"] or "-"),
    ]
    return render_table(columns, rows, screen)
