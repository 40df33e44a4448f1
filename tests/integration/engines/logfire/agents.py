"""Logfire spans and Pydantic AI agents, sent to OTEL_EXPORTER_OTLP_ENDPOINT and nowhere else."""

import json
import os
import threading
from pathlib import Path

import logfire
from opentelemetry import trace
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models.test import TestModel

GATE = Path(os.environ["GATE"])
OPENED_S = 120

logfire.configure(service_name="orders", send_to_logfire=False, console=False)
logfire.instrument_pydantic_ai()


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


def trace_id() -> str:
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


def wait_for_gate() -> None:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


with logfire.span("checkout {order_id}", order_id=1001):
    tell("success", id=trace_id())
    with logfire.span("reserve stock {item}", item="A-1"):
        logfire.info("in stock")
    with logfire.span("charge card"):
        pass

try:
    with logfire.span("checkout {order_id}", order_id=1002):
        tell("failure", id=trace_id())
        with logfire.span("charge card"):
            raise ValueError("card declined")
except ValueError:
    pass

agent = Agent(TestModel(), name="weather_agent")


@agent.tool_plain
def get_weather(city: str) -> str:
    return f"sunny in {city}"


with logfire.span("ask"):
    tell("agent", id=trace_id())
    agent.run_sync("what is the weather?", conversation_id="conv-1")

flaky_agent = Agent(TestModel(), name="flaky_agent", retries=2)
tries = []


@flaky_agent.tool_plain
def flaky() -> str:
    tries.append(1)
    if len(tries) < 3:
        raise ModelRetry(f"try {len(tries)}")
    return "done"


flaky_agent.run_sync("try it", conversation_id="conv-2")

with logfire.span("approve {order_id}", order_id=1003):
    tell("running", id=trace_id())
    with logfire.span("ask the manager"):
        wait_for_gate()
logfire.shutdown()
