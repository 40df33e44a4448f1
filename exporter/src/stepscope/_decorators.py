"""`@workflow` and `@step` for every shape of callable.

Each shape has one wrapper. A wrapper opens a frame, makes it current while the function's own
code runs (for generators: only then, not while the consumer works), and closes it. The function
runs exactly as without the decorator: same result, same exception object, same signature.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from stepscope._arguments import Binder, name_of
from stepscope._attempts import retry_async, retry_sync
from stepscope._frames import Frame, detach, guarded
from stepscope._retry import Retry
from stepscope._specs import D, Spec, StepSpec, WorkflowSpec
from stepscope._state import state
from stepscope.errors import MisuseError

__all__ = ["step", "workflow"]

P = ParamSpec("P")
R = TypeVar("R")
_MARK = "__stepscope_spec__"


@overload
def workflow(name: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def workflow(name: D, /) -> D: ...
@overload
def workflow(
    name: str | None = None,
    *,
    id: str | None = None,
    version: str | None = None,
    trigger: str | None = None,
    trigger_data: object = None,
    tags: Iterable[str] = (),
    user: str | Callable[..., str | None] | None = None,
    project: str | None = None,
    tenant: str | Callable[..., str | None] | None = None,
    params: Mapping[str, object] | Iterable[str] | None = None,
    execution_id: str | Callable[..., str | None] | None = None,
    enqueued_at_ns: int | Callable[..., int | None] | None = None,
    resume: Mapping[str, str] | None = None,
) -> WorkflowSpec: ...
def workflow(  # noqa: PLR0913 - each is one documented property of a workflow
    name: Any = None,
    *,
    id: str | None = None,  # noqa: A002 - the word of the attribute
    version: str | None = None,
    trigger: str | None = None,
    trigger_data: object = None,
    tags: Iterable[str] = (),
    user: str | Callable[..., str | None] | None = None,
    project: str | None = None,
    tenant: str | Callable[..., str | None] | None = None,
    params: Mapping[str, object] | Iterable[str] | None = None,
    execution_id: str | Callable[..., str | None] | None = None,
    enqueued_at_ns: int | Callable[..., int | None] | None = None,
    resume: Mapping[str, str] | None = None,
) -> Any:
    """Declare a workflow.

    As a decorator with or without arguments, or as `with workflow("name") as execution:`.

    Args:
        name: Name of the workflow; default: the function's name.
        id: Stable identity when the name may change; default: none is sent.
        version: Default: version of the function's package, else a hash of its source.
        trigger: What starts it: `schedule`, `webhook`, `manual`, …; child executions say
            `subworkflow` by themselves.
        trigger_data: What the trigger brings, recorded as JSON.
        tags: Texts to find executions by.
        user: Who the execution runs for, or a function of the arguments (a dict by name).
        project: Overrides the project given to `configure`.
        tenant: Whose data the execution works on, or a function of the arguments.
        params: Values by name, or names of arguments; default: the arguments that are texts,
            numbers or booleans. Empty: none.
        execution_id: Identity of the execution, or a function of the arguments; default: a UUIDv7.
        enqueued_at_ns: When the work was queued, in nanoseconds since the epoch, or a function of
            the arguments.
        resume: Headers that `inject` gave in an execution that was left to wait: this one goes on
            with it, under its id and linked to it, perhaps in another process and days later.
    """
    if callable(name) or isinstance(name, (classmethod, staticmethod)):
        return workflow()(name)
    return WorkflowSpec(
        name, id=id, version=version, trigger=trigger, trigger_data=trigger_data, tags=tags,
        user=user, project=project, tenant=tenant, params=params, execution_id=execution_id,
        enqueued_at_ns=enqueued_at_ns, resume=resume,
    )  # fmt: skip


@overload
def step(name: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def step(name: D, /) -> D: ...
@overload
def step(
    name: str | None = None,
    *,
    type: str | None = None,
    retry: Retry | None = None,
    description: str | None = None,
) -> StepSpec: ...
def step(
    name: Any = None,
    *,
    type: str | None = None,  # noqa: A002 - the word of the attribute
    retry: Retry | None = None,
    description: str | None = None,
) -> Any:
    """Declare a step.

    As a decorator with or without arguments, or as `with step("name") as s:`. Outside any workflow a step is an execution of its own, named like the step.

    Args:
        name: Name of the step; default: the function's name.
        type: Kind of step; default: `function`, `coroutine`, `generator`, `async_generator` or,
            for a context manager, `block`.
        retry: When a failed call is tried again; each attempt is recorded. A context manager
            cannot run its block again and ignores it.
        description: What the step is for.
    """
    if callable(name) or isinstance(name, (classmethod, staticmethod)):
        return step()(name)
    return StepSpec(name, type=type, retry=retry, description=description)


def _decorate(spec: Spec, function: Any) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return function.__class__(_decorate(spec, function.__func__))
    if not callable(function):
        raise MisuseError(f"@{spec.word} decorates a callable, not {function!r}")
    if isinstance(function, type):
        raise MisuseError(
            f"@{spec.word} on the class {function.__qualname__}; decorate its methods instead"
        )
    shape = _shape(function)
    if spec.retry is not None and shape not in ("function", "coroutine"):
        raise MisuseError(
            f"retry on the {shape} {name_of(function)}: what it has yielded cannot be taken back; "
            "retry a function that builds the whole result"
        )
    wrapper = _WRAPPERS[shape](_Opener(spec, function, shape), function)
    functools.update_wrapper(wrapper, function)
    if not hasattr(function, "__name__"):
        wrapper.__name__ = wrapper.__qualname__ = name_of(function)
    setattr(wrapper, _MARK, spec)
    return wrapper


Spec.decorate = staticmethod(_decorate)


def _shape(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    if inspect.isasyncgenfunction(function):
        return "async_generator"
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    return "generator" if inspect.isgeneratorfunction(function) else "function"


class _Opener:
    """Opens the frame of one call; None when that fails, so the call goes on unrecorded."""

    __slots__ = ("_binder", "_function", "_kind", "name", "spec")

    def __init__(self, spec: Spec, function: Callable[..., Any], kind: str) -> None:
        self.spec = spec
        self.name = spec.name or name_of(function)
        self._binder = Binder(function)
        self._function = function
        self._kind = kind

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        if not state.settings.capture_input and type(self.spec) is StepSpec:
            return None
        return self._binder.bind(args, kwargs)

    def open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame | None:
        try:
            arguments = self.arguments(args, kwargs)
            return self.spec.open(self.name, arguments, self._kind, self._function)
        except Exception as error:  # noqa: BLE001 - never into the watched program
            guarded(error)
            return None


def _function(opener: _Opener, function: Callable[..., Any]) -> Callable[..., Any]:
    if opener.spec.retry is not None:
        policy = opener.spec.retry

        def retried(*args: Any, **kwargs: Any) -> Any:
            return retry_sync(opener, policy, function, args, kwargs)

        return retried

    def call(*args: Any, **kwargs: Any) -> Any:
        frame = opener.open(args, kwargs)
        if frame is None:
            return function(*args, **kwargs)
        token = frame.attach()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            frame.end_with(error)
            raise
        detach(token)
        frame.succeed(result, True)
        return result

    return call


def _coroutine(opener: _Opener, function: Callable[..., Any]) -> Callable[..., Any]:
    if opener.spec.retry is not None:
        policy = opener.spec.retry

        async def retried(*args: Any, **kwargs: Any) -> Any:
            return await retry_async(opener, policy, function, args, kwargs)

        return retried

    async def call(*args: Any, **kwargs: Any) -> Any:
        frame = opener.open(args, kwargs)
        if frame is None:
            return await function(*args, **kwargs)
        token = frame.attach()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            frame.end_with(error)
            raise
        detach(token)
        frame.succeed(result, True)
        return result

    return call


def _generator(opener: _Opener, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        frame = opener.open(args, kwargs)
        inner = function(*args, **kwargs)
        if frame is None:
            return (yield from inner)
        yielded = 0
        advance, value = inner.send, None
        while True:
            token = frame.attach()
            try:
                item = advance(value)
            except StopIteration as stop:
                detach(token)
                frame.succeed({"yielded": yielded, "returned": stop.value}, True)
                return stop.value
            except BaseException as error:
                detach(token)
                frame.end_with(error)
                raise
            detach(token)
            yielded += 1
            try:
                advance, value = inner.send, (yield item)
            except GeneratorExit:
                _close(frame, inner, yielded)
                raise
            except BaseException as error:  # noqa: BLE001 - goes into the generator
                advance, value = inner.throw, error

    return call


def _close(frame: Frame, inner: Generator[Any, Any, Any], yielded: int) -> None:
    """Closed early by its consumer, which is a regular end unless its clean-up fails."""
    token = frame.attach()
    try:
        inner.close()
    except BaseException as error:
        detach(token)
        frame.end_with(error)
        raise
    detach(token)
    frame.succeed({"yielded": yielded, "closed_early": True}, True)


def _async_generator(opener: _Opener, function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        frame = opener.open(args, kwargs)
        inner = function(*args, **kwargs)
        yielded = 0
        advance, value = inner.asend, None
        while True:
            token = frame.attach() if frame is not None else None
            try:
                item = await advance(value)
            except StopAsyncIteration:
                detach(token)
                if frame is not None:
                    frame.succeed({"yielded": yielded}, True)
                return
            except BaseException as error:
                detach(token)
                if frame is not None:
                    frame.end_with(error)
                raise
            detach(token)
            yielded += 1
            try:
                advance, value = inner.asend, (yield item)
            except GeneratorExit:
                await _aclose(frame, inner, yielded)
                raise
            except BaseException as error:  # noqa: BLE001 - goes into the generator
                advance, value = inner.athrow, error

    return call


async def _aclose(frame: Frame | None, inner: AsyncGenerator[Any, Any], yielded: int) -> None:
    token = frame.attach() if frame is not None else None
    try:
        await inner.aclose()
    except BaseException as error:
        detach(token)
        if frame is not None:
            frame.end_with(error)
        raise
    detach(token)
    if frame is not None:
        frame.succeed({"yielded": yielded, "closed_early": True}, True)


_WRAPPERS: Mapping[str, Callable[[_Opener, Callable[..., Any]], Callable[..., Any]]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async_generator": _async_generator,
}
