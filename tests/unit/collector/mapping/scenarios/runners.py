"""Dagster, Restate, CrewAI, Lambda, Logfire, GenAI agents and plain traces."""

from typing import Any

from tests.unit.collector.mapping.scenarios.build import (
    CLIENT,
    CONSUMER,
    SERVER,
    Scenario,
    execution,
    s,
    span_hex,
    step,
    trace,
    trace_hex,
)

RESTATE = {"service.name": "Restate"}


def dagster(
    run: str, step_key: str, *below: Any, job: str = "etl", number: int = 0, **more: Any
) -> Any:
    """A try of a step."""
    told = {
        "dagster.run_id": run,
        "dagster.job_name": job,
        "dagster.step_key": step_key,
        "dagster.retry_number": number,
    }
    return s(step_key, told, *below, **more)


def restate(what: str, invocation: str, target: str, *below: Any, **more: Any) -> Any:
    """One of the spans of an invocation."""
    service, method = target.split("/")[0], target.split("/")[-1]
    extra = more.pop("attributes", {})
    told = {
        "rpc.service": service,
        "rpc.method": method,
        "restate.invocation.id": invocation,
        "restate.invocation.target": target,
        **extra,
    }
    return s(f"{what} {service}/{method}", told, *below, **more)


def command(name: str | None, kind: str = "Command/Run") -> Any:
    """An event of an attempt."""
    told = {"restate.journal.command.type": kind} | (
        {"restate.journal.command.name": name} if name else {}
    )
    return ("restate.invocation.lifecycle.new_command", told)


def ended(invocation: str, target: str, result: str = "success", message: str = "") -> Any:
    """The end of an invocation."""
    told = {"restate.invocation.result": result}
    if message:
        told |= {"error.message": message, "restate.invocation.error.code": "402"}
    return restate(
        "invocation-end",
        invocation,
        target,
        attributes=told,
        lasts=0,
        status="error" if message else "ok",
        message=message,
    )


def langgraph(
    name: str, node: str | None, namespace: str, *below: Any, kind: str = "CHAIN", **more: Any
) -> Any:
    """A span of OpenInference inside a graph."""
    metadata = f'{{"langgraph_node": "{node}", "langgraph_checkpoint_ns": "{namespace}", "thread_id": "t-7"}}'
    return s(
        name,
        {"openinference.span.kind": kind, **({"metadata": metadata} if node else {})},
        *below,
        status=more.pop("status", "ok"),
        **more,
    )


OPENINFERENCE = "openinference.instrumentation.langchain"
CREWAI = "openinference.instrumentation.crewai"
LAMBDA = "opentelemetry.instrumentation.aws_lambda"
DECLINED = ("exception", {"exception.type": "ValueError", "exception.message": "declined"})

SCENARIOS = {
    "dagster: fan in, parents are data": Scenario(
        (trace("da-fan", "dagster_otel", dagster("dag-fan", "left", dagster("dag-fan", "merge", at=20)),
               dagster("dag-fan", "right")),),
        [execution("etl", "dag-fan", "success", step("left"), step("right"), step("merge"))],
    ),
    "dagster: three runs in one trace": Scenario(
        (trace("da-three", "dagster_otel",
               dagster("dag-1", "extract", dagster("dag-1", "load", dagster("dag-2", "extract", dagster(
                   "dag-2", "bad", dagster("dag-3", "extract", job="other"), status="error", message="bad rows"), at=30)))),),
        [execution("etl", "dag-1", "success", step("extract"), step("load")),
         execution("etl", "dag-2", "failed", step("extract"), step("bad", "failed")),
         execution("other", "dag-3", "success", step("extract"))],
    ),
    "dagster: tries exhausted, below the tick of a sensor": Scenario(
        (trace("da-ex", "dagster_otel", s("sensor tick", {"dagster.sensor_name": "new_files"},
               dagster("dag-ex", "flaky", key="t0", status="error", message="try 1"),
               dagster("dag-ex", "flaky", number=1, key="t1", status="error", message="try 2", links=[("da-ex", "t0", {})]),
               dagster("dag-ex", "flaky", number=2, status="error", message="try 3", links=[("da-ex", "t1", {})]))),),
        [execution("etl", "dag-ex", "failed", step("flaky", "failed", 3))],
    ),
    "restate: failure of what it calls": Scenario(
        (trace("re-fail", "services", restate("ingress", "inv_f1", "Checkout/o-1/run",
               restate("invocation-start", "inv_f1", "Checkout/o-1/run",
                       restate("invocation-attempt", "inv_f1", "Checkout/o-1/run",
                               restate("invocation-start", "inv_f2", "Payments/decline",
                                       restate("invocation-attempt", "inv_f2", "Payments/decline",
                                               status="error", message="transient failure"),
                                       restate("invocation-attempt", "inv_f2", "Payments/decline", status="ok"),
                                       ended("inv_f2", "Payments/decline", "failure", "card declined"), lasts=2),
                               status="ok", events=[command("reserve"), command(None, "Command/Call")]),
                       ended("inv_f1", "Checkout/o-1/run", "failure", "card declined"), lasts=2), lasts=0), resource=RESTATE),),
        [execution("Checkout/o-1/run", "inv_f1", "failed", step("reserve", "unknown", kind="run"), attempts=1),
         execution("Payments/decline", "inv_f2", "failed", parent="inv_f1", attempts=2)],
    ),
    "restate: running, its second attempt at work": Scenario(
        (trace("re-run", "services", restate("ingress", "inv_r1", "Slow/run",
               restate("invocation-start", "inv_r1", "Slow/run",
                       restate("invocation-attempt", "inv_r1", "Slow/run", status="error", message="transient failure"),
                       lasts=1), lasts=0), resource=RESTATE),),
        [execution("Slow/run", "inv_r1", "running", attempts=1)],
    ),
    "restate: a one-way call runs in a trace of its own": Scenario(
        (trace("re-one", "services", restate("ingress", "inv_o1", "Cart/u/add",
               restate("invocation-start", "inv_o1", "Cart/u/add",
                       restate("invocation-attempt", "inv_o1", "Cart/u/add", status="ok", key="caller"),
                       ended("inv_o1", "Cart/u/add"), lasts=1), lasts=0), resource=RESTATE),
         trace("re-one-2", "services", restate("invocation-start", "inv_o2", "Mail/send",
               restate("invocation-attempt", "inv_o2", "Mail/send", status="ok"), ended("inv_o2", "Mail/send"),
               lasts=1, links=[("re-one", "caller", {"restate.runtime": True})]), resource=RESTATE, at=4)),
        [execution("Cart/u/add", "inv_o1", "success"), execution("Mail/send", "inv_o2", "success")],
    ),
    "langgraph: midway, the graph itself is told last": Scenario(
        (trace("lg-mid", OPENINFERENCE,
               langgraph("plan", "plan", "plan:1", below_unknown="graph"),
               langgraph("answer", "answer", "answer:1",
                         langgraph("model", "answer", "answer:1", kind="LLM"), below_unknown="graph", status="error")),),
        [execution("unknown", trace_hex("lg-mid"), "running", step("plan"), step("answer", "failed"),
                   step("model", kind="LLM"), session="t-7")],
    ),
    "crewai: a task fails": Scenario(
        (trace("cr-fail", CREWAI, s("report_crew.kickoff", {"crew_id": "c-1", "openinference.span.kind": "CHAIN"},
               s("Researcher.research._execute_core", {"task_name": "research", "openinference.span.kind": "AGENT"}, status="ok"),
               s("Writer.write._execute_core", {"task_name": "write", "openinference.span.kind": "AGENT"},
                 status="error", message="no model"), status="error", message="no model")),),
        [execution("report_crew.kickoff", trace_hex("cr-fail"), "failed", step("research"), step("write", "failed"))],
    ),
    "crewai: a flow, whose id is told": Scenario(
        (trace("cr-flow", CREWAI, s("Flow_9.kickoff", {"flow_id": "flow-9", "openinference.span.kind": "CHAIN"},
               s("Flow_9.begin", {"flow.node.name": "begin", "openinference.span.kind": "CHAIN"}, status="ok"),
               s("Flow_9.finish", {"flow.node.name": "finish", "openinference.span.kind": "CHAIN"}, status="ok"), status="ok")),),
        [execution("Flow_9.kickoff", "flow-9", "success", step("begin"), step("finish"))],
    ),
    "lambda: a batch fails; the message of the status is empty": Scenario(
        (trace("la-fail", LAMBDA, s("orders-fn", {"faas.invocation_id": "req-f", "faas.trigger": "pubsub",
                                                  "cloud.resource_id": "arn:aws:lambda:eu:1:function:orders-fn"},
               s("process orders", {"messaging.system": "aws_sqs", "messaging.operation.type": "process"},
                 kind=CONSUMER, status="error", message="declined", events=[DECLINED]),
               kind=SERVER, status="error", events=[DECLINED])),),
        [execution("orders-fn", "req-f", "failed", step("process orders", "failed"), trigger="pubsub",
                   workflow_id="arn:aws:lambda:eu:1:function:orders-fn")],
    ),
    "lambda: behind an API, answers 500, calls a database": Scenario(
        (trace("la-http", LAMBDA, s("orders-fn", {"faas.invocation_id": "req-h", "faas.trigger": "http", "http.status_code": 500},
               s("select", {"db.system": "postgresql"}, kind=CLIENT, scope="opentelemetry.instrumentation.psycopg2"),
               kind=SERVER)),
         trace("la-cron", LAMBDA, s("nightly-fn", {"faas.invocation_id": "req-c"}, kind=SERVER))),
        [execution("orders-fn", "req-h", "failed", step("select"), trigger="http"),
         execution("nightly-fn", "req-c", "success")],
    ),
    "logfire: only pending spans have come": Scenario(
        (trace("lf-pending", "logfire",
               s("nightly {day}", {"logfire.span_type": "pending_span", "logfire.msg_template": "nightly {day}",
                                   "logfire.msg": "nightly 20", "logfire.pending_parent_id": "0" * 16},
                 lasts=0, below_unknown="real root"),
               s("load {t}", {"logfire.span_type": "pending_span", "logfire.msg_template": "load {t}", "logfire.msg": "load orders",
                              "logfire.pending_parent_id": span_hex("lf-pending", "real root")},
                 lasts=0, below_unknown="real step")),),
        [execution("nightly 20", trace_hex("lf-pending"), "running", step("load orders", "running"))],
    ),
    "logfire: the step has ended, the run is pending": Scenario(
        (trace("lf-half", "logfire",
               s("nightly", {"logfire.span_type": "pending_span", "logfire.msg_template": "nightly", "logfire.msg": "nightly",
                             "logfire.pending_parent_id": "0" * 16}, lasts=0, below_unknown="real root"),
               s("load", {"logfire.span_type": "span", "logfire.msg_template": "load", "logfire.msg": "load"},
                 below_unknown="real root")),),
        [execution("nightly", trace_hex("lf-half"), "running", step("load"))],
    ),
    "genai: a workflow of agents": Scenario(
        (trace("ga", "some.framework", s("invoke_workflow report", {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "report"},
               s("invoke_agent researcher", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher"},
                 s("chat gpt", {"gen_ai.operation.name": "chat"}, kind=CLIENT),
                 s("execute_tool find", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"},
                   status="error", message="nothing found"), key="agent"))),),
        [execution("report", trace_hex("ga"), "success"),
         execution("researcher", f"{trace_hex('ga')}-{span_hex('ga', 'agent')}", "success", step("chat gpt", kind="chat"),
                   step("execute_tool find", "failed", kind="execute_tool"), parent=trace_hex("ga"))],
    ),
    "a call of a model outside of any agent is an execution of one step": Scenario(
        (trace("ro-chat", "openai", s("chat gpt", {"gen_ai.operation.name": "chat"}, s("POST", {}), kind=CLIENT)),
         trace("ro-task", "prefect", s("load-1a2", {"prefect.run.type": "task", "prefect.run.id": "ro-t"}, status="error", message="no")),
         trace("ro-open", "openai", s("chat gpt", {"gen_ai.operation.name": "chat"}, kind=CLIENT, is_open=True))),
        [execution("chat gpt", trace_hex("ro-chat"), "success", step("chat gpt", kind="chat")),
         execution("load", trace_hex("ro-task"), "failed", step("load", "failed")),
         execution("chat gpt", trace_hex("ro-open"), "running", step("chat gpt", "running"))],
    ),
    "traceloop: midway, the workflow itself is told last": Scenario(
        (trace("tl-mid", "traceloop.tracer",
               s("leaf.task", {"traceloop.span.kind": "task", "traceloop.entity.name": "leaf", "traceloop.workflow.name": "report"},
                 below_unknown="workflow")),),
        [execution("report", trace_hex("tl-mid"), "running", step("leaf", kind="task"))],
    ),
}  # fmt: skip
