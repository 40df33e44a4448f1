"""Our collector as a server to send to, and the store behind it as SQL sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conformance.probe.wire import (
    PROTOBUF,
    SIGNALS,
    TRANSPORTS,
    WAIT_S,
    Answer,
    Server,
    Signal,
    Transport,
    an_id,
    http_answer,
    method,
    requests,
    spans,
    traces,
)

__all__ = [
    "PROTOBUF",
    "SIGNALS",
    "TRANSPORTS",
    "Answer",
    "Endpoint",
    "Signal",
    "Transport",
    "an_id",
    "http_answer",
    "method",
    "requests",
    "spans",
    "traces",
]


@dataclass(frozen=True)
class Endpoint(Server):
    """A running collector."""

    grpc: str
    http: str
    web: str
    pid: int
    data: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = WAIT_S

    def sql(self, statement: str, **params: Any) -> list[list[Any]]:
        """The rows of a statement."""
        question = {"sql": statement, "params": params}
        answer = httpx.post(
            f"http://{self.web}/api/sql",
            json=question,
            headers=dict(self.headers),
            timeout=self.wait_s,
        )
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def stored(self, trace_id: bytes, columns: str = "name") -> list[list[Any]]:
        """`columns` of the spans of a trace, by start and name."""
        statement = f"select {columns} from spans where trace_id = $id order by started_at, name"
        return self.sql(statement, id=trace_id.hex())
