"""Celery tasks, and the command line that publishes them; both sides are instrumented.

celery -A tasks worker     the worker, which sends its spans itself
python tasks.py            publishes one scenario after the other and waits for its end
"""

import json
import os
import threading
import time
from pathlib import Path

from celery import Celery
from celery.exceptions import Ignore, Reject
from celery.signals import worker_process_init, worker_process_shutdown
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

GATE = Path(os.environ["GATE"])
OPENED_S = 120
FOLDER = Path(os.environ["BROKER"])
"""Where the database with the queue and the results is."""
FOLDER.mkdir(parents=True, exist_ok=True)


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


app = Celery(
    "orders",
    broker=f"sqla+sqlite:///{FOLDER}/queue.sqlite",
    backend=f"db+sqlite:///{FOLDER}/results.sqlite",
)
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
)


@worker_process_init.connect
def trace_here(**_: object) -> None:
    """In every process of the worker, and in the publisher."""
    provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument(use_span_links=os.environ["LINKS"] == "true")


@worker_process_shutdown.connect
def send_the_rest(**_: object) -> None:
    trace.get_tracer_provider().shutdown()


@app.task
def add(a: int, b: int) -> int:
    return a + b


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def bad() -> None:
    raise ValueError("no such order")


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def flaky(self, works_at: int) -> int:
    tried = self.request.retries + 1
    if tried < works_at:
        raise self.retry(exc=RuntimeError(f"try {tried}"), countdown=0)
    return tried


@app.task(bind=True)
def ignored(self) -> None:
    raise Ignore


@app.task(bind=True, acks_late=True)
def rejected(self) -> None:
    raise Reject("not mine", requeue=False)


@app.task(soft_time_limit=1)
def slow() -> None:
    time.sleep(OPENED_S)


@app.task
def parent() -> dict[str, str]:
    return {"added": add.delay(1, 2).id, "tried": flaky.delay(2).id}


@app.task
def approval(added: str) -> None:
    add.apply_async((1, 2), task_id=added)
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")
