"""CI systems, conventions that any service may follow, commands, X-Ray segments."""

from typing import Any

from tests.unit.collector.mapping.scenarios.build import (
    CLIENT,
    CONSUMER,
    PRODUCER,
    SERVER,
    Scenario,
    execution,
    s,
    span_hex,
    step,
    trace,
    trace_hex,
)

JENKINS, ACTION = "io.jenkins.opentelemetry", "otel-cicd-action"
REPOSITORY = {"vcs.vendor.name": "github", "vcs.repository.name": "shop"}
ADDRESS = "https://github.com/o/shop/actions/runs/77"


def run_of(number: str, status: str, **more: Any) -> dict[str, Any]:
    """The resource of a workflow_run webhook."""
    return REPOSITORY | {
        "cicd.pipeline.run.id": number,
        "cicd.pipeline.name": "CI",
        "cicd.pipeline.run.status": status,
        "cicd.pipeline.run.sender.login": "ann",
        **more,
    }


def job_of(number: str, name: str, status: str) -> dict[str, Any]:
    """The resource of a workflow_job webhook, on which the pipeline's name is the job's."""
    return REPOSITORY | {
        "cicd.pipeline.task.run.id": number,
        "cicd.pipeline.name": name,
        "cicd.pipeline.run.task.status": status,
        "cicd.pipeline.task.run.sender.login": "ann",
    }


def job(number: str, name: str, conclusion: str, *steps: Any, **more: Any) -> Any:
    """A job with its steps and its time in the queue."""
    status = {"success": "ok", "failure": "error"}.get(conclusion, "unset")
    resource = job_of(number, name, conclusion)
    for each in steps:
        each.resource = resource
    return s(
        name,
        {},
        s(f"queue-{name}", {"cicd.pipeline.run.queue.duration": 5e9}, resource=resource),
        *steps,
        resource=resource,
        status=status,
        message=conclusion,
        **more,
    )


def job_step(name: str, conclusion: str, told: str | None = None, **more: Any) -> Any:
    """A step of a job."""
    status = {"success": "ok", "failure": "error"}.get(conclusion, "unset")
    return s(
        name,
        {"cicd.pipeline.run.task.status": told or conclusion},
        status=status,
        message=conclusion,
        **more,
    )


def jenkins(name: str, number: str, result: str, *below: Any, **more: Any) -> Any:
    """A build."""
    told = {
        "ci.pipeline.id": name,
        "ci.pipeline.name": name,
        "ci.pipeline.run.number": number,
        "ci.pipeline.run.result": result,
        **more.pop("told", {}),
    }
    return s(
        f"BUILD {name}",
        told,
        *below,
        kind=SERVER,
        status={"SUCCESS": "ok", "FAILURE": "error"}.get(result, "unset"),
        message="" if result == "SUCCESS" else result,
        **more,
    )


def jenkins_step(name: str, number: str, *below: Any, kind: str = "sh", **more: Any) -> Any:
    """A step of a pipeline."""
    told = {
        "jenkins.pipeline.step.id": number,
        "jenkins.pipeline.step.name": name,
        "jenkins.pipeline.step.type": kind,
    }
    return s(more.pop("called", name), told, *below, status=more.pop("status", "ok"), **more)


SCENARIOS = {
    "cicd: a run and its tasks": Scenario(
        (trace("ci-1", "ci.tool", s("RUN deploy", {"cicd.pipeline.run.id": "c-1", "cicd.pipeline.name": "deploy", "cicd.pipeline.result": "failure"},
               s("build", {"cicd.pipeline.task.run.id": "t1", "cicd.pipeline.task.name": "build", "cicd.pipeline.task.type": "build",
                           "cicd.pipeline.task.run.result": "success"}),
               s("test", {"cicd.pipeline.task.run.id": "t2", "cicd.pipeline.task.name": "test", "cicd.pipeline.task.run.result": "timeout"}),
               s("deploy", {"cicd.pipeline.task.run.id": "t3", "cicd.pipeline.task.name": "deploy", "cicd.pipeline.task.run.result": "skip"}),
               kind=SERVER, status="error")),
         trace("ci-2", "ci.tool", s("SYNC site", {"cicd.pipeline.result": "cancellation"}, kind=SERVER),
               resource={"cicd.pipeline.run.id": "c-2", "cicd.pipeline.name": "site"})),
        [execution("deploy", "c-1", "failed", step("build", id="t1", kind="build"), step("test", "timed_out"), step("deploy", "skipped")),
         execution("site", "c-2", "cancelled")],
    ),
    "github receiver: jobs before their run; cancelled and skipped are no errors": Scenario(
        (trace("gh-1", "", s("CI", {},
               job("901", "build", "success", job_step("checkout", "success"), job_step("docs", "skipped", "failure")),
               job("902", "test", "failure", job_step("pytest", "failure")),
               job("903", "deploy", "cancelled"), kind=SERVER, status="error", resource=run_of("77", "failure"))),),
        [execution("CI", "77", "failed", step("build", id="901", kind="job"), step("checkout", kind="step"), step("docs", "skipped"),
                   step("test", "failed"), step("pytest", "failed"), step("deploy", "cancelled"))],
    ),
    "github receiver: run again is another execution": Scenario(
        (trace("gh-2", "", s("CI", {}, job("911", "build", "success"), kind=SERVER, status="ok", links=[("gh-1", None, {})],
               resource=run_of("77", "success", **{"cicd.pipeline.run.previous_attempt.url.full": f"{ADDRESS}/attempts/1"})), at=900),
         trace("gh-3", "", s("CI", {}, kind=SERVER, links=[("gh-2", None, {})], message="cancelled",
               resource=run_of("77", "cancelled", **{"cicd.pipeline.run.previous_attempt.url.full": f"{ADDRESS}/attempts/2"})), at=990)),
        [execution("CI", "77/attempts/2", "success", step("build"), retry_of="77"),
         execution("CI", "77/attempts/3", "cancelled", retry_of="77/attempts/2")],
    ),
    "github receiver: the run has not come yet": Scenario(
        (trace("gh-4", "", job("921", "build", "success", job_step("checkout", "success"), below_unknown="run")),),
        [execution("unknown", trace_hex("gh-4"), "running", step("build"), step("checkout"))],
    ),
    "github receiver: two steps of one name share a span id": Scenario(
        (trace("gh-5", "", s("CI", {}, job("931", "build", "success", job_step("run", "success", key="run"),
               job_step("run", "failure", key="run")), kind=SERVER, status="ok", resource=run_of("78", "success"))),),
        [execution("CI", "78", "success", step("build"), step("run"), step("run", "failed"))],
    ),
    "otel-cicd-action: numbers of any kind, spans of what was cancelled are OK": Scenario(
        (trace("ga-1", ACTION, s("CI", {"github.run_id": 5551.0, "github.run_attempt": 1, "cicd.pipeline.name": "CI", "github.event": "schedule",
                                        "cicd.pipeline.result": "cancellation"},
               s("Queued"),
               s("build", {"cicd.pipeline.task.run.id": 71, "github.job.id": 71, "cicd.pipeline.task.name": "build",
                           "cicd.pipeline.task.run.result": "success"},
                 s("checkout", {"github.job.step.name": "checkout", "github.job.step.number": 1, "github.job.step.conclusion": "success"}, status="ok")),
               s("deploy", {"github.job.id": 72, "cicd.pipeline.task.name": "deploy", "cicd.pipeline.task.run.result": "cancellation"}, status="ok"),
               status="ok")),
         trace("ga-2", ACTION, s("CI", {"github.run_id": 5551, "github.run_attempt": 2, "cicd.pipeline.name": "CI", "github.conclusion": "success"}), at=70)),
        [execution("CI", "5551", "cancelled", step("build", id="71", kind="job"), step("checkout", kind="step"), step("deploy", "cancelled"), trigger="schedule"),
         execution("CI", "5551/attempts/2", "success", retry_of="5551")],
    ),
    "jenkins: stages are steps, phases and agents are not; a downstream build is a child": Scenario(
        (trace("je-1", JENKINS, jenkins("shop", "12", "UNSTABLE",
               s("Phase: Start", status="ok"),
               s("Phase: Run", {}, s("Agent", {}, s("Agent Allocation", status="ok"),
                 jenkins_step("build", "5", jenkins_step("sh", "7"),
                              jenkins_step("sh", "8", status="unset", message="Aborted by ann"), called="Stage: build", kind="stage"),
                 jenkins_step("test", "9", jenkins_step("junit", "11", kind="junit", status="error", message="2 failed"),
                              called="Parallel branch: test", status="error", message="2 failed"),
                 jenkins("deploy", "3", "ABORTED"), status="ok"), status="ok"),
               s("Phase: Finalise", status="ok"),
               told={"ci.pipeline.run.user": "ann", "ci.pipeline.run.cause": ["UserIdCause:ann"]})),),
        [execution("shop", "shop#12", "partial", step("build", kind="stage"), step("sh"), step("sh", "cancelled"),
                   step("test", "failed", kind="branch"), step("junit", "failed"), trigger="manual"),
         execution("deploy", "deploy#3", "cancelled", parent="shop#12")],
    ),
    "workflow.*: outcomes, a child, an execution over two traces": Scenario(
        (trace("wf-1", "some.engine", s("nightly", {"workflow.execution.id": "w-1", "workflow.name": "nightly", "workflow.execution.outcome": "timeout",
                                                    "workflow.trigger.type": "schedule"},
               s("load", {"workflow.task.id": "t-1", "workflow.task.name": "load", "workflow.task.outcome": "success"}),
               s("send", {"workflow.task.name": "send", "workflow.task.outcome": "skip"}),
               s("part", {"workflow.execution.id": "w-2", "workflow.name": "part"}))),
         trace("wf-2", "some.engine", s("late", {"workflow.execution.id": "w-1", "workflow.task.name": "late", "workflow.task.outcome": "cancellation"},
                                        below_unknown="gone"), at=3)),
        [execution("nightly", "w-1", "timed_out", step("load", id="t-1"), step("send", "skipped"), step("late", "cancelled"), trigger="schedule"),
         execution("part", "w-2", "success", parent="w-1")],
    ),
    "messaging: handling a message is an execution, sending one a step": Scenario(
        (trace("ms-1", "app", s("POST /orders", {"http.request.method": "POST"},
               s("send orders", {"messaging.system": "kafka", "messaging.operation.type": "send"},
                 s("process orders", {"messaging.system": "kafka", "messaging.operation.type": "process", "messaging.message.id": "m-1"},
                   s("insert", {"db.system.name": "postgresql"}, kind=CLIENT), kind=CONSUMER, status="error", message="bad"),
                 kind=PRODUCER), kind=SERVER)),
         trace("ms-2", "app", s("process orders", {"messaging.system": "rabbitmq", "messaging.operation": "process", "messaging.message_id": "m-2"},
                                kind=CONSUMER, links=[("ms-1", "0.0", {})]))),
        [execution("POST /orders", trace_hex("ms-1"), "success", step("send orders", kind="messaging"), trigger="http"),
         execution("process orders", "m-1", "failed", step("insert", kind="db.postgresql"), parent=trace_hex("ms-1"), trigger="message"),
         execution("process orders", "m-2", "success")],
    ),
    "messaging: below an engine's execution it is a step": Scenario(
        (trace("ms-3", "app", s("workflow.execute", {"n8n.execution.id": "201", "n8n.workflow.name": "Queue", "n8n.execution.status": "success"},
               s("process orders", {"messaging.system": "kafka", "messaging.operation.type": "process", "messaging.message.id": "m-3"}, kind=CONSUMER),
               scope="n8n-workflow", status="ok")),),
        [execution("Queue", "201", "success", step("process orders", kind="messaging"))],
    ),
    "services: calls say what they are": Scenario(
        (trace("ht-1", "app", s("GET /cart", {"http.request.method": "GET", "http.route": "/cart"},
               s("GET", {"http.request.method": "GET"}, s("GET /price", {"http.method": "GET"}, kind=SERVER), kind=CLIENT),
               s("HGETALL", {"db.system": "redis"}, kind=CLIENT),
               s("render", {}), s("Pricing/Get", {"rpc.system": "grpc"}, kind=CLIENT, status="error", message="deadline"), kind=SERVER)),),
        [execution("GET /cart", trace_hex("ht-1"), "success", step("GET", kind="http.client"), step("GET /price", kind="http.server"),
                   step("HGETALL", kind="db.redis"), step("render", kind="internal"), step("Pricing/Get", "failed", kind="client"), trigger="http")],
    ),
    "otel-cli: a command that starts another": Scenario(
        (trace("oc-1", "", s("backup", {"process.command": "sh", "process.command_args": ["sh", "-c", "x"], "process.owner": "root"},
               s("dump", {"process.command": "pg_dump", "process.command_args": ["pg_dump"]}, kind=CLIENT, status="error",
                 message="exec command failed: exit status 3"), kind=CLIENT)),),
        [execution("backup", trace_hex("oc-1"), "success", step("dump", "failed", kind="command"))],
    ),
    "x-ray: a segment comes again when it has ended": Scenario(
        (trace("xr-1", "", s("checkout", {"aws.xray.inprogress": True}, kind=SERVER, key="segment", resource={"service.name": "checkout"}),
               s("checkout", {"aws.xray.traced": True}, s("DynamoDB", {}, kind=CLIENT, at=1, lasts=1), kind=SERVER, key="segment", at=0, lasts=20,
                 resource={"service.name": "checkout"})),
         trace("xr-2", "", s("orders", {"aws.xray.inprogress": True}, kind=SERVER, resource={"service.name": "orders"}))),
        [execution("checkout", trace_hex("xr-1"), "success", step("DynamoDB")),
         execution("orders", trace_hex("xr-2"), "running")],
    ),
    "faas: started by a clock": Scenario(
        (trace("fa-1", "cloud.functions", s("nightly", {"faas.invocation_id": "f-1", "faas.trigger": "timer", "faas.cron": "0 3 * * *"},
               s("select", {"db.system": "postgresql"}, kind=CLIENT), kind=SERVER)),),
        [execution("nightly", "f-1", "success", step("select"), trigger="timer")],
    ),
    "agents of one trace have ids of their own": Scenario(
        (trace("aa-1", "app", s("chatbot", {},
               s("invoke_agent a", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}, key="a"),
               s("invoke_agent b", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "b"}, status="error", key="b"))),),
        [execution("chatbot", trace_hex("aa-1"), "success"),
         execution("a", f"{trace_hex('aa-1')}-{span_hex('aa-1', 'a')}", "success", parent=trace_hex("aa-1")),
         execution("b", f"{trace_hex('aa-1')}-{span_hex('aa-1', 'b')}", "failed", parent=trace_hex("aa-1"))],
    ),
}  # fmt: skip
