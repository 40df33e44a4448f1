"""Just enough of SQL's words to leave out comments and literals before looking at a statement."""

import re

__all__ = ["without_comments", "without_literals"]

_TOKEN = re.compile(
    r"""
    (?P<literal> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<name> "(?:[^"]|"")*" )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    """,
    re.DOTALL | re.VERBOSE,
)


def without_comments(statement: str) -> str:
    """The statement with a blank for each comment."""
    return _TOKEN.sub(lambda match: " " if match["comment"] else match[0], statement)


def without_literals(statement: str) -> str:
    """The statement with a blank for each comment and '' for each literal; names lose their quotes."""

    def plain(match: re.Match[str]) -> str:
        if match["comment"]:
            return " "
        return "''" if match["literal"] else match[0][1:-1]

    return _TOKEN.sub(plain, statement)
