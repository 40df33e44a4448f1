"""Asks the read API and turns its answers into values and its errors into ours.

Over HTTP with the standard library, because an HTTP client package would cost every command its
import. The same questions go to the API in this process when no server runs (`local.py`).
"""

import base64
import contextlib
import http.client
import json
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from stepscope_collector import errors
from stepscope_collector.cli.events import read_events
from stepscope_collector.cli.tls import check_pin, tls_context
from stepscope_collector.config import ClientConfig
from stepscope_collector.errors import BadRequest, ServerUnreachable, StepscopeError

__all__ = ["Answer", "Client", "HttpTransport", "Transport"]

_CONNECT_TIMEOUT_S = 5.0
# A statement may run as long as the server lets it; this only ends a wait for a dead one.
_ANSWER_TIMEOUT_S = 3600.0
_CHUNK_BYTES = 65536

_BY_CODE: Mapping[str, type[StepscopeError]] = {
    getattr(errors, name).code: getattr(errors, name) for name in errors.__all__
}


@dataclass(frozen=True)
class Answer:
    """A response whose body is read as it arrives."""

    status: int
    chunks: Generator[bytes, None, None]
    headers: Mapping[str, str] = field(default_factory=dict)
    """With lower-case names."""


class Transport(Protocol):
    """Carries a request to the read API."""

    where: str
    """Who answers, for people."""
    is_live: bool
    """Answers may change while we watch: a server runs."""

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """The answer; ServerUnreachable when there is none."""

    def close(self) -> None:
        """Give back what the transport holds."""


class HttpTransport:
    """The read API of a running server.

    Args:
        url: such as `http://127.0.0.1:4319`; BadRequest when it is no such URL.
        client: what the server is shown, and what it must show; None: nothing.
    """

    is_live = True

    def __init__(self, url: str, client: ClientConfig | None = None) -> None:
        self._client = client or ClientConfig()
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError as error:
            raise BadRequest(f"{url!r} is not the URL of a server: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadRequest(
                f"{url!r} is not the URL of a server", hint="write http://HOST:PORT, port 4319"
            )
        self.where = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._host, self._port = parts.hostname, port
        self._is_secure = parts.scheme == "https"
        self._connection: http.client.HTTPConnection | None = None

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """The answer; ServerUnreachable when there is none."""
        self.close()
        connection = self._connect()
        self._connection = connection
        try:
            connection.connect()
            check_pin(connection.sock, self._client, self.where)
            connection.sock.settimeout(_ANSWER_TIMEOUT_S)
            shown = dict(headers)
            if self._client.token:
                shown["authorization"] = f"Bearer {self._client.token}"
            connection.request(method, self._prefix + target, body=body, headers=shown)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, self._chunks(response), headers)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_secure:
            return http.client.HTTPSConnection(
                self._host,
                self._port,
                timeout=_CONNECT_TIMEOUT_S,
                context=tls_context(self._client),
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_TIMEOUT_S)

    def _chunks(self, response: http.client.HTTPResponse) -> Generator[bytes, None, None]:
        try:
            while chunk := response.read1(_CHUNK_BYTES):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachable(
                f"the answer of {self.where} ended early: {_reason(error)}",
                hint="the server stopped or the statement was interrupted",
            ) from error

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        return ServerUnreachable(
            f"no answer from {self.where}: {_reason(error)}",
            hint="start one with: stepscope serve",
        )


class Client:
    """The questions of the read API."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.where = transport.where
        self.is_live = transport.is_live

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer to GET `path` (already quoted); params that are None are left out."""
        target = _target(path, params or {})
        return self._json(self._checked("GET", target, {"accept": "application/json"}, body=None))

    def export(self, params: Mapping[str, Any]) -> Generator[bytes, None, None]:
        """The answer of `GET /api/export` as it arrives; of one id alone, that of its execution."""
        ids: Sequence[str] = params.get("id") or ()
        further = {name: value for name, value in params.items() if name != "id"}
        only = {"format", "table"}
        if len(ids) == 1 and not any(further[name] is not None for name in further.keys() - only):
            path = f"/api/executions/{quote(ids[0], safe='')}/export"
            return self._checked("GET", _target(path, further), {}, body=None)
        return self._checked("GET", _target("/api/export", params), {}, body=None)

    def stream(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> Generator[bytes, None, None]:
        """The answer to GET `path` (already quoted), as it arrives."""
        return self._checked("GET", _target(path, params or {}), {}, body=None)

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON answer to a request that changes something; `path` is quoted."""
        headers = {"content-type": "application/json"}
        body = json.dumps(dict(document or {})).encode() if method == "POST" else None
        return self._json(self._checked(method, _target(path, params or {}), headers, body))

    def events(
        self, path: str, params: Mapping[str, Any], last_id: str | None = None
    ) -> Generator[tuple[str, str | None, dict[str, Any]], None, None]:
        """Name, id and data of each server-sent event of GET `path`, as it arrives."""
        target = _target(path, params)
        headers = {"accept": "text/event-stream"}
        if last_id is not None:
            headers["last-event-id"] = last_id
        with contextlib.closing(self._checked("GET", target, headers, body=None)) as chunks:
            yield from read_events(chunks)

    def execution(self, execution_id: str, *include: str) -> dict[str, Any]:
        """One execution with what is to be included; NotFound."""
        path = f"/api/executions/{quote(execution_id, safe='')}"
        return self.get(path, {"include": include or None})

    def explain_span(self, trace_id: str, span_id: str) -> dict[str, Any]:
        """Every decision about a span; BadRequest, NotFound."""
        trace, span = quote(trace_id, safe=""), quote(span_id, safe="")
        return self.get(f"/api/traces/{trace}/spans/{span}/explanation")

    def sql(
        self,
        statement: str,
        params: Mapping[str, Any] | None = None,
        max_rows: int | None = None,
    ) -> dict[str, Any]:
        """The answer of `POST /api/sql` as JSON: columns, rows, whether it was cut, time taken."""
        chunks = self.sql_stream("json", statement, params, max_rows)
        return self._json(chunks)

    def sql_stream(
        self,
        form: str,
        statement: str,
        params: Mapping[str, Any] | None = None,
        max_rows: int | None = None,
    ) -> Generator[bytes, None, None]:
        """The answer of `POST /api/sql` in `form` (json, ndjson, csv, arrow), as it arrives."""
        question: dict[str, Any] = {"sql": statement}
        if params:
            question["params"] = dict(params)
        if max_rows is not None:
            question["max_rows"] = max_rows
        body = json.dumps(question).encode()
        headers = {"content-type": "application/json"}
        return self._checked("POST", f"/api/sql?format={form}", headers, body)

    def backup(self) -> Answer:
        """The answer of `POST /api/admin/backup`: a copy of the database, and what it should be."""
        headers = {"content-type": "application/json"}
        answer = self._transport.request("POST", "/api/admin/backup", headers, b"{}")
        if answer.status >= 400:
            raise _error_of(self.where, answer)
        return answer

    def remap(self, since: str | None, dialect: str | None) -> dict[str, Any]:
        """The answer of `POST /api/admin/remap`: how far the remap is that was asked for."""
        given = {"since": since, "dialect": dialect}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        target = "/api/admin/remap" + (f"?{query}" if query else "")
        headers = {"content-type": "application/json"}
        return self._json(self._checked("POST", target, headers, b"{}"))

    def take(
        self, signal: str, payload: bytes, source: str, ingested: Sequence[Sequence[int]]
    ) -> dict[str, Any]:
        """The answer of `POST /api/admin/import`: what became of the rows of a request."""
        asked = {
            "signal": signal, "payload": base64.b64encode(payload).decode(), "source": source,
            "ingested": ingested,
        }  # fmt: skip
        body = json.dumps(asked).encode()
        headers = {"content-type": "application/json"}
        taken: dict[str, Any] = self._json(
            self._checked("POST", "/api/admin/import", headers, body)
        )["taken"]
        return taken

    def post_otlp(self, signal: str, payload: bytes) -> None:
        """Store a request of OTLP, protobuf, through `POST /api/executions`; committed when this returns.

        Args:
            signal: traces or logs.
            payload: the request.
        """
        headers = {"content-type": "application/x-protobuf"}
        target = _target("/api/executions", {"signal": None if signal == "traces" else signal})
        self._json(self._checked("POST", target, headers, payload))

    def correct_spans(self, payload: bytes) -> None:
        """Write the spans of a trace request in the place of those with their ids; NotFound."""
        body = json.dumps({"payload": base64.b64encode(payload).decode()}).encode()
        headers = {"content-type": "application/json"}
        self._json(self._checked("POST", "/api/admin/spans", headers, body))

    def stop_remap(self) -> dict[str, Any]:
        """The answer of `DELETE /api/admin/remap`."""
        return self._json(self._checked("DELETE", "/api/admin/remap", {}, None))

    def close(self) -> None:
        """Give back the connection or the database file."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Generator[bytes, None, None]:
        answer = self._transport.request(method, target, headers, body)
        if answer.status >= 400:
            raise _error_of(self.where, answer)
        return answer.chunks

    def _json(self, chunks: Generator[bytes, None, None]) -> dict[str, Any]:
        text = b"".join(chunks)
        try:
            document = json.loads(text)
        except ValueError as error:
            raise _no_stepscope(self.where) from error
        if not isinstance(document, dict):
            raise _no_stepscope(self.where)
        return document


def _target(path: str, params: Mapping[str, Any]) -> str:
    given = {name: value for name, value in params.items() if value is not None}
    query = urlencode(
        {
            name: ",".join(value)
            if isinstance(value, Sequence) and not isinstance(value, str) and name != "id"
            else value
            for name, value in given.items()
        },
        doseq=True,  # ids may hold commas, so each is a parameter of its own
    )
    return path + (f"?{query}" if query else "")


def _wanted_scope(message: str) -> str:
    """The scope that a refusal names, else read."""
    found = re.search(r"this needs (ingest|read|admin)$", message)
    return "read" if found is None else found[1]


def _error_of(where: str, answer: Answer) -> StepscopeError:
    """The error the server had, as the class it had there."""
    try:
        about = json.loads(b"".join(answer.chunks))["error"]
        code, message = str(about["code"]), str(about["message"])
        hint = about.get("hint")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServerUnreachable(
            f"{where} answered {answer.status} without saying why",
            hint="is it a stepscope server? see stepscope doctor",
        )
    if hint is None and answer.status in {401, 403}:
        hint = (
            "set STEPSCOPE_TOKEN or --token-file; on the server's machine this makes a token: "
            f"stepscope token create --scope {_wanted_scope(message)} --name NAME"
        )
    return _BY_CODE.get(code, StepscopeError)(message, hint=None if hint is None else str(hint))


def _no_stepscope(where: str) -> ServerUnreachable:
    return ServerUnreachable(
        f"{where} did not answer with a JSON document", hint="is it a stepscope server?"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
