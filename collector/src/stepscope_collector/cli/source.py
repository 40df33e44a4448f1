"""Finds somebody to ask: the server named, the server that runs on the data directory, or the file.

DuckDB locks the file against every other process, so the file is opened only when no server runs.
"""

import json
import os
from dataclasses import MISSING, fields
from pathlib import Path

from stepscope_collector.cli.client import Client, HttpTransport
from stepscope_collector.config import ClientConfig, Settings
from stepscope_collector.config.endpoints import Endpoints
from stepscope_collector.config.values import format_address, split_address
from stepscope_collector.errors import NotFound, StepscopeError

__all__ = [
    "is_alive",
    "local_transport",
    "open_client",
    "read_endpoints",
    "running_server",
    "web_url",
]

_OPTIONAL = {each.name: each.default for each in fields(Endpoints) if each.default is not MISSING}
_TEXTS = [each.name for each in fields(Endpoints) if each.name not in {"pid", *_OPTIONAL}]
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared with, not listened on


def read_endpoints(path: Path) -> Endpoints | None:
    """The content of `endpoints.json`; None when there is no such file or it is not whole."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = Endpoints(
            pid=int(document["pid"]),
            **{name: str(document[name]) for name in _TEXTS},
            **{name: str(document.get(name, default)) for name, default in _OPTIONAL.items()},
        )
        split_address(found.web)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def web_url(endpoints: Endpoints) -> str:
    """Where a client of this machine reaches the read API."""
    host, port = split_address(endpoints.web)
    return f"{endpoints.scheme}://{format_address(_ANY_HOST.get(host, host), port)}"


def is_alive(pid: int) -> bool:
    """True when a process with this id exists, whoever owns it."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def local_transport(endpoints: Endpoints, client: ClientConfig) -> HttpTransport:
    """The way to a server of this machine that has told us its token and its certificate."""
    own = client.of_local(endpoints.token, endpoints.certificate_sha256)
    return HttpTransport(web_url(endpoints), own)


def running_server(settings: Settings, client: ClientConfig | None = None) -> Endpoints | None:
    """The server on the data directory; None when none lives, or what lives does not answer.

    A file left behind by a server that was killed names a process that is gone, or one that has
    nothing to do with us: both are found out here.

    Raises:
        ServerUnreachable: there is one with TLS, and its certificate or ours is not accepted.
    """
    path = settings.data.endpoints_path
    endpoints = read_endpoints(path)
    if endpoints is None or not is_alive(endpoints.pid):
        return None
    problem = _problem(endpoints, client)
    fresh = None if problem is None else read_endpoints(path)
    if fresh is not None and fresh != endpoints:
        # The server writes the file anew when its certificate has changed.
        endpoints, problem = fresh, _problem(fresh, client)
    if problem is None:
        return endpoints
    if endpoints.scheme == "https" and not isinstance(problem.__cause__, ConnectionRefusedError):
        raise problem  # somebody is there, and we do not trust them or they not us
    return None


def _problem(endpoints: Endpoints, client: ClientConfig | None) -> StepscopeError | None:
    """Why a server does not answer; None: it does."""
    try:
        with Client(local_transport(endpoints, client or ClientConfig())) as asked:
            asked.get("/healthz")
    except StepscopeError as error:
        return error
    return None


def open_client(
    settings: Settings,
    server: str | None,
    client: ClientConfig | None = None,
    *,
    is_writing: bool = False,
    may_create: bool = False,
) -> Client:
    """Somebody to ask.

    Args:
        settings: where the data directory is.
        server: URL of the server to ask; None: find one.
        client: what it is shown; None: nothing.
        is_writing: the file is opened to be changed.
        may_create: and made where there is none.

    Raises:
        NotFound: no server runs and there is no database file.
        DatabaseLocked: another process has the file and does not answer as a server.
    """
    if server is not None:
        return Client(HttpTransport(server, client))
    endpoints = running_server(settings, client)
    if endpoints is not None:
        return Client(local_transport(endpoints, client or ClientConfig()))
    if not may_create and not settings.data.database_path.is_file():
        raise NotFound(
            f"no history in {settings.data.dir}: no server runs there and there is no database file",
            hint="start one with: stepscope serve; or name another place with --data or --server",
        )
    # Imports DuckDB and the API, about 400 ms that a command asking a server need not spend.
    from stepscope_collector.cli.local import FileTransport

    return Client(FileTransport(settings, is_writing=is_writing))
