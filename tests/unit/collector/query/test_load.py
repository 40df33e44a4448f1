import re
from importlib.resources import files
from pathlib import Path

import pytest

from stepscope_collector import query
from stepscope_collector.query.load import sql
from stepscope_collector.store import Database

ROOM = Path(str(files(query)))
FILES = {str(path.relative_to(ROOM / "sql").with_suffix("")) for path in ROOM.glob("sql/**/*.sql")}
_COMMENT = re.compile(r"--[^\n]*")


def test_every_file_is_asked_for_and_every_question_has_its_file() -> None:
    """ours: named SQL is checked both ways."""
    asked = {
        name
        for path in ROOM.glob("*.py")
        for name in re.findall(r'"([a-z_]+/[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert asked == FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_header_names_the_parameters_the_statement_binds(name: str) -> None:
    """ours: a header that speaks of other parameters than the statement has is wrong."""
    lines = sql(name).splitlines()
    header = "\n".join(line for line in lines if line.startswith("--"))
    body = _COMMENT.sub("", "\n".join(lines))
    assert set(re.findall(r"\$\w+", header)) == set(re.findall(r"\$\w+", body))


_VALUES = dict.fromkeys(("id", "trace_id"), "0" * 32) | {
    "ids": [1], "trace_ids": ["0" * 32], "tries": [], "children": [],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_statement_binds_against_a_fresh_database(database: Database, name: str) -> None:
    """ours: a statement that the schema has outgrown is found here."""
    params = {
        name: _VALUES.get(name, 1) for name in re.findall(r"\$(\w+)", _COMMENT.sub("", sql(name)))
    }
    with database.read() as connection:
        connection.execute(sql(name), params or None)
        connection.fetchall()


def test_an_unknown_name_is_a_bug_and_says_so() -> None:
    """ours: no empty answer for a statement nobody wrote."""
    with pytest.raises(FileNotFoundError):
        sql("executions/none_such")
