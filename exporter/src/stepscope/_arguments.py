"""Arguments of a call by parameter name, without the cost of `Signature.bind`."""

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["Binder", "name_of", "version_of"]


class Binder:
    """Binds positional and keyword arguments of one callable to names; leaves out `self`."""

    __slots__ = ("_defaults", "_names", "_skip", "_star")

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (ValueError, TypeError):  # built-ins without a signature
            parameters = []
        positional = [
            p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        self._skip = 1 if positional and positional[0].name in ("self", "cls") else 0
        self._names = tuple(p.name for p in positional[self._skip :])
        self._star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
        self._defaults = tuple(
            (p.name, p.default) for p in parameters if p.default is not inspect.Parameter.empty
        )

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name to value, defaults included. Wrong calls bind what they can and never raise."""
        if self._skip:
            args = args[1:]
        names = self._names
        bound = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            bound[self._star] = args[len(names) :]
        if kwargs:
            bound.update(kwargs)
        for name, default in self._defaults:
            if name not in bound:
                bound[name] = default
        return bound


def name_of(function: Any) -> str:
    """The name a callable is known by: its `__name__`, that of a partial's function, its class."""
    while hasattr(function, "func") and not hasattr(function, "__name__"):
        function = function.func
    return getattr(function, "__name__", None) or type(function).__name__


def version_of(function: Callable[..., Any]) -> str | None:
    """Version of the package the function is in, else `src-` and a hash of its source, else None."""
    # 10 ms together, once, and only where no version is given.
    import hashlib
    import importlib.metadata

    function = inspect.unwrap(function)
    package = (getattr(function, "__module__", None) or "").partition(".")[0]
    if package and package != "__main__":
        try:
            return importlib.metadata.version(package)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            pass
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return "src-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
