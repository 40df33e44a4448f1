"""Which executions a file is to hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stepscope_collector.query.filters import Conditions, compile_filter, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.rows import Cursor

__all__ = ["Chosen", "pages"]

_IDS_AT_ONCE: Final = 2000
_SPANS_AT_ONCE: Final = 10_000
"""Aimed at on a page; one execution alone may have more."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The executions that hold all `filters` and, if any ids are given, have one of these."""

    filters: Mapping[str, str] = field(default_factory=dict)
    ids: Sequence[str] = ()
    now_ns: int = 0
    """What times ago are reckoned from, ns since the epoch."""

    @property
    def is_everything(self) -> bool:
        """No execution is left out, nor what belongs to none."""
        return not self.filters and not self.ids

    def conditions(self) -> Conditions:
        """Over view `executions` as `e`; BadRequest: a filter that makes no sense."""
        found = compile_filter(self.filters, self.now_ns)
        return found + of_ids(self.ids) if self.ids else found

    def described(self) -> dict[str, Any]:
        """What was asked for, as JSON."""
        return {"filters": dict(self.filters), "ids": list(self.ids)}


def of_ids(ids: Sequence[str]) -> Conditions:
    """The executions with these ids."""
    return Conditions(("list_contains($chosen_ids, e.execution_id)",), {"chosen_ids": list(ids)})


def pages(cursor: Cursor, chosen: Chosen) -> Iterator[list[str]]:
    """Ids of the chosen executions, those that started first in front, some thousand spans a page.

    Args:
        cursor: inside one transaction, free for other statements between two pages.
        chosen: BadRequest as `Chosen.conditions`.
    """
    conditions = chosen.conditions()
    statement = put(sql("export/page"), conditions)
    after: tuple[str | None, int | None] = (None, None)
    while True:
        params = {"after_id": after[0], "after_ns": after[1], "limit": _IDS_AT_ONCE}
        cursor.execute(statement, {**conditions.params, **params})
        rows = cursor.fetchall()
        page: list[str] = []
        spans = 0
        for execution_id, started_ns, span_count in rows:
            page.append(execution_id)
            spans += span_count
            after = (execution_id, started_ns)
            if spans >= _SPANS_AT_ONCE:
                yield page
                page, spans = [], 0
        if page:
            yield page
        if len(rows) < _IDS_AT_ONCE:
            return
