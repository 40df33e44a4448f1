"""Executions: pages of them, and one in full.

Every answer is one snapshot: its statements run in one read-only transaction. What belongs to one
execution is read between time bounds that are fetched first, so that it takes milliseconds among
ten million spans (benchmarks/bench_query.py).
"""

import base64
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.attempts import (
    StoredSpan,
    attempts_of,
    error_step_of,
    spans_of,
    steps_of,
)
from stepscope_collector.query.beside import Beside, beside
from stepscope_collector.query.columns import ChosenColumn, choose
from stepscope_collector.query.dialects import not_emitted
from stepscope_collector.query.filter.complaint import quoted
from stepscope_collector.query.filters import Conditions, Order, parse_order, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.logs import MAX_LOGS, count_dropped, read_logs
from stepscope_collector.query.narrow import narrowed, read_for
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.path_order import parse_path_order, path_page
from stepscope_collector.query.place import Place, locate, program_of
from stepscope_collector.query.rows import (
    Attempt,
    Cursor,
    ErrorStep,
    Execution,
    LogRecord,
    NotEmitted,
    Payload,
    StatusCount,
    Step,
    fetch,
)
from stepscope_collector.store import LATE_ROWS, Database

__all__ = [
    "DEFAULT_ORDER",
    "INCLUDES",
    "MAX_CHILDREN",
    "MAX_PAGE",
    "MAX_PAYLOADS",
    "Detail",
    "Page",
    "execution_detail",
    "execution_page",
]

DEFAULT_ORDER: Final = "-started_at"
MAX_PAGE: Final = 1000
"""Executions on one page at most."""
MAX_CHILDREN: Final = 1000
_MAX_OFFSET: Final = 2**62
MAX_PAYLOADS: Final = 10_000

INCLUDES: Final = ("steps", "attempts", "logs", "payloads", "children")
"""What an execution in full may have beside its own row."""


@dataclass(frozen=True, slots=True)
class Page:
    """Executions in order, and the cursor of the page after them; None: this was the last."""

    executions: list[Execution]
    next_cursor: str | None
    chosen: list[dict[str, Any]] | None = None
    """For each execution its chosen columns by name; None: not asked for."""
    counts: list[StatusCount] | None = None
    """Of all executions that hold the filters, on this page or not; None: not asked for."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One execution with what was asked for; None in a field: not asked for."""

    execution: Execution
    error_step: ErrorStep | None
    """The step that made it fail; None: it did not fail, or no step did."""
    steps: list[Step] | None = None
    attempts: list[Attempt] | None = None
    logs: list[LogRecord] | None = None
    payloads: list[Payload] | None = None
    children: list[Execution] | None = None
    program: str | None = None
    """Path of the program it stood for; None: it was no process, or nobody told."""
    logs_dropped: int = 0
    """Log records that were refused because it had as many as the limits allow."""
    not_emitted: tuple[NotEmitted, ...] = ()
    """What is missing because its engine does not emit it."""
    truncated: tuple[str, ...] = ()
    """Names of the fields that were cut: `logs` to the newest MAX_LOGS, others to the first rows."""


def execution_page(  # noqa: PLR0913 what a list may be asked for
    database: Database,
    filters: Mapping[str, str],
    *,
    now_ns: int,
    order: str = DEFAULT_ORDER,
    limit: int = 50,
    cursor: str | None = None,
    offset: int = 0,
    is_counted: bool = False,
    columns: Sequence[ChosenColumn] = (),
    timeout_s: float | None = None,
) -> Page:
    """The executions that hold all `filters`, from the row after `cursor` on.

    With `columns` also these of each, and with `is_counted` also how many there are per status, in
    the same snapshot.

    Walking by cursor meets each execution once, also while new ones arrive. In the order of
    duration, one that ends meanwhile may move to a part that was walked already.

    Raises:
        BadRequest: an unknown filter or order, a limit out of range, a cursor of another order.
        QueryTimeout: a filter that looks into more than executions took longer than `timeout_s`.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise BadRequest(f"limit={limit} is out of range", hint=f"1 to {MAX_PAGE}; use next_cursor")
    if not 0 <= offset <= _MAX_OFFSET:
        raise BadRequest(f"offset={offset} is out of range", hint="0 or more; use next_cursor")
    path = parse_path_order(order)
    if path is not None:
        with read_for(database, filters, now_ns, timeout_s, is_costly=True) as connection:
            by_path: Cursor = connection
            filtered = narrowed(by_path, filters, now_ns)
            counts = _counts(by_path, filtered) if is_counted else None
            rows, next_cursor = path_page(
                by_path, path, filtered, filters,
                now_ns=now_ns, limit=limit, offset=offset, cursor=cursor,
            )  # fmt: skip
            chosen = choose(by_path, rows, columns) if columns else None
        return Page(rows, next_cursor, chosen, counts)
    parsed = parse_order(order)
    after = Conditions() if cursor is None else parsed.after(*_read_cursor(cursor, parsed))
    with read_for(database, filters, now_ns, timeout_s) as connection:
        reader: Cursor = connection
        filtered = narrowed(reader, filters, now_ns)
        conditions = filtered + after
        counts = _counts(reader, filtered) if is_counted else None
        # One row more tells whether there is a next page.
        if conditions.is_costly:
            read = _found
        elif parsed.column != "started_at" and offset + limit < LATE_ROWS:
            read = _page
        else:
            read = _found if parsed.is_count else _sorted
        rows = read(reader, conditions, parsed, limit + 1, offset)
        has_more, rows = len(rows) > limit, rows[:limit]
        chosen = choose(reader, rows, columns) if columns else None
    next_cursor = _write_cursor(rows[-1], parsed) if has_more else None
    return Page(rows, next_cursor, chosen, counts)


def _page(
    reader: Cursor, conditions: Conditions, order: Order, limit: int, offset: int
) -> list[Execution]:
    """The rows of a page; near the beginning DuckDB finds them before it reads them whole."""
    params = {**conditions.params, "limit": limit, "offset": offset}
    return fetch(reader, Execution, put(sql("executions/page"), conditions, order), params)


def _sorted(
    reader: Cursor, conditions: Conditions, order: Order, limit: int, offset: int
) -> list[Execution]:
    """The rows of a page; whole rows are sorted up to its last value only.

    By a stored column, as the start is, scans skip row groups; else it pays far from the beginning.
    """
    count = {**conditions.params, "count": offset + limit}
    reader.execute(put(sql("executions/cutoff"), conditions, order), count)
    least, greatest, is_complete, row_count = reader.fetchall()[0]
    if row_count == 0:
        return []
    if is_complete:
        conditions += order.until(least if order.is_descending else greatest)
    return _page(reader, conditions, order, limit, offset)


def _found(
    reader: Cursor, conditions: Conditions, order: Order, limit: int, offset: int
) -> list[Execution]:
    """The rows of a page; the conditions are asked once."""
    params = {**conditions.params, "limit": limit, "offset": offset}
    reader.execute(put(sql("executions/find"), conditions, order), params)
    found = reader.fetchall()
    if not found:
        return []
    last_value = found[-1][1]
    until = Conditions() if last_value is None else order.until(last_value)
    ids = {**until.params, "ids": [execution_id for execution_id, _ in found]}
    return fetch(reader, Execution, put(sql("executions/page_of"), until, order), ids)


def _counts(reader: Cursor, conditions: Conditions) -> list[StatusCount]:
    statement = put(sql("executions/counts"), conditions)
    return fetch(reader, StatusCount, statement, conditions.params)


def execution_detail(
    database: Database, execution_id: str, include: Collection[str] = ()
) -> Detail:
    """The execution with this id, or the first one of the trace with this id, with what to `include`.

    Raises:
        NotFound: there is none.
        BadRequest: `include` names something unknown.
    """
    for name in include:
        if name not in INCLUDES:
            raise unknown("include", name, INCLUDES)
    with database.read() as connection:
        reader: Cursor = connection
        place = locate(reader, execution_id)
        execution = place.execution
        spans: list[StoredSpan] = []
        if execution.status in {"failed", "timed_out"} or {"steps", "attempts"} & set(include):
            spans = spans_of(reader, place)
        around = beside(reader, place)
        parts = {
            name: _part(reader, name, place, spans, around) for name in INCLUDES if name in include
        }
        error_step = error_step_of(place, spans)
        missing = tuple(not_emitted(reader, execution, place.bounds, around.told))
        dropped = count_dropped(reader, place.bounds) if around.has_dropped else 0
        program = program_of(reader, place)
    truncated = tuple(name for name, rows in parts.items() if len(rows) > _limit(name))
    for name in truncated:
        # Of the logs the newest are kept, of all else the first.
        del parts[name][0 if name == "logs" else -1]
    return Detail(
        execution,
        error_step,
        program=program,
        logs_dropped=dropped,
        not_emitted=missing,
        truncated=truncated,
        **parts,
    )


def _limit(name: str) -> float:
    limits = {"logs": MAX_LOGS, "payloads": MAX_PAYLOADS, "children": MAX_CHILDREN}
    return limits.get(name, math.inf)


def _part(
    reader: Cursor, name: str, place: Place, spans: list[StoredSpan], around: Beside
) -> list[Any]:
    """The rows of one include, one more than the limit when there are more."""
    match name:
        case "steps":
            return steps_of(reader, place, spans, around)
        case "attempts":
            return attempts_of(reader, place, spans, around)
        case "logs":
            return read_logs(reader, place.bounds, limit=MAX_LOGS + 1, is_tail=True)
        case "payloads":
            params = {**place.bounds, "limit": MAX_PAYLOADS + 1}
            return fetch(reader, Payload, sql("executions/payloads"), params)
        case _:
            children = {"execution_id": place.execution_id, "limit": MAX_CHILDREN + 1}
            return fetch(reader, Execution, sql("executions/children"), children)


def _write_cursor(row: Execution, order: Order) -> str:
    value = getattr(row, order.column)
    text = json.dumps([str(order), value, row.execution_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str, order: Order) -> tuple[int | str | None, str]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        name, value, execution_id = json.loads(base64.urlsafe_b64decode(padded))
        if not isinstance(execution_id, str) or not isinstance(name, str):
            raise TypeError
        if name != str(order):
            raise BadRequest(
                f"the cursor was made with order={name}, not {order}", hint=f"ask with order={name}"
            )
        if value is not None and type(value) is not (str if order.is_text else int):
            raise TypeError
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError
        f"{value}{execution_id}".encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequest(
            f"cursor {quoted(cursor)} is not one of ours", hint="use next_cursor as it was answered"
        ) from error
    return value, execution_id
