"""Hints of the read API in the words of the command line."""

from typing import Final

__all__ = ["HINTS", "in_commands"]

HINTS: Final = {
    "GET /api/executions lists them": "stepscope executions lists them",
    "GET /api/workflows lists them": "stepscope stats workflows lists them",
    "use next_cursor as it was answered": "--cursor takes what stood at the end of the list before",
}
"""What the read API says → what a command says."""


def in_commands(hint: str) -> str:
    """The hint for somebody who has typed a command."""
    return HINTS.get(hint, hint)
