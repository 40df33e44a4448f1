"""Airflow with its API server, scheduler and task processes: what it ran is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "airflow" / "run.py"


def task(name, *tries, index=None):
    return step(
        name,
        (tries or ["success"])[-1],
        *tries,
        step_id=name if index is None else f"{name}[{index}]",
        kind="task",
    )


def dag(name, status, *tasks):
    return execution("{id}", name, status, *tasks, workflow_id=name, trigger="manual")


EXTRACT, LOAD = task("extract"), task("load")
# A task that did not run because one before it failed has no span.
WANTED = {
    "etl": [dag("etl", "success", EXTRACT, LOAD)],
    "etl_bad": [dag("etl_bad", "failed", EXTRACT, task("bad", "failed"))],
    "etl_retry": [dag("etl_retry", "success", task("flaky", "failed", "failed", "success"))],
    "etl_hopeless": [dag("etl_hopeless", "failed", task("hopeless", "failed", "failed"))],
    "mapped": [dag("mapped", "success", *(task("double", index=n) for n in range(3)))],
    "either": [
        dag(
            "either",
            "failed",
            EXTRACT,
            task("skipped", "skipped"),
            task("refused", "failed"),
            task("slow", "failed"),
        )
    ],
    # What another DAG starts has a trace of its own, and does not tell which.
    "parent": [
        dag("parent", "success", task("start_etl")),
        execution(
            "child-of-{id}",
            "etl",
            "success",
            EXTRACT,
            LOAD,
            workflow_id="etl",
            trigger="subworkflow",
        ),
    ],
    "approval": [dag("approval", "success", EXTRACT, task("wait_for_gate"))],
}


@pytest.fixture(scope="module")
def told(live):
    """The ids of all runs, which have ended by now."""
    with live.running(environment("airflow"), PROGRAM) as program:
        ids = program.ids("approval", "id")
        # The span of a run comes when it has ended: until then its tasks tell its id and name.
        live.wait_for([execution("{id}", "approval", "running", EXTRACT)], ids)
        program.open_gate()
        program.finish()
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_airflow_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses and tries of unmodified Airflow."""
    live.assert_holds(WANTED[scenario], told[scenario], f"airflow.live-{scenario}")


def test_nothing_else_is_in_the_history(live, told):
    """issue #5: every span of an Airflow belongs to a run of it."""
    live.assert_nothing_but(WANTED, told, "airflow")
