"""The relations that conditions look into: views, or the same between two starts of spans.

Only values let a scan of a large table skip row groups, and a bound on a column of a view is none on
the table below. So what is known about the starts of the spans concerned is put into the views' own
statements, which are read from the schema.
"""

import re
from functools import cache
from typing import Final

from stepscope_schema.load import load_schema

__all__ = ["BOUNDED", "FIRST", "LAST", "relation", "steps"]

FIRST: Final = "filter_first_unix_nano"
LAST: Final = "filter_last_unix_nano"
"""Names of the parameters: least and greatest start of the spans."""

BOUNDED: Final = ("attempts", "payloads", "spans")
_BETWEEN: Final = (
    "(select * from stored.{table} where start_time_unix_nano >= cast($first as ubigint)"
    " and start_time_unix_nano <= cast($last as ubigint))"
)


@cache
def relation(name: str, *, is_bounded: bool) -> str:
    """What stands behind `from` for a relation of BOUNDED."""
    if not is_bounded:
        return "stored.spans" if name == "spans" else name
    if name == "spans":
        return _between("spans")
    if name == "payloads":
        return _within(_view(name), "from stored.payloads p", f"from {_between(name)} p")
    return _within(_view(name), "from stored.spans\n", f"from {_between('spans')} bounded\n")


@cache
def steps() -> str:
    """View `steps`, of `{attempts}` of executions for which `{candidates}` holds of an attempt `a`."""
    view = re.sub(r"\bfrom attempts\b", "from chosen", _view("steps"))
    chosen = "with chosen as (\n    select a.* from {attempts} a where {candidates}\n), kinds as "
    return _within(view, "with kinds as ", chosen)


def _between(table: str) -> str:
    statement = _BETWEEN.replace("{table}", table)
    return statement.replace("$first", f"${FIRST}").replace("$last", f"${LAST}")


def _view(name: str) -> str:
    found = next(statement for statement in load_schema().of("views") if statement.name == name)
    return found.sql.partition(" as\n")[2]


def _within(statement: str, old: str, new: str) -> str:
    """The statement as a relation, with `new` for the one `old` in it."""
    if statement.count(old) != 1:
        raise AssertionError(f"{old!r} stands {statement.count(old)} times in a view, must once")
    return f"({statement.replace(old, new)})"
