"""Payloads of one execution on request: of one step, of some kinds, a part of large ones."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.executions import MAX_PAYLOADS
from stepscope_collector.query.load import sql
from stepscope_collector.query.place import Place, locate
from stepscope_collector.query.rows import Cursor, fetch
from stepscope_collector.store import Database

__all__ = ["MAX_CHARS", "PayloadPart", "payload_parts", "read_parts"]

MAX_CHARS: Final = 16 * 1024 * 1024
"""Characters of one body in an answer at most; the rest is asked for with an offset."""
_MAX_OFFSET: Final = 2**32 - 2
"""DuckDB counts characters from 1, and takes no more of them."""


@dataclass(frozen=True, slots=True)
class PayloadPart:
    """A payload with a part of its body; `step_id` null: of the execution as a whole."""

    step_id: str | None
    step_name: str | None
    attempt: int | None
    trace_id: str
    span_id: str | None
    kind: str
    key: str
    media_type: str
    body: str
    body_chars: int
    """Of the whole body as it is stored."""
    has_more: bool
    """The body goes on behind this part."""
    size_bytes: int
    sha256: str | None
    is_truncated: bool
    """The sender cut it."""
    ingested_at: int


def payload_parts(
    database: Database,
    execution_id: str,
    *,
    kinds: Collection[str] = (),
    step_id: str | None = None,
    offset: int = 0,
    max_chars: int = MAX_CHARS,
) -> tuple[list[PayloadPart], bool]:
    """Payloads of an execution in order of their spans' start; whether there are more of them.

    Args:
        database: what is read.
        execution_id: of the execution, or of its trace.
        kinds: input, output, params, trigger, attribute; empty: all.
        step_id: only of this step.
        offset: characters of each body to pass over.
        max_chars: characters of each body; 0: none, just what there is.

    Raises:
        NotFound: there is no such execution.
        BadRequest: `offset` or `max_chars` out of range.
    """
    for name, number, most in (
        ("offset", offset, _MAX_OFFSET),
        ("max_chars", max_chars, MAX_CHARS),
    ):
        if not 0 <= number <= most:
            raise BadRequest(f"{name}={number} is out of range", hint=f"0 to {most}")
    with database.read() as connection:
        reader: Cursor = connection
        place = locate(reader, execution_id)
        return read_parts(
            reader, place, kinds=kinds, step_id=step_id, offset=offset, max_chars=max_chars
        )


def read_parts(
    reader: Cursor,
    place: Place,
    *,
    kinds: Collection[str] = (),
    step_id: str | None = None,
    offset: int = 0,
    max_chars: int = 0,
) -> tuple[list[PayloadPart], bool]:
    """As `payload_parts`, of the execution that lies there, inside a read-only transaction."""
    params = {
        **place.bounds,
        "kinds": sorted(kinds),
        "step_id": step_id or "",
        "offset": offset,
        "max_chars": max_chars,
        "limit": MAX_PAYLOADS + 1,
    }
    rows = fetch(reader, PayloadPart, sql("executions/payload_parts"), params)
    return rows[:MAX_PAYLOADS], len(rows) > MAX_PAYLOADS
