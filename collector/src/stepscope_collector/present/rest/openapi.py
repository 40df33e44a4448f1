"""The OpenAPI document of the read API, from its routes and the rows of their answers."""

import re
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from stepscope_collector import __version__
from stepscope_collector.present.rest.document_schema import (
    ANSWER_SCHEMAS,
    BODY_SCHEMAS,
    FURTHER_ANSWERS,
)
from stepscope_collector.present.rest.params import MAX_INTEGER
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.present.rest.routes import OTHER_ROWS, ROUTES
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.query.export import FORMS

__all__ = ["openapi_document"]

_PLACE: Final = re.compile(r"\{(\w+)\}")
_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}
_SHAPES: Final = {
    "trace_id": {"pattern": "^[0-9a-fA-F]{32}$"},
    "span_id": {"pattern": "^[0-9a-fA-F]{16}$"},
}
"""What a part of a path must be, beside text."""
_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_MEANINGS: Final = {
    400: "The question makes no sense; the hint names the nearest right one.",
    404: "There is no such thing.",
    408: "The statement ran longer than sql.timeout_s.",
    409: "Something that goes on already stands in the way.",
    413: "The body is too large.",
    429: "The sender has sent more than its quota.",
    415: "The body is not application/json.",
    503: "Not ready, or too much to do; try again.",
}


def openapi_document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    rows: set[type] = set()
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
        rows |= {part.row for part in route.parts if part.row is not None}
        rows |= {row for part in route.parts for row in OTHER_ROWS.get((route.name, part.name), ())}
    rows |= {inner for row in rows for inner in _inner_rows(row)}
    schemas = {row.__name__: _row_schema(row) for row in sorted(rows, key=lambda r: r.__name__)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stepscope read API",
            "version": __version__,
            "description": "Times are RFC 3339 UTC, durations nanoseconds, ids hexadecimal. "
            "Integers beyond 2^53 are strings.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _error_schema(), "SqlAnswer": _sql_answer()}
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"} | _SHAPES.get(name, {}),
        }
        for name in _PLACE.findall(route.path)
    ]
    parameters += [_parameter(param) for param in route.params]
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.meaning,
        "parameters": parameters,
        "responses": {"200": {"description": "The answer.", "content": _content(route)}}
        | {
            str(status): {
                "description": _MEANINGS[status],
                "content": {"application/json": {"schema": _ERROR}},
            }
            for status in route.errors
        },
    }
    own = {"run_sql": _sql_question, "save_query": _query_to_save}
    if route.method in {"POST", "PUT"}:
        any_json = {} if route.name in _WITH_BODY else _NOTHING
        bodies = BODY_SCHEMAS.get(route.name, {"application/json": any_json})
        if route.name in own:
            bodies = {"application/json": own[route.name]()}
        content = {media: {"schema": schema} for media, schema in bodies.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


_WITH_BODY: Final = frozenset(("import_request", "correct_spans"))
"""Routes whose bodies are JSON that is told of elsewhere."""
_NOTHING: Final = {"type": "object", "maxProperties": 0}


def _parameter(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": param.type}
    if param.type == "integer":
        schema |= {"minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}
    if param.values:
        schema["enum"] = list(param.values)
    if param.is_list or param.is_repeated:
        schema = {"type": "array", "items": schema}
    if param.default is not None:
        schema["default"] = param.default
    written: dict[str, Any] = {
        "name": param.name,
        "in": "query",
        "description": param.meaning,
        "schema": schema,
    }
    if param.is_list:
        written |= {"style": "form", "explode": False}
    if param.is_repeated:
        written |= {"style": "form", "explode": True}
    if param.example:
        written["example"] = param.example
    return written


def _content(route: Route) -> dict[str, Any]:
    if route.name in ("export_executions", "export_execution"):
        return {form.media_type: {} for form in FORMS.values()}
    if route.name == "make_backup":
        return {route.media_type: {"schema": {"type": "string", "format": "binary"}}}
    if route.name in ("run_sql", "run_query"):
        answers: dict[str, Any] = {media: {} for media in SQL_FORMATS.values()}
        answers["application/json"] = {"schema": {"$ref": "#/components/schemas/SqlAnswer"}}
        return answers
    if route.name in ANSWER_SCHEMAS:
        return {"application/json": {"schema": ANSWER_SCHEMAS[route.name]}}
    properties = {part.name: _part_schema(route, part) for part in route.parts}
    schema: dict[str, Any] = {"type": "object"}
    if properties:
        schema["properties"] = properties
        schema["required"] = [part.name for part in route.parts if not part.is_optional]
    if route.media_type == "text/event-stream":
        return {route.media_type: {}}  # a schema would be one of each event
    if route.media_type != "application/json":
        return {route.media_type: {"schema": {"type": "string"}}}
    if further := FURTHER_ANSWERS.get(route.name):
        schema = {"anyOf": [schema, *further]}
    others = {media: {"schema": {"type": "string"}} for media in route.further_media}
    return {"application/json": {"schema": schema}, **others}


def _part_schema(route: Route, part: Part) -> dict[str, Any]:
    if part.row is None:
        if part.is_list:
            return {
                "type": "array",
                "items": {"type": "string"},
                "description": part.meaning,
            }
        kind: Any = "boolean" if part.name.startswith("is_") else ["string", "null"]
        kind = "integer" if part.name.endswith("_dropped") else kind
        return {"type": kind, "description": part.meaning}
    refs = [
        {"$ref": f"#/components/schemas/{row.__name__}"}
        for row in (part.row, *OTHER_ROWS.get((route.name, part.name), ()))
    ]
    schema: dict[str, Any] = refs[0] if len(refs) == 1 else {"anyOf": refs}
    if part.is_list:
        schema = {"type": "array", "items": schema}
    return {**schema, "description": part.meaning}


def _row_schema(row: type) -> dict[str, Any]:
    hints = get_type_hints(row)
    properties = {field.name: _value_schema(field.name, hints[field.name]) for field in fields(row)}
    return {
        "type": "object",
        "description": (row.__doc__ or "").splitlines()[0],
        "properties": properties,
        "required": list(properties),
    }


def _inner_rows(row: type) -> list[type]:
    """The rows that stand in a row, by themselves or in lists."""
    hints = get_type_hints(row).values()
    listed = [get_args(hint)[0] for hint in hints if get_origin(hint) is list]
    return [*listed, *(hint for hint in hints if is_dataclass(hint) and isinstance(hint, type))]


def _value_schema(name: str, hint: Any) -> dict[str, Any]:
    if hint is Any:
        return {"type": ["array", "null"], "items": {"type": "string"}}
    if is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    if get_origin(hint) is list:
        (item,) = get_args(hint)
        return {"type": "array", "items": {"$ref": f"#/components/schemas/{item.__name__}"}}
    choices = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    plain = next(choice for choice in choices if choice is not NoneType)
    types: list[str] = []
    schema: dict[str, Any] = {}
    if get_origin(plain) is dict:
        types.append("object")
        schema["additionalProperties"] = {"type": ["string", "null"]}
    elif plain is int and name.endswith("_at"):
        types.append("string")
        schema["format"] = "date-time"
    else:
        types.append(_TYPES[plain])
        if plain is int:
            types.append("string")
    if NoneType in choices:
        types.append("null")
    schema["type"] = types[0] if len(types) == 1 else types
    return schema


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {"code": text, "message": text, "hint": text},
                "required": ["code", "message"],
            }
        },
        "required": ["error"],
    }


def _sql_question() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "sql": {"type": "string", "description": "One statement."},
            "params": {"type": "object", "description": "Values of its $name parameters."},
            "max_rows": {
                "type": "integer",
                "minimum": 1,
                "description": "Rows of the answer at most; default for json: sql.max_rows.",
            },
        },
        "required": ["sql"],
        "additionalProperties": False,
    }


def _query_to_save() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"sql": text, "description": text},
        "required": ["sql"],
        "additionalProperties": False,
    }


def _sql_answer() -> dict[str, Any]:
    column = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
        "required": ["name", "type"],
    }
    properties = {
        "columns": {"type": "array", "items": column},
        "rows": {"type": "array", "items": {"type": "array"}},
        "row_count": {"type": "integer"},
        "is_truncated": {"type": "boolean"},
        "elapsed_ms": {"type": "number"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
