"""Views of statistics over chosen executions.

A view takes no parameters. So where filters choose executions, a statement brings the texts of the
views it reads along, as CTEs over others that hold the chosen executions, their tries and failures
only. The texts are those of stepscope_schema: a statistic has one definition, with a filter or not.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from stepscope_collector.query.filters import Conditions, put
from stepscope_collector.query.load import sql
from stepscope_schema.load import load_schema

__all__ = ["scoped"]

_BASES: Final = ("executions", "attempts", "steps", "failures", "execution_logs")
"""Views of which statistics/chosen.sql keeps the rows of chosen executions."""
_CREATE: Final = re.compile(r"(?:--[^\n]*\n)*create or replace view ([\w.]+) as\s", re.ASCII)
# What was removed is known by workflow, step and project only, so no filter can choose of it.
_ROLLUPS: Final = ("stored.rollups", "no_rollups")


def scoped(statement: str, view: str, conditions: Conditions) -> str:
    """`statement`, which reads `view`, about the executions that hold `conditions` only.

    Views per hour and day then tell of what is kept, without what retention has removed.
    """
    chosen = put(sql("statistics/chosen"), conditions).rstrip()
    views = "".join(f",\n{name} as not materialized (\n{_text(name)})" for name in _needed(view))
    return f"{chosen}{views}\n{statement}"


@cache
def _needed(view: str) -> tuple[str, ...]:
    """The views that `view` reads and that are no base, each after those it reads; itself last."""

    def reach(name: str) -> Iterator[str]:
        words = set(re.findall(r"[a-z_.]+", _text(name)))
        for other in _texts():
            if other in words and other != name and other not in _BASES:
                yield from reach(other)
        yield name

    return () if view in _BASES else tuple(dict.fromkeys(reach(view)))


def _text(view: str) -> str:
    return _texts()[view]


@cache
def _texts() -> dict[str, str]:
    """View → the query it stands for, without rollups."""
    texts = {}
    for statement in load_schema().of("views"):
        if (created := _CREATE.match(statement.sql)) is not None:
            texts[created[1]] = statement.sql[created.end() :].replace(*_ROLLUPS)
    return texts
