"""LangGraph graphs that OpenInference's instrumentation of LangChain traces."""

import json
import operator
import os
import threading
from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

GATE = Path(os.environ["GATE"])
OPENED_S = 120
roots: list[str] = []


class Roots(SpanProcessor):
    """Notes the trace ids of spans without parent: they are the ids of the invocations."""

    def on_start(self, span, parent_context=None):
        if span.parent is None:
            roots.append(f"{span.context.trace_id:032x}")


provider = TracerProvider(resource=Resource.create({"service.name": "assistant"}))
provider.add_span_processor(Roots())
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
trace.set_tracer_provider(provider)
LangChainInstrumentor().instrument(tracer_provider=provider)

model = FakeListChatModel(responses=["forty-two"])
FAST = RetryPolicy(initial_interval=0.01, max_attempts=3, jitter=False, retry_on=lambda error: True)


class State(TypedDict, total=False):
    question: str
    answer: str
    tried: int
    parts: Annotated[list[str], operator.add]


class Part(TypedDict):
    name: str


tries: dict[str, int] = {}


@tool
def look_up(word: str) -> str:
    """What a word means."""
    return f"{word} is a number"


def plan(state: State) -> State:
    return {"question": state.get("question", "") + "?"}


def answer(state: State) -> State:
    return {"answer": model.invoke([HumanMessage(state["question"])]).content}


def consult(state: State) -> State:
    return {"answer": look_up.invoke({"word": "forty-two"})}


def bad(state: State) -> State:
    raise ValueError("no such document")


def flaky(state: State) -> State:
    key = state["question"]
    tries[key] = tries.get(key, 0) + 1
    if tries[key] < int(key):
        raise RuntimeError(f"try {tries[key]}")
    return {"answer": key}


def scatter(state: State) -> list[Send]:
    return [Send("part", {"name": name}) for name in ("a", "b", "c")]


def part(state: Part) -> State:
    return {"parts": [state["name"]]}


def approve(state: State) -> State:
    return {"answer": interrupt("may I?")}


def wait_for_gate(state: State) -> State:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return {}
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


def graph(name: str, *nodes, retry: RetryPolicy | None = None, checkpointer=None):
    """The nodes one after the other."""
    made = StateGraph(State)
    names = [START]
    for node in nodes:
        node_name = getattr(node, "__name__", None) or node.name
        made.add_node(node_name, node, retry_policy=retry)
        made.add_edge(names[-1], node_name)
        names.append(node_name)
    made.add_edge(names[-1], END)
    return made.compile(name=name, checkpointer=checkpointer)


def fan_out():
    made = StateGraph(State)
    made.add_node("plan", plan)
    made.add_node("part", part)
    made.add_node("answer", answer)
    made.add_edge(START, "plan")
    made.add_conditional_edges("plan", scatter, ["part"])
    made.add_edge("part", "answer")
    made.add_edge("answer", END)
    return made.compile(name="fan_out")


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


def run(scenario: str, chosen, question: str = "life", **config) -> None:
    roots.clear()
    try:
        chosen.invoke({"question": question}, config)
    except Exception as error:  # the outcome is the collector's to tell
        print(f"{scenario}: {error!r}", flush=True)
    assert len(roots) == 1, roots
    tell(scenario, id=roots[0])


thread = {"thread_id": "t-1"}
run("success", graph("qa", plan, answer), configurable=thread)
run("failure", graph("qa_bad", plan, bad))
run("retry", graph("qa_retry", flaky, retry=FAST), "3")
run("exhausted", graph("qa_hopeless", flaky, retry=FAST), "9")
run("fan-out", fan_out())
run("tool", graph("qa_tool", consult))
run("subgraph", graph("outer", plan, graph("inner", answer)))

waiting = graph("approval", plan, approve, checkpointer=InMemorySaver())
roots.clear()
waiting.invoke({"question": "life"}, {"configurable": thread})
tell("interrupt", id=roots[0])
roots.clear()
waiting.invoke(Command(resume="yes"), {"configurable": thread})
tell("resume", id=roots[0])

slow = graph("slow", plan, wait_for_gate)
provider.force_flush()
tell("running", name="slow")
run("running", slow)
provider.shutdown()
