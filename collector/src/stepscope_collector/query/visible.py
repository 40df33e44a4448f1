"""What the token of a user shows: its own executions, those of public workflows, and all below them.

Lists get a condition beside their filters (`Viewer.filters`), what is asked of one execution asks here
first. Both say the same of every execution: one upwards, the other downwards.
"""

import json
from dataclasses import dataclass
from typing import Final

from stepscope_collector.query.filters import VISIBLE_TO
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import Place, find, is_trace_id, not_found
from stepscope_collector.query.rows import Cursor
from stepscope_collector.store import Database

__all__ = ["Viewer", "is_visible", "visible_id"]

_MAX_ABOVE: Final = 1000


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sees only a part of the history."""

    user: str
    public_workflows: tuple[str, ...] = ()
    """Ids of the workflows that everybody sees."""

    @property
    def filters(self) -> dict[str, str]:
        """The option that lists are asked with beside all others."""
        return {VISIBLE_TO: json.dumps([self.user, self.public_workflows])}

    def owns(self, place: Place) -> bool:
        """Whether it is visible whatever is above it."""
        is_public = place.execution.workflow_id in self.public_workflows
        return place.user_id == self.user or is_public


def is_visible(reader: Cursor, place: Place, viewer: Viewer) -> bool:
    """Whether an execution, or one above it by its parents and roots, is one that the viewer owns."""
    waiting = [place]
    seen = {place.execution_id}
    while waiting:
        each = waiting.pop()
        if viewer.owns(each):
            return True
        for above in (each.parent_execution_id, each.root_execution_id):
            if above is None or above in seen or len(seen) > _MAX_ABOVE:
                continue
            seen.add(above)
            if (found := find(reader, above)) is not None:
                waiting.append(found)
    return False


def visible_id(database: Database, written: str, viewer: Viewer) -> str:
    """The id of the execution with this id, else of the first visible one of the trace with this id.

    Raises:
        NotFound: there is none, or none that the viewer sees; both in the same words.
    """
    with database.read() as connection:
        reader: Cursor = connection
        place = find(reader, written)
        if place is not None:
            if is_visible(reader, place, viewer):
                return place.execution_id
        elif is_trace_id(written):
            reader.execute(sql("executions/of_trace"), {"trace_id": written})
            for (execution_id,) in reader.fetchall():
                place = find(reader, execution_id)
                if place is not None and is_visible(reader, place, viewer):
                    return place.execution_id
    raise not_found(written)
