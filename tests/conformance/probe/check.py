"""A check: some rows of the checklist, a function that asks a server, and what came out of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, NoReturn

import grpc
import httpx
from google.protobuf.message import Message

from tests.conformance.probe.wire import Answer, Server, Signal, Transport

__all__ = ["CHECKS", "Case", "Outcome", "Probe", "Result", "cases", "check", "said"]

Result = Literal["pass", "fail", "not offered", "not visible", "not asked"]
"""not offered: the row is optional, and the server does without; not visible: from outside, nothing can be said;
not asked: no address was given for its transport."""

Way = Transport | Literal["http"]


class Outcome(NamedTuple):
    """What one check found over one transport."""

    way: Way
    result: Result
    seen: str
    """What the server did, in a few words; "" when it did what it should and there is no more to say."""


class _End(Exception):
    """Ends a check before its last line."""

    def __init__(self, result: Result, seen: str) -> None:
        super().__init__(seen)
        self.result: Result = result
        self.seen = seen


@dataclass
class Probe:
    """One check under way over one transport."""

    server: Server
    way: Way
    notes: list[str] = field(default_factory=list)

    def send(
        self, signal: Signal, request: Message | bytes, *, is_compressed: bool = False
    ) -> Answer:
        """The answer to an export over the transport of the check."""
        assert self.way != "http"
        return self.server.send(self.way, signal, request, is_compressed=is_compressed)

    def accepts(
        self, signal: Signal, request: Message | bytes, *, is_compressed: bool = False
    ) -> Answer:
        """Send it; it must be taken whole."""
        answer = self.send(signal, request, is_compressed=is_compressed)
        self.taken(answer)
        return answer

    def taken(self, answer: Answer) -> None:
        """Go on if the answer says that all was accepted."""
        self.expect(answer.is_success, said(answer))
        self.expect(answer.rejected == 0, f"{answer.rejected} rejected: {answer.message}")

    def holds(self, trace_id: bytes, rows: list[list[Any]], columns: str = "name") -> None:
        """The store has these `columns` of the spans of a trace, as far as it can be seen."""
        found = self.server.stored(trace_id, columns)
        self.expect(found is None or found == rows, f"stored is {found}, expected {rows}")

    def expect(self, is_so: bool, seen: str) -> None:
        """Go on if it is so."""
        if not is_so:
            self.fail(seen)

    def fail(self, seen: str) -> NoReturn:
        """End: the server does not do what the row asks for."""
        raise _End("fail", seen)

    def note(self, seen: str) -> None:
        """Say it in the table, whatever the result."""
        self.notes.append(seen)

    def not_offered(self, seen: str) -> NoReturn:
        """End: the server does without, which it may."""
        raise _End("not offered", seen)

    def not_visible(self, seen: str) -> NoReturn:
        """End: this server gives nothing to see."""
        raise _End("not visible", seen)


@dataclass(frozen=True)
class Case:
    """A check over one transport."""

    rows: tuple[str, ...]
    way: Way
    function: Callable[[Probe], None]

    def run(self, server: Server) -> Outcome:
        """Ask the server. A connection that breaks is a failure, like a wrong answer."""
        probe = Probe(server, self.way)
        try:
            self.function(probe)
        except _End as end:
            return Outcome(self.way, end.result, end.seen)
        except (httpx.HTTPError, grpc.RpcError, OSError, EOFError) as error:
            return Outcome(self.way, "fail", f"{type(error).__name__}: {error}"[:200])
        return Outcome(self.way, "pass", "; ".join(probe.notes))


CHECKS: Final[list[Case]] = []
"""Every check, in the order of the modules that were imported."""


def check(
    *rows: str, over: Iterable[Way] = ("http",)
) -> Callable[[Callable[[Probe], None]], Callable[[Probe], None]]:
    """Makes a function a check of `rows`, run once over each way; G rows count for gRPC only, H rows for HTTP. Its docstring says what is expected."""

    def remember(function: Callable[[Probe], None]) -> Callable[[Probe], None]:
        CHECKS.extend(Case(_of_transport(rows, way), way, function) for way in over)
        return function

    return remember


def _of_transport(rows: tuple[str, ...], way: Way) -> tuple[str, ...]:
    """Without the rows of the other transport: G is gRPC's, H is HTTP's."""
    other = "H" if way == "grpc" else "G"
    return tuple(row for row in rows if row[0] != other)


def cases(checks: Iterable[Case], server: Server) -> Iterator[tuple[Case, Outcome]]:
    """Runs the checks, one after the other."""
    for case in checks:
        has_address = server.grpc if case.way == "grpc" else server.http
        no_address = Outcome(
            case.way, "not asked", f"no {case.way.partition('-')[0]} address given"
        )
        yield case, case.run(server) if has_address else no_address


def said(answer: Answer) -> str:
    """An answer in a few words."""
    return f"{answer.code} {answer.message}".strip()[:160]
