"""LangGraph with OpenInference's instrumentation: what its graphs did is what the history holds."""

from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parent / "langgraph" / "graphs.py"


def node(name, *tries):
    return step(name, (tries or ["success"])[-1], *tries, kind="CHAIN")


PLAN, ANSWER = node("plan"), node("answer")
CHAT = step("FakeListChatModel", kind="LLM")
WANTED = {
    "success": [execution("{id}", "qa", "success", PLAN, ANSWER, CHAT, session="t-1")],
    "failure": [execution("{id}", "qa_bad", "failed", PLAN, node("bad", "failed"))],
    "retry": [
        execution("{id}", "qa_retry", "success", node("flaky", "failed", "failed", "success"))
    ],
    "exhausted": [
        execution("{id}", "qa_hopeless", "failed", node("flaky", "failed", "failed", "failed"))
    ],
    "fan-out": [
        execution(
            "{id}",
            "fan_out",
            "success",
            PLAN,
            node("scatter"),
            *[node("part")] * 3,
            ANSWER,
            CHAT,
        )
    ],
    "tool": [
        execution("{id}", "qa_tool", "success", node("consult"), step("look_up", kind="TOOL"))
    ],
    # The node and the graph that it is are two spans of one name.
    "subgraph": [
        execution("{id}", "outer", "success", PLAN, node("inner"), node("inner"), ANSWER, CHAT)
    ],
    # A graph that waits for an answer has ended; the answer is another invocation of the session.
    "interrupt": [
        execution("{id}", "approval", "success", PLAN, node("approve", "waiting"), session="t-1")
    ],
    "resume": [execution("{id}", "approval", "success", node("approve"), session="t-1")],
    "running": [execution("{id}", "slow", "success", PLAN, node("wait_for_gate"))],
}


@pytest.fixture(scope="module")
def told(live):
    """The ids of all invocations, which have ended by now."""
    with live.running(environment("langgraph"), PROGRAM) as program:
        program.ids("running", "name")
        # A graph's span comes when it has ended: until then its nodes make a nameless execution.
        seen = live.wait_for_one(
            "select execution_id from executions where status = 'running' and workflow_name = 'unknown'"
        )
        live.wait_for([execution("{seen}", "unknown", "running", PLAN)], {"seen": seen})
        program.open_gate()
        program.finish()
        assert program.told["running"]["id"] == seen
        yield program.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_langgraph_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses, tries and sessions of unmodified LangGraph."""
    live.assert_holds(WANTED[scenario], told[scenario], f"langgraph-openinference.live-{scenario}")


def test_nothing_else_is_in_the_history(live, told):
    """issue #5: what stood for a graph that ran is that graph afterwards."""
    live.assert_nothing_but(WANTED, told, "openinference")
