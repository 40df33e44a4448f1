"""Logfire spans and Pydantic AI agents below and beside them: what they did is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "logfire" / "agents.py"

CHAT = step("chat test", kind="chat")


def used(name, status="success"):
    return step(f"execute_tool {name}", status, kind="execute_tool")


def checkout(number, status, *steps):
    name, template = f"checkout {number}", "checkout {order_id}"
    return execution("{id}", name, status, *steps, template=template)


WANTED = {
    "success": [checkout(1001, "success", step("reserve stock A-1"), step("charge card"))],
    "failure": [checkout(1002, "failed", step("charge card", "failed"))],
    "running": [execution("{id}", "approve 1003", "success", step("ask the manager"))],
}


@pytest.fixture(scope="module")
def told(live):
    """The ids of all traces, which have ended by now."""
    delay = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
    with live.running(environment("logfire"), PROGRAM, **delay) as program:
        program.ids("running", "id")
        program.open_gate()
        program.finish()
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_logfire_told_is_what_the_history_holds(live, told, scenario):
    """issue #5: the trace is the execution, its other spans are steps, lines of the log are neither."""
    live.assert_holds(WANTED[scenario], told[scenario])


def agent_run(live, name):
    statement = "select execution_id from executions where workflow_name = $name"
    return next(iter(live.sql(statement, name=name)))["execution_id"]


def test_an_agent_is_a_child_of_the_span_above_it(live, told):
    """issue #5: executions of two dialects meet in one trace."""
    ids = told["agent"] | {"agent": agent_run(live, "weather_agent")}
    steps = [CHAT, used("get_weather"), CHAT]
    child = execution(
        "{agent}", "weather_agent", "success", *steps, parent="{id}", session="conv-1"
    )
    live.assert_holds([execution("{id}", "ask", "success"), child], ids)


def test_each_call_of_a_tool_is_a_step(live, told):
    """issue #5: a model that asks again is no retry of the engine's."""
    ids = {"agent": agent_run(live, "flaky_agent")}
    calls = [used("flaky", "failed"), used("flaky", "failed"), used("flaky")]
    wanted = execution("{agent}", "flaky_agent", "success", *[CHAT] * 4, *calls, session="conv-2")
    live.assert_holds([wanted], ids)
