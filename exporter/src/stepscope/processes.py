"""Work in other processes that stays in its execution."""

import concurrent.futures
import pickle
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from stepscope import _configure
from stepscope._propagation import extract, inject

__all__ = ["ProcessExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class ProcessExecutor(concurrent.futures.ProcessPoolExecutor):
    """A ProcessPoolExecutor whose work stays in the execution and step that submitted it.

    Workers are configured like this process, whatever their start method.
    """

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Like ProcessPoolExecutor.submit; `map` uses it too."""
        task: Any = _run
        return super().submit(task, dict(inject()), _arguments(), fn, args, kwargs)


def _run(
    carrier: Mapping[str, str], arguments: dict[str, Any] | None, fn: Callable[..., T],
    args: tuple[Any, ...], kwargs: dict[str, Any],
) -> T:  # fmt: skip
    _configure.join_worker(arguments)
    with extract(carrier):
        return fn(*args, **kwargs)


def _arguments() -> dict[str, Any] | None:
    """What `configure` was called with, as far as it can be sent.

    A rule for redaction that cannot be sent must not be left out: the worker then records no
    values at all.
    """
    arguments = _configure.last_arguments()
    if arguments is None:
        return None
    kept = {}
    for key, value in arguments.items():
        try:
            pickle.dumps(value)
        except Exception:  # noqa: BLE001 - any object may fail in any way
            if key == "redact":
                kept["content"] = "shape"
            continue
        kept.setdefault(key, value)
    return kept
