"""What there is beside the spans of one execution, so that nobody asks for what is not there."""

from dataclasses import dataclass

from stepscope_collector.query.load import parsed
from stepscope_collector.query.place import Place
from stepscope_collector.query.rows import Cursor

__all__ = ["Beside", "beside"]


@dataclass(frozen=True, slots=True)
class Beside:
    """Of one execution, as of a snapshot."""

    has_open: bool
    """Tries that go on."""
    has_folded: bool
    """Tries that several spans or events tell together."""
    has_dropped: bool
    """Log records of it, or of another execution, were refused."""
    told: str | None
    """What the profile of its dialect says, JSON; None: there is none."""


def beside(reader: Cursor, place: Place) -> Beside:
    """What there is beside the spans of the execution that lies there.

    Args:
        reader: inside a read-only transaction.
        place: of the execution.
    """
    params = {
        "execution_id": place.execution_id,
        "first_unix_nano": place.first_unix_nano,
        "dialect": place.execution.dialect,
    }
    reader.execute(parsed(reader, "executions/beside"), params)
    found = dict(reader.fetchall())
    return Beside(
        has_open="open" in found,
        has_folded="folded" in found,
        has_dropped="dropped" in found,
        told=found.get("profile"),
    )
