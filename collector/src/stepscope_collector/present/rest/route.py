"""What one endpoint of the read API is, and the parameters that many have."""

from dataclasses import dataclass
from typing import Final, Literal

from stepscope_collector.query.filters import FIELDS

__all__ = ["FILTERS", "Param", "Part", "Route"]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter in the query string."""

    name: str
    meaning: str
    example: str = ""
    type: Literal["string", "integer"] = "string"
    default: str | int | None = None
    is_list: bool = False
    """May be given several times, or once with commas."""
    is_repeated: bool = False
    """May be given several times; commas belong to the value."""
    values: tuple[str, ...] = ()
    """The only values; none: any."""


@dataclass(frozen=True, slots=True)
class Part:
    """A member of an answer; `row` is the dataclass of its rows."""

    name: str
    row: type | None
    meaning: str
    is_list: bool = True
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `name` is that of its function in app.py, or in the module of its area."""

    name: str
    path: str
    meaning: str
    params: tuple[Param, ...] = ()
    parts: tuple[Part, ...] = ()
    method: Literal["GET", "POST", "DELETE"] = "GET"
    media_type: str = "application/json"
    """Of the answer; run_sql has several."""
    errors: tuple[int, ...] = ()
    further_media: tuple[str, ...] = ()
    """Of answers in another form, beside JSON."""


FILTERS: Final = tuple(
    Param(name, field.meaning, field.example, is_list=name == "status")
    for name, field in FIELDS.items()
)
