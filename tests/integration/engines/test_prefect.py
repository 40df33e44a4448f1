"""Prefect: what its flows did is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "prefect" / "flows.py"

EXTRACTED = step("extract", kind="task")
LOADED = step("load rows", kind="task")
BROKEN = step("broken", "failed", "failed", kind="task")


def flow(status, *steps, run="id", **fields):
    return execution(f"{{{run}}}", f"{{{run}_name}}", status, *steps, **fields)


WANTED = {
    "success": [flow("success", EXTRACTED, LOADED)],
    "failure": [flow("failed", EXTRACTED, BROKEN)],
    "retry": [flow("success", step("flaky", "success", "failed", "failed", "success"))],
    "exhausted": [flow("failed", step("flaky", "failed", "failed", "failed", "failed"))],
    "child": [
        flow("success", EXTRACTED),
        flow("success", LOADED, run="inner1", parent="{id}"),
        flow("success", LOADED, run="inner2", parent="{id}"),
    ],
    "mapped": [flow("success", EXTRACTED, *[step("double", kind="task")] * 3)],
    # A task that is interrupted has no span.
    "task-timeout": [flow("timed_out")],
    # The span of a flow ends with its first try; what became of it later is not told.
    "flow-retry": [flow("unknown", EXTRACTED, EXTRACTED, LOADED)],
    "tolerant": [flow("success", BROKEN)],
    "cancelled": [flow("cancelled", EXTRACTED)],
    "running": [flow("success", EXTRACTED, step("wait_for_gate", kind="task"))],
}


@pytest.fixture(scope="module")
def told(live):
    """The ids of all flow runs, which have ended by now."""
    with live.running(environment("prefect"), PROGRAM) as program:
        program.ids("running", "id")
        # A flow's span comes when it has ended: until then its tasks make a nameless execution.
        seen = live.wait_for_one(
            "select execution_id from executions where status = 'running' and workflow_name = 'unknown'"
        )
        live.wait_for([execution("{seen}", "unknown", "running", EXTRACTED)], {"seen": seen})
        program.open_gate()
        program.finish()
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_prefect_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses, tries and parents of unmodified Prefect."""
    live.assert_holds(WANTED[scenario], told[scenario], f"prefect.live-{scenario}")


def test_nothing_else_is_in_the_history(live, told):
    """issue #5: what stood for a flow that ran is that flow afterwards."""
    live.assert_nothing_but(WANTED, told, "prefect")
