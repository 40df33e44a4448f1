"""Keys without a column of their own: they stay in the attribute map."""

from typing import Final

from stepscope_schema.attribute import OURS, Attribute

__all__ = ["FURTHER"]

FURTHER: Final[tuple[Attribute, ...]] = (
    # Further facts about executions and steps
    Attribute(
        "stepscope.tenant",
        "string",
        "span",
        "acme",
        OURS,
        "Whose data the execution works on.",
    ),
    Attribute(
        "stepscope.outcome.reason",
        "string",
        "span",
        "no orders today",
        OURS,
        "Why the program ended the execution or step as skipped or failed.",
    ),
    Attribute(
        "stepscope.execution.enqueued_unix_nano",
        "int",
        "span",
        "1731974399000000000",
        OURS,
        "When the work was queued; the execution's start minus this is its wait.",
        unit="ns",
    ),
    Attribute(
        "stepscope.step.description",
        "string",
        "span",
        "asks the bank for the money",
        OURS,
        "What the step is for.",
    ),
    Attribute(
        "stepscope.retry.strategy",
        "string",
        "span",
        "exponential-backoff",
        OURS,
        "Retry policy in force: keep-trying, fail-after-n, exponential-backoff or none (R119).",
    ),
    Attribute(
        "stepscope.retry.delay_s",
        "double",
        "span",
        "0.4",
        OURS,
        "Wait between this failed attempt and the next one; absent: there is no next one (R116).",
        unit="s",
    ),
    Attribute(
        "stepscope.progress.done",
        "double",
        "span",
        "40",
        OURS,
        "How much of the work is done; live markers carry the value of their time.",
    ),
    Attribute(
        "stepscope.progress.total",
        "double",
        "span",
        "120",
        OURS,
        "How much work there is.",
    ),
    # Child processes of stepscope-exec
    Attribute(
        "stepscope.process.signal",
        "int",
        "span",
        "9",
        OURS,
        "Number of the signal that ended the process; absent: none did.",
    ),
    Attribute(
        "stepscope.process.cpu_user_s",
        "double",
        "span",
        "1.25",
        OURS,
        "Processor time the process and its children spent in user mode.",
        unit="s",
    ),
    Attribute(
        "stepscope.process.cpu_system_s",
        "double",
        "span",
        "0.25",
        OURS,
        "Processor time the process and its children spent in the kernel.",
        unit="s",
    ),
    Attribute(
        "stepscope.process.memory_peak",
        "int",
        "span",
        "104857600",
        OURS,
        "Most memory the process held at a time (resident set).",
        unit="By",
    ),
)
