"""Apache Airflow 3: runs told at their end, tries under one span id, mapped, skipped and deferred tasks."""

from typing import Any

from tests.unit.collector.mapping.scenarios.build import (
    Scenario,
    execution,
    s,
    step,
    trace,
)

RUN, TASK, WORKER, TRIGGER = (
    "airflow.models.dagrun",
    "airflow.api_fastapi.execution_api.routes.task_instances",
    "airflow.sdk.execution_time.task_runner",
    "airflow.jobs.triggerer_job_runner",
)


def of(
    dag: str, run: str, task: str, number: int = 1, index: int = -1, **more: Any
) -> dict[str, Any]:
    """Attributes of a try of a task."""
    return {
        "airflow.dag_id": dag, "airflow.dag_run.run_id": run, "airflow.task_id": task,
        "airflow.task_instance.try_number": number, "airflow.task_instance.map_index": index, **more,
    }  # fmt: skip


def run(
    dag: str, run_id: str, *below: Any, kind: str = "manual", status: str = "ok", **more: Any
) -> Any:
    """A DAG run, told when it ends."""
    return s(
        f"dag_run.{dag}",
        {"airflow.dag_id": dag, "airflow.dag_run.run_id": run_id, "airflow.dag_run.run_type": kind},
        *below,
        status=status,
        scope=RUN,
        **more,
    )


def tried(dag, run_id, task, state, *below, number=1, index=-1, **more):
    """A try of a task, told by the API server; all tries have one span id."""
    status = {"success": "ok", "skipped": "ok", "deferred": "unset"}.get(state, "error")
    return s(
        f"task_run.{task}" + (f"[{index}]" if index >= 0 else ""),
        of(dag, run_id, task, number, index, **{"airflow.task_instance.state": state}),
        *below,
        status=status,
        scope=TASK,
        key=f"{task}[{index}]",
        **more,
    )


def worked(dag, run_id, task, *below, number=1, index=-1, **more):
    """The same try, told by its process."""
    return s(f"worker.{task}", of(dag, run_id, task, number, index), *below, scope=WORKER, **more)


def tries(dag, run_id, task, *states):
    """All tries of a task."""
    return [
        tried(dag, run_id, task, state, worked(dag, run_id, task, number=n), number=n)
        for n, state in enumerate(states, 1)
    ]


SCENARIOS = {
    "failure, and what comes after is not told": Scenario(
        (
            trace("af-fail", RUN, run("etl", "manual__af-fail", *tries("etl", "manual__af-fail", "extract", "success"),
                                      *tries("etl", "manual__af-fail", "load", "failed"), status="error")),
        ),
        [execution("etl", "manual__af-fail", "failed", step("extract", id="extract"), step("load", "failed"),
                   workflow_id="etl", trigger="manual")],
    ),
    "tries exhausted under one span id": Scenario(
        (
            trace("af-exhausted", RUN, run("etl", "manual__af-ex",
                  *tries("etl", "manual__af-ex", "flaky", "up_for_retry", "up_for_retry", "failed"), status="error")),
        ),
        [execution("etl", "manual__af-ex", "failed", step("flaky", "failed", 3))],
    ),
    "running: the run comes last, the second try is at work": Scenario(
        (
            trace("af-running", RUN,
                  tried("etl_retry", "manual__af-run", "flaky", "up_for_retry",
                        worked("etl_retry", "manual__af-run", "flaky"),
                        worked("etl_retry", "manual__af-run", "flaky", number=2), below_unknown="run")),
        ),
        [execution("etl_retry", "manual__af-run", "running", step("flaky", "running", 2))],
    ),
    "mapped tasks": Scenario(
        (
            trace("af-mapped", RUN, run("fan", "manual__af-map",
                  *(tried("fan", "manual__af-map", "work", "success", worked("fan", "manual__af-map", "work", index=n), index=n)
                    for n in (0, 1)),
                  tried("fan", "manual__af-map", "work", "failed", index=2), status="error")),
        ),
        [execution("fan", "manual__af-map", "failed", step("work", id="work[0]"), step("work", id="work[1]"),
                   step("work", "failed", id="work[2]"))],
    ),
    "skipped, and spans inside a task": Scenario(
        (
            trace("af-skip", RUN, run("branch", "manual__af-skip",
                  *tries("branch", "manual__af-skip", "no", "skipped"),
                  tried("branch", "manual__af-skip", "yes", "success",
                        worked("branch", "manual__af-skip", "yes", s("parse", scope=WORKER), s("execute", scope=WORKER))))),
        ),
        [execution("branch", "manual__af-skip", "success", step("no", "skipped"), step("yes"))],
    ),
    "deferred: the triggerer waits, the task goes on": Scenario(
        (
            trace("af-defer", RUN, run("wait", "manual__af-defer",
                  tried("wait", "manual__af-defer", "sensor", "success",
                        worked("wait", "manual__af-defer", "sensor"),
                        s("trigger.sensor", of("wait", "manual__af-defer", "sensor"), scope=TRIGGER),
                        worked("wait", "manual__af-defer", "sensor")))),
        ),
        [execution("wait", "manual__af-defer", "success", step("sensor"))],
    ),
    "a run that another started, in its own trace": Scenario(
        (
            trace("af-parent", RUN, run("parent", "manual__af-p", *tries("parent", "manual__af-p", "trigger", "success"))),
            trace("af-child", RUN, run("child", "manual__af-c", *tries("child", "manual__af-c", "c", "success"),
                                       kind="operator_triggered"), at=5),
        ),
        [execution("parent", "manual__af-p", "success", step("trigger")),
         execution("child", "manual__af-c", "success", step("c"), trigger="subworkflow")],
    ),
    "two DAGs that were scheduled for one time": Scenario(
        (
            trace("af-s1", RUN, run("hourly", "scheduled__2026-11-20T10:00:00+00:00", kind="scheduled")),
            trace("af-s2", RUN, run("daily", "scheduled__2026-11-20T10:00:00+00:00", kind="scheduled", status="error")),
        ),
        [execution("hourly", "hourly/scheduled__2026-11-20T10:00:00+00:00", "success", trigger="schedule"),
         execution("daily", "daily/scheduled__2026-11-20T10:00:00+00:00", "failed")],
    ),
}  # fmt: skip
