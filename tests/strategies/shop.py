"""Two weeks of a shop, as spans and log records that senders would send: what questions are tried on."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Shop"]

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
Attributes = dict[str, Any]


def _id(*parts: object) -> bytes:
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


def _pairs(attributes: Attributes) -> Iterator[KeyValue]:
    for key, value in attributes.items():
        pair = KeyValue(key=key)
        match value:
            case list():
                for each in value:
                    pair.value.array_value.values.add().string_value = each
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value
            case _:
                pair.value.string_value = str(value)
        yield pair


@dataclass
class Shop:
    """The history up to `now_ns`; `traces` and `logs` are one request each."""

    now_ns: int
    traces: ExportTraceServiceRequest = field(default_factory=ExportTraceServiceRequest)
    logs: ExportLogsServiceRequest = field(default_factory=ExportLogsServiceRequest)

    def __post_init__(self) -> None:
        self._spans: dict[str, Any] = {}
        self._records = self.logs.resource_logs.add().scope_logs.add().log_records
        for number in range(84):
            self._checkout(number)
        for day in range(14):
            if day != 6:
                self._etl(day)
            self._assistant(day)
        self._span("web-1", "old", "import", self.now_ns - 13 * DAY, 4, role="execution",
                   more={"workflow.name": "import", "stepscope.tags": ["once"]})  # fmt: skip
        self._running("etl", self.now_ns - 60 * SECOND, self.now_ns)
        self._running("etl", self.now_ns - 3 * HOUR, self.now_ns - 2 * HOUR)

    def _checkout(self, number: int) -> None:
        start = self.now_ns - (84 - number) * 4 * HOUR + 7 * 60 * SECOND
        is_new, is_declined = number >= 56, number % 9 == 4 or number == 83
        run, host = f"checkout-{number}", ("web-1", "web-2")[number % 2]
        pay_s = (1.5 if is_new else 0.5) + (number % 5) / 10 + (8 if number % 29 == 7 else 0)
        total_s = 1.0 + pay_s + (2.5 if number % 7 == 3 else 0)
        error = ("shop.Declined", f"card of order {number} declined") if is_declined else None
        whole: Attributes = {
            "workflow.name": "checkout", "workflow.version": "1.1" if is_new else "1.0",
            "stepscope.project": "shop", "enduser.id": ("ann", "bob", "cid")[number % 3],
            "workflow.trigger.type": "webhook", "stepscope.tags": ["web", "eu" if number % 2 else "us"],
            "stepscope.execution.enqueued_unix_nano": start - (number % 4) * SECOND,
            "stepscope.params": json.dumps({
                "customer": str(number % 13), "country": "FR" if is_declined else ("DE", "US")[number % 2],
            }),
        }  # fmt: skip
        outcome = "failure" if is_declined else "timeout" if number == 40 else "success"
        if number == 41:
            outcome = "cancellation"
        self._span(host, run, "checkout", start, total_s, role="execution", outcome=outcome, error=error,
                   more=whole)  # fmt: skip
        parent = {"parent": "checkout"}
        self._span(host, run, "reserve", start + SECOND // 10, 0.3, **parent)
        self._span(host, run, "query stock", start + SECOND // 5, 0.1, role="operation", parent="reserve",
                   more={"db.system.name": "postgresql"})  # fmt: skip
        at = start + SECOND // 2
        attempt = 1
        if number % 7 == 3:
            self._span(host, run, "pay", at, 0.4, outcome="timeout", error=("TimeoutError", "bank is silent"),
                       more={"stepscope.step.attempt": 1, "stepscope.step.max_attempts": 3}, **parent)  # fmt: skip
            at, attempt = at + int(2.4 * SECOND), 2
        self._span(
            host, run, "pay", at, pay_s, outcome="failure" if is_declined else "success", error=error,
            more={"stepscope.step.attempt": attempt, "stepscope.step.max_attempts": 3,
                  "stepscope.input": json.dumps({"order": number})}, **parent,
        )  # fmt: skip
        self._log(run, 0, "INFO", 9, f"order {number} came", start)
        if is_declined:
            self._log(run, 1, "ERROR", 17, f"card of order {number} declined", at)
            return
        name = "ship with label" if is_new else "ship"
        self._span(host, run, name, at + int(pay_s * SECOND) + SECOND // 5, 0.2, **parent)

    def _etl(self, day: int) -> None:
        start = self.now_ns - (14 - day) * DAY + 2 * HOUR
        run = f"etl-{day}"
        is_lost = day == 9
        self._span(
            "batch-1", run, "etl", start, 600 + day, role="execution", outcome="failure" if is_lost else "success",
            error=("OSError", "disk full") if is_lost else None,
            more={"workflow.name": "etl", "workflow.trigger.type": "schedule", "stepscope.project": "data",
                  "stepscope.process.cpu_user_s": 12.5, "stepscope.process.cpu_system_s": 1.5,
                  "stepscope.process.memory_peak": 10_000_000},
        )  # fmt: skip
        for place, step in enumerate(("extract", "transform", "load")):
            is_bad = is_lost and step == "load"
            self._span(
                "batch-1", run, step, start + place * 200 * SECOND, 190 + day, parent="etl",
                outcome="failure" if is_bad else "success", error=("OSError", "disk full") if is_bad else None,
                more={"stepscope.output": json.dumps({"rows": "x" * (2000 * (place + 1))})},
            )  # fmt: skip
        self._span("batch-1", f"report-{day}", "report", start + 590 * SECOND, 5, role="execution",
                   more={"workflow.name": "report", "stepscope.execution.parent_id": run,
                         "stepscope.execution.root_id": run})  # fmt: skip

    def _assistant(self, day: int) -> None:
        start = self.now_ns - (14 - day) * DAY + 5 * HOUR
        run = f"assistant-{day}"
        self._span("web-1", run, "assistant", start, 6, role="execution",
                   more={"workflow.name": "assistant", "enduser.id": "ann"})  # fmt: skip
        self._span("web-1", run, "answer", start + SECOND, 4, parent="assistant")
        for call in range(2):
            self._span(
                "web-1", run, f"chat {call}", start + (2 + call) * SECOND, 0.9, role="operation", parent="answer",
                more={"gen_ai.request.model": "small", "gen_ai.usage.input_tokens": 100 + day,
                      "gen_ai.usage.output_tokens": 20 + call},
            )  # fmt: skip

    def _running(self, workflow: str, start: int, seen: int) -> None:
        run = f"{workflow}-{start}"
        span = self._span("batch-1", run, workflow, seen, 0, role="execution", outcome=None,
                          more={"workflow.name": workflow, "stepscope.live.phase": "started",
                                "stepscope.live.start_time_unix_nano": start})  # fmt: skip
        span.parent_span_id = _id(run, workflow)[:8]
        span.span_id = _id(run, "marker")[:8]

    def _span(
        self, host: str, run: str, name: str, start: int, seconds: float, *, role: str = "step",
        outcome: str | None = "success", error: tuple[str, str] | None = None, parent: str | None = None,
        more: Attributes | None = None,
    ) -> Span:  # fmt: skip
        place = f"{host} {role == 'operation'}"
        if place not in self._spans:
            resource_spans = self.traces.resource_spans.add()
            resource_spans.resource.attributes.extend(
                _pairs({"service.name": "shop", "host.name": host})
            )
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name = "shop.library" if role == "operation" else "stepscope"
            self._spans[place] = scope_spans.spans
        more = more or {}
        attempt = more.get("stepscope.step.attempt", 1)
        span: Span = self._spans[place].add(
            name=name, trace_id=_id(run)[:16],
            span_id=_id(run, name, *([attempt] if attempt > 1 else []))[:8],
            parent_span_id=_id(run, parent)[:8] if parent else b"",
            start_time_unix_nano=start, end_time_unix_nano=start + int(seconds * SECOND),
        )  # fmt: skip
        told: Attributes = {}
        if role != "operation":
            told = {"workflow.execution.id": run, "stepscope.span.role": role}
        if role == "step":
            told |= {"workflow.task.id": name, "workflow.task.name": name}
        if outcome is not None and role != "operation":
            told[f"workflow.{'task' if role == 'step' else 'execution'}.outcome"] = outcome
        if error is not None:
            told["error.type"] = error[0]
            span.status.code = 2
            span.status.message = error[1]
            event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
            event.attributes.extend(
                _pairs({
                    "exception.type": error[0], "exception.message": error[1],
                    "exception.stacktrace": f'Traceback\n  File "shop.py", line 7, in {name}\n{error[0]}: no',
                })
            )  # fmt: skip
        span.attributes.extend(_pairs(told | more))
        return span

    def _log(self, run: str, sequence: int, level: str, number: int, body: str, at: int) -> None:
        record = self._records.add(time_unix_nano=at, severity_number=number, severity_text=level)
        record.body.string_value = body
        record.trace_id = _id(run)[:16]
        record.span_id = _id(run, "pay")[:8]
        record.attributes.extend(
            _pairs({"workflow.execution.id": run, "stepscope.log.sequence": sequence})
        )
