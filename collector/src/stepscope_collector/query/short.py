"""Which texts in user SQL are known to be short."""

from typing import Final

from stepscope_collector.query.tree import Node, arguments, function_name, is_function, literal

__all__ = ["MAX_SHORT", "is_short"]

MAX_SHORT: Final = 1000
"""Characters of a text that is known to be short."""
_CUTTING: Final = ("left", "substr", "substring")


def is_short(argument: Node, limit: int = MAX_SHORT) -> bool:
    """Whether the length of a text is known, and at most the limit."""
    text = literal(argument)
    if isinstance(text, str):
        return len(text) <= limit
    if is_function(argument) and function_name(argument) in _CUTTING:
        size = literal(given[-1]) if len(given := arguments(argument)) > 1 else None
        return isinstance(size, int | float) and 0 <= size <= limit
    return False
