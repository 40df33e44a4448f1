"""Reads a question in SQL out of a request."""

import json
from typing import Any, Final

from starlette.requests import Request

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.present.rest.sql_response import SqlQuestion
from stepscope_collector.query.nearest import unknown

__all__ = ["chosen_form", "question_of"]

_QUESTION: Final = ("sql", "params", "max_rows")


def chosen_form(default: str, request: Request) -> str:
    """The format of the answer: the one in the query string, else of the Accept header; BadRequest."""
    if "format" in request.query_params:
        return default
    return _accepted(request.headers.get("accept", "*/*"))


def question_of(body: bytes, form: str, most_rows: int) -> SqlQuestion:
    """The question in the body of `POST /api/sql`; BadRequest."""
    question = _question(body)
    max_rows = question.get("max_rows")
    if max_rows is None and form == "json":
        max_rows = most_rows or None
    return SqlQuestion(question["sql"], question.get("params") or {}, max_rows, form)


def _accepted(accept: str) -> str:
    """The first format that an Accept header names."""
    by_media = {media.partition(";")[0]: form for form, media in SQL_FORMATS.items()}
    by_media |= {"*/*": "json", "application/*": "json", "text/*": "csv", "": "json"}
    medias = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for media in medias:
        if media in by_media:
            return by_media[media]
    raise BadRequest(
        f"accept={accept!r} names no format there is", hint=f"format={'|'.join(SQL_FORMATS)}"
    )


def _question(body: bytes) -> dict[str, Any]:
    try:
        question = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"the body is no JSON: {error}", hint='{"sql": "from executions"}'
        ) from error
    if not isinstance(question, dict) or not isinstance(question.get("sql"), str):
        raise BadRequest("the body has no text in `sql`", hint='{"sql": "from executions"}')
    for name in question:
        if name not in _QUESTION:
            raise unknown("member", name, _QUESTION)
    if not isinstance(question.get("params") or {}, dict):
        raise BadRequest("`params` is no object", hint='{"params": {"name": "value"}}')
    max_rows = question.get("max_rows")
    if max_rows is not None and (not isinstance(max_rows, int) or isinstance(max_rows, bool)):
        raise BadRequest(f"max_rows={max_rows!r} is no whole number")
    return question
