"""n8n, Argo Workflows, Kestra, Hatchet, Inngest, Trigger.dev, Windmill, dbt, Tekton."""

from typing import Any

from tests.unit.collector.mapping.scenarios.build import (
    CONSUMER,
    PRODUCER,
    Scenario,
    execution,
    s,
    span_hex,
    step,
    trace,
    trace_hex,
)

BROKEN = ("exception", {"exception.type": "NodeApiError", "exception.message": "403"})


def n8n(number: str, status: str, *nodes: Any, mode: str = "webhook", **more: Any) -> Any:
    """An execution of n8n; only errors and crashes end as errors."""
    told = {
        "n8n.workflow.id": "wf-1",
        "n8n.workflow.name": "Order intake",
        "n8n.execution.id": number,
        "n8n.execution.mode": mode,
        "n8n.execution.status": status,
        **more.pop("told", {}),
    }
    return s(
        "workflow.execute",
        told,
        *nodes,
        status="error" if status in ("error", "crashed") else "ok",
        **more,
    )


def node(name: str, *below: Any, status: str = "ok", **more: Any) -> Any:
    """A node; it does not say of which execution."""
    told = {
        "n8n.node.id": name.lower(),
        "n8n.node.name": name,
        "n8n.node.type": f"n8n-nodes-base.{name.lower()}",
        **more.pop("told", {}),
    }
    return s("node.execute", told, *below, status=status, **more)


def argo(name: str, told: dict[str, Any], *below: Any, **more: Any) -> Any:
    """A span with the name of a workflow."""
    return s(name, {"namespace": "ci", "name": "build-x7k2q", **told}, *below, **more)


def argo_node(id_: str, *below: Any, kind: str = "Pod", status: str = "ok", **more: Any) -> Any:
    """A node of a workflow."""
    return argo(
        "node", {"node_id": id_, "node_type": kind}, *below, kind=PRODUCER, status=status, **more
    )


def kestra(name: str, run: str, *below: Any, uid: str | None = None, **more: Any) -> Any:
    """An action of Kestra."""
    told = {"kestra.executionId": run, "kestra.namespace": "shop", "kestra.flowId": "nightly"}
    return s(name, told | ({"kestra.uid": uid} if uid else {}), *below, **more)


def hatchet(
    name: str, run: str, step_run: str | None = None, *below: Any, tried: int = 0, **more: Any
) -> Any:
    """A span of Hatchet's SDK or engine."""
    told: dict[str, Any] = {
        "instrumentor": "hatchet",
        "hatchet.workflow_run_id": run,
        "hatchet.workflow_name": "orders",
        **more.pop("told", {}),
    }
    if step_run:
        told |= {"hatchet.step_run_id": step_run, "hatchet.step_name": "charge"}
    if tried:
        told["hatchet.retry_count"] = tried
    return s(name, told, *below, kind=more.pop("kind", CONSUMER), **more)


def inngest(
    name: str, run: str, step_id: str | None, *below: Any, attempt: int = 0, **more: Any
) -> Any:
    """A span of the user's code, stamped with run and step."""
    told: dict[str, Any] = {"sdk.run.id": run, "sys.function.id": "shop-orders"}
    if step_id:
        told |= {
            "inngest.step.id": step_id,
            "inngest.step.hash": f"hash-{step_id}",
            "inngest.step.attempt": attempt,
        }
    return s(name, told, *below, **more)


def trigger(name: str, run: str, *below: Any, **more: Any) -> Any:
    """A span of Trigger.dev's worker."""
    return s(
        name,
        {"$metadata.ctx.run.id": run, "$metadata.ctx.task.id": "send-mail", **more.pop("told", {})},
        *below,
        **more,
    )


def partial(of: str, key: str, name: str, run: str, **more: Any) -> Any:
    """What is sent beside a span when it starts."""
    return trigger(
        name, run, told={"$span.partial": True, "$span.span_id": span_hex(of, key)}, lasts=0, **more
    )


def windmill(
    job: str,
    *below: Any,
    name: str = "job",
    root: str | None = None,
    part: str | None = None,
    **more: Any,
) -> Any:
    """A job of Windmill."""
    told: dict[str, Any] = {
        "job_id": job,
        "workspace_id": "shop",
        "worker": "w-1",
        "script_path": "f/nightly",
        **more.pop("told", {}),
    }
    if root:
        told |= {"root_job": root, "parent_job": root}
    if part:
        told |= {"flow_step_id": part, "language": "python3"}
    return s(name + (f" {part}" if part else ""), told, *below, **more)


N8N, ARGO, TRIGGER = "n8n-workflow", "workflows-controller", "trigger-dev-worker"

SCENARIOS = {
    "n8n: success, and an error in the last node": Scenario(
        (trace("n8-ok", N8N, n8n("101", "success", node("Webhook"), node("Set"))),
         trace("n8-err", N8N, n8n("102", "error", node("Webhook"), node("HTTP", status="error", events=[BROKEN]),
                                  told={"n8n.execution.error_type": "NodeApiError"}, events=[BROKEN]))),
        [execution("Order intake", "101", "success", step("Webhook", kind="n8n-nodes-base.webhook"), step("Set"),
                   workflow_id="wf-1", trigger="webhook"),
         execution("Order intake", "102", "failed", step("Webhook"), step("HTTP", "failed"))],
    ),
    "n8n: waits, then goes on in another trace with a link": Scenario(
        (trace("n8-wait", N8N, n8n("103", "waiting", node("Form"), node("Wait"), key="first")),
         trace("n8-resume", N8N, n8n("103", "success", node("Wait"), node("Mail"),
                                     links=[("n8-wait", "first", {"n8n.continuation.reason": "resume"})]), at=500)),
        [execution("Order intake", "103", "success", step("Form"), step("Wait"), step("Wait"), step("Mail"))],
    ),
    "n8n: still waiting": Scenario(
        (trace("n8-waiting", N8N, n8n("104", "waiting", node("Form"))),),
        [execution("Order intake", "104", "waiting", step("Form"))],
    ),
    "n8n: cancelled, with a node cut off": Scenario(
        (trace("n8-cancel", N8N, n8n("105", "canceled", node("Loop", status="error",
               told={"n8n.node.termination_reason": "workflow_cancelled"}))),),
        [execution("Order intake", "105", "cancelled", step("Loop", "cancelled"))],
    ),
    "n8n: crashed, then run again": Scenario(
        (trace("n8-crash", N8N, n8n("106", "crashed")),
         trace("n8-again", N8N, n8n("107", "success", told={"n8n.execution.retry_of": "106"}, mode="retry"), at=50)),
        [execution("Order intake", "106", "lost"), execution("Order intake", "107", "success", retry_of="106")],
    ),
    "n8n: behind a service, with a workflow inside": Scenario(
        (trace("n8-sub", N8N, s("POST /hook", {}, n8n("108", "success", node("Call",
               n8n("109", "success", node("Set"), mode="integrated"))), scope="shop")),),
        [execution("POST /hook", trace_hex("n8-sub"), "success"),
         execution("Order intake", "108", "success", step("Call"), parent=trace_hex("n8-sub")),
         execution("Order intake", "109", "success", step("Set"), parent="108", trigger="subworkflow")],
    ),
    "argo: a node fails, another is left out": Scenario(
        (trace("ar-fail", ARGO, argo("workflow", {},
               s("workflowPhase", {"phase": "Running"}), s("reconcileWorkflow"),
               argo_node("build-x7k2q", kind="Steps", status="error", message="Failed"),
               argo_node("build-x7k2q-1", s("nodePhase", {"node_id": "build-x7k2q-1", "node_phase": "Pending"}),
                         s("createWorkflowPod", {"node_id": "build-x7k2q-1"},
                           s("runMainContainer", {"name": "build-x7k2q", "namespace": "ci"}, scope="argoexec")),
                         status="error", message="Failed"),
               argo_node("build-x7k2q-2", kind="Skipped", status="error", message="Unexpected phase"),
               status="error", message="Failed"),
               s("waitClientRateLimiter")),),
        [execution("build-x7k2q", "ci/build-x7k2q", "failed", step("build-x7k2q", "failed", kind="Steps"),
                   step("build-x7k2q-1", "failed", kind="Pod"), step("build-x7k2q-2", "skipped"), template="build")],
    ),
    "argo: the controller has not told the workflow yet": Scenario(
        (trace("ar-run", ARGO, s("node", {"namespace": "ci", "name": "deploy-aaaaa", "node_id": "deploy-aaaaa-1", "node_type": "Pod"},
                                 below_unknown="workflow", kind=PRODUCER, status="ok")),),
        [execution("unknown", "ci/deploy-aaaaa", "running", step("deploy-aaaaa-1"))],
    ),
    "kestra: an error, and none": Scenario(
        (trace("ke-err", "io.kestra", kestra("EXECUTOR - nightly", "k-1",
               kestra("WORKER - load", "k-1", uid="io.kestra.Log", status="error", message="no rows"))),
         trace("ke-ok", "io.kestra", kestra("EXECUTOR - nightly", "k-2", kestra("WORKER - load", "k-2", uid="io.kestra.Log")))),
        [execution("nightly", "k-1", "failed", step("load", "failed", kind="io.kestra.Log"), workflow_id="shop.nightly"),
         execution("nightly", "k-2", "unknown", step("load"))],
    ),
    "hatchet: SDK and engine tell the same tries": Scenario(
        (trace("ha-retry", "hatchet_sdk.opentelemetry", s("hatchet.run_workflow", {"instrumentor": "hatchet"},
               hatchet("hatchet.engine.workflow_run", "h-1", None,
                       hatchet("hatchet.engine.queued", "h-1", "hs-1"),
                       hatchet("hatchet.engine.start_step_run", "h-1", "hs-1", status="error", message="try 1"), lasts=0),
               hatchet("hatchet.start_step_run", "h-1", "hs-1", status="error", message="try 1"),
               hatchet("hatchet.start_step_run", "h-1", "hs-1", tried=1, told={"hatchet.payload": "{}"}),
               kind=PRODUCER)),),
        [execution("orders", "h-1", "success", step("charge", "success", 2, id="hs-1"))],
    ),
    "hatchet: exhausted, no trace of the caller, a child of it": Scenario(
        (trace("ha-1", "hatchet_sdk.opentelemetry", hatchet("hatchet.start_step_run.charge", "h-2", "hs-2", status="error")),
         trace("ha-2", "hatchet_sdk.opentelemetry", hatchet("hatchet.start_step_run.charge", "h-2", "hs-2", tried=1, status="error"), at=9),
         trace("ha-3", "hatchet_sdk.opentelemetry", hatchet("hatchet.start_step_run", "h-3", "hs-3",
               told={"hatchet.parent_workflow_run_id": "h-2"}), at=20)),
        [execution("orders", "h-2", "failed", step("charge", "failed", 2)),
         execution("orders", "h-3", "success", step("charge"), parent="h-2")],
    ),
    "hatchet: asked for, not begun; events are no executions": Scenario(
        (trace("ha-ask", "hatchet_sdk.opentelemetry",
               s("hatchet.run_workflow", {"instrumentor": "hatchet", "hatchet.workflow_name": "orders"}, kind=PRODUCER)),
         trace("ha-event", "hatchet_sdk.opentelemetry", s("hatchet.push_event", {"instrumentor": "hatchet"}, kind=PRODUCER))),
        [execution("orders", trace_hex("ha-ask"), "queued")],
    ),
    "inngest: many requests are one run, a step tried twice": Scenario(
        (trace("in-1", "shop", s("inngest.execution", {"sdk.run.id": "i-1"},
               inngest("charge", "i-1", "charge", inngest("POST", "i-1", "charge"), status="error", message="503"), scope="inngest",
               below_unknown="server"),
               s("inngest.execution", {"sdk.run.id": "i-1"},
               inngest("charge", "i-1", "charge", attempt=1), scope="inngest", below_unknown="server")),
         trace("in-2", "shop", s("inngest.execution", {"sdk.run.id": "i-2"}, inngest("charge", "i-2", "charge", status="error"),
               scope="inngest", below_unknown="server"))),
        [execution("shop-orders", "i-1", "unknown", step("charge", "success", 2)),
         execution("shop-orders", "i-2", "failed", step("charge", "failed"))],
    ),
    "trigger.dev: the second attempt succeeds": Scenario(
        (trace("tr-retry", TRIGGER,
               trigger("Attempt 1", "run_1", trigger("run()", "run_1", trigger("send", "run_1", status="error")), status="error", below_unknown="run"),
               trigger("Attempt 2", "run_1", trigger("run()", "run_1", trigger("send", "run_1")), below_unknown="run")),),
        [execution("send-mail", "run_1", "success", step("send", "failed"), step("send"), attempts=2)],
    ),
    "trigger.dev: partial spans, before and after the real ones": Scenario(
        (trace("tr-partial", TRIGGER,
               partial("tr-partial", "a1", "Attempt 1", "run_2", below_unknown="run"),
               trigger("Attempt 1", "run_2", key="a1", below_unknown="run", status="error"),
               partial("tr-partial", "a2", "Attempt 2", "run_2", below_unknown="run"),
               partial("tr-partial", "s2", "send", "run_2", below_unknown="a2")),),
        [execution("send-mail", "run_2", "running", step("send", "running"), attempts=2)],
    ),
    "windmill: a flow of jobs, one of them fails": Scenario(
        (trace("wi-1", "windmill", windmill("j-1"), windmill("j-2", root="j-1", part="a"), windmill("j-3", root="j-1", part="b"),
               windmill("j-2", name="job_postprocessing", root="j-1", told={"success": "true"}),
               windmill("j-3", name="job_postprocessing", root="j-1", told={"success": "false"}),
               windmill("j-1", name="job_postprocessing", told={"success": "false"})),),
        [execution("f/nightly", "j-1", "failed", step("a"), step("b", "failed"))],
    ),
    "dbt: skipped nodes end OK, failed tests are nodes that succeed": Scenario(
        (trace("db-1", "dbt", s("shop invocation (inv-1)", {"invocation_id": "inv-1", "raw_command": "dbt build"},
               s("Render phase", {},
                 s("Node processed (model.shop.orders)", {"unique_id": "model.shop.orders", "name": "orders", "node_outcome": "NODE_OUTCOME_SUCCESS"},
                   s("Node evaluated (model.shop.orders)", {"unique_id": "model.shop.orders"})),
                 s("Node processed (test.shop.unique)", {"unique_id": "test.shop.unique", "name": "unique", "node_outcome": "NODE_OUTCOME_SUCCESS",
                                                         "node_outcome_detail": '{"test_outcome":"TEST_OUTCOME_FAILED"}'}),
                 s("Node processed (model.shop.late)", {"unique_id": "model.shop.late", "name": "late", "node_outcome": "NODE_OUTCOME_SKIPPED"}, status="ok")),
               status="error")),),
        [execution("dbt build", "inv-1", "failed", step("orders", id="model.shop.orders"), step("unique", "failed"), step("late", "skipped"),
                   template="shop")],
    ),
    "tekton: tens of loops are one run": Scenario(
        (trace("te-1", "PipelineRunReconciler", s("PipelineRun:Reconciler", {},
               *(s("PipelineRun:ReconcileKind", {"pipelinerun": "deploy-1", "namespace": "ci"}, at=100 * n) for n in range(1, 4)),
               *(s("TaskRun:ReconcileKind", {"taskrun": "deploy-1-build", "namespace": "ci"}, at=100 * n + 50, scope="TaskRunReconciler")
                 for n in range(1, 4)), lasts=5)),),
        [execution("deploy-1", "ci/deploy-1", "unknown", step("deploy-1-build", "unknown"))],
    ),
}  # fmt: skip
