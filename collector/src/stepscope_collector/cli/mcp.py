"""`stepscope mcp`: the history for language models, on stdin and stdout."""

from dataclasses import replace
from typing import Any

import click

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.errors import ConfigError

__all__ = ["command"]


@click.command("mcp")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=500),
    help="Length of an answer at most; setting mcp.max_tokens.",
)
@shared_options()
@pass_session
def command(session: Session, *, max_tokens: int | None) -> None:
    """Serve the Model Context Protocol on stdin and stdout.

    For clients that start their servers themselves; others ask a running collector at /mcp. Every
    question goes to the server that runs at that moment, or to the database file, which is open
    only as long as a question takes.
    """
    config = session.settings.mcp
    if max_tokens is not None:
        config = replace(config, max_tokens=max_tokens)
    try:
        # The SDK comes with an extra.
        from stepscope_collector.present.mcp.stdio import serve_stdio
    except ImportError as error:
        raise ConfigError(
            f"the Model Context Protocol needs a package that is not installed: {error.name}",
            hint="pip install 'stepscope-collector[mcp]'",
        ) from error

    def open_client(_request: Any, is_deleting: bool) -> Client:
        return session.client(is_writing=is_deleting)

    serve_stdio(open_client, config)
