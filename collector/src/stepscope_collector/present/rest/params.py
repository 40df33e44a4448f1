"""Parameters of a request, checked against what its route declares."""

from collections.abc import Iterable, Mapping
from typing import Any

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.route import Param, Route
from stepscope_collector.query.filters import FIELDS
from stepscope_collector.query.nearest import unknown

__all__ = ["MAX_INTEGER", "read_params"]

MAX_INTEGER = 10**18 - 1
"""Largest whole number that is taken: it fits into 64 bits with room for sums."""


def read_params(route: Route, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The value of each parameter that was given or has a default.

    Lists become tuples of text, integers int. Values of filters are left to the query room.

    Raises:
        BadRequest: a parameter the route has not, one given twice that is no list, a value that is
            no integer or none of the values; with the nearest right one.
    """
    known = {param.name: param for param in route.params}
    values: dict[str, Any] = {}
    for name, text in given:
        if (param := known.get(name)) is None:
            raise unknown("parameter", name, known)
        if _is_many(param):
            more = _words(name, text) if param.is_list else (text,)
            values[name] = (*values.get(name, ()), *more)
        elif name in values:
            raise BadRequest(f"{name} is given twice", hint="leave one out")
        elif param.type == "integer":
            values[name] = _integer(name, text)
        else:
            values[name] = text
    for name, param in known.items():
        if name not in values and param.default is not None:
            values[name] = param.default
        chosen = values.get(name, ()) if _is_many(param) else (values.get(name),)
        for value in chosen:
            if param.values and value is not None and value not in param.values:
                raise unknown(name, str(value), param.values)
    return values


def _is_many(param: Param) -> bool:
    return param.is_list or param.is_repeated


def _words(name: str, text: str) -> tuple[str, ...]:
    words = tuple(text.split(",")) if text else ()
    if "" in words:
        raise BadRequest(f"{name}={text!r} has an empty part", hint="leave the comma out")
    return words


def filters_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Those of the parameters that are filters, lists with commas again."""
    return {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in params.items()
        if name in FIELDS
    }


def _integer(name: str, text: str) -> int:
    # int() takes more than digits: underscores, blanks, other scripts.
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if len(digits) > len(str(MAX_INTEGER)):
            raise BadRequest(f"{name}={text[:40]} is out of range", hint="at most 18 digits")
        return int(text)
    raise BadRequest(f"{name}={text!r} is no whole number", hint=f"for example {name}=50")
