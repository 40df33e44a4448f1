"""Dagster with dagster-otel: what its runs did is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, resolved, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "dagster" / "jobs.py"


def op(name, *tries):
    return step(name, (tries or ["success"])[-1], *tries, step_id=name, kind="op")


def asset(name):
    return step(name, step_id=name, kind="asset")


def ops(*names):
    return [op(name) for name in names]


# Steps that did not run have no span, and a run has none at all.
WANTED = {
    "success": [execution("{id}", "etl", "success", *ops("extract", "transform", "load"))],
    "failure": [execution("{id}", "etl_bad", "failed", op("extract"), op("bad", "failed"))],
    "retry": [
        execution("{id}", "etl_retry", "success", op("flaky", "failed", "failed", "success"))
    ],
    "exhausted": [
        execution("{id}", "etl_hopeless", "failed", op("hopeless", "failed", "failed", "failed"))
    ],
    "fan-in": [
        execution(
            "{id}",
            "fan_in",
            "success",
            *ops("extract", "extract_2", "left", "right", "merge", "load"),
        )
    ],
    "mapped": [
        execution(
            "{id}",
            "mapped",
            "success",
            *ops("split", "double[0]", "double[1]", "double[2]", "total"),
        )
    ],
    "skipped": [execution("{id}", "either", "success", *ops("branch", "load_small"))],
    "assets": [execution("{id}", "assets_job", "success", asset("raw_orders"), asset("orders"))],
    "sensor": [execution("{id}", "etl", "success", *ops("extract", "transform", "load"))],
    "processes": [execution("{id}", "processes", "success", *ops("extract", "transform", "load"))],
    "again": [
        execution("{failed}", "again", "failed", op("extract"), op("repaired", "failed")),
        execution("{id}", "again", "success", *ops("repaired", "load")),
    ],
    "running": [execution("{id}", "approval", "success", *ops("extract", "wait_for_gate"))],
}
# Nothing tells that more steps are to come.
MEANWHILE = [execution("{id}", "approval", "success", op("extract"))]


@pytest.fixture(scope="module")
def told(live):
    """The ids of all runs, which have ended by now."""
    with live.running(environment("dagster"), PROGRAM, OTEL_SERVICE_NAME="etl") as program:
        live.wait_for(MEANWHILE, program.ids("running", "id"))
        program.open_gate()
        program.finish()
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_dagster_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses and tries of unmodified Dagster, many runs in one trace."""
    live.assert_holds(WANTED[scenario], told[scenario])


def test_nothing_else_is_in_the_history(live, told):
    """issue #5: the tick of a sensor is no execution."""
    live.assert_nothing_but(WANTED, told, "dagster")
    whole = [each for s in WANTED for each in resolved(WANTED[s], told[s])]
    live.assert_holds(whole, {}, "dagster-otel.live-many-runs")
