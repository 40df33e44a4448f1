"""A week of a shop, told afterwards: twelve workflows with schedules, children, retries and failures."""

import itertools
import random
import time
import uuid
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
WEEK_HOURS = 7 * 24


@dataclass
class Step:
    """What an execution does, and how often that fails."""

    name: str
    seconds: float
    error: str = ""
    """What it fails with now and then: `Type: message`."""
    failing: float = 0.0
    """Share of its attempts that fail."""
    attempts: int = 1
    type: str = "function"
    starts: str = ""
    """Workflow that it starts as a child."""


@dataclass
class Workflow:
    """When it runs, and what it does."""

    name: str
    project: str
    every_h: int
    steps: list[Step]
    trigger: str = "schedule"
    users: tuple[str, ...] = ()
    slower_since_h: int = 0
    """Version 2, so many hours old, takes three times as long; 0: there is none."""


PARCEL = Step("book parcel", 2, "TimeoutError: the carrier did not answer in 30 s", 0.15, 3, "http")
SHOP = [
    Workflow("fulfil order", "shop", 2, [
        Step("check stock", 0.4, type="db"),
        Step("charge card", 1.2, "CardDeclinedError: the bank declined the card", 0.08, type="payment"),
        Step("ship", 4, starts="ship parcel"), Step("invoice", 2, starts="send invoice"),
    ], "api", ("ada", "grace", "linus")),
    Workflow("ship parcel", "shop", 0, [Step("pack", 1), PARCEL], "subworkflow"),
    Workflow("send invoice", "shop", 0, [Step("render", 0.6), Step("mail", 0.9, type="mail")], "subworkflow"),
    Workflow("refund", "shop", 15, [Step("look up payment", 0.3, type="db"), Step("pay back", 1.5, type="payment")],
             "manual", ("ada", "edsger")),
    Workflow("sync inventory", "warehouse", 4, [
        Step("read shelves", 6, "ConnectionError: connection reset by peer", 0.25, 4, "http"), Step("write counts", 3, type="db"),
    ]),
    Workflow("load sales", "warehouse", 24, [Step("extract", 40), Step("transform", 90), Step("load", 25, type="db")]),
    Workflow("update prices", "warehouse", 3, [Step("fetch rates", 2, type="http"), Step("write prices", 5, type="db")],
             slower_since_h=60),
    Workflow("train recommendations", "models", 24, [
        Step("sample", 30), Step("train", 900, "MemoryError: 3.1 GiB wanted, 2.0 GiB left", 0.3), Step("publish", 4),
    ]),
    Workflow("check fraud", "models", 5, [Step("score", 0.2), Step("explain", 0.5, type="llm")], "event"),
    Workflow("send newsletter", "marketing", 48, [
        Step("choose readers", 3, type="db"), Step("render", 8), Step("send", 120, "SMTPError: 421 too many connections", 0.4, 3, "mail"),
    ]),
    Workflow("answer ticket", "support", 7, [Step("find articles", 0.8), Step("draft answer", 6, type="llm")], "webhook"),
    Workflow("back up databases", "operations", 12, [Step("dump", 70), Step("copy", 45), Step("verify", 20)]),
]  # fmt: skip
BY_NAME = {workflow.name: workflow for workflow in SHOP}


class Week:
    """Tells executions with the times they would have had; the same draws every time."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer
        self.draw = random.Random(7)
        self.count = 0

    def tell(self) -> None:
        """All executions of the week; the last ones have just ended."""
        last = time.time_ns() - 40 * 60 * SECOND
        for hours_ago in reversed(range(WEEK_HOURS)):
            for workflow in SHOP:
                if workflow.every_h and hours_ago % workflow.every_h == 0:
                    late = self.draw.randrange(20 * SECOND)
                    self.execution(workflow, last - hours_ago * HOUR + late, hours_ago)

    def execution(
        self, workflow: Workflow, start: int, hours_ago: int,
        parent: Span | None = None, above: tuple[str, str] | None = None,
    ) -> tuple[int, str]:  # fmt: skip
        """One execution from `start`; when it ended, and its outcome."""
        self.count += 1
        own_id = str(uuid.uuid4())
        root_id = above[1] if above else own_id
        is_slow = 0 < hours_ago <= workflow.slower_since_h
        attributes = {
            "stepscope.span.role": "execution", "workflow.execution.id": own_id, "workflow.name": workflow.name,
            "workflow.version": "2" if is_slow else "1", "workflow.trigger.type": workflow.trigger,
            "stepscope.project": workflow.project, "stepscope.execution.root_id": root_id,
            "stepscope.params": f'{{"batch": {self.draw.randrange(100, 999)}, "region": "{self.draw.choice(["eu", "us"])}"}}',
        }  # fmt: skip
        if above:
            attributes["stepscope.execution.parent_id"] = above[0]
        if workflow.trigger == "schedule":
            attributes["stepscope.trigger.data"] = f'{{"every": "{workflow.every_h} h"}}'
        if workflow.users:
            attributes["enduser.id"] = self.draw.choice(workflow.users)
        span = self.begin(workflow.name, start, attributes, parent)
        at, outcome, error = start + SECOND // 50, "success", ""
        for index, step in enumerate(workflow.steps):
            common = {"stepscope.step.index": index, "workflow.execution.id": own_id}
            if outcome != "success":
                common["workflow.task.outcome"] = "skip"
                self.end(self.attempt(step, at, common, span), at, "skip")
                continue
            at, outcome, error = self.step(
                step, at, common, span, (own_id, root_id), hours_ago, is_slow
            )
        span.set_attribute("workflow.execution.outcome", outcome)
        self.end(span, at + SECOND // 50, outcome, error)
        return at + SECOND // 50, outcome

    def step(
        self, step: Step, at: int, common: dict[str, object], parent: Span,
        ids: tuple[str, str], hours_ago: int, is_slow: bool,
    ) -> tuple[int, str, str]:  # fmt: skip
        """All attempts of a step from `at` on; when it ended, its outcome, its error."""
        step_id = uuid.uuid4().hex[:16]
        for attempt in itertools.count(1):
            attributes = {**common, "workflow.task.id": step_id, "stepscope.step.attempt": attempt}
            if step.attempts > 1:
                attributes["stepscope.step.max_attempts"] = step.attempts
            span = self.attempt(step, at, attributes, parent)
            took = step.seconds * self.draw.lognormvariate(0, 0.3) * (3 if is_slow else 1)
            outcome = "success"
            if step.starts:
                child, outcome = self.execution(
                    BY_NAME[step.starts], at + SECOND // 100, hours_ago, span, ids
                )
                took = (child - at) / SECOND + 0.01
            elif self.draw.random() < step.failing:
                outcome = "timeout" if step.error.startswith("TimeoutError") else "failure"
            error = (
                ""
                if outcome == "success"
                else step.error or f"RuntimeError: {step.starts} did not succeed"
            )
            end = at + int(took * SECOND)
            is_last = outcome == "success" or attempt == step.attempts
            if not is_last:
                span.set_attribute("stepscope.step.is_expected_retry", True)
                span.set_attribute("stepscope.retry.delay_s", float(2**attempt))
            span.set_attribute("workflow.task.outcome", outcome)
            self.end(span, end, outcome, error)
            if is_last:
                return end, outcome, error
            at = end + 2**attempt * SECOND
        raise AssertionError  # the loop above has no end of its own

    def attempt(self, step: Step, at: int, attributes: dict[str, object], parent: Span) -> Span:
        """A try of a step that began then."""
        return self.begin(
            step.name, at,
            {"stepscope.span.role": "step", "workflow.task.name": step.name, "workflow.task.type": step.type,
             "stepscope.input": f'{{"rows": {self.draw.randrange(1, 500)}}}', **attributes},
            parent,
        )  # fmt: skip

    def begin(self, name: str, at: int, attributes: dict[str, object], parent: Span | None) -> Span:
        """A span that began then."""
        context = None if parent is None else trace.set_span_in_context(parent)
        return self.tracer.start_span(name, context, attributes=attributes, start_time=at)

    def end(self, span: Span, at: int, outcome: str, error: str = "") -> None:
        """End a span then, with its error or its output."""
        if error:
            kind, _, message = error.partition(": ")
            told = {"exception.type": kind, "exception.message": message,
                    "exception.stacktrace": f"Traceback (most recent call last):\n{error}\n"}  # fmt: skip
            span.add_event("exception", told, at)
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR, message))
        elif outcome == "success":
            span.set_attribute("stepscope.output", f'{{"rows": {self.draw.randrange(1, 500)}}}')
        span.end(at)


def main() -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    batches = BatchSpanProcessor(OTLPSpanExporter(insecure=True), max_queue_size=1 << 16)
    provider.add_span_processor(batches)
    # The scope says by whose words the spans are told: docs/reference/attributes.md.
    week = Week(provider.get_tracer("stepscope"))
    week.tell()
    provider.shutdown()
    print(f"{week.count} executions of {len(SHOP)} workflows in the week before now")


if __name__ == "__main__":
    main()
