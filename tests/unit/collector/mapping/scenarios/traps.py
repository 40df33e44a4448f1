"""Where spans mislead: statuses that are not what they look like, ids that are not whose they seem."""

from tests.unit.collector.mapping.scenarios.airflow import run as airflow_run
from tests.unit.collector.mapping.scenarios.airflow import tried, worked
from tests.unit.collector.mapping.scenarios.build import (
    CLIENT,
    CONSUMER,
    PRODUCER,
    SERVER,
    Scenario,
    execution,
    s,
    step,
    trace,
    trace_hex,
)
from tests.unit.collector.mapping.scenarios.runners import langgraph
from tests.unit.collector.mapping.scenarios.temporal import PYTHON, PYTHON_2, run2, start, w

CELERY = "opentelemetry.instrumentation.celery"
TRACEBACK = "RuntimeError('no')Traceback (most recent call last):\n  File \"x.py\", line 1\n"


def prefect(name: str, kind: str, id_: str, *below, state: tuple[str, str] | None = None, **more):
    """A run of Prefect, whose last state is an event."""
    told = {
        "prefect.run.name": name,
        "prefect.run.type": kind,
        "prefect.run.id": id_,
        **more.pop("told", {}),
    }
    events = [("Running", {"prefect.state.type": "RUNNING", "prefect.state.name": "Running"}, 0)]
    if state:
        events.append((state[1], {"prefect.state.type": state[0], "prefect.state.name": state[1]}))
    return s(name, told, *below, events=events, scope="prefect", **more)


def celery(name: str, id_: str, state: str | None, *below, **more):
    """A publish, or a run in a state."""
    told = {
        "celery.action": "run" if state else "apply_async",
        "celery.task_name": name,
        "messaging.message.id": id_,
    }
    if state:
        told |= {
            "celery.state": state,
            "celery.delivery_info": "{'exchange': '', 'redelivered': None}",
            **more.pop("told", {}),
        }
    return s(
        f"{'run' if state else 'apply_async'}/{name}",
        told,
        *below,
        kind=CONSUMER if state else PRODUCER,
        **more,
    )


def dbos(name: str, id_: str, kind: str | None, *below, **more):
    """A workflow, a step or a call of the runtime."""
    told = {"dbos.operation.workflow_id": id_} | ({"dbos.operation.type": kind} if kind else {})
    return s(name, told, *below, status=more.pop("status", "ok"), **more)


def checked(name: str, said: str, **more):
    """A test of pytest-otel."""
    return s(f"Running {name}", {"tests.name": name, "tests.status": said}, **more)


SCENARIOS = {
    "temporal: a run told by two workers has one span id": Scenario(
        (trace("tp-moved", PYTHON_2, start("Long", "long-1",
               run2("Long", "long-1", "run-long", key="run", lasts=5), run2("Long", "long-1", "run-long", key="run", at=2, lasts=90))),),
        [execution("Long", "run-long", "success")],
    ),
    "temporal: questions, schedules and Nexus calls are no executions": Scenario(
        (trace("tp-ops", PYTHON, *(s(f"{name}:x", w("asked-1"), kind=CLIENT) for name in
               ("QueryWorkflow", "UpdateWorkflow", "CreateSchedule", "SignalExternalWorkflow")),
               s("RunStartNexusOperationHandler:pay/charge", {"temporalWorkflowID": "n-1"}, kind=SERVER)),
         trace("tp-asked", PYTHON_2, start("Asked", "asked-1", run2("Asked", "asked-1", "run-asked",
               s("HandleQuery:x", w("asked-1", "run-asked"), kind=SERVER), s("ValidateUpdate:x", w("asked-1", "run-asked"), kind=SERVER),
               s("HandleUpdate:x", w("asked-1", "run-asked"), kind=SERVER))))),
        [execution("Asked", "run-asked", "success")],
    ),
    "prefect: a flow that is tried again ends as an error, and its outcome is not told": Scenario(
        (trace("pf-again", "prefect", prefect("red-fox", "flow", "pf-1",
               prefect("load-1a2", "task", "pf-1a", status="ok", state=("COMPLETED", "Completed")),
               prefect("load-3b4", "task", "pf-1b", status="ok", state=("COMPLETED", "Completed"), at=90),
               status="error", message="Run failed", state=("SCHEDULED", "AwaitingRetry"), lasts=20)),),
        [execution("red-fox", "pf-1", "unknown", step("load"), step("load"))],
    ),
    "prefect: cancelled ends OK, paused waits, crashed is lost, timed out is told by name": Scenario(
        (trace("pf-states", "prefect", prefect("a-a", "flow", "pf-2", status="ok", state=("CANCELLED", "Cancelled"))),
         trace("pf-states-2", "prefect", prefect("b-b", "flow", "pf-3", status="ok", state=("PAUSED", "Suspended"))),
         trace("pf-states-3", "prefect", prefect("c-c", "flow", "pf-4", status="error", state=("CRASHED", "Crashed"))),
         trace("pf-states-4", "prefect", prefect("d-d", "flow", "pf-5",
               prefect("slow-1a2", "task", "pf-5a", status="error", state=("FAILED", "TimedOut")),
               status="error", state=("FAILED", "Failed")))),
        [execution("a-a", "pf-2", "cancelled"), execution("b-b", "pf-3", "waiting"), execution("c-c", "pf-4", "lost"),
         execution("d-d", "pf-5", "failed", step("slow", "timed_out"))],
    ),
    "prefect: labels of users are attributes": Scenario(
        (trace("pf-labels", "prefect", prefect("e-e", "flow", "pf-6", status="ok", state=("COMPLETED", "Completed"),
               told={"job_id": "7", "workspace_id": "9", "gen_ai.operation.name": "chat", "messaging.system": "kafka"})),),
        [execution("e-e", "pf-6", "success")],
    ),
    "prefect: tries without a pause are told by Retrying alone": Scenario(
        (trace("pf-pause", "prefect", s("f-f", {"prefect.run.name": "f-f", "prefect.run.type": "flow", "prefect.run.id": "pf-7"},
               s("flaky-1a2", {"prefect.run.name": "flaky-1a2", "prefect.run.type": "task", "prefect.run.id": "pf-7a"}, status="ok", events=[
                   ("exception", {"exception.type": "RuntimeError", "exception.message": "1"}, 2.1), ("Retrying", {"prefect.state.type": "RUNNING", "prefect.state.name": "Retrying"}, 2.2),
                   ("exception", {"exception.type": "RuntimeError", "exception.message": "2"}, 2.3), ("Retrying", {"prefect.state.type": "RUNNING", "prefect.state.name": "Retrying"}, 2.4),
                   ("Completed", {"prefect.state.type": "COMPLETED", "prefect.state.name": "Completed"}, 2.5)]),
               status="ok", scope="prefect")),),
        [execution("f-f", "pf-7", "success", step("flaky", "success", 3))],
    ),
    "airflow: three services tell one run": Scenario(
        (trace("aw-three", "airflow.models.dagrun", airflow_run("etl", "manual__aw-3", tried("etl", "manual__aw-3", "load", "success",
               worked("etl", "manual__aw-3", "load", resource={"service.name": "airflow", "service.instance.id": "task"}),
               resource={"service.name": "airflow", "service.instance.id": "api"}))),),
        [execution("etl", "manual__aw-3", "success", step("load"))],
    ),
    "celery: a try that asks for another ends without an error": Scenario(
        (trace("ce-retry", CELERY, celery("pay", "ce-1", None, celery("pay", "ce-1", "RETRY", celery("pay", "ce-1", None,
               celery("pay", "ce-1", "FAILURE", told={"celery.retries": 1}, status="error", message="no"))))),
         trace("ce-waits", CELERY, celery("pay", "ce-2", None, celery("pay", "ce-2", "RETRY", celery("pay", "ce-2", None))))),
        [execution("pay", "ce-1", "failed", step("pay", "failed", 2, id="ce-1")), execution("pay", "ce-2", "retrying", step("pay", "retrying"))],
    ),
    "celery: a callback outlives the run that published it": Scenario(
        (trace("ce-link", CELERY, celery("pay", "ce-3", None, celery("pay", "ce-3", "SUCCESS", celery("mail", "ce-4", None,
               celery("mail", "ce-4", "FAILURE", at=60, status="error")), lasts=3))),),
        [execution("pay", "ce-3", "failed", step("pay", id="ce-3"), step("mail", "failed", id="ce-4"))],
    ),
    "celery: an internal task collects a chord": Scenario(
        (trace("ce-chord", CELERY, celery("celery.chord_unlock", "ce-5", None, celery("celery.chord_unlock", "ce-5", "SUCCESS",
               celery("sum", "ce-6", None, celery("sum", "ce-6", "SUCCESS"))))),),
        [execution("celery.chord_unlock", "ce-5", "success", step("celery.chord_unlock"), step("sum"))],
    ),
    "dbos: called again with a finished id, recovered after a crash": Scenario(
        (trace("do-1", "dbos-tracer", dbos("checkout", "do-1", "workflow", dbos("reserve", "do-1", "step"))),
         trace("do-2", "dbos-tracer", dbos("checkout", "do-1", "workflow"), at=900),
         trace("do-3", "dbos-tracer", dbos("reserve", "do-2", "step", below_unknown="workflow")),
         trace("do-4", "dbos-tracer", dbos("checkout", "do-2", "workflow", dbos("charge", "do-2", "step")), at=900)),
        [execution("checkout", "do-1", "success", step("reserve")), execution("checkout", "do-2", "success", step("reserve"), step("charge"))],
    ),
    "restate: a scope that anybody may use": Scenario(
        (trace("rs-other", "services", s("tick", {}, s("part"))),),
        [execution("tick", trace_hex("rs-other"), "success", step("part"))],
    ),
    "pydantic ai: names of older versions": Scenario(
        (trace("pa-old", "pydantic-ai", s("agent run", {"agent_name": "old", "gen_ai.agent.call.id": "pa-1"},
               s("running tool", {"gen_ai.tool.name": "find", "gen_ai.agent.call.id": "pa-1"}))),),
        [execution("old", "pa-1", "success", step("running tool", kind="execute_tool"))],
    ),
    "genai: a remote agent is a client, contents may have structure": Scenario(
        (trace("gn-remote", "sdk", s("invoke_agent far", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "far", "gen_ai.agent.id": "asst-1",
               "gen_ai.input.messages": [{"role": "user", "parts": [{"text": "hi"}]}]},
               s("chat x", {"gen_ai.operation.name": "chat", "gen_ai.system": "x"}, kind=CLIENT), kind=CLIENT)),),
        [execution("far", trace_hex("gn-remote"), "success", step("chat x"), workflow_id="asst-1")],
    ),
    "openinference: the message of the status is a traceback, a graph inside a graph is a step": Scenario(
        (trace("oi-sub", "openinference.instrumentation.langchain", langgraph("outer", None, "",
               langgraph("sub", "sub", "sub:1", langgraph("inner", "sub", "sub:1", langgraph("plan", "plan", "sub:1|plan:2",
                         status="error", message=TRACEBACK, events=[("exception", {"exception.type": "RuntimeError", "exception.message": "no"})]))))),),
        [execution("outer", trace_hex("oi-sub"), "success", step("sub"), step("inner"), step("plan", "failed"), session="t-7")],
    ),
    "logfire: a line of the log that tells an error is no step": Scenario(
        (trace("lo-line", "logfire", s("job", {"logfire.span_type": "span", "logfire.msg_template": "job", "logfire.msg": "job"},
               s("oops", {"logfire.span_type": "log", "logfire.level_num": 17, "logfire.msg_template": "oops"}, status="error", lasts=0))),),
        [execution("job", trace_hex("lo-line"), "success")],
    ),
    "pytest-otel: the last try says None, an expected failure is told as one": Scenario(
        (trace("po-last", "Nightly", s("Nightly", {"tests.status": "passed"}, checked("test_flaky", "failed", status="error"),
               checked("test_flaky", "None"), checked("test_xfail", "failed", status="error"), kind=SERVER, status="ok")),),
        [execution("Nightly", trace_hex("po-last"), "success", step("test_flaky", "success", 2), step("test_xfail", "failed"))],
    ),
    "pytest-opentelemetry: phases and fixtures are no tests, skipped is unknown": Scenario(
        (trace("pp", "pytest-opentelemetry", s("test run", {"pytest.span_type": "run"},
               s("t.py::test_a", {"pytest.span_type": "test", "pytest.nodeid": "t.py::test_a"},
                 s("t.py::test_a::setup", {"pytest.span_type": "test", "pytest.nodeid": "t.py::test_a"}, s("db setup", {"pytest.span_type": "fixture"})),
                 s("t.py::test_a::call", {"pytest.span_type": "test", "pytest.nodeid": "t.py::test_a"}), status="ok"),
               s("t.py::test_skip", {"pytest.span_type": "test", "pytest.nodeid": "t.py::test_skip"},
                 s("t.py::test_skip::setup", {"pytest.span_type": "test", "pytest.nodeid": "t.py::test_skip"})), status="ok")),),
        [execution("test run", trace_hex("pp"), "success", step("t.py::test_a"), step("t.py::test_skip", "unknown"))],
    ),
    "messaging: a batch links to many producers, below none": Scenario(
        (trace("mb-1", "app", s("send", {"messaging.system": "kafka", "messaging.operation.type": "send"}, key="p", kind=PRODUCER)),
         trace("mb-2", "app", s("send", {"messaging.system": "kafka", "messaging.operation.type": "send"}, key="p", kind=PRODUCER)),
         trace("mb-3", "app", s("process orders", {"messaging.system": "kafka", "messaging.operation.type": "process"},
               kind=CONSUMER, links=[("mb-1", "p", {}), ("mb-2", "p", {})]))),
        [execution("send", trace_hex("mb-1"), "success"), execution("send", trace_hex("mb-2"), "success"),
         execution("process orders", trace_hex("mb-3"), "success", trigger="message")],
    ),
    "bare words of dbt and Windmill on anybody's spans": Scenario(
        (trace("bw-1", "app", s("import", {"invocation_id": "7", "job_id": "1", "workspace_id": "2"}, s("part", {"invocation_id": "7"}))),),
        [execution("import", trace_hex("bw-1"), "success", step("part"))],
    ),
    "what no rule of a profile knows, with nothing above": Scenario(
        (trace("nr-1", CELERY, s("beat", {}, s("part", {}), status="error", message="no")),),
        [execution("beat", trace_hex("nr-1"), "failed")],
    ),
    "attributes that a processor copies to every span": Scenario(
        (trace("cp-1", "app", s("nightly", {"workflow.execution.id": "cp-w", "workflow.name": "nightly"},
               s("select", {"workflow.execution.id": "cp-w", "db.system": "sqlite"}, kind=CLIENT, status="error"),
               s("load", {"workflow.execution.id": "cp-w", "workflow.task.name": "load"},
                 s("parse", {"workflow.execution.id": "cp-w"}, status="error")))),
         trace("cp-2", "hatchet", s("hatchet.start_step_run", {"hatchet.workflow_run_id": "cp-h", "hatchet.step_run_id": "cp-s", "hatchet.step_name": "pay",
               "hatchet.workflow_name": "orders"}, s("call", {"hatchet.workflow_run_id": "cp-h", "hatchet.step_run_id": "cp-s"}, status="error"))),
         trace("cp-3", "app", s("GET /", {"http.request.method": "GET"}, s("render"), kind=SERVER),
               resource={"service.name": "app", "cicd.pipeline.run.id": "55", "vcs.vendor.name": "github"})),
        [execution("nightly", "cp-w", "success", step("load")), execution("orders", "cp-h", "success", step("pay")),
         execution("GET /", trace_hex("cp-3"), "success", step("render"), trigger="http")],
    ),
    "databases: both conventions at once, names as they come": Scenario(
        (trace("dd-1", "app", s("job", {}, s("INCRBY EXPIRE", {"db.system": "redis", "db.system.name": "redis"}, kind=CLIENT),
               s("select", {"db.system.name": "postgresql"}, kind=CLIENT, status="error", message="no table"), status="error")),),
        [execution("job", trace_hex("dd-1"), "failed", step("INCRBY EXPIRE", kind="db.redis"), step("select", "failed", kind="db.postgresql"))],
    ),
}  # fmt: skip
