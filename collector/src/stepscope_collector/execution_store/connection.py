"""The way of a library class to the history: a running server, or the file itself."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from stepscope_collector.cli.client import Client
from stepscope_collector.cli.source import open_client
from stepscope_collector.compat.record import ExecutionRecord
from stepscope_collector.config import ClientConfig, load
from stepscope_collector.importing.older.requests import Requests
from stepscope_collector.importing.older.rows import Extras
from stepscope_collector.query.records import record_sql

__all__ = ["HistoryConnection"]


class HistoryConnection:
    """Thread-safe; close it, or use `with`. Every write is committed when its method returns.

    Programs that send OTLP beside it, to the same server, write the same history.

    Args:
        server: URL of a running server; None: the one on the data directory, else its file, which
            is then locked until this is closed.
        data: the data directory; None: the one of the settings.
        token: of the scopes ingest and read (admin to delete), where the server wants one.

    Raises:
        DatabaseLocked: another process has the file and does not answer as a server.
        ServerUnreachable: no server answers there.
    """

    def __init__(
        self, server: str | None = None, *, data: str | Path | None = None, token: str = ""
    ) -> None:
        flags = {} if data is None else {"data.dir": str(data)}
        settings = load(flags=flags).settings
        self._client: Client = open_client(
            settings, server, ClientConfig(token=token), is_writing=True, may_create=True
        )
        self._lock = threading.RLock()
        """One question at a time: a client has one connection, and an update reads before it writes."""

    def close(self) -> None:
        """Give back the connection or the file."""
        with self._lock:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send_execution(self, record: ExecutionRecord, extras: Extras, revision: int = 0) -> None:
        """Write what is known of an execution: of one that goes on its markers, else its span."""
        requests = Requests()
        for piece in (*requests.add(record, extras, "", 0, revision), *requests.end(0)):
            self._client.post_otlp("traces", piece.payload)

    def _rows(self, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self._lock:
            chunks = self._client.sql_stream("ndjson", record_sql(name), params)
            return [json.loads(line) for line in b"".join(chunks).splitlines()]
