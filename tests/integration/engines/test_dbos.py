"""DBOS, in both ways of naming its attributes: what its workflows did is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "dbos" / "workflows.py"
FORMATS = ["legacy", "semconv"]

RESERVED = step("reserve")
WANTED = {
    "success": [execution("{id}", "checkout", "success", RESERVED, step("charge_card"))],
    "failure": [
        execution("{id}", "checkout", "failed", RESERVED, step("charge_card", "failed", "failed"))
    ],
    "retry": [
        execution(
            "{id}",
            "with_retry",
            "success",
            step("flaky", "success", "failed", "failed", "success"),
        )
    ],
    "exhausted": [
        execution(
            "{id}", "with_retry", "failed", step("flaky", "failed", "failed", "failed", "failed")
        )
    ],
    "child": [
        execution("{id}", "parent", "success"),
        execution("{id}-1", "child", "success", RESERVED, parent="{id}"),
        execution("{id}-3", "child", "success", RESERVED, parent="{id}"),
    ],
    "tolerant": [execution("{id}", "tolerant", "success", step("charge_card", "failed"), RESERVED)],
    "called-again": [execution("{id}", "checkout", "success", RESERVED, step("charge_card"))],
    "timeout": [
        execution(
            "{id}",
            "slow",
            "cancelled",
            RESERVED,
            step("sleep", kind="sleep"),
            step("reserve", "cancelled"),
        )
    ],
    # Each of a queue's workflows has a trace of its own, and its parent's id in its own.
    "queue": [
        execution("{id}", "fan_out", "success"),
        *(execution(f"{{id}}-{n}", "child", "success", RESERVED, parent="{id}") for n in (1, 2, 3)),
    ],
    "running": [
        execution("{id}", "approval", "success", RESERVED, step("wait_for_gate")),
        execution("{id}-2", "child", "success", RESERVED, parent="{id}"),
    ],
}
# A workflow's span comes when it has ended: until then its steps tell its id, and nothing its name.
MEANWHILE = [
    execution("{id}", "unknown", "running", RESERVED),
    execution("{id}-2", "child", "success", RESERVED, parent=None),
]


@pytest.fixture(scope="module", params=FORMATS)
def told(request, live):
    """The ids of everything that a DBOS application did, which has ended by now."""
    with live.running(environment("dbos"), PROGRAM, FORMAT=request.param) as program:
        live.wait_for(MEANWHILE, program.ids("running", "id"))
        program.open_gate()
        program.finish()
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_dbos_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses, tries and parents of unmodified DBOS."""
    live.assert_holds(
        WANTED[scenario], told[scenario], f"dbos-{told['format']['name']}.live-{scenario}"
    )


def test_nothing_else_is_in_the_history(live, told):
    """issue #5: a call again and the steps of a child make no execution of their own."""
    live.assert_nothing_but(WANTED, told, "dbos")
