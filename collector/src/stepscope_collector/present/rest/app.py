"""The read API as an application: each route asks the query room and encodes what it answers."""

import asyncio
import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from stepscope_collector.access.tokens import Scope
from stepscope_collector.config import SqlConfig
from stepscope_collector.errors import StepscopeError, StoreUnavailable
from stepscope_collector.importing.importer import Importer
from stepscope_collector.mapping.compile import CompiledMapping
from stepscope_collector.present.rest.areas import AREA_ANSWERS, AREA_LIMITED, AREA_STREAMS
from stepscope_collector.present.rest.backup_response import backup_response
from stepscope_collector.present.rest.body import read_body, read_nothing
from stepscope_collector.present.rest.compat import (
    Intake,
    is_of_documents,
    list_documents,
    post_execution,
)
from stepscope_collector.present.rest.encode import (
    dumps,
    encode_row,
    encode_rows,
    encode_value,
    error_body,
)
from stepscope_collector.present.rest.failures import HANDLERS
from stepscope_collector.present.rest.hosts import PROBES, HostCheck
from stepscope_collector.present.rest.log_stream import log_stream
from stepscope_collector.present.rest.openapi import openapi_document
from stepscope_collector.present.rest.owners import NotForOwners, not_for_owners, seen_by_owner
from stepscope_collector.present.rest.params import filters_of, read_params
from stepscope_collector.present.rest.portable import MAX_IMPORT_BYTES, import_request, payload_of
from stepscope_collector.present.rest.queries import change_query, query_question
from stepscope_collector.present.rest.retention import RETENTION_ANSWERS
from stepscope_collector.present.rest.route import Route
from stepscope_collector.present.rest.routes import ROUTES
from stepscope_collector.present.rest.segments import EncodedPath, route_path
from stepscope_collector.present.rest.sql_log import SqlLog
from stepscope_collector.present.rest.sql_question import chosen_form, question_of
from stepscope_collector.present.rest.sql_response import SqlQuestion, SqlResponse
from stepscope_collector.present.rest.stream_response import stream_response
from stepscope_collector.query.columns import ChosenColumn, parse_columns
from stepscope_collector.query.dialects import dialect_list
from stepscope_collector.query.executions import execution_detail, execution_page
from stepscope_collector.query.explain import explain_span
from stepscope_collector.query.stats import step_stats, workflow_stats
from stepscope_collector.query.times import parse_time_ns
from stepscope_collector.query.visible import Viewer
from stepscope_collector.query.workflows import workflow_list
from stepscope_collector.remap import Remap, Remapper, progress_of
from stepscope_collector.retention import Retention
from stepscope_collector.saved import SavedQueries
from stepscope_collector.store import Database
from stepscope_collector.telemetry import Telemetry

__all__ = ["need_of", "rest_app", "rest_refusal"]

_READING_POSTS: Final = (("POST", "/api/sql"), ("POST", "/mcp"))


def need_of(method: str, path: str) -> Scope | None:
    """What a request needs: nothing for probes, read to read, ingest to add, admin for all else."""
    if path in PROBES and method in {"GET", "HEAD"}:
        return None
    if (method, path) == ("POST", "/api/executions"):
        return "ingest"
    is_reading = method in {"GET", "HEAD", "OPTIONS"} or (method, path) in _READING_POSTS
    return "read" if is_reading else "admin"


def rest_refusal(error: StepscopeError, _: str) -> tuple[str, bytes]:
    """Media type and body of a refusal."""
    return "application/json", error_body(error)


def rest_app(  # noqa: PLR0913 what the process puts together
    database: Database,
    sql_config: SqlConfig,
    doctor: Callable[[], Mapping[str, Any]],
    ready: Callable[[], bool],
    *,
    metrics: Callable[[], str] = str,
    telemetry: Telemetry | None = None,
    allowed_hosts: Collection[str] | None = (),
    remapper: Remapper | None = None,
    mapping: Callable[[], CompiledMapping] | None = None,
    faces: Mapping[str, ASGIApp] = MappingProxyType({}),
    intake: Intake | None = None,
    retention: Retention | None = None,
    importer: Importer | None = None,
    saved: SavedQueries | None = None,
    public_workflows: tuple[str, ...] = (),
) -> Starlette:
    """The application.

    Args:
        database: what is read.
        sql_config: limits on user SQL.
        doctor: the answer of /api/doctor; called in a thread.
        ready: whether data can be received, for /readyz.
        metrics: the answer of /metrics; called in a thread.
        telemetry: counts statements of users.
        allowed_hosts: names of this server in Host headers, beside addresses and localhost; None:
            any name, as TLS shuts out those that the certificate has not.
        remapper: maps the history anew; None: nobody can write it.
        mapping: the profiles in force, to explain spans; None: none.
        importer: takes files in; None: nobody can write the history.
        faces: path → other applications on this port, behind the same check of hosts.
        intake: where posted executions go; None: nobody can write them.
        retention: removes executions; None: nobody can write the history.
        saved: keeps queries; None: nobody can write them.
        public_workflows: ids of those that tokens of any user show.
    """
    endpoints = _Endpoints(
        database,
        sql_config,
        doctor,
        ready,
        metrics,
        telemetry or Telemetry(),
        remapper,
        mapping,
        intake,
        retention,
        importer,
        saved,
        public_workflows,
    )
    return Starlette(
        routes=[
            *(
                StarletteRoute(
                    route_path(route.path), endpoints.endpoint(route), methods=[route.method]
                )
                for route in ROUTES
            ),
            *(StarletteRoute(path, NotForOwners(face)) for path, face in faces.items()),
        ],
        middleware=[
            *([] if allowed_hosts is None else [Middleware(HostCheck, names=allowed_hosts)]),
            Middleware(EncodedPath),
        ],
        exception_handlers=HANDLERS,
    )


class _Endpoints:
    """One method per route; those that read the database run in a thread."""

    def __init__(  # noqa: PLR0913 what the process puts together
        self,
        database: Database,
        sql_config: SqlConfig,
        doctor: Callable[[], Mapping[str, Any]],
        ready: Callable[[], bool],
        metrics: Callable[[], str],
        telemetry: Telemetry,
        remapper: Remapper | None,
        mapping: Callable[[], CompiledMapping] | None,
        intake: Intake | None,
        retention: Retention | None,
        importer: Importer | None,
        saved: SavedQueries | None,
        public_workflows: tuple[str, ...],
    ) -> None:
        self._public_workflows = public_workflows
        self._saved = saved
        self._retention = retention
        self._intake = intake
        self._remapper = remapper
        self._importer = importer
        self._mapping = mapping
        self._log = SqlLog(telemetry, sql_config.slow_s)
        self._metrics = metrics
        self._database = database
        self._sql_config = sql_config
        self._doctor = doctor
        self._ready = ready
        self._slots = asyncio.Semaphore(sql_config.max_concurrent)
        self._openapi = dumps(openapi_document())

    def endpoint(self, route: Route) -> Callable[[Request], Any]:
        """The function behind a route; a token of a user asks it for what the user sees."""
        return seen_by_owner(self._endpoint(route), route, self._database, self._public_workflows)

    def _endpoint(self, route: Route) -> Callable[[Request], Any]:
        acting: Mapping[str, Callable[[Route, Request], Any]] = {
            "run_sql": self._run_sql,
            "make_backup": self._make_backup,
            "begin_remap": self._begin_remap,
            "post_execution": self._post_execution,
            "follow_logs": self._follow_logs,
            "import_request": self._import_request,
            "correct_spans": self._correct_spans,
            "run_query": self._run_query,
            "save_query": self._change_query,
            "delete_query": self._change_query,
        }
        if route.name in acting:
            return functools.partial(acting[route.name], route)
        if route.name in RETENTION_ANSWERS:
            return self._removal(route)
        if route.name in AREA_STREAMS:
            return self._download(route)
        if route.name in AREA_ANSWERS:
            answer = functools.partial(AREA_ANSWERS[route.name], self._database)
        elif route.name in AREA_LIMITED:
            limit = self._sql_config.timeout_s
            answer = functools.partial(AREA_LIMITED[route.name], self._database, limit)
        else:
            answer = getattr(self, route.name)

        async def ask(request: Request) -> Response:
            params = read_params(route, request.query_params.multi_items())
            status, body = await run_in_threadpool(answer, params, **request.path_params)
            return Response(body, status, media_type=route.media_type)

        return ask

    def _removal(self, route: Route) -> Callable[[Request], Any]:
        answer = RETENTION_ANSWERS[route.name]

        async def remove(request: Request) -> Response:
            if route.method == "POST":
                await read_nothing(request)
            params = read_params(route, request.query_params.multi_items())
            if self._retention is None:
                raise _nobody_writes()
            status, body = await run_in_threadpool(
                answer, self._retention, params, **request.path_params
            )
            return Response(body, status, media_type=route.media_type)

        return remove

    async def _import_request(self, route: Route, request: Request) -> Response:
        read_params(route, request.query_params.multi_items())
        body = await read_body(request, MAX_IMPORT_BYTES)
        status, answer = await run_in_threadpool(import_request, self._importer, body)
        return Response(answer, status, media_type=route.media_type)

    async def _correct_spans(self, route: Route, request: Request) -> Response:
        read_params(route, request.query_params.multi_items())
        body = await read_body(request, MAX_IMPORT_BYTES)
        count = await run_in_threadpool(self._writing().correct, payload_of(body))
        return Response(dumps({"corrected": count}), media_type=route.media_type)

    def _download(self, route: Route) -> Callable[[Request], Any]:
        make = functools.partial(AREA_STREAMS[route.name], self._database)

        async def download(request: Request) -> Response:
            params = read_params(route, request.query_params.multi_items())
            return await stream_response(functools.partial(make, params, **request.path_params))

        return download

    def list_executions(
        self, params: dict[str, Any], viewer: Viewer | None = None
    ) -> tuple[int, bytes]:
        """A page of executions, of those that the viewer sees."""
        if is_of_documents(params):
            if viewer is not None:
                raise not_for_owners()
            return list_documents(self._database, params)
        columns = parse_columns(params.get("columns", ()))
        page = execution_page(
            self._database,
            filters_of(params) | ({} if viewer is None else viewer.filters),
            now_ns=time.time_ns(),
            order=params["order"],
            limit=params["limit"],
            cursor=params.get("cursor"),
            offset=params["offset"],
            is_counted="counts" in params.get("include", ()),
            columns=columns,
            timeout_s=self._sql_config.timeout_s,
        )
        if page.chosen is None:
            rows = encode_rows(page.executions)
        else:
            rows = [_encode_chosen(row, columns) for row in page.chosen]
        body: dict[str, Any] = {"executions": rows, "next_cursor": page.next_cursor}
        if page.counts is not None:
            body["counts"] = encode_rows(page.counts)
        return 200, dumps(body)

    def get_execution(self, params: dict[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
        """One execution."""
        detail = execution_detail(self._database, id, params.get("include", ()))
        body: dict[str, Any] = {
            "execution": encode_row(detail.execution),
            "error_step": None if detail.error_step is None else encode_row(detail.error_step),
        }
        for name in ("steps", "attempts", "logs", "payloads", "children"):
            if (rows := getattr(detail, name)) is not None:
                body[name] = encode_rows(rows)
        body |= {"program": detail.program, "logs_dropped": detail.logs_dropped}
        body["not_emitted"] = encode_rows(list(detail.not_emitted))
        body["truncated"] = list(detail.truncated)
        return 200, dumps(body)

    async def _follow_logs(self, route: Route, request: Request) -> Response:
        params = read_params(route, request.query_params.multi_items())
        return await log_stream(
            self._database,
            request,
            request.path_params["id"],
            after=params.get("after"),
            tail=params.get("tail"),
            is_up=self._ready,
        )

    def list_workflows(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """All workflows."""
        return 200, dumps({"workflows": encode_rows(workflow_list(self._database))})

    def list_dialects(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """Profiles and dialects."""
        return 200, dumps({"dialects": encode_rows(dialect_list(self._database))})

    def explain_span(
        self, _params: dict[str, Any], trace_id: str, span_id: str
    ) -> tuple[int, bytes]:
        """Every decision about a span."""
        if self._mapping is None:
            raise StoreUnavailable("no profiles are loaded that could explain a span")
        found = explain_span(self._database, self._mapping(), trace_id, span_id)
        return 200, dumps({"spans": encode_rows(found)})

    def get_stats(self, params: dict[str, Any]) -> tuple[int, bytes]:
        """Statistics of workflows or steps."""
        ask = step_stats if params["by"] == "step" else workflow_stats
        rows: list[Any] = ask(
            self._database,
            filters_of(params),
            now_ns=time.time_ns(),
            timeout_s=self._sql_config.timeout_s,
        )
        return 200, dumps({"stats": encode_rows(rows)})

    def begin_remap(self, params: dict[str, Any]) -> tuple[int, bytes]:
        """Begin a remap, or go on with it."""
        since = params.get("since")
        since_ns = 0 if since is None else parse_time_ns(since, "since", time.time_ns())
        remapper = self._writing()
        progress = remapper.begin(since_ns, params.get("dialect"))
        remapper.follow()
        return 200, _remap(progress)

    def get_remap(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """How far the remap is."""
        return 200, _remap(self._writing().newest())

    def stop_remap(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """End the remap."""
        return 200, _remap(self._writing().stop())

    def _writing(self) -> Remapper:
        if self._remapper is None:
            raise _nobody_writes()
        return self._remapper

    def get_doctor(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """What the collector says about itself."""
        return 200, dumps(dict(self._doctor()))

    def get_metrics(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """Numbers for a Prometheus server."""
        return 200, self._metrics().encode()

    def get_health(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """The process lives."""
        return 200, dumps({"status": "alive"})

    def get_ready(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """Whether data can be received."""
        if self._ready():
            return 200, dumps({"status": "ready"})
        return 503, dumps({"error": {"code": "not_ready", "message": "not ready to receive data"}})

    def get_openapi(self, _params: dict[str, Any]) -> tuple[int, bytes]:
        """The description of all this."""
        return 200, self._openapi

    async def _make_backup(self, _route: Route, request: Request) -> Response:
        await read_nothing(request)
        return await backup_response(self._database)

    async def _begin_remap(self, route: Route, request: Request) -> Response:
        await read_nothing(request)
        params = read_params(route, request.query_params.multi_items())
        status, body = await run_in_threadpool(self.begin_remap, params)
        return Response(body, status, media_type=route.media_type)

    async def _post_execution(self, route: Route, request: Request) -> Response:
        params = read_params(route, request.query_params.multi_items())
        return await post_execution(
            request, self._database, self._intake, params.get("signal", "traces")
        )

    async def _run_sql(self, route: Route, request: Request) -> Response:
        params = read_params(route, request.query_params.multi_items())
        asked = question_of(
            await read_body(request),
            chosen_form(params["format"], request),
            self._sql_config.max_rows,
        )
        return self._answer_sql(asked)

    async def _run_query(self, route: Route, request: Request) -> Response:
        asked = await run_in_threadpool(
            query_question, self._database, route, request, self._sql_config.max_rows
        )
        return self._answer_sql(asked)

    async def _change_query(self, route: Route, request: Request) -> Response:
        body = await read_body(request) if route.method == "POST" else b""
        if self._saved is None:
            raise _nobody_writes()
        name = request.path_params["name"]
        answer = await run_in_threadpool(change_query, self._saved, route, name, body)
        return Response(answer, media_type=route.media_type)

    def _answer_sql(self, asked: SqlQuestion) -> SqlResponse:
        return SqlResponse(self._database, self._sql_config, asked, self._slots, self._log)


def _nobody_writes() -> StoreUnavailable:
    return StoreUnavailable("no server runs that could write the history")


def _encode_chosen(row: Mapping[str, Any], columns: Sequence[ChosenColumn]) -> dict[str, Any]:
    attributes = {column.name: column.attribute for column in columns}
    return {
        name: encode_value(attributes.get(name) or name, value)
        if attributes.get(name) or name == "execution_id"
        else value
        for name, value in row.items()
    }


def _remap(remap: Remap | None) -> bytes:
    return dumps({"remap": None if remap is None else encode_row(progress_of(remap))})
