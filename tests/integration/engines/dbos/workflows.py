"""Workflows of a DBOS application that sends its spans to OTEL_EXPORTER_OTLP_ENDPOINT."""

import json
import os
import threading
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID, SetWorkflowTimeout

FORMAT = os.environ["FORMAT"]
"""legacy or semconv: how DBOS names its attributes."""
GATE = Path(os.environ["GATE"])
OPENED_S = 120

config: DBOSConfig = {
    "name": "orders",
    "system_database_url": f"sqlite:///orders-{FORMAT}.sqlite",
    "enable_otlp": True,
    "otlp_traces_endpoints": [os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"],
    "otel_attribute_format": FORMAT,
    "application_version": "1.2.3",
    "run_admin_server": False,
    "log_level": "WARNING",
}
DBOS(config=config)
tries: dict[str, int] = {}


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


@DBOS.step()
def reserve(order: str) -> str:
    return order


@DBOS.step()
def charge_card(amount: int) -> int:
    if amount < 0:
        raise ValueError("card declined")
    return amount


@DBOS.step(retries_allowed=True, interval_seconds=0.01, max_attempts=3)
def flaky(works_at: int) -> int:
    tried = tries[DBOS.workflow_id] = tries.get(DBOS.workflow_id, 0) + 1
    if tried < works_at:
        raise RuntimeError(f"try {tried}")
    return tried


@DBOS.step()
def wait_for_gate() -> None:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


@DBOS.workflow()
def checkout(amount: int) -> int:
    reserve("A-1")
    return charge_card(amount)


@DBOS.workflow()
def with_retry(works_at: int) -> int:
    return flaky(works_at)


@DBOS.workflow()
def child(order: str) -> str:
    return reserve(order)


@DBOS.workflow()
def parent() -> None:
    child("A-1")
    DBOS.start_workflow(child, "A-2").get_result()


@DBOS.workflow()
def fan_out() -> None:
    handles = [emails.enqueue(child, f"mail-{n}") for n in range(3)]
    for handle in handles:
        handle.get_result()


@DBOS.workflow()
def tolerant() -> str:
    try:
        charge_card(-1)
    except ValueError:
        return reserve("without card")
    raise AssertionError("the card was not declined")


@DBOS.workflow()
def slow() -> None:
    reserve("A-1")
    DBOS.sleep(2)  # it is the next call that notices
    reserve("A-2")


@DBOS.workflow()
def approval() -> None:
    reserve("A-1")
    child("A-1")
    wait_for_gate()


def run(scenario: str, workflow, *arguments) -> None:
    with SetWorkflowID(f"{scenario}-{FORMAT}"):
        try:
            workflow(*arguments)
        except Exception as error:  # the outcome is the collector's to tell
            print(f"{scenario}: {error!r}", flush=True)
    tell(scenario, id=f"{scenario}-{FORMAT}")


tell("format", name=FORMAT)
DBOS.launch()
emails = DBOS.register_queue("emails", concurrency=1)
run("success", checkout, 5)
run("failure", checkout, -5)
run("retry", with_retry, 3)
run("exhausted", with_retry, 9)
run("child", parent)
run("tolerant", tolerant)
run("called-again", checkout, 5)
run("called-again", checkout, 5)
with SetWorkflowTimeout(0.3):
    run("timeout", slow)
handle = DBOS.start_workflow(fan_out)
handle.get_result()
tell("queue", id=handle.workflow_id)
tell("running", id=f"running-{FORMAT}")
run("running", approval)
from opentelemetry import trace  # noqa: E402

trace.get_tracer_provider().force_flush()
DBOS.destroy()
