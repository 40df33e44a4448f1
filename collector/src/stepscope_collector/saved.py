"""Keeps and removes saved queries, on the writer's thread between two commits."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from stepscope_collector.decode.batch import Plan
from stepscope_collector.query.saved import SavedQuery, check_name, check_query, saved_query
from stepscope_collector.store import Database
from stepscope_collector.store.commit import Committer

__all__ = ["SavedQueries"]

T = TypeVar("T")


class Work(Protocol):
    """Runs something on the writer thread between two commits."""

    def __call__(self, run: Callable[[Committer, Plan], T], /) -> T:
        """What it gives, or raises."""


class SavedQueries:
    """Everything that changes saved queries. Thread-safe."""

    def __init__(self, database: Database, work: Work, timeout_s: float | None = None) -> None:
        """They stand in `database`; `work` reaches its writer; checks end after `timeout_s`."""
        self._database = database
        self._work = work
        self._timeout_s = timeout_s

    def save(self, name: str, statement: str, description: str | None) -> SavedQuery:
        """Keep a statement under a name, in the place of one that has it; BadRequest, QueryRefused."""
        check_name(name)
        params = check_query(self._database, statement, self._timeout_s)
        now = datetime.now(UTC).replace(tzinfo=None)
        row = {"statement": statement, "params": params, "description": description, "now": now}
        self._work(lambda committer, _: committer.name_query(name, row))
        return saved_query(self._database, name)

    def delete(self, name: str) -> SavedQuery:
        """Forget it; what it was. NotFound."""
        found = saved_query(self._database, name)
        self._work(lambda committer, _: committer.name_query(name, None))
        return found
