"""Endpoints of saved queries: list, ask, save, delete."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.encode import dumps, encode_row, encode_rows
from stepscope_collector.present.rest.params import read_params
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.present.rest.sql_question import chosen_form
from stepscope_collector.present.rest.sql_response import SqlQuestion
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.saved import SavedQuery, saved_queries, saved_query
from stepscope_collector.saved import SavedQueries
from stepscope_collector.store import Database

__all__ = ["ANSWERS", "ROUTES", "change_query", "query_question"]

_SAVED: Final = ("sql", "description")

ROUTES: Final = (
    Route(
        "list_queries", "/api/queries", "Saved queries; `stepscope query list`.",
        (), (Part("queries", SavedQuery, "In order of their names."),),
    ),
    Route(
        "run_query", "/api/queries/{name}",
        "The answer of a saved query. Its parameters stand in the query string: numbers and other JSON "
        "as what they are, all else as text.",
        (
            Param(
                "format", "Format of the answer; goes before the Accept header.", "csv",
                default="json", values=tuple(SQL_FORMATS),
            ),
            Param("max_rows", "Rows of the answer at most; default for json: sql.max_rows.", "100", "integer"),
        ),
        errors=(400, 404, 408, 503),
    ),
    Route(
        "save_query", "/api/queries/{name}",
        "Keep a statement under a name. Body: {\"sql\": …, \"description\"?: …}.",
        (), (Part("query", SavedQuery, "What is kept.", False),),
        method="POST", errors=(400, 413, 415, 503),
    ),
    Route(
        "delete_query", "/api/queries/{name}", "Forget a saved query.",
        (), (Part("query", SavedQuery, "What it was.", False),),
        method="DELETE", errors=(404, 503),
    ),
)  # fmt: skip


def _list_queries(database: Database, _params: Mapping[str, Any]) -> tuple[int, bytes]:
    return 200, dumps({"queries": encode_rows(saved_queries(database))})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {"list_queries": _list_queries}


def query_question(
    database: Database, route: Route, request: Request, most_rows: int
) -> SqlQuestion:
    """The question that a saved query and the values in the query string make.

    Raises:
        NotFound: there is no such query.
        BadRequest: a parameter it has not, one that is missing or given twice.
    """
    query = saved_query(database, request.path_params["name"])
    own = {param.name for param in route.params} - set(query.params)
    given = request.query_params.multi_items()
    read = read_params(route, [(name, text) for name, text in given if name in own])
    values: dict[str, Any] = {}
    for name, text in given:
        if name in own:
            continue
        if name not in query.params:
            raise unknown("parameter", name, [*query.params, *own])
        if name in values:
            raise BadRequest(f"{name} is given twice", hint="leave one out")
        values[name] = _value(text)
    if missing := [name for name in query.params if name not in values]:
        raise BadRequest(
            f"the query {query.name} needs {', '.join(missing)}", hint=f"add {missing[0]}=…"
        )
    form = chosen_form(read["format"], request)
    max_rows = read.get("max_rows")
    if max_rows is None and form == "json":
        max_rows = most_rows or None
    return SqlQuestion(query.statement, values, max_rows, form)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def change_query(saved: SavedQueries, route: Route, name: str, body: bytes) -> bytes:
    """Save or delete a query; the answer. BadRequest, QueryRefused, NotFound."""
    if route.method == "DELETE":
        return dumps({"query": encode_row(saved.delete(name))})
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"the body is no JSON: {error}", hint='{"sql": "from executions"}'
        ) from error
    if not isinstance(given, dict) or not isinstance(given.get("sql"), str):
        raise BadRequest("the body has no text in `sql`", hint='{"sql": "from executions"}')
    for member in given:
        if member not in _SAVED:
            raise unknown("member", member, _SAVED)
    description = given.get("description")
    if not isinstance(description, str | None):
        raise BadRequest("`description` is no text", hint="leave it out")
    return dumps({"query": encode_row(saved.save(name, given["sql"], description))})
