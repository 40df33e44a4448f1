"""Rows of the views of statistics, by name: what every face asks beside counts per workflow and step.

A statistic is a view and the parameters its rows can be chosen by; its numbers are the view's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from functools import cache
from typing import Any, Final

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query.filters import FIELDS, Conditions, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.narrow import narrowed
from stepscope_collector.query.nearest import unknown
from stepscope_collector.query.rows import Cursor, fetch
from stepscope_collector.query.scoped import scoped
from stepscope_collector.query.statistic_names import SLOWEST_PARAMS, STATISTICS, TIMES
from stepscope_collector.query.stats import step_stats, workflow_stats
from stepscope_collector.query.times import parse_time_ns
from stepscope_collector.store import Database
from stepscope_schema.columns import relations

__all__ = [
    "MAX_ROWS",
    "OF_WORKFLOW",
    "SlowestStep",
    "row_of",
    "slowest_steps",
    "statistic_rows",
    "workflow_statistics",
]

MAX_ROWS: Final = 10_000
"""Rows of one answer at most."""

_TYPES: Final[Mapping[str, Any]] = {
    "varchar": str | None,
    "boolean": bool | None,
    "double": float | None,
    "varchar[]": Any,  # a list of text
}


OF_WORKFLOW: Final = (
    "versions", "days", "histogram", "retries", "clusters", "cadence", "gaps", "regressions",
    "step-regressions",
)  # fmt: skip
"""What is told of one workflow, beside its counts and those of its steps."""
_ROWS_OF_WORKFLOW: Final = 100
_OF_WORKFLOWS: Final = "list_contains($workflows::varchar[], e.workflow_id)"


@dataclass(frozen=True, slots=True)
class SlowestStep:
    """One try of a step among those that took longest."""

    workflow_id: str
    execution_id: str
    step_id: str
    step_name: str
    attempt: int
    status: str
    started_at: int | None
    duration_ns: int
    error_type: str | None
    span_id: str | None


@cache
def row_of(view: str) -> type:
    """A dataclass with the columns of a view as fields; times are ns since the epoch."""
    (relation,) = (r for r in relations() if (r.schema, r.name) == ("main", view))
    name = "".join(word.capitalize() for word in view.split("_"))
    row = make_dataclass(
        name, [(c.name, _TYPES.get(c.type, int | None)) for c in relation.columns], frozen=True
    )
    row.__doc__ = f"One row of view `{view}`."
    return row


def statistic_rows(
    database: Database,
    name: str,
    asked: Mapping[str, str],
    *,
    now_ns: int,
    limit: int = 1000,
) -> tuple[list[Any], bool]:
    """Rows of a statistic, and whether there are more.

    Args:
        database: what is read.
        name: a key of STATISTICS.
        asked: parameter of the statistic, which chooses rows, or any other filter, which chooses the
            executions that count → text.
        now_ns: what times ago are reckoned from.
        limit: rows at most, 1 to MAX_ROWS.

    Raises:
        BadRequest: an unknown name or parameter, or a value that does not fit it.
    """
    _check_limit(limit)
    if (statistic := STATISTICS.get(name)) is None:
        raise unknown("statistic", name, STATISTICS)
    of_rows, filters = _parted(statistic.params, asked)
    with database.read() as connection:
        params = _params(connection, statistic.params, of_rows, now_ns)
        statement = sql(statistic.statement)
        if filters:
            conditions = narrowed(connection, filters, now_ns)
            statement = scoped(statement, statistic.view, conditions)
            params |= conditions.params
        rows: list[Any] = fetch(
            connection, row_of(statistic.view), statement, {**params, "limit": limit + 1}
        )
    return rows[:limit], len(rows) > limit


def slowest_steps(
    database: Database,
    asked: Mapping[str, str],
    *,
    now_ns: int,
    limit: int = 20,
) -> list[SlowestStep]:
    """The tries of steps that took longest.

    Two questions, because one would put together every column of every try before it sorts.

    Args:
        database: what is read.
        asked: parameter of SLOWEST_PARAMS, or any other filter, which chooses executions → text.
        now_ns: what times ago are reckoned from.
        limit: rows at most, 1 to MAX_ROWS.

    Raises:
        BadRequest: an unknown parameter, or a value that does not fit it.
    """
    _check_limit(limit)
    of_rows, filters = _parted(SLOWEST_PARAMS, asked)
    with database.read() as connection:
        reader: Cursor = connection
        params = {**_params(reader, SLOWEST_PARAMS, of_rows, now_ns), "limit": limit}
        conditions = narrowed(reader, filters, now_ns) if filters else Conditions()
        # Conditions that nobody asks for would make the scan read the id of every span all the same.
        if (workflows := params.pop("workflows")) is not None:
            conditions += Conditions((_OF_WORKFLOWS,), {"workflows": workflows})
        params |= conditions.params
        reader.execute(_of_chosen("statistics/slowest_bound", conditions), params)
        ((least_ns,),) = reader.fetchall()
        if least_ns is None:
            return []
        params["least_ns"] = least_ns
        statement = _of_chosen("statistics/slowest_steps", conditions)
        return fetch(reader, SlowestStep, statement, params)


def workflow_statistics(database: Database, workflow: str, *, now_ns: int) -> dict[str, list[Any]]:
    """What is known of one workflow: `workflow` (one row), `steps`, and a list per OF_WORKFLOW.

    Args:
        database: what is read.
        workflow: its id or name; of several of one name, all are told.
        now_ns: the time.

    Raises:
        NotFound: there is no execution of it.
    """
    filters = {"workflow": workflow}
    found: dict[str, list[Any]] = {
        "workflow": list(workflow_stats(database, filters, now_ns=now_ns))
    }
    if not found["workflow"]:
        raise NotFound(f"no workflow {workflow!r}", hint="GET /api/workflows lists them")
    found["steps"] = list(step_stats(database, filters, now_ns=now_ns))
    for name in OF_WORKFLOW:
        found[name], _ = statistic_rows(
            database, name, filters, now_ns=now_ns, limit=_ROWS_OF_WORKFLOW
        )
    return found


def _of_chosen(name: str, conditions: Conditions) -> str:
    """The statement, about the executions that hold the conditions; about all without any."""
    mark, statement = "true /* chosen */", sql(name)
    if not conditions.where:
        return statement
    return put(statement.replace(mark, sql("statistics/is_chosen").strip()), conditions)


def _parted(
    known: Sequence[str], asked: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What chooses rows of a statistic, and what chooses the executions it is about."""
    of_rows = {name: text for name, text in asked.items() if name in known}
    filters = {name: text for name, text in asked.items() if name not in known}
    for name in filters:
        if name not in FIELDS:
            raise unknown("parameter", name, [*known, *FIELDS])
    return of_rows, filters


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_ROWS:
        raise BadRequest(f"limit={limit} is out of range", hint=f"1 to {MAX_ROWS}")


def _params(
    reader: Cursor, known: Sequence[str], asked: Mapping[str, str], now_ns: int
) -> dict[str, Any]:
    """What to bind for the parameters, null for those not asked for."""
    params: dict[str, Any] = {}
    for name in known:
        text = asked.get(name)
        if name == "workflow":
            params["workflows"] = None if text is None else _workflow_ids(reader, text)
        elif name in TIMES:
            time_ns = None if text is None else parse_time_ns(text, name, now_ns)
            params["since" if name == "started_after" else "until"] = time_ns
        else:
            params[name] = text
    return params


def _workflow_ids(reader: Cursor, workflow: str) -> list[str]:
    """The ids of the workflows with that id or name; itself, when only rollups may know it."""
    reader.execute(sql("statistics/workflow_ids"), {"workflow": workflow})
    return [workflow_id for (workflow_id,) in reader.fetchall()] or [workflow]
