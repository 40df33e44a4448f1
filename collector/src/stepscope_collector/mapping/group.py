"""Batches of several requests as the one group of streams that a transaction writes."""

from collections.abc import Iterable, Sequence

from stepscope_collector.decode.batch import Batch, Dimension, Rejection, Signal
from stepscope_collector.decode.dimension_rows import (
    rejection_rows,
    request_rows,
    resource_rows,
    scope_rows,
)
from stepscope_collector.decode.streams import (
    may_repeat,
    planned_columns,
    shaped,
    spans_together,
    together,
)
from stepscope_collector.store.group import Group, Spans

__all__ = ["NewDimensions", "RejectionRow", "group_of"]

RejectionRow = tuple[Signal, Rejection, int, int, str | None]
"""Signal, sample, rows it stands for, payload bytes of the request, sender."""


class NewDimensions:
    """Remembers the resources and scopes of recent commits, so that most commits write none.

    The statements that insert them leave out what is stored; this saves running them.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._known: dict[int, None] = {}

    def of(self, batches: Iterable[Batch]) -> tuple[list[Dimension], list[Dimension]]:
        """Resources and scopes of the batches that are not known, each once."""
        resources: dict[int, Dimension] = {}
        scopes: dict[int, Dimension] = {}
        for batch in batches:
            resources |= batch.resources
            scopes |= batch.scopes
        return (
            [row for key, row in resources.items() if key not in self._known],
            [row for key, row in scopes.items() if key not in self._known],
        )

    def committed(self, batches: Iterable[Batch]) -> None:
        """Note that the resources and scopes of the batches are on disk."""
        for batch in batches:
            self._known |= dict.fromkeys(batch.resources) | dict.fromkeys(batch.scopes)
        while len(self._known) > self._capacity:
            del self._known[next(iter(self._known))]


def group_of(
    batches: Sequence[Batch],
    rejections: Sequence[RejectionRow],
    request_hashes: Sequence[bytes],
    dimensions: NewDimensions,
) -> Group:
    """The streams of the batches, put together by table."""
    signs = [batch.signs for batch in batches if batch.signs is not None]
    resources, scopes = dimensions.of([*batches, *signs])
    return Group(
        spans=_spans([batch for batch in batches if batch.signal == "traces"]),
        signs=_spans(signs),
        logs=together(batch.rows for batch in batches if batch.signal == "logs"),
        metrics=together(batch.rows for batch in batches if batch.signal == "metrics"),
        resources=together([resource_rows(resources)]) if resources else None,
        scopes=together([scope_rows(scopes)]) if scopes else None,
        rejections=together([rejection_rows(rejections)]) if rejections else None,
        requests=together([request_rows(request_hashes)]) if request_hashes else None,
    )


def _spans(batches: list[Batch]) -> Spans | None:
    rows = spans_together(batches)
    if rows is None:
        return None
    repeats = may_repeat(batches, rows)
    columns = planned_columns(rows)
    rows, shapes = shaped(rows)
    return Spans(
        rows=rows,
        shapes=shapes,
        # the parts of a request that was cut have the same ones
        payloads=together({id(b.payloads): b.payloads for b in batches}.values()),
        may_repeat=repeats,
        open_count=sum(batch.open_count for batch in batches),
        columns=columns,
        scope_names=frozenset(
            scope.name or "" for batch in batches for scope in batch.scopes.values()
        ),
    )
