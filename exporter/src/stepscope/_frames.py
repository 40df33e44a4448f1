"""Executions and steps while they are open: the handles user code gets, and their spans.

A frame lives in the OpenTelemetry context beside its span, so everything that carries that
context (asyncio tasks, `contextvars.copy_context`, OTel's own helpers) carries the frame.
Every function here that runs inside a watched program guards itself: an error of ours is
counted in `failures` and never raised.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar, Token
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.trace.status import Status, StatusCode

from stepscope._exceptions import describe, outcome_of, qualified_name
from stepscope._ids import source
from stepscope._spans import SPAN_KEY
from stepscope._state import state

__all__ = ["FRAME_KEY", "Execution", "Frame", "Step", "current_frame", "guarded", "last_failed"]

FRAME_KEY: Final = otel_context.create_key("stepscope-frame")
last_failed: "ContextVar[Step | None]" = ContextVar("stepscope-last-failed", default=None)
"""The step that failed last in this thread or task, until the next one does."""
logger = logging.getLogger("stepscope")


class _Failures:
    """Errors of our own that were kept from the watched program."""

    count = 0
    last: str | None = None


failures = _Failures()


def guarded(error: Exception) -> None:
    """Count an error of ours; the first is logged at debug level with its traceback."""
    failures.count += 1
    failures.last = f"{type(error).__name__}: {error}"
    if failures.count == 1:
        logger.debug("stepscope failed inside", exc_info=error)


class Frame:
    """What executions and steps have in common."""

    _outcome_key = ""
    marked_ns: int | None = None
    """When the last live marker was sent (monotonic clock); None: none was."""
    is_one_step = False
    """Whether this is the execution a step made for itself because there was none."""

    def __init__(
        self, name: str, parent: "Frame | None", base: Context, attributes: dict[str, Any]
    ) -> None:
        self.name = name
        self.parent = parent
        self.start_ns: int = source.current.now_ns()
        self.spec: object = None
        self.is_open: bool = True
        self._forced: str | None = None
        self._reason: str | None = None
        self._error_type = ""
        self._recorder = state.recorder
        self._live = state.live
        self._base = base
        self.identity = attributes
        self.span: Span
        try:
            self.span = self._recorder.start(name, base, dict(attributes), self.start_ns)
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)
            self.span = trace.INVALID_SPAN
        self.is_recording: bool = self.span.is_recording()
        self.context: Context = Context({**base, SPAN_KEY: self.span, FRAME_KEY: self})
        self.token: Token[Context] | None = None
        if self._live is not None and self.is_recording:
            self._live.opened(self)

    # What user code calls

    def annotate(self, **values: object) -> None:
        """Record named values as attributes; secrets hidden by key, containers as JSON text."""
        if not self.is_recording:
            return
        for key, value in values.items():
            try:
                self._annotate(key, value)
            except Exception as error:  # noqa: BLE001 - never into the watched program
                guarded(error)

    def _annotate(self, key: str, value: object) -> None:
        plain = state.capture.attribute(key, value)
        if plain is not None:
            self.span.set_attribute(key, plain)

    def set_output(self, value: object) -> None:
        """Record the output; it stands also when the function returns something else."""
        if self.is_recording:
            self._payload("stepscope.output", value)

    def set_input(self, **values: object) -> None:
        """Record the input by name, for context managers, which have no arguments."""
        if self.is_recording:
            self._payload("stepscope.input", values)

    def progress(self, done: float, total: float | None = None) -> None:
        """Record how far the work is; live markers carry it while the span is open."""
        if self.is_recording:
            self.span.set_attribute("stepscope.progress.done", float(done))
            if total is not None:
                self.span.set_attribute("stepscope.progress.total", float(total))

    def skip(self, reason: str | None = None) -> None:
        """End with outcome `skip` instead of `success`, unless an error ends it."""
        self._forced, self._reason = "skip", reason

    def fail(self, reason: str) -> None:
        """End with outcome `failure` although no error is raised."""
        self._forced, self._reason = "failure", reason

    def conclude(self, outcome: str, reason: str | None = None, error_type: str = "") -> None:
        """End with this outcome, decided by something else than an error raised here."""
        self._forced, self._reason = outcome, reason
        self._error_type = error_type

    # What the decorators call

    def attach(self) -> Token[Context]:
        """Make this frame the current one."""
        return otel_context.attach(self.context)

    def succeed(self, output: object = None, has_output: bool = False) -> None:
        """Close with the forced outcome or success."""
        if not self.is_open:
            return
        try:
            if self.is_recording:
                if has_output and state.settings.capture_output:
                    self._output(output)
                self._outcome(self._forced or "success")
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)
        self._end()

    def end_with(self, error: BaseException, extra: Mapping[str, Any] | None = None) -> None:
        """Close with an error that leaves the frame."""
        if not self.is_open:
            return
        try:
            if self.is_recording:
                self._error(error)
                if extra:
                    self.span.set_attributes(extra)
        except Exception as failure:  # noqa: BLE001 - never into the watched program
            guarded(failure)
        self._end()

    def cancel(self, error: BaseException) -> None:
        """Close as cancelled from outside, while the frame's own code is still running."""
        self._forced = "cancellation"
        self.end_with(error)

    def capture_input(self, arguments: Mapping[str, Any]) -> None:
        """Record arguments unless capture of inputs is off."""
        if self.is_recording and state.settings.capture_input and arguments:
            self._payload("stepscope.input", arguments)

    def live_attributes(self) -> dict[str, Any]:
        """What a live marker repeats: everything the open span has but its payloads."""
        current = getattr(self.span, "attributes", None) or self.identity
        return {
            key: value
            for key, value in list(current.items())
            if key not in ("stepscope.input", "stepscope.output")
        }

    @property
    def execution(self) -> "Execution":
        """The execution the frame belongs to; an execution's is itself."""
        raise NotImplementedError

    @property
    def base(self) -> Context:
        """The context the frame was opened in."""
        return self._base

    @property
    def recorder(self) -> Any:
        """What recorded the span; markers go the same way."""
        return self._recorder

    def record(self, key: str, value: object) -> None:
        """Record a value as JSON text under a key of the registry."""
        if self.is_recording:
            self._payload(key, value)

    def identify(self, key: str, value: str) -> None:
        """Add to the identity, which live markers repeat."""
        self.identity[key] = value
        self.span.set_attribute(key, value)

    def _output(self, output: object) -> None:
        if output is not None:
            self._payload("stepscope.output", output)

    def _payload(self, key: str, value: object) -> None:
        try:
            payload = state.capture.payload(value)
            self.span.set_attribute(key, payload.text)
            if payload.size_bytes is not None and payload.sha256 is not None:
                self.span.set_attribute(f"{key}.size", payload.size_bytes)
                self.span.set_attribute(f"{key}.sha256", payload.sha256)
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)

    def _outcome(self, outcome: str) -> None:
        self.span.set_attribute(self._outcome_key, outcome)
        if self._reason is not None:
            self.span.set_attribute("stepscope.outcome.reason", state.capture.text(self._reason))
        if outcome in ("failure", "error", "timeout"):
            reason = state.capture.text(self._reason or outcome)
            self.span.set_status(Status(StatusCode.ERROR, reason))
            self.span.set_attribute("error.type", self._error_type or "stepscope.Failed")

    def _error(self, error: BaseException) -> None:
        outcome = "cancellation" if self._forced == "cancellation" else outcome_of(error)
        self.span.set_attribute(self._outcome_key, outcome)
        if isinstance(error, SystemExit):
            code = error.code
            number = code if isinstance(code, int) else (0 if code is None else 1)
            self.span.set_attribute("process.exit.code", number)
            if outcome == "success":
                return
        about = describe(error, state.capture)
        self.span.set_attribute("error.type", qualified_name(type(error)))
        self.span.add_event("exception", about)
        message = about["exception.message"] or about["exception.type"]
        self.span.set_status(Status(StatusCode.ERROR, message))

    def _end(self) -> None:
        self.is_open = False
        # The context holds the frame: without this every step would be a cycle for the collector.
        self.context = self._base
        try:
            if self._live is not None and self.is_recording:
                self._live.closed(self)
            self.span.end(source.current.now_ns())
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)


class Execution(Frame):
    """One run of a workflow. `id` is its identity, `parent_id` the execution that started it."""

    _outcome_key = "workflow.execution.outcome"

    def __init__(
        self,
        name: str,
        parent: Frame | None,
        base: Context,
        execution_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.id: str = execution_id or source.current.execution_id()
        above = _execution_of(parent)
        self.parent_id: str | None = above.id if above else None
        self.root_id: str = above.root_id if above else self.id
        self._indexes = itertools.count()
        self._log_sequence = itertools.count()
        own: dict[str, Any] = {
            "workflow.execution.id": self.id,
            "stepscope.span.role": "execution",
            "workflow.name": name,
        }
        if above is not None:
            own["stepscope.execution.parent_id"] = above.id
            own["stepscope.execution.root_id"] = self.root_id
        if state.settings.project is not None:
            own["stepscope.project"] = state.settings.project
        if attributes:
            own.update(attributes)
        super().__init__(name, parent, base, own)

    @property
    def execution(self) -> "Execution":
        """Itself."""
        return self

    def next_index(self) -> int | None:
        """Index of the step that starts now, from 0; None where it cannot be known."""
        return next(self._indexes)

    def next_log_sequence(self) -> int:
        """Position of the log record that comes now, from 0."""
        return next(self._log_sequence)

    def set_user(self, user: str) -> None:
        """Who the execution runs for."""
        self._set("enduser.id", user)

    def set_trigger(self, kind: str, data: object = None) -> None:
        """What started the execution: `schedule`, `webhook`, … and what it brought."""
        self._set("workflow.trigger.type", kind)
        if data is not None and self.is_recording:
            self._payload("stepscope.trigger.data", data)

    def set_params(self, **params: object) -> None:
        """Parameters by name, by which executions can be searched."""
        if self.is_recording:
            self._payload("stepscope.params", params)

    def set_tags(self, tags: Iterable[str]) -> None:
        """Replace the tags."""
        self._set("stepscope.tags", tuple(tags))

    def _set(self, key: str, value: Any) -> None:
        if self.is_recording:
            self.span.set_attribute(key, value)


class Step(Frame):
    """One named part of an execution, or one attempt of it."""

    _outcome_key = "workflow.task.outcome"
    expects: Callable[[BaseException], bool] | None = None
    """Whether the retry policy in force expected an error, when somebody else's retry said so."""

    def __init__(
        self,
        name: str,
        parent: Frame,
        base: Context,
        index: int | None,
        attributes: Mapping[str, Any],
    ) -> None:
        self._execution = execution = parent.execution
        self.index = index
        own: dict[str, Any] = {
            "workflow.execution.id": execution.id,
            "stepscope.span.role": "step",
            "workflow.task.name": name,
            **attributes,
        }
        if index is not None:
            own["stepscope.step.index"] = index
        super().__init__(name, parent, base, own)

    def end_with(self, error: BaseException, extra: Mapping[str, Any] | None = None) -> None:
        """Close with an error; remembered for a retry that may follow."""
        last_failed.set(self)
        if self.expects is not None:
            try:
                extra = {"stepscope.step.is_expected_retry": bool(self.expects(error))}
            except Exception as failure:  # noqa: BLE001 - the predicate is the user's code
                guarded(failure)
        super().end_with(error, extra)

    @property
    def execution(self) -> Execution:
        """The execution the step belongs to."""
        return self._execution


def current_frame(context: Context | None = None) -> Frame | None:
    """The innermost open execution or step of a context (default: the current one)."""
    frame = (otel_context.get_current() if context is None else context).get(FRAME_KEY)
    return frame if isinstance(frame, Frame) else None


def where() -> tuple[Context, Frame | None]:
    """The context a new frame opens in, and its parent frame."""
    base = otel_context.get_current()
    parent = current_frame(base)
    ambient = state.ambient
    if parent is None and ambient is not None and SPAN_KEY not in base:
        base = Context({**ambient, **base})
        parent = current_frame(base)
    return base, parent


def detach(token: Token[Context] | None) -> None:
    """Undo `attach`; quiet when the token belongs to another context (a generator moved)."""
    if token is None:
        return
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError, AttributeError):
        return


def _execution_of(frame: Frame | None) -> Execution | None:
    return frame.execution if frame is not None else None


def trace_of(frame: Frame) -> tuple[str, str]:
    """Trace id and span id in lower-case hex."""
    context = frame.span.get_span_context()
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
