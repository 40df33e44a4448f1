"""Statistics of what has just been acknowledged."""

import random

from tests.strategies.workflows import execution, step
from tests.unit.collector.taking import payload, taking

VIEWS = (
    "workflow_stats", "step_stats", "workflow_hours", "workflow_days", "step_hours", "step_days",
    "project_stats", "user_stats", "version_stats", "workflow_histogram", "step_histogram",
    "step_retries", "failures", "failure_clusters",
)  # fmt: skip


def shop(number: int) -> list:
    """An execution whose step fails once and passes then; every third fails altogether."""
    failed = number % 3 == 0
    name = f"e{number}"
    common = {"trace": name, "parent": "order"}
    first = {"workflow.task.id": "pay", "stepscope.step.attempt": 1}
    again = {"workflow.task.id": "pay", "stepscope.step.attempt": 2}
    return [
        step("pay", name, identity="1", start=1, end=3, outcome="failure", error="declined 12",
             attributes=first, **common),
        step("pay", name, identity="2", start=5, end=9, outcome="failure" if failed else "success",
             error="declined 13" if failed else None, attributes=again, **common),
        execution("order", name, trace=name, end=20, outcome="failure" if failed else "success"),
    ]  # fmt: skip


def answers(taken) -> dict[str, list]:
    return {view: taken.rows(f"select * from {view} order by all") for view in VIEWS}


def test_an_execution_counts_as_soon_as_its_end_is_acknowledged():
    """R135: statistics update as executions complete: with the commit, so within two seconds."""
    with taking() as taken:
        *tries, end = shop(1)
        taken.take(payload(*tries))
        assert taken.rows("select count, success from workflow_stats") == [(1, 0)]
        assert taken.rows("select count, failed, retries from step_hours") == [(2, 1, 1)]
        taken.take(payload(end))
        assert taken.rows("select count, success, success_rate from workflow_stats") == [(1, 1, 1)]
        assert taken.rows("select count, success, p50_ns from workflow_days") == [(1, 1, 20e6)]
        assert taken.rows("select steps, flaky_steps, delay_ns, waiting_ns from step_retries") == [
            (1, 1, 4_000_000, 2_000_000)
        ]
        taken.take(payload(end, *tries))
        assert taken.rows("select count, success from workflow_stats") == [(1, 1)]


def test_order_and_repetition_change_no_statistic():
    """R133: always equal to a recount, whatever order spans come in and however often."""
    sent = [one for number in range(5) for one in shop(number)]
    with taking() as taken:
        taken.take(payload(*sent))
        expected = answers(taken)
    draw = random.Random(3)
    mixed = sent + draw.sample(sent, 6)
    draw.shuffle(mixed)
    with taking() as taken:
        for first in range(0, len(mixed), 4):
            taken.take(payload(*mixed[first : first + 4]))
        assert answers(taken) == expected
