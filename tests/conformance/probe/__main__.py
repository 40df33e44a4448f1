"""Asks any OTLP server for the rows of the checklist and prints a table.

    python -m tests.conformance.probe [--format text|markdown|json] [--header NAME=VALUE]… [TARGET]

TARGET is HOST:PORT of either port, or both as grpc://HOST:PORT,http://HOST:PORT. Without one, a
collector of this repository is started on free ports and asked. Exits 1 when a required row (M)
fails, 2 when nothing answers. The spans, log records and data points it sends stay where they are
sent, so point it at a server that is there to be tested.
"""

import argparse
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from stepscope_collector.access.tokens import create_token
from tests.conformance.probe.all_checks import CHECKS
from tests.conformance.probe.check import cases
from tests.conformance.probe.report import FORMATS, lines, summary
from tests.conformance.probe.wire import Server, head

_CONNECT_S = 5
_HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client of gRPC begins: with its settings."""


class Unreachable(Exception):
    """Nothing answers at the target, or it is written wrongly."""


@dataclass
class Target(Server):
    """A server seen from outside; "" for an address that was not given."""

    grpc: str
    http: str
    headers: Mapping[str, str] = field(default_factory=dict)


def target(text: str, headers: Mapping[str, str]) -> Target:
    """The addresses that a TARGET names; a bare one is asked which of the two it is."""
    found = {"grpc": "", "http": ""}
    for part in text.split(","):
        scheme, _, address = part.strip().rpartition("://")
        if scheme not in {"", *found} or ":" not in address:
            raise Unreachable(f"{part!r} is not HOST:PORT, grpc://HOST:PORT or http://HOST:PORT")
        answers = _speaks(address.rstrip("/"))
        found[scheme or answers] = address.rstrip("/")
    return Target(found["grpc"], found["http"], headers)


def _speaks(address: str) -> str:
    """ "http" if an HTTP/1.1 request is answered as such, else "grpc"."""
    told = _first(address, head("Content-Length: 0", "Connection: close"))
    if told.startswith(b"HTTP/1.1 400"):  # so a server of gRPC may say that it does not speak it
        settings = _first(address, _HTTP_2)
        return "grpc" if settings[3:4] == b"\4" else "http"
    return "http" if told.startswith(b"HTTP/1.") else "grpc"


def _first(address: str, sent: bytes) -> bytes:
    """The first bytes of an answer; empty where there is none."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_S) as connection:
            connection.sendall(sent)
            return connection.recv(12, socket.MSG_WAITALL)
    except (TimeoutError, ConnectionResetError):
        return b""
    except (OSError, ValueError) as error:
        raise Unreachable(f"nothing answers at {address}: {error}") from error


@contextmanager
def ours() -> Iterator[Server]:
    """A collector of this repository that asks for tokens, for as long as the block."""
    from tests.conformance.conftest import Service  # pytest, for ours only

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        token = create_token(data / "tokens.json", "probe", ("admin",))
        service = Service(data)
        try:
            yield replace(service.endpoint(), headers={"Authorization": f"Bearer {token}"})
        finally:
            service.stop()


def main(arguments: list[str]) -> int:
    """Print the table; 1 if a required row fails."""
    parser = argparse.ArgumentParser(prog="probe", description=__doc__)
    parser.add_argument("target", nargs="?", default="")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    chosen = parser.parse_args(arguments)
    headers = dict(pair.split("=", 1) for pair in chosen.header)
    try:
        if chosen.target:
            table = lines(cases(CHECKS, target(chosen.target, headers)))
        else:
            with ours() as server:
                table = lines(cases(CHECKS, server))
    except Unreachable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(FORMATS[chosen.format](table))
    print(summary(table), file=sys.stderr)
    return int(any(line.result == "fail" and line.level == "M" for line in table))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
