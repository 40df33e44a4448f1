"""Prefect flows, run by the engine that Prefect starts beside them; spans go to the global provider."""

import json
import os
import threading
import time
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prefect import flow, runtime, task
from prefect.states import Cancelled, Completed

provider = TracerProvider(resource=Resource.create({"service.name": "etl"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=200))
trace.set_tracer_provider(provider)

GATE = Path(os.environ["GATE"])
OPENED_S = 120
SCENARIO = ""
tries: dict[str, int] = {}


def tell(**ids: str) -> None:
    print(json.dumps({"scenario": SCENARIO, **ids}), flush=True)


def tell_flow(name: str = "id") -> None:
    tell(**{name: str(runtime.flow_run.id), f"{name}_name": runtime.flow_run.name})


@task(tags=["io"])
def extract(rows: int) -> list[int]:
    return list(range(rows))


@task(name="load rows")
def load(rows: list[int]) -> int:
    return len(rows)


@task
def double(row: int) -> int:
    return 2 * row


@task
def broken() -> None:
    raise ValueError("no such table")


@task(retries=2, retry_delay_seconds=0)
def flaky(works_at: int) -> int:
    run = str(runtime.task_run.id)
    tries[run] = tries.get(run, 0) + 1
    if tries[run] < works_at:
        raise RuntimeError(f"try {tries[run]}")
    return tries[run]


@task(timeout_seconds=0.2)
def slow() -> None:
    time.sleep(OPENED_S)


@task
def wait_for_gate() -> None:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


@flow
def success() -> int:
    tell_flow()
    return load(extract(3))


@flow
def failure() -> None:
    tell_flow()
    extract(1)
    broken()


@flow
def retry() -> int:
    tell_flow()
    return flaky(3)


@flow
def exhausted() -> int:
    tell_flow()
    return flaky(9)


@flow
def inner(rows: int) -> int:
    tell_flow(f"inner{rows}")
    return load([0] * rows)


@flow
def child() -> int:
    tell_flow()
    extract(1)
    return inner(1) + inner(2)


@flow
def mapped() -> list[int]:
    tell_flow()
    return double.map(extract(3)).result()


@flow
def task_timeout() -> None:
    tell_flow()
    slow()


@flow(retries=1, retry_delay_seconds=0)
def flow_retry() -> int:
    tell_flow()
    tries["flow"] = tries.get("flow", 0) + 1
    rows = extract(2)
    if tries["flow"] == 1:
        raise RuntimeError("first run")
    return load(rows)


@flow
def tolerant():
    tell_flow()
    broken(return_state=True)
    return Completed(message="without the table")


@flow
def cancelled():
    tell_flow()
    extract(1)
    return Cancelled(message="not today")


@flow
def running() -> None:
    provider.force_flush()
    tell_flow()
    extract(2)
    wait_for_gate()


for each in (
    success,
    failure,
    retry,
    exhausted,
    child,
    mapped,
    task_timeout,
    flow_retry,
    tolerant,
    cancelled,
    running,
):
    SCENARIO = each.name
    try:
        each()
    except Exception as error:  # the outcome is the collector's to tell
        print(f"{SCENARIO}: {error!r}", flush=True)
    except BaseException as error:
        if type(error).__name__ not in {"CancelledRun", "UnfinishedRun"}:
            raise
provider.shutdown()
