"""What the text of user SQL must not be, for DuckDB's parser to be done with it soon.

The parser of DuckDB 2.0.0 goes back and tries again wherever something does not fit, nothing
interrupts it, and no limit counts its memory: eight times `with a as (`, 88 characters, took 8 s and
1.8 GB, four thousand brackets or plus signs in a row 30 s and 2.5 GB (2026-11, `attacks.py`). So its
words, as its own tokenizer tells them, are counted before it sees the statement.
"""

from typing import Final

from stepscope_collector.errors import QueryRefused
from stepscope_collector.store import tokens_of

__all__ = ["check_shape"]

_MAX_DEPTH: Final = 200
_MAX_IN_A_ROW: Final = 200
_MAX_WITHS: Final = 4
_OPEN: Final = ("(", "[", "{")
_CLOSED: Final = (")", "]", "}")
_HINT: Final = "write it as fewer steps"


def check_shape(statement: str) -> None:
    """Nothing, when the statement can be parsed in a bounded time.

    Raises:
        QueryRefused: brackets in brackets, operators in a row or WITH in WITH beyond their limits.
    """
    withs = [0]  # of each bracket that is open, and around them: the WITHs it stands in
    in_a_row = 0
    words = [*tokens_of(statement)]
    for number, (kind, word) in enumerate(words):
        in_a_row = in_a_row + 1 if kind == "operator" else 0
        if in_a_row > _MAX_IN_A_ROW:
            raise QueryRefused(f"more than {_MAX_IN_A_ROW} operators in a row", hint=_HINT)
        if kind == "operator" and word in _OPEN:
            withs.append(withs[-1])
            if len(withs) > _MAX_DEPTH + 1:
                raise QueryRefused(
                    f"the statement is nested too deeply: over {_MAX_DEPTH} brackets", hint=_HINT
                )
        elif kind == "operator" and word in _CLOSED and len(withs) > 1:
            withs.pop()
        elif word.lower() == "with" and not _is_of_a_type(words[number + 1 : number + 3]):
            withs[-1] += 1
            if withs[-1] > _MAX_WITHS:
                raise QueryRefused(
                    f"WITH within WITH, more than {_MAX_WITHS} deep",
                    hint="put the CTEs of all into one WITH, after each other",
                )


def _is_of_a_type(following: list[tuple[str, str]]) -> bool:
    """Whether a WITH goes on as in `timestamp with time zone`."""
    return [word.lower() for _, word in following] == ["time", "zone"]
