"""Databases that questions are put to."""

from collections.abc import Iterator

import pytest

from stepscope_collector.store import Database
from tests.unit.collector.query.history import fill_executions, fill_parts, open_memory


@pytest.fixture
def database() -> Iterator[Database]:
    """An empty database in memory."""
    with open_memory() as opened:
        yield opened


@pytest.fixture(scope="module")
def executions() -> Iterator[Database]:
    """A history of executions only; nobody writes to it."""
    with open_memory() as opened:
        fill_executions(opened.writer())
        yield opened


@pytest.fixture(scope="module")
def whole() -> Iterator[Database]:
    """A history of executions with all that belongs to them; nobody writes to it."""
    with open_memory() as opened:
        fill_parts(opened.writer())
        yield opened
