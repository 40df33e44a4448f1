"""What distinguishes two cohorts of executions: which values go with failure, say (R153)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.filter import compile_filter as compile_text
from stepscope_collector.query.filters import compile_filter, put
from stepscope_collector.query.load import sql
from stepscope_collector.query.narrow import read_for
from stepscope_collector.query.rows import Cursor, fetch
from stepscope_collector.store import Database

__all__ = [
    "AGAINST",
    "COHORT",
    "LEAST",
    "MAX_EXECUTIONS",
    "MAX_LIFTS",
    "Cohorts",
    "Lift",
    "compare_cohorts",
]

COHORT: Final = "status in (failed, timed_out)"
AGAINST: Final = "status = success"
LEAST: Final = 5
"""Executions a value must have to be told, if not asked for otherwise."""
MAX_EXECUTIONS: Final = 10_000
"""Of each cohort the newest so many are looked at."""
MAX_LIFTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The cohorts that were compared."""

    cohort: str
    against: str
    cohort_count: int
    against_count: int
    share: float | None
    """Of the cohort among both; None: both are empty."""
    is_truncated: bool
    """One has more executions than are looked at."""


@dataclass(frozen=True, slots=True)
class Lift:
    """A value, and how it divides between the cohorts."""

    trait: str
    """version, tag, host.name, params.customer, …"""
    value: str
    cohort_count: int
    """Executions of the cohort with this value."""
    against_count: int
    support: float
    """Share of all executions that have it."""
    share: float
    """Of the cohort among the executions with this value."""
    lift: float
    """How many times its share among all that is."""
    lift_low: float
    """What the lift is at least, as far as the number of executions allows to say. Above 1: more than chance."""


def compare_cohorts(  # noqa: PLR0913 what a comparison may be asked for
    database: Database,
    filters: Mapping[str, str],
    *,
    now_ns: int,
    cohort: str = COHORT,
    against: str = AGAINST,
    least: int = LEAST,
    limit: int = 50,
    timeout_s: float | None = None,
) -> tuple[Cohorts, list[Lift]]:
    """Which values the cohort has more often than the other, the surest ones first.

    Args:
        database: what is read.
        filters: what the executions of both have in common.
        now_ns: what times ago are reckoned from.
        cohort: a filter, see docs/filters.md.
        against: another one; executions of both belong to the first.
        least: executions a value must have.
        limit: values at most.
        timeout_s: how long it may take; None: as long as it takes.

    Raises:
        BadRequest: a filter that makes no sense, a number out of range.
        QueryTimeout: it took longer.
    """
    for name, number, most in (("min_count", least, MAX_EXECUTIONS), ("limit", limit, MAX_LIFTS)):
        if not 1 <= number <= most:
            raise BadRequest(f"{name}={number} is out of range", hint=f"1 to {most}")
    common = compile_filter(filters, now_ns)
    first = compile_text(cohort, now_ns, prefix="cohort")
    second = compile_text(against, now_ns, prefix="against")

    def written(name: str) -> str:
        statement = put(sql(name), common)
        statement = statement.replace("true /* cohort */", first.sql)
        return statement.replace("true /* against */", second.sql)

    params: dict[str, Any] = {
        **common.params,
        **first.parameters,
        **second.parameters,
        "most": MAX_EXECUTIONS,
    }
    with read_for(database, filters, now_ns, timeout_s, is_costly=True) as connection:
        reader: Cursor = connection
        reader.execute(written("cohorts/bounds"), params)
        counts, bounds = _bounds(reader.fetchall()[0])
        lifts = []
        if all(counts):
            rest = {"least": least, "limit": limit, **bounds}
            lifts = fetch(reader, Lift, written("cohorts/lifts"), {**params, **rest})
    ours, theirs = (min(count, MAX_EXECUTIONS) for count in counts)
    share = ours / (ours + theirs) if ours + theirs else None
    return Cohorts(cohort, against, ours, theirs, share, max(counts) > MAX_EXECUTIONS), lifts


def _bounds(row: tuple[Any, ...]) -> tuple[tuple[int, int], dict[str, Any]]:
    cohort_count, against_count, first, last = row
    return (cohort_count, against_count), {
        "first_unix_nano": first,
        "last_start_unix_nano": last,
    }
