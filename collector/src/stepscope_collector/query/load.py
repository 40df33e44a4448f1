"""SQL text of the named questions, one statement per file below `sql/`."""

from functools import cache
from importlib.resources import files
from typing import Any, Protocol

__all__ = ["parsed", "sql"]


class _Parser(Protocol):
    """What can parse a statement: any connection."""

    def extract_statements(self, query: str) -> list[Any]:
        """The statements of a text."""


_parsed: dict[str, Any] = {}


@cache
def sql(name: str) -> str:
    """The statement in `sql/<name>.sql`; `name` is `area/question`.

    Raises:
        FileNotFoundError: a name nobody wrote a statement for, which is a bug of ours.
    """
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def parsed(reader: _Parser, name: str, text: str | None = None) -> Any:
    """The same statement, which any connection may execute, parsed once in a process.

    For questions of a few milliseconds that are made of several statements of forty columns.

    Args:
        reader: any connection.
        name: of the statement.
        text: what it is, put together of several files; None: the file of that name.
    """
    found = _parsed.get(name)
    if found is None:
        (found,) = reader.extract_statements(sql(name) if text is None else text)
        _parsed[name] = found
    return found
