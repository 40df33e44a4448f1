"""What a tool is: a name, its arguments, and a function from arguments to an answer.

Tools ask the REST API and nothing else, so that an answer is the same whether a server runs, a file
is opened, or the server asks itself. They know nothing of the SDK (server.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.nearest import unknown

__all__ = ["Answer", "Argument", "Asker", "Tool"]

Document = dict[str, Any]


class Asker(Protocol):
    """The read API, wherever it is."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Document:
        """The JSON answer to GET `path` (already quoted); params that are None are left out."""

    def sql(
        self,
        statement: str,
        params: Mapping[str, Any] | None = None,
        max_rows: int | None = None,
    ) -> Document:
        """The JSON answer of `POST /api/sql`."""

    def send(self, method: str, path: str) -> Document:
        """The JSON answer to a request that changes something; `path` is quoted."""


@dataclass(slots=True)
class Answer:
    """What a tool answers, before it is cut to its budget."""

    document: Document
    rest: Mapping[str, Callable[[int], str]] = field(default_factory=dict)
    """List that may be cut → from the number of rows kept, how to get the others."""
    newest: frozenset[str] = frozenset()
    """Lists of which the last rows are kept instead of the first."""
    whole: Callable[[str], str] | None = None
    """From the path of a text that was cut, how to get all of it; None: not told."""
    goes_on: str = ""
    """List that member `more` goes on behind: where rows of it are cut, `cut` says how, and `more`,
    which would skip them, is left out."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool."""

    name: str
    meaning: str
    type: Literal["string", "integer", "object", "value"] = "string"
    """value: text, number or boolean, as JSON in the query string of the read API."""
    default: Any = None
    is_required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    values: tuple[str, ...] = ()

    def schema(self) -> Document:
        """Its JSON Schema."""
        kinds = ["string", "number", "boolean"] if self.type == "value" else self.type
        found: Document = {"type": kinds, "description": self.meaning}
        for key, value in (
            ("default", self.default),
            ("minimum", self.minimum),
            ("maximum", self.maximum),
            ("enum", list(self.values) or None),
        ):
            if value is not None:
                found[key] = value
        return found

    def check(self, value: Any) -> Any:
        """The value, in the argument's type; numbers may be written as text.

        Raises:
            BadRequest: it is of another type, or out of range.
        """
        if self.type == "value" and isinstance(value, str | int | float):
            return value if isinstance(value, str) else json.dumps(value)
        if self.type in {"string", "value"}:
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                raise BadRequest(f"argument {self.name}={value!r} is no text")
            text = str(value)
            if self.values and text not in self.values:
                raise unknown(self.name, text, self.values)
            return text
        if self.type == "object":
            if not isinstance(value, dict):
                raise BadRequest(f"argument {self.name}={value!r} is no object")
            return value
        return self._integer(value)

    def _integer(self, value: Any) -> int:
        if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRequest(f"argument {self.name}={value!r} is no whole number")
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            most = "or more" if high is None else f"to {high}"
            raise BadRequest(f"argument {self.name}={value} is out of range", hint=f"{low} {most}")
        return value


_SAME: Final = {"handle_id": "execution_id", "execution_id": "handle_id"}
"""Older tools and newer ones call the same id otherwise; models mix them."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    name: str
    meaning: str
    arguments: tuple[Argument, ...]
    answer: Callable[[Asker, Mapping[str, Any]], Answer]
    """Raises StepscopeError."""
    is_deleting: bool = False

    def schema(self) -> Document:
        """JSON Schema of its arguments."""
        return {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.arguments},
            "required": [each.name for each in self.arguments if each.is_required],
            "additionalProperties": False,
        }

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every argument that was given or has a default; None counts as not given.

        Raises:
            BadRequest: an unknown argument, one that is missing, or a wrong value.
        """
        known = {each.name: each for each in self.arguments}
        others = {name: _SAME[name] for name in given if name in _SAME and name not in known}
        if not any(other in given for other in others.values()):
            given = {others.get(name, name): value for name, value in given.items()}
        for name in given:
            if name not in known:
                raise unknown("argument", name, known)
        values: dict[str, Any] = {}
        for name, argument in known.items():
            value = given.get(name)
            if value is not None:
                values[name] = argument.check(value)
            elif argument.is_required:
                raise BadRequest(f"argument {name} is missing", hint=argument.meaning)
            elif argument.default is not None:
                values[name] = argument.default
        return values
