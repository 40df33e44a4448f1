"""SQL text of the named questions, one statement per file below `sql/`."""

from functools import cache
from importlib.resources import files

__all__ = ["sql"]


@cache
def sql(name: str) -> str:
    """The statement in `sql/<name>.sql`; `name` is `area/question`.

    Raises:
        FileNotFoundError: a name nobody wrote a statement for, which is a bug of ours.
    """
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
