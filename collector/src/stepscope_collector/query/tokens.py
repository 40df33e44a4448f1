"""Just enough of SQL's words to leave out comments; what is left is checked again (guard.py)."""

import re

__all__ = ["without_comments"]

_TOKEN = re.compile(
    r"""
    (?P<literal> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    """,
    re.DOTALL | re.VERBOSE,
)


def without_comments(statement: str) -> str:
    """The statement with a blank for each comment."""
    return _TOKEN.sub(lambda match: " " if match["comment"] else match[0], statement)
