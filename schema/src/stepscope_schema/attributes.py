"""The attribute registry: every attribute key the SDK writes and the collector understands.

One entry per key. `docs/reference/attributes.md` is generated from it, the SDK takes its
constants from here, and the collector moves keys with a `home` out of the attribute map into
their own column. Keys only grow: a released key keeps its name, type and home for ever.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "ATTRIBUTES",
    "BY_KEY",
    "HOMES",
    "PAYLOADS",
    "ROLES",
    "SCOPE_NAME",
    "TRIGGER_TYPES",
    "Attribute",
    "AttributeType",
    "Level",
]

AttributeType = Literal["string", "int", "double", "bool", "string[]", "json"]
"""`json` is a string whose text is one JSON document."""

Level = Literal["resource", "span", "event", "log"]

SCOPE_NAME: Final = "stepscope"
"""Instrumentation scope of every span the SDK writes; reserved for it."""

ROLES: Final = ("execution", "step", "operation")
"""What a span is to an execution; the SDK writes the first two."""

TRIGGER_TYPES: Final = (
    "webhook",
    "schedule",
    "manual",
    "db_change",
    "internal_event",
    "api",
    "event",
    "retry",
    "subworkflow",
    "backfill",
)
"""Known trigger types (R007). The vocabulary is open: other values are kept verbatim."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute key.

    `home` is the bit (0 to 62) that marks, in `stored.spans.home_bits`, that the span carried
    the key and that its value stands in `column` instead of the attribute map. Bits are never
    reused. `payload` names the payload kind for keys whose value goes to `stored.payloads`.
    """

    key: str
    type: AttributeType
    level: Level
    example: str
    source: str
    meaning: str
    unit: str = ""
    home: int | None = None
    column: str | None = None
    payload: str | None = None


_OTEL = "OpenTelemetry semantic conventions"
_CANDIDATE = "OpenTelemetry workflow.* candidate convention (semantic-conventions#1688)"
_OURS = "Stepscope"


ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    # Identity, on every span of the SDK
    Attribute(
        "workflow.execution.id",
        "string",
        "span",
        "0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a77",
        _CANDIDATE,
        "The execution this span belongs to.",
        home=0,
        column="execution_id",
    ),
    Attribute(
        "stepscope.span.role",
        "string",
        "span",
        "step",
        _OURS,
        "What the span is: `execution` or `step`.",
        home=1,
        column="role",
    ),
    # Steps
    Attribute(
        "workflow.task.name",
        "string",
        "span",
        "charge card",
        _CANDIDATE,
        "Name of the step.",
        home=2,
        column="step_name",
    ),
    Attribute(
        "workflow.task.id",
        "string",
        "span",
        "a1b2c3d4e5f60718",
        _CANDIDATE,
        "Identity of the step within its execution; the attempts of one step share it. "
        "Absent: the step has one attempt and its span id is its identity.",
        home=3,
        column="step_id",
    ),
    Attribute(
        "workflow.task.type",
        "string",
        "span",
        "function",
        _CANDIDATE,
        "Kind of step, an open vocabulary.",
        home=4,
        column="step_type",
    ),
    Attribute(
        "workflow.task.outcome",
        "string",
        "span",
        "failure",
        _CANDIDATE,
        "How the attempt ended: success, failure, error, timeout, cancellation or skip.",
        home=5,
        column="status_native",
    ),
    Attribute(
        "stepscope.step.index",
        "int",
        "span",
        "3",
        _OURS,
        "Position of the step among the steps of its execution in order of start, from 0.",
        home=6,
        column="step_index",
    ),
    Attribute(
        "stepscope.step.attempt",
        "int",
        "span",
        "2",
        _OURS,
        "Number of this try of the step, from 1.",
        home=7,
        column="attempt",
    ),
    Attribute(
        "stepscope.step.max_attempts",
        "int",
        "span",
        "5",
        _OURS,
        "Tries the step's retry policy allows; absent: no policy.",
        home=8,
        column="max_attempts",
    ),
    Attribute(
        "stepscope.step.is_expected_retry",
        "bool",
        "span",
        "true",
        _OURS,
        "Whether the step's retry policy expected this attempt's error (R117).",
        home=9,
        column="is_expected_retry",
    ),
    Attribute(
        "error.type",
        "string",
        "span",
        "builtins.ValueError",
        _OTEL,
        "Class of the error that ended the span.",
        home=10,
        column="error_type",
    ),
    # Executions
    Attribute(
        "workflow.id",
        "string",
        "span",
        "checkout",
        _CANDIDATE,
        "Stable identity of the workflow; absent: its name.",
        home=11,
        column="workflow_id",
    ),
    Attribute(
        "workflow.name",
        "string",
        "span",
        "checkout",
        _CANDIDATE,
        "Name of the workflow.",
        home=12,
        column="workflow_name",
    ),
    Attribute(
        "workflow.version",
        "string",
        "span",
        "2.3.1",
        _CANDIDATE,
        "Version of the workflow's definition.",
        home=13,
        column="workflow_version",
    ),
    Attribute(
        "workflow.execution.outcome",
        "string",
        "span",
        "success",
        _CANDIDATE,
        "How the execution ended: success, failure, error, timeout, cancellation or skip.",
        home=14,
        column="status_native",
    ),
    Attribute(
        "workflow.trigger.type",
        "string",
        "span",
        "schedule",
        _CANDIDATE,
        "What started the execution (R007); unknown values are kept verbatim.",
        home=15,
        column="trigger_type",
    ),
    Attribute(
        "stepscope.project",
        "string",
        "span",
        "shop",
        _OURS,
        "Project the workflow belongs to.",
        home=16,
        column="project",
    ),
    Attribute(
        "enduser.id",
        "string",
        "span",
        "user-42",
        _OTEL,
        "Who the execution runs for (R098).",
        home=17,
        column="user_id",
    ),
    Attribute(
        "stepscope.execution.parent_id",
        "string",
        "span",
        "0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a00",
        _OURS,
        "The execution that started this one.",
        home=18,
        column="parent_execution_id",
    ),
    Attribute(
        "stepscope.execution.root_id",
        "string",
        "span",
        "0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a00",
        _OURS,
        "The top of the tree of child executions.",
        home=19,
        column="root_execution_id",
    ),
    Attribute(
        "process.exit.code",
        "int",
        "span",
        "1",
        _OTEL,
        "Exit code of the process the execution stood for (R062).",
        home=20,
        column="exit_code",
    ),
    Attribute(
        "stepscope.tags",
        "string[]",
        "span",
        '["nightly","eu"]',
        _OURS,
        "Tags of the execution.",
    ),
    # Payloads
    Attribute(
        "stepscope.input",
        "json",
        "span",
        '{"order_id": 7}',
        _OURS,
        "Arguments of the call by parameter name, redacted and cut to the size limit.",
        home=21,
        payload="input",
    ),
    Attribute(
        "stepscope.output",
        "json",
        "span",
        '{"total": 12.5}',
        _OURS,
        "Result of the call, redacted and cut to the size limit.",
        home=22,
        payload="output",
    ),
    Attribute(
        "stepscope.params",
        "json",
        "span",
        '{"customer": "42"}',
        _OURS,
        "Parameters of the execution by name (R064).",
        home=23,
        payload="params",
    ),
    Attribute(
        "stepscope.trigger.data",
        "json",
        "span",
        '{"cron": "0 3 * * *"}',
        _OURS,
        "What the trigger brought: request, schedule, event (R008).",
        home=24,
        payload="trigger",
    ),
    Attribute(
        "stepscope.input.size",
        "int",
        "span",
        "70311",
        _OURS,
        "Size of the whole input before it was cut; only when cut (R026).",
        unit="By",
    ),
    Attribute(
        "stepscope.input.sha256",
        "string",
        "span",
        "9f86d081884c7d65…",
        _OURS,
        "SHA-256 of the whole input in hex; only when cut.",
    ),
    Attribute(
        "stepscope.output.size",
        "int",
        "span",
        "70311",
        _OURS,
        "Size of the whole output before it was cut; only when cut (R026).",
        unit="By",
    ),
    Attribute(
        "stepscope.output.sha256",
        "string",
        "span",
        "9f86d081884c7d65…",
        _OURS,
        "SHA-256 of the whole output in hex; only when cut.",
    ),
    # Further facts about executions and steps
    Attribute(
        "stepscope.outcome.reason",
        "string",
        "span",
        "no orders today",
        _OURS,
        "Why the program ended the execution or step as skipped or failed.",
    ),
    Attribute(
        "stepscope.execution.enqueued_unix_nano",
        "int",
        "span",
        "1731974399000000000",
        _OURS,
        "When the work was queued; the execution's start minus this is its wait.",
        unit="ns",
    ),
    Attribute(
        "stepscope.step.description",
        "string",
        "span",
        "asks the bank for the money",
        _OURS,
        "What the step is for.",
    ),
    Attribute(
        "stepscope.retry.strategy",
        "string",
        "span",
        "exponential-backoff",
        _OURS,
        "Retry policy in force: keep-trying, fail-after-n, exponential-backoff or none (R119).",
    ),
    Attribute(
        "stepscope.retry.delay_s",
        "double",
        "span",
        "0.4",
        _OURS,
        "Wait between this failed attempt and the next one; absent: there is no next one (R116).",
        unit="s",
    ),
    Attribute(
        "stepscope.progress.done",
        "double",
        "span",
        "40",
        _OURS,
        "How much of the work is done; live markers carry the value of their time.",
    ),
    Attribute(
        "stepscope.progress.total",
        "double",
        "span",
        "120",
        _OURS,
        "How much work there is.",
    ),
    # Live markers (design: running executions)
    Attribute(
        "stepscope.live.phase",
        "string",
        "span",
        "started",
        _OURS,
        "Makes the span a live marker of its parent span, which is still open: `started` or "
        "`heartbeat`. The marker repeats the open span's name and attributes.",
        home=25,
        column="live_phase",
    ),
    Attribute(
        "stepscope.live.start_time_unix_nano",
        "int",
        "span",
        "1731974400000000000",
        _OURS,
        "When the open span started.",
        unit="ns",
    ),
    Attribute(
        "stepscope.live.parent_span_id",
        "string",
        "span",
        "00f067aa0ba902b7",
        _OURS,
        "Parent of the open span in hex; absent: it is a root span.",
    ),
    # Logs
    Attribute(
        "stepscope.log.sequence",
        "int",
        "log",
        "17",
        _OURS,
        "Position of the log record in its execution, from 0 (R065).",
    ),
    Attribute(
        "stepscope.log.logger",
        "string",
        "log",
        "shop.payment",
        _OURS,
        "Name of the logger that wrote the record.",
    ),
    Attribute(
        "log.iostream",
        "string",
        "log",
        "stderr",
        _OTEL,
        "Stream a line of output was written to: stdout or stderr (R066).",
    ),
    # Child processes of stepscope-exec
    Attribute(
        "stepscope.process.signal",
        "int",
        "span",
        "9",
        _OURS,
        "Number of the signal that ended the process; absent: none did.",
    ),
    Attribute(
        "stepscope.process.cpu_user_s",
        "double",
        "span",
        "1.25",
        _OURS,
        "Processor time the process and its children spent in user mode.",
        unit="s",
    ),
    Attribute(
        "stepscope.process.cpu_system_s",
        "double",
        "span",
        "0.25",
        _OURS,
        "Processor time the process and its children spent in the kernel.",
        unit="s",
    ),
    Attribute(
        "stepscope.process.memory_peak",
        "int",
        "span",
        "104857600",
        _OURS,
        "Most memory the process held at a time (resident set).",
        unit="By",
    ),
    # Standard keys the mapping reads
    Attribute("service.name", "string", "resource", "billing", _OTEL, "Name of the service."),
    Attribute("service.version", "string", "resource", "1.4.0", _OTEL, "Version of the service."),
    Attribute(
        "process.executable.path",
        "string",
        "span",
        "/usr/bin/etl",
        _OTEL,
        "Program the execution stood for (R062).",
    ),
    Attribute(
        "exception.type",
        "string",
        "event",
        "builtins.ValueError",
        _OTEL,
        "Class of an exception, on an `exception` event.",
    ),
    Attribute(
        "exception.message", "string", "event", "card declined", _OTEL, "Message of an exception."
    ),
    Attribute(
        "exception.stacktrace",
        "string",
        "event",
        "Traceback (most recent call last): …",
        _OTEL,
        "Stack of an exception as text.",
    ),
)

BY_KEY: Final = {attribute.key: attribute for attribute in ATTRIBUTES}

HOMES: Final = {a.key: a for a in ATTRIBUTES if a.home is not None}
"""Keys that leave the attribute map of the SDK's own spans for a column or a payload."""

PAYLOADS: Final = {a.key: a.payload for a in ATTRIBUTES if a.payload is not None}
"""Attribute key to payload kind."""
