"""What `workflow(...)` and `step(...)` declare, and how a call of theirs becomes a frame.

A spec is a decorator and a context manager at once. It holds no state of a call, so one spec may
be entered again while it is open, from any thread or task.
"""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, ParamSpec, TypeVar, overload

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from stepscope._arguments import version_of
from stepscope._foreign_retry import Attempt, pending
from stepscope._frames import Execution, Frame, Step, current_frame, detach, guarded, where
from stepscope._propagation import resumable
from stepscope._retry import Retry
from stepscope._state import state
from stepscope.errors import MisuseError

__all__ = ["Spec", "StepSpec", "WorkflowSpec"]

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D", bound="classmethod[Any, ..., Any]")
_SCALARS = (str, int, float, bool)


class Spec:
    """A declaration that opens frames."""

    retry: Retry | None = None
    decorate: ClassVar[Callable[["Spec", Any], Any]]
    """Set by `_decorators`, which knows the shapes of functions."""

    def __init__(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise MisuseError(f"name={name!r} is no text; decorate with @{self.word} or pass name=")
        self.name = name
        self._entered: dict[int, Frame] = {}

    word = "spec"

    def open(
        self, name: str, arguments: Mapping[str, Any] | None = None, kind: str = "block",
        function: Callable[..., Any] | None = None,
    ) -> Frame:  # fmt: skip
        """A frame that is open and not attached; may raise."""
        raise NotImplementedError

    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, function: D, /) -> D: ...
    def __call__(self, function: Any, /) -> Any:
        """The function, recorded under this declaration."""
        return Spec.decorate(self, function)

    def _enter(self) -> Frame:
        frame = self.open(self.name or self.word)
        frame.spec = self
        frame.token = frame.attach()
        self._entered[id(frame)] = frame
        return frame

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        frame = self._leaving()
        if frame is None:
            return
        self._entered.pop(id(frame), None)
        if current_frame() is frame:
            detach(frame.token)
        if error is None:
            frame.succeed()
        else:
            frame.end_with(error)
        _leave_closed()

    def _leaving(self) -> Frame | None:
        """The frame of the block that ends now: the innermost of this spec that is open here.

        Blocks inside generators that take turns end in another order than they began; then the
        block is no longer in the chain of the current one, and the last entered is taken.
        """
        frame = current_frame()
        while frame is not None and not (frame.spec is self and frame.is_open):
            frame = frame.parent
        if frame is None and self._entered:
            frame = list(self._entered.values())[-1]
        return frame

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


class WorkflowSpec(Spec):
    """Declares a workflow; every use of it is an execution."""

    word = "workflow"

    def __init__(  # noqa: PLR0913 - each is one documented property of a workflow
        self,
        name: str | None,
        *,
        id: str | None,  # noqa: A002 - the word of the attribute
        version: str | None,
        trigger: str | None,
        trigger_data: object,
        tags: Iterable[str],
        user: str | Callable[..., str | None] | None,
        project: str | None,
        tenant: str | Callable[..., str | None] | None,
        params: Mapping[str, object] | Iterable[str] | None,
        execution_id: str | Callable[..., str | None] | None,
        enqueued_at_ns: int | Callable[..., int | None] | None,
        resume: Mapping[str, str] | None,
    ) -> None:
        super().__init__(name)
        if isinstance(tags, str):
            raise MisuseError(f"tags={tags!r} is one text; pass a list of tags")
        if isinstance(params, str):
            raise MisuseError(f"params={params!r} is one text; pass names or a mapping")
        fixed = {
            "workflow.id": id,
            "workflow.version": version,
            "workflow.trigger.type": trigger,
            "stepscope.tags": tuple(tags) or None,
            "stepscope.project": project,
            "stepscope.tenant": tenant if isinstance(tenant, str) else None,
            "enduser.id": user if isinstance(user, str) else None,
            "stepscope.execution.enqueued_unix_nano": (
                enqueued_at_ns if isinstance(enqueued_at_ns, int) else None
            ),
        }
        self._fixed = {key: value for key, value in fixed.items() if value is not None}
        self._user = user if callable(user) else None
        self._tenant = tenant if callable(tenant) else None
        self._enqueued = enqueued_at_ns if callable(enqueued_at_ns) else None
        self._execution_id = execution_id
        self._resume = resume
        self._trigger_data = trigger_data
        self._params = params if params is None or isinstance(params, Mapping) else tuple(params)
        self._versions: dict[object, str | None] = {}

    def __enter__(self) -> Execution:
        return self._enter()  # type: ignore[return-value]  # open() below returns an Execution

    async def __aenter__(self) -> Execution:
        return self.__enter__()

    def open(
        self, name: str, arguments: Mapping[str, Any] | None = None, kind: str = "block",
        function: Callable[..., Any] | None = None,
    ) -> Execution:  # fmt: skip
        """An open execution: a child of the current one, if there is one."""
        base, parent = where()
        attributes = self._fixed
        if function is not None and "workflow.version" not in attributes:
            attributes = self._with_version(function)
        if parent is not None and "workflow.trigger.type" not in attributes:
            attributes = {**attributes, "workflow.trigger.type": "subworkflow"}
        execution_id = self._execution_id
        if callable(execution_id):
            execution_id = _ask(execution_id, arguments)
        resumed = resumable(self._resume) if self._resume is not None else None
        if resumed is not None and execution_id is None:
            execution_id = resumed.execution_id
        if self._tenant is not None and (tenant := _ask(self._tenant, arguments)) is not None:
            attributes = {**attributes, "stepscope.tenant": tenant}
        if self._enqueued is not None:
            enqueued = _ask(self._enqueued, arguments)
            if enqueued is not None and enqueued.isdecimal():
                key = "stepscope.execution.enqueued_unix_nano"
                attributes = {**attributes, key: int(enqueued)}
        frame = Execution(name, parent, base, execution_id, attributes)
        if frame.is_recording:
            if resumed is not None:
                frame.span.add_link(resumed.span, {"stepscope.link.type": "resume"})
            self._describe(frame, arguments)
        return frame

    def _describe(self, frame: Execution, arguments: Mapping[str, Any] | None) -> None:
        if self._user is not None and (user := _ask(self._user, arguments)) is not None:
            frame.set_user(user)
        if self._trigger_data is not None:
            frame.record("stepscope.trigger.data", self._trigger_data)
        params = self._params
        if isinstance(params, Mapping):
            chosen: Mapping[str, object] = params
        elif params is not None:
            chosen = {name: (arguments or {}).get(name) for name in params}
        else:
            chosen = {k: v for k, v in (arguments or {}).items() if type(v) in _SCALARS}
        if chosen and state.settings.capture_input:
            frame.record("stepscope.params", chosen)
        if arguments:
            frame.capture_input(arguments)

    def _with_version(self, function: Callable[..., Any]) -> dict[str, Any]:
        # Found once per function: it reads package metadata or source, about a millisecond.
        if function not in self._versions:
            try:
                self._versions[function] = version_of(function)
            except Exception as error:  # noqa: BLE001 - never into the watched program
                guarded(error)
                self._versions[function] = None
        version = self._versions[function]
        if version is None:
            return self._fixed
        return {**self._fixed, "workflow.version": version}


class StepSpec(Spec):
    """Declares a step; every use of it, or every attempt, is a span."""

    word = "step"

    def __init__(
        self,
        name: str | None,
        *,
        type: str | None,  # noqa: A002 - the word of the attribute
        retry: Retry | None,
        description: str | None,
    ) -> None:
        super().__init__(name)
        if retry is not None and not isinstance(retry, Retry):
            raise MisuseError(f"retry={retry!r} is no Retry; write retry=Retry(attempts=3)")
        self.type = type
        self.retry = retry
        self.fixed: dict[str, Any] = (
            {} if description is None else {"stepscope.step.description": description}
        )

    def __enter__(self) -> Frame:
        return self._enter()

    async def __aenter__(self) -> Frame:
        return self._enter()

    def open(
        self, name: str, arguments: Mapping[str, Any] | None = None, kind: str = "block",
        function: Callable[..., Any] | None = None,
    ) -> Frame:  # fmt: skip
        """An open step; outside any workflow an execution of one step."""
        base, parent = where()
        frame: Frame
        if parent is None:
            frame = Execution(name, None, base, attributes=self.fixed)
            frame.is_one_step = True
        else:
            attempt = pending.get()
            attributes = {"workflow.task.type": self.type or kind, **self.fixed}
            if attempt is None or not attempt.is_for(name, parent):
                frame = Step(name, parent, base, parent.execution.next_index(), attributes)
            else:
                frame = _join(attempt, name, parent, base, attributes)
        if arguments:
            frame.capture_input(arguments)
        return frame


def _leave_closed() -> None:
    """Make the innermost open frame the current one: what it lies under may have ended before."""
    frame = current_frame()
    while frame is not None and not frame.is_open and frame.token is not None:
        otel_context.attach(frame.base)
        frame = current_frame()


def _join(
    attempt: Attempt, name: str, parent: Frame, base: Context, attributes: dict[str, Any]
) -> Step:
    """The step that somebody else's retry has announced."""
    pending.set(None)
    index = attempt.group.index
    if index is None:
        index = parent.execution.next_index()
    frame = Step(name, parent, base, index, {**attributes, **attempt.attributes()})
    attempt.joined(frame)
    return frame


def _ask(rule: Callable[..., object], arguments: Mapping[str, Any] | None) -> str | None:
    """What a user's rule says about the arguments; None when it fails."""
    try:
        answer = rule(dict(arguments or {}))
        return None if answer is None else str(answer)
    except Exception as error:  # noqa: BLE001 - never into the watched program
        guarded(error)
        return None
