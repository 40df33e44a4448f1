"""Temporal: both interceptors of the Python SDK, and the SDKs of TypeScript, Go and Java."""

from typing import Any

from tests.unit.collector.mapping.scenarios.build import (
    CLIENT,
    SERVER,
    Scenario,
    execution,
    s,
    step,
    trace,
    trace_hex,
)

PYTHON = "temporalio.contrib.opentelemetry._interceptor"
PYTHON_2 = "temporalio.contrib.opentelemetry._otel_interceptor"
GO = "temporal-sdk-go"
JAVA = "opentracing-shim"


def failed(kind: str, message: str) -> Any:
    """An exception event."""
    return ("exception", {"exception.type": kind, "exception.message": message})


def w(workflow: str, run: str | None = None, activity: str | None = None) -> dict[str, Any]:
    """Attributes of the Python and Go SDKs."""
    told = {"temporalWorkflowID": workflow}
    if run:
        told["temporalRunID"] = run
    if activity:
        told["temporalActivityID"] = activity
    return told


def start(name, workflow, *below, **more):
    """A client starts a workflow."""
    return s(f"StartWorkflow:{name}", w(workflow), *below, kind=CLIENT, **more)


def point(what, workflow, run, *below, **more):
    """A span of no length, as the older interceptor sends them."""
    kind = SERVER if what.startswith(("Run", "Handle")) else CLIENT
    return s(what, w(workflow, run), *below, kind=kind, lasts=0, **more)


def activity(name, workflow, run, number, *tries, point_long=True):
    """An activity with its tries; a text is the message of one that failed."""
    runs = [
        s(
            f"RunActivity:{name}",
            w(workflow, run, number),
            kind=SERVER,
            **({} if tried is None else {
                "status": "error", "message": tried, "events": [failed("ApplicationError", tried)],
            }),
        )
        for tried in tries
    ]  # fmt: skip
    return s(
        f"StartActivity:{name}",
        w(workflow, run),
        *runs,
        kind=CLIENT,
        lasts=0 if point_long else 0.2,
    )


def run2(name, workflow, run, *below, **more):
    """A run of the newer interceptor, which is told when it ends."""
    return s(f"RunWorkflow:{name}", w(workflow, run), *below, kind=SERVER, **more)


SCENARIOS = {
    "python: failure": Scenario(
        (
            trace(
                "t-fail",
                PYTHON,
                start(
                    "CheckoutFail",
                    "order-f",
                    point("RunWorkflow:CheckoutFail", "order-f", "run-f"),
                    activity("reserve", "order-f", "run-f", "1", None),
                    activity("bad", "order-f", "run-f", "2", "card declined"),
                    point(
                        "CompleteWorkflow:CheckoutFail",
                        "order-f",
                        "run-f",
                        events=[failed("ApplicationError", "card declined")],
                    ),
                ),
            ),
        ),
        [
            execution(
                "CheckoutFail", "run-f", "failed",
                step("reserve", id="1"), step("bad", "failed", id="2"), workflow_id="order-f",
            )
        ],
    ),
    "python: tries exhausted": Scenario(
        (
            trace(
                "t-exhausted",
                PYTHON,
                start(
                    "WithRetry",
                    "order-e",
                    point("RunWorkflow:WithRetry", "order-e", "run-e"),
                    activity("flaky", "order-e", "run-e", "1", "try 1", "try 2", "try 3"),
                    point(
                        "CompleteWorkflow:WithRetry",
                        "order-e",
                        "run-e",
                        events=[failed("RuntimeError", "try 3")],
                    ),
                ),
            ),
        ),
        [execution("WithRetry", "run-e", "failed", step("flaky", "failed", 3, id="1"))],
    ),
    "python: cancelled": Scenario(
        (
            trace(
                "t-cancel",
                PYTHON,
                start(
                    "Approval",
                    "order-c",
                    point("RunWorkflow:Approval", "order-c", "run-c"),
                    point(
                        "CompleteWorkflow:Approval",
                        "order-c",
                        "run-c",
                        events=[failed("asyncio.exceptions.CancelledError", "")],
                    ),
                ),
            ),
        ),
        [execution("Approval", "run-c", "cancelled")],
    ),
    "python: continues as new": Scenario(
        (
            trace(
                "t-can",
                PYTHON,
                start(
                    "Poller",
                    "poller-1",
                    point("RunWorkflow:Poller", "poller-1", "run-can-1"),
                    activity("reserve", "poller-1", "run-can-1", "1", None),
                    point("RunWorkflow:Poller", "poller-1", "run-can-2"),
                    activity("reserve", "poller-1", "run-can-2", "1", None),
                    point("RunWorkflow:Poller", "poller-1", "run-can-3"),
                    activity("reserve", "poller-1", "run-can-3", "1", None),
                    point("CompleteWorkflow:Poller", "poller-1", "run-can-3"),
                ),
            ),
        ),
        [
            execution("Poller", "run-can-1", "superseded", step("reserve", id="1")),
            execution("Poller", "run-can-2", "superseded", step("reserve", id="1")),
            execution("Poller", "run-can-3", "success", step("reserve", id="1")),
        ],
    ),
    "python: children": Scenario(
        (
            trace(
                "t-child",
                PYTHON,
                start(
                    "Parent",
                    "parent-1",
                    point("RunWorkflow:Parent", "parent-1", "run-parent"),
                    *(
                        point(
                            "StartChildWorkflow:Child",
                            "parent-1",
                            "run-parent",
                            point("RunWorkflow:Child", f"child-{n}", f"run-child-{n}"),
                            activity("reserve", f"child-{n}", f"run-child-{n}", "1", None),
                            point("CompleteWorkflow:Child", f"child-{n}", f"run-child-{n}"),
                        )
                        for n in (1, 2)
                    ),
                    point("CompleteWorkflow:Parent", "parent-1", "run-parent"),
                ),
            ),
        ),
        [
            execution("Parent", "run-parent", "success"),
            execution("Child", "run-child-1", "success", step("reserve"), parent="run-parent"),
            execution("Child", "run-child-2", "success", step("reserve"), parent="run-parent"),
        ],
    ),
    "python: parallel activities of one name": Scenario(
        (
            trace(
                "t-parallel",
                PYTHON,
                start(
                    "Fanout",
                    "fan-1",
                    point("RunWorkflow:Fanout", "fan-1", "run-fan"),
                    *(activity("part", "fan-1", "run-fan", str(n), None) for n in (1, 2, 3)),
                    point("CompleteWorkflow:Fanout", "fan-1", "run-fan"),
                ),
            ),
        ),
        [execution("Fanout", "run-fan", "success", *(step("part") for _ in range(3)))],
    ),
    "python: a signal is told in the workflow's trace and links to the sender": Scenario(
        (
            trace(
                "t-signal",
                PYTHON,
                start(
                    "Approval",
                    "approval-1",
                    point("RunWorkflow:Approval", "approval-1", "run-sig"),
                    point(
                        "HandleSignal:approve",
                        "approval-1",
                        "run-sig",
                        links=[("t-signal-sender", "sender", {})],
                    ),
                    point("CompleteWorkflow:Approval", "approval-1", "run-sig"),
                ),
            ),
            trace(
                "t-signal-sender",
                PYTHON,
                s("SignalWorkflow:approve", w("approval-1"), kind=CLIENT, key="sender"),
            ),
        ),
        [execution("Approval", "run-sig", "success", workflow_id="approval-1")],
    ),
    "python: nobody starts it with a span": Scenario(
        (
            trace(
                "t-orphan",
                PYTHON,
                point("RunWorkflow:Nightly", "nightly-1", "run-orphan", below_unknown="gone"),
            ),
        ),
        [execution("Nightly", "run-orphan", "running")],
    ),
    "python 2: failure": Scenario(
        (
            trace(
                "t2-fail",
                PYTHON_2,
                start(
                    "CheckoutFail",
                    "order-f2",
                    run2(
                        "CheckoutFail", "order-f2", "run-f2",
                        activity("bad", "order-f2", "run-f2", "1", "declined", point_long=False),
                        status="error", message="declined", events=[failed("ActivityError", "declined")],
                    ),
                ),
            ),
        ),
        [execution("CheckoutFail", "run-f2", "failed", step("bad", "failed", id="1"))],
    ),
    "python 2: children": Scenario(
        (
            trace(
                "t2-child",
                PYTHON_2,
                start(
                    "Parent",
                    "parent-2",
                    run2(
                        "Parent", "parent-2", "run-parent-2",
                        *(
                            s("StartChildWorkflow:Child", w("parent-2", "run-parent-2"),
                              run2("Child", f"child2-{n}", f"run-child2-{n}",
                                   activity("reserve", f"child2-{n}", f"run-child2-{n}", "1", None)),
                              kind=CLIENT)
                            for n in (1, 2)
                        ),
                    ),
                ),
            ),
        ),
        [
            execution("Parent", "run-parent-2", "success"),
            execution("Child", "run-child2-1", "success", step("reserve"), parent="run-parent-2"),
            execution("Child", "run-child2-2", "success", step("reserve"), parent="run-parent-2"),
        ],
    ),
    "python 2: only its start is known": Scenario(
        (trace("t2-running", PYTHON_2, start("Approval", "approval-2")),),
        [execution("Approval", trace_hex("t2-running"), "running", workflow_id="approval-2")],
    ),
    "python 2: running, with activities whose run is told at its end": Scenario(
        (
            trace(
                "t2-midway",
                PYTHON_2,
                start("Checkout", "order-m2"),
                s("StartActivity:reserve", w("order-m2", "run-m2"),
                  s("RunActivity:reserve", w("order-m2", "run-m2", "1"), kind=SERVER),
                  kind=CLIENT, below_unknown="run of it"),
            ),
        ),
        [execution("Checkout", "run-m2", "running", step("reserve", id="1"), workflow_id="order-m2")],
    ),
    "python 2: continues as new below the run that ended": Scenario(
        (
            trace(
                "t2-can",
                PYTHON_2,
                start(
                    "Poller",
                    "poller-2",
                    run2("Poller", "poller-2", "run2-can-1",
                         run2("Poller", "poller-2", "run2-can-2",
                              activity("reserve", "poller-2", "run2-can-2", "1", None), at=40),
                         lasts=10),
                ),
            ),
        ),
        [
            execution("Poller", "run2-can-1", "superseded"),
            execution("Poller", "run2-can-2", "success", step("reserve")),
        ],
    ),
    "python 2: a signal is handled in the sender's trace": Scenario(
        (
            trace("t2-signal", PYTHON_2,
                  start("Approval", "approval-3", run2("Approval", "approval-3", "run-sig2", at=10))),
            trace("t2-signal-sender", PYTHON_2,
                  s("SignalWorkflow:approve", w("approval-3"),
                    s("HandleSignal:approve", w("approval-3", "run-sig2"), kind=SERVER, lasts=0),
                    kind=CLIENT, at=1)),
        ),
        [execution("Approval", "run-sig2", "success", workflow_id="approval-3")],
    ),
    "go: continues as new, told as an error": Scenario(
        (
            trace(
                "tg-can",
                GO,
                start(
                    "Poller",
                    "go-poller",
                    run2("Poller", "go-poller", "go-1",
                         run2("Poller", "go-poller", "go-2", at=60),
                         status="error", message="continue as new", lasts=20),
                ),
            ),
        ),
        [
            execution("Poller", "go-1", "superseded"),
            execution("Poller", "go-2", "success"),
        ],
    ),
    "go: cancelled, failed, told again by a second worker": Scenario(
        (
            trace("tg-cancel", GO,
                  start("Job", "go-job", run2("Job", "go-job", "go-c", status="error", message="canceled"))),
            trace("tg-fail", GO,
                  start("Job", "go-job-2",
                        run2("Job", "go-job-2", "go-f", lasts=5),
                        run2("Job", "go-job-2", "go-f",
                             activity("load", "go-job-2", "go-f", "5", "no rows"),
                             status="error", message="no rows"))),
        ),
        [
            execution("Job", "go-c", "cancelled"),
            execution("Job", "go-f", "failed", step("load", "failed", id="5")),
        ],
    ),
    "java: tries without an id, a run that left the cache": Scenario(
        (
            trace(
                "tj",
                JAVA,
                s("StartWorkflow:Checkout", {"workflowId": "java-1", "runId": "java-run"},
                  s("RunWorkflow:Checkout", {"workflowId": "java-1", "runId": "java-run", "evicted": True},
                    lasts=5),
                  s("RunWorkflow:Checkout", {"workflowId": "java-1", "runId": "java-run"},
                    s("StartActivity:Reserve", {"workflowId": "java-1", "runId": "java-run"},
                      s("RunActivity:Reserve", {"workflowId": "java-1", "runId": "java-run"},
                        status="error", message="try 1"),
                      s("RunActivity:Reserve", {"workflowId": "java-1", "runId": "java-run"})),
                    s("StartActivity:Reserve", {"workflowId": "java-1", "runId": "java-run"},
                      s("RunActivity:Reserve", {"workflowId": "java-1", "runId": "java-run"})))),
            ),
        ),
        [execution("Checkout", "java-run", "success", step("Reserve", "success", 2), step("Reserve"))],
    ),
    "java: evicted and not seen again": Scenario(
        (
            trace("tj-evicted", JAVA,
                  s("RunWorkflow:Wait", {"workflowId": "java-2", "runId": "java-open", "evicted": True})),
        ),
        [execution("Wait", "java-open", "running")],
    ),
}  # fmt: skip


def ts(run: str, workflow: str, kind: str, **more: Any) -> dict[str, Any]:
    """Attributes of spans inside workflows: the whole of workflow.info()."""
    return {
        "workflowId": workflow, "runId": run, "workflowType": kind, "taskQueue": "orders",
        "namespace": "default", "attempt": 1, "parent": None, "memo": {},
        "unsafe": {"isReplaying": False, "now": None}, **more,
    }  # fmt: skip


def tried(run: str, workflow: str, number: str) -> dict[str, Any]:
    """Attributes of a try of an activity."""
    return {"temporalActivityId": number, "temporalWorkflowId": workflow, "run_id": run}


CLIENT_TS, INSIDE, ACTIVITY = (
    "@temporalio/interceptor-client",
    "@temporalio/interceptor-workflow",
    "@temporalio/interceptor-activity",
)

SCENARIOS |= {
    "typescript: failure after all tries": Scenario(
        (
            trace(
                "ts-fail",
                INSIDE,
                s("StartWorkflow:checkout", {"temporalWorkflowId": "ts-1", "run_id": "ts-run-1"},
                  s("RunWorkflow:checkout", ts("ts-run-1", "ts-1", "checkout"),
                    s("StartActivity:charge", ts("ts-run-1", "ts-1", "checkout"),
                      *(s("RunActivity:charge", tried("ts-run-1", "ts-1", "1"), scope=ACTIVITY,
                          status="error", message=f"try {n}") for n in (1, 2)),
                      status="error", message="Activity task failed"),
                    status="error", message="Activity task failed"),
                  scope=CLIENT_TS, status="ok"),
            ),
        ),
        [execution("checkout", "ts-run-1", "failed", step("charge", "failed", 2, id="1"), workflow_id="ts-1")],
    ),
    "typescript: continues as new below a span of its own": Scenario(
        (
            trace(
                "ts-can",
                INSIDE,
                s("StartWorkflow:poller", {"temporalWorkflowId": "ts-2", "run_id": "ts-run-2"},
                  s("RunWorkflow:poller", ts("ts-run-2", "ts-2", "poller"),
                    s("ContinueAsNew:poller", ts("ts-run-2", "ts-2", "poller"),
                      s("RunWorkflow:poller",
                        ts("ts-run-3", "ts-2", "poller", continuedFromExecutionRunId="ts-run-2"),
                        at=50, status="ok"),
                      lasts=0, status="ok"),
                    lasts=20, status="ok"),
                  scope=CLIENT_TS, status="ok"),
            ),
        ),
        [
            execution("poller", "ts-run-2", "superseded"),
            execution("poller", "ts-run-3", "success"),
        ],
    ),
    "typescript: children, one of them cancelled": Scenario(
        (
            trace(
                "ts-child",
                INSIDE,
                s("StartWorkflow:parent", {"temporalWorkflowId": "ts-p", "run_id": "ts-run-p"},
                  s("RunWorkflow:parent", ts("ts-run-p", "ts-p", "parent"),
                    s("StartChildWorkflow:child", ts("ts-run-p", "ts-p", "parent"),
                      s("RunWorkflow:child", ts("ts-run-c1", "ts-c1", "child"), status="ok"), status="ok"),
                    s("StartChildWorkflow:child", ts("ts-run-p", "ts-p", "parent"),
                      s("RunWorkflow:child", ts("ts-run-c2", "ts-c2", "child"), status="error",
                        message="Workflow cancelled",
                        events=[failed("CancelledFailure", "Workflow cancelled")]), status="ok"),
                    status="ok"),
                  scope=CLIENT_TS, status="ok"),
            ),
        ),
        [
            execution("parent", "ts-run-p", "success"),
            execution("child", "ts-run-c1", "success", parent="ts-run-p"),
            execution("child", "ts-run-c2", "cancelled", parent="ts-run-p"),
        ],
    ),
    "typescript: running": Scenario(
        (
            trace("ts-running", CLIENT_TS,
                  s("StartWorkflow:approval", {"temporalWorkflowId": "ts-r", "run_id": "ts-run-r"}, status="ok")),
        ),
        [execution("approval", "ts-run-r", "running", workflow_id="ts-r")],
    ),
}  # fmt: skip
