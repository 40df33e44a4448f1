"""Pages in the order of what stands at a path: `params.customer`, `-output.total`.

Numbers come first, by their value, then texts; executions without a value come last, ties are in
order of id. Of several values at the path the one counts that a column with this path tells. All
executions that hold the filters are looked at, for each page anew.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.columns import ChosenColumn, parse_columns, statement_of
from stepscope_collector.query.filter.complaint import quoted
from stepscope_collector.query.filter.fields import EXECUTION, paths
from stepscope_collector.query.filters import Conditions, compile_start, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor, Execution, fetch

__all__ = ["PathOrder", "parse_path_order", "path_page"]

_MAX_UBIGINT: Final = 2**64 - 1
_IDS: Final = "(select unnest($ids))"
_VALUES: Final = (
    "(select null as execution_id, null as value, null as span_id, null as start_time_unix_nano)"
    " /* values */"
)


@dataclass(frozen=True, slots=True)
class PathOrder:
    """Order of a list by the value at a path."""

    column: ChosenColumn
    is_descending: bool

    def __str__(self) -> str:
        return f"-{self.column.name}" if self.is_descending else self.column.name


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an execution stands in the order."""

    execution_id: str
    number: float | None
    text: str | None


def parse_path_order(text: str) -> PathOrder | None:
    """The order by a path, upwards, or downwards with a minus in front; None: it is no path.

    Raises:
        BadRequest: it begins like one and is none.
    """
    name = text.removeprefix("-")
    root, dot, _ = name.partition(".")
    if not dot or root not in paths(EXECUTION):
        return None
    return PathOrder(parse_columns([name])[0], text.startswith("-"))


def path_page(  # noqa: PLR0913 what a list may be asked for
    reader: Cursor,
    order: PathOrder,
    conditions: Conditions,
    filters: Mapping[str, str],
    *,
    now_ns: int,
    limit: int,
    offset: int,
    cursor: str | None,
) -> tuple[list[Execution], str | None]:
    """The rows of a page, and the cursor of the next one; None: this was the last.

    Raises:
        BadRequest: the cursor is none of this order.
    """
    after = _Place("", None, None) if cursor is None else _read_cursor(cursor, order)
    values = statement_of(order.column).replace(_IDS, "(select execution_id from chosen)")
    statement = put(sql("executions/by_path"), conditions).replace(_VALUES, f"({values})")
    params: dict[str, Any] = {
        **conditions.params,
        **_bounds(reader, filters, now_ns),
        "path": order.column.path,
        "is_descending": order.is_descending,
        "is_first": cursor is None,
        "after_number": after.number,
        "after_text": after.text,
        "after_id": after.execution_id,
        "count": limit + 1,
        "offset": offset,
    }
    params["is_json"] = "$kind" in values
    if params["is_json"]:
        params["kind"] = order.column.source
    places = fetch(reader, _Place, statement, params)
    has_more, places = len(places) > limit, places[:limit]
    ids = {"ids": [place.execution_id for place in places]}
    found = fetch(reader, Execution, sql("executions/page_of"), ids) if places else []
    rows = {row.execution_id: row for row in found}
    next_cursor = _write_cursor(places[-1], order) if has_more else None
    return [rows[place.execution_id] for place in places], next_cursor


def _bounds(reader: Cursor, filters: Mapping[str, str], now_ns: int) -> dict[str, int]:
    """Between which starts the spans lie; of all, where the filters say nothing of the time."""
    start = compile_start(filters, now_ns)
    if start is None:
        return {"first_unix_nano": 0, "last_start_unix_nano": _MAX_UBIGINT}
    reader.execute(put(sql("stats/bounds"), start), dict(start.params))
    first, last = reader.fetchall()[0]
    return {"first_unix_nano": first or 0, "last_start_unix_nano": last or 0}


def _write_cursor(place: _Place, order: PathOrder) -> str:
    row = [str(order), place.number, place.text, place.execution_id]
    text = json.dumps(row, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str, order: PathOrder) -> _Place:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        name, *place = json.loads(base64.urlsafe_b64decode(padded))
        if name == str(order):
            number, text, execution_id = place
            if not isinstance(execution_id, str) or not isinstance(text, str | None):
                raise TypeError
            if number is not None and not (type(number) is float and math.isfinite(number)):
                raise TypeError
            f"{text}{execution_id}".encode()
            return _Place(execution_id, number, text)
        if not isinstance(name, str):
            raise TypeError
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest(
            f"cursor {quoted(cursor)} is not one of ours", hint="use next_cursor as it was answered"
        ) from error
    raise BadRequest(
        f"the cursor was made with order={name}, not {order}", hint=f"ask with order={name}"
    )
