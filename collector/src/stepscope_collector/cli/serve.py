"""`stepscope serve`: run the collector. Its flags are the settings of the configuration tree."""

from collections.abc import Callable
from typing import Any

import click

from stepscope_collector.cli.log_lines import log_to_stderr
from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.config import Setting, all_settings
from stepscope_collector.config.grpc_core import prepare_grpc

__all__ = ["command"]

_METAVARS = {
    "address": "HOST:PORT",
    "bytes": "SIZE",
    "s": "TIME",
    "ms": "TIME",
    "count": "N",
    "url": "URL",
    "headers": "NAME=VALUE,…",
    "file": "FILE",
    "directory": "DIR",
    "signals": "traces,logs,metrics",
    "url_path": "PATH",
    "origins": "ORIGIN,…",
    "names": "NAME,…",
    "bool": "true|false",
    "rules": "RULE;…",
}


def _parameter(setting: Setting) -> str:
    return setting.key.replace(".", "__")


def _setting_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """One flag per setting; --data is among the options of all commands."""
    for setting in reversed(all_settings()):
        if setting.key == "data.dir":
            continue
        metavar = "|".join(setting.choices) or _METAVARS[setting.kind]
        default = setting.show(setting.default)
        text = f"{setting.effect} Default: {default or 'none'}."
        command = click.option(setting.flag, _parameter(setting), metavar=metavar, help=text)(
            command
        )
    return command


@click.command("serve")
@_setting_flags
@shared_options(is_asking=False)
@pass_session
def command(session: Session, /, **typed: str | None) -> int:
    """Run the collector: receive OTLP, answer questions.

    Prints one line with its addresses when it is ready, and writes them into endpoints.json in the
    data directory. Ends on SIGTERM or Ctrl-C after everything received has been committed.
    """
    for setting in all_settings():
        value = typed.get(_parameter(setting))
        if value is not None:
            session.flags[setting.key] = value
    settings = session.settings
    log_to_stderr(settings.log.level, settings.log.format)
    prepare_grpc(settings.tls.min_version)
    # Imports gRPC, DuckDB and the HTTP server: 600 ms that `serve --help` and a wrong flag need not.
    from stepscope_collector import service

    return service.serve(settings)
