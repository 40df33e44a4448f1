"""What every command shares: the options of all commands, settings, the source, the output."""

import contextlib
import functools
import shutil
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from stepscope_collector import config
from stepscope_collector.cli.client import Client
from stepscope_collector.cli.source import open_client
from stepscope_collector.errors import BadRequest
from stepscope_collector.present.text.formats import to_csv, to_json, to_ndjson
from stepscope_collector.present.text.tables import Screen
from stepscope_schema.columns import relations

__all__ = ["FORMATS", "Session", "pass_session", "shared_options"]

FORMATS = ("table", "json", "ndjson", "csv")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of the command: what the shared options said, and what follows from it.

    Options may stand before or after the name of the command; the later one wins.
    """

    server: str | None = None
    data: str | None = None
    config_file: Path | None = None
    format: str = "table"
    is_debug: bool = False
    flags: dict[str, object] = field(default_factory=dict)
    """Settings typed as flags of `serve`."""
    client_files: dict[str, str | None] = field(default_factory=dict)
    """Files typed as flags for `ClientConfig`."""

    @functools.cached_property
    def loaded(self) -> config.Loaded:
        """The effective settings; ConfigError."""
        flags = dict(self.flags)
        if self.data is not None:
            flags["data.dir"] = self.data
        return config.load(config_file=self.config_file, flags=flags)

    @property
    def settings(self) -> config.Settings:
        """The effective settings; ConfigError."""
        return self.loaded.settings

    def client(self, *, is_writing: bool = False) -> Client:
        """Somebody to ask: the server named, the one that runs, or the file itself."""
        return open_client(
            self.settings,
            self.server or self.loaded.server,
            self.client_config,
            is_writing=is_writing,
        )

    def client_or_none(self) -> Client | None:
        """The same, or None where no server runs and there is no file yet."""
        named = self.server or self.loaded.server
        if named is None and not self.settings.data.database_path.is_file():
            return None
        return self.client()

    @property
    def client_config(self) -> config.ClientConfig:
        """What a server is shown; ConfigError."""
        return config.ClientConfig.of(config.environment(), **self.client_files)

    @functools.cached_property
    def screen(self) -> Screen:
        """What stdout is. NO_COLOR: https://no-color.org, any text but the empty one."""
        if not sys.stdout.isatty():
            return Screen()
        environ = config.environment()
        is_coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return Screen(shutil.get_terminal_size().columns, is_coloured)

    def write(self, text: str) -> None:
        """Put a result on stdout."""
        sys.stdout.write(text)

    def write_bytes(self, chunks: Generator[bytes, None, None]) -> None:
        """Put bytes on stdout as they come; closes `chunks` when nobody reads stdout any more."""
        sys.stdout.flush()
        with contextlib.closing(chunks):
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()

    def flush(self) -> None:
        """Let whoever reads stdout have what was written."""
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something that is not the result."""
        print(text, file=sys.stderr)

    def write_rows(
        self,
        rows: Sequence[Mapping[str, Any]],
        table: Callable[[Sequence[Mapping[str, Any]], Screen], str],
        *,
        view: str | None = None,
    ) -> None:
        """Put rows on stdout in the format asked for.

        Args:
            rows: one mapping per row.
            table: makes the text for people.
            view: the view the rows come from: CSV has its header also when there is no row.
        """
        if self.format == "table":
            self.write(table(rows, self.screen))
        elif self.format == "json":
            self.write(to_json(list(rows)))
        elif self.format == "ndjson":
            self.write(to_ndjson(rows))
        elif rows:
            self.write(to_csv(list(rows[0]), rows))
        elif view is not None:
            self.write(to_csv(_columns(view), []))

    def write_document(
        self, document: Mapping[str, Any], text: Callable[[Mapping[str, Any], Screen], str]
    ) -> None:
        """Put one document on stdout; it has no CSV form: BadRequest."""
        if self.format == "table":
            self.write(text(document, self.screen))
        elif self.format == "json":
            self.write(to_json(document))
        elif self.format == "ndjson":
            self.write(to_ndjson([document]))
        else:
            raise BadRequest(
                "this answer is no table and has no csv form", hint="use --format json"
            )


pass_session = click.make_pass_decorator(Session)


def _columns(view: str) -> list[str]:
    relation = next(each for each in relations() if (each.schema, each.name) == ("main", view))
    return [column.name for column in relation.columns]


def shared_options(
    *, has_arrow: bool = False, is_asking: bool = True, formats: Sequence[str] = ()
) -> Callable[[F], F]:
    """Add the options that every command knows.

    Args:
        has_arrow: the command can answer in Arrow and Parquet.
        is_asking: False: it asks no server and has no result, so that it takes no option for them.
        formats: those of this command, if it has others; `table` then means that none was named.
    """
    own = tuple(formats)
    formats = own or ((*FORMATS, "arrow", "parquet") if has_arrow else FORMATS)
    asking = [
        click.option(
            "--server",
            metavar="URL",
            help="Ask this server, such as http://127.0.0.1:4319. Default: the one that runs on "
            "the data directory.",
        ),
        click.option(
            "--token-file",
            metavar="FILE",
            help="File with the token the server wants; or STEPSCOPE_TOKEN, STEPSCOPE_TOKEN_FILE.",
        ),
        click.option(
            "--ca",
            metavar="FILE",
            help="Certificates in PEM that the server's must come from; or STEPSCOPE_CA.",
        ),
        click.option(
            "--client-cert",
            "cert",
            metavar="FILE",
            help="Certificate to show the server; or STEPSCOPE_CLIENT_CERT.",
        ),
        click.option(
            "--client-key",
            "key",
            metavar="FILE",
            help="Its private key, when it is in a file of its own; or STEPSCOPE_CLIENT_KEY.",
        ),
        click.option(
            "--format",
            type=click.Choice(formats),
            help="Form of the result" + ("." if own else "; default: table."),
        ),
    ]
    options = [
        *(asking[:-1] if is_asking else []),
        click.option("--data", metavar="DIR", help="Data directory; setting data.dir."),
        click.option(
            "--config",
            "config_file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="TOML file with settings.",
        ),
        *(asking[-1:] if is_asking else []),
        click.option(
            "--debug", "is_debug", is_flag=True, default=None, help="Show tracebacks of errors."
        ),
    ]

    def add(command: F) -> F:
        wrapped: Any = command
        for option in reversed(options):
            wrapped = option(wrapped)

        @functools.wraps(wrapped)
        def remember(*arguments: Any, **keywords: Any) -> Any:
            session = click.get_current_context().ensure_object(Session)
            for name in ("server", "data", "config_file", "format", "is_debug"):
                value = keywords.pop(name, None)
                if value is not None:
                    setattr(session, name, value)
            for name in ("token_file", "ca", "cert", "key"):
                value = keywords.pop(name, None)
                if value is not None:
                    session.client_files[name] = value
            if session.format not in (*formats, *(("table",) if own else ())):
                raise BadRequest(
                    f"this command has no {session.format} form",
                    hint=f"use one of {', '.join(formats)}",
                )
            return wrapped(*arguments, **keywords)

        return cast(F, remember)

    return add
