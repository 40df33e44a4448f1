"""Endpoints that only read the database, declared and answered in a module per area.

A module of an area has `ROUTES` and `ANSWERS`: name of a route → function of the database, the
parameters of the request and those of its path, which gives status and body.
"""

from collections.abc import Callable, Mapping
from typing import Final

from stepscope_collector.present.rest import story

__all__ = ["AREA_ANSWERS", "AREA_ROUTES"]

_AREAS: Final = (story,)

AREA_ROUTES: Final = tuple(route for area in _AREAS for route in area.ROUTES)
AREA_ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {
    name: answer for area in _AREAS for name, answer in area.ANSWERS.items()
}
