"""Design 001's SQLite database, with its indexes, made from a history of ours."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from stepscope_collector.store import Database

__all__ = ["SHARED_QUESTIONS", "copy_to_sqlite", "sqlite_questions", "statement"]

SQL: Final = Path(__file__).parent.parent / "sql"
SHARED_QUESTIONS: Final = ("last_50", "percentiles", "slowest", "error_rate", "text")
"""Asked of both, from sql/asked/ and sql/older/; and one execution by its id."""
_INTO: Final = (
    ("from_executions", "insert into executions values (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    ("from_steps", "insert into node_executions values (null,?,?,?,?,?,?,?,?,?,?,?,?)"),
)


def statement(name: str) -> str:
    """Text of sql/<name>.sql."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def copy_to_sqlite(database: Database, path: Path) -> None:
    """Write the executions and steps of a history the way design 001 kept them."""
    with sqlite3.connect(path) as older, database.read() as connection:
        older.executescript("pragma journal_mode = off; pragma synchronous = off;")
        for part in sorted((SQL / "older" / "tables").glob("*.sql")):
            older.executescript(part.read_text(encoding="utf-8"))
        for source, insert in _INTO:
            rows = connection.execute(statement(f"older/{source}"))
            while chunk := rows.fetchmany(50_000):
                older.executemany(insert, chunk)
        older.commit()
        older.execute("analyze")
    older.close()


def sqlite_questions(
    path: Path, arguments: dict[str, dict[str, str]], ids: list[str]
) -> dict[str, Callable[[int], Any]]:
    """Name → question, as of our own."""
    older = sqlite3.connect(path)

    def asking(name: str) -> Callable[[int], Any]:
        text = statement(f"older/{name}")
        return lambda _: older.execute(text, arguments.get(name, {})).fetchall()

    one = statement("older/one")
    return {
        **{name: asking(name) for name in SHARED_QUESTIONS},
        "one": lambda n: older.execute(one, {"id": ids[n % len(ids)]}).fetchall(),
    }
