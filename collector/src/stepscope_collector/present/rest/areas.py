"""Endpoints that only read the database, declared and answered in a module per area.

A module of an area has `ROUTES` and `ANSWERS`: name of a route → function of the database, the
parameters of the request and those of its path, which gives status and body. One whose answers are
files has `STREAMS` instead, whose functions give downloads; functions in `LIMITED` also get how many
seconds they may take.
"""

from collections.abc import Callable, Mapping
from typing import Final

from stepscope_collector.present.rest import (
    comparisons,
    compat,
    graph,
    logs,
    portable,
    queries,
    statistics,
    story,
)
from stepscope_collector.present.rest.stream_response import Download

__all__ = ["AREA_ANSWERS", "AREA_LIMITED", "AREA_ROUTES", "AREA_STREAMS"]

_AREAS: Final = (logs, story, compat, comparisons, statistics, queries)
_STREAMING: Final = (graph, portable)

AREA_ROUTES: Final = tuple(route for area in (*_AREAS, *_STREAMING) for route in area.ROUTES)
AREA_ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    name: answer for area in _AREAS for name, answer in area.ANSWERS.items()
}
AREA_LIMITED: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = comparisons.LIMITED
AREA_STREAMS: Final[Mapping[str, Callable[..., Download]]] = {
    name: make for area in _STREAMING for name, make in area.STREAMS.items()
}
