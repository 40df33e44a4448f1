import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from stepscope_collector import query
from stepscope_collector.query.load import sql
from stepscope_collector.store import Database

ROOM = Path(str(files(query)))
FILES = {str(path.relative_to(ROOM / "sql").with_suffix("")) for path in ROOM.glob("sql/**/*.sql")}
_COMMENT = re.compile(r"--[^\n]*")


def test_every_file_is_asked_for_and_every_question_has_its_file() -> None:
    """ours: named SQL is checked both ways."""
    sources = [path.read_text(encoding="utf-8") for path in ROOM.parent.rglob("*.py")]
    named = {name for text in sources for name in re.findall(r'sql\(\s*"([a-z_]+/[a-z_]+)"', text)}
    named |= {
        name for text in sources for name in re.findall(r'written\("([a-z_]+/[a-z_]+)"', text)
    }
    anywhere = {name for text in sources for name in re.findall(r'"([a-z_]+/[a-z_]+)"', text)}
    areas = {name for text in sources for name in re.findall(r'sql\(f"([a-z_]+)/\{', text)}
    assert named - FILES == set()
    assert {name for name in FILES - anywhere if name.partition("/")[0] not in areas} == set()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_header_names_the_parameters_the_statement_binds(name: str) -> None:
    """ours: a header that speaks of other parameters than the statement has is wrong."""
    lines = sql(name).splitlines()
    header = "\n".join(line for line in lines if line.startswith("--"))
    body = _COMMENT.sub("", "\n".join(lines))
    assert set(re.findall(r"\$\w+", header)) == set(re.findall(r"\$\w+", body))


_VALUES: dict[str, Any] = dict.fromkeys(("id", "trace_id"), "0" * 32) | {
    "ids": ["x"], "trace_ids": ["0" * 32], "execution_ids": ["x"], "tries": [], "children": [], "kinds": [], "step_id": "x",
    "workflow": "*", "path": "x", "execution_id": "x",
    "after_text": "x", "after_id": "x",
}  # fmt: skip
_NUMBERS = {"otlp/resources", "otlp/scopes"}
"""Those whose `ids` are numbers."""


_PIECES = {
    "statistics/chosen": "{} select * from executions",
    "statistics/is_chosen": "select {} from executions",
    "retention/judged": "{} select * from judged",
    "executions/near": "select 1 from stored.executions where {}",
}
"""Statements that these are parts of."""
_HOLES = ("retention/due", "retention/judged")
"""Statements that are put into others, where their name stands in braces; those that hold others first."""


def _value(statement: str, param: str) -> Any:
    if param == "ids" and statement in _NUMBERS:
        return [1]
    return [] if param.startswith("rule_") else _VALUES.get(param, 1)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_statement_binds_against_a_fresh_database(database: Database, name: str) -> None:
    """ours: a statement that the schema has outgrown is found here."""
    text = _PIECES.get(name, "{}").replace("{}", sql(name))
    for hole in _HOLES:
        text = text.replace(f"{{{hole.partition('/')[2]}}}", sql(hole))
    text = _COMMENT.sub("", text)
    params = {param: _value(name, param) for param in re.findall(r"\$(\w+)", text)}
    with database.read() as connection:
        connection.execute(text, params or None)
        connection.fetchall()


def test_an_unknown_name_is_a_bug_and_says_so() -> None:
    """ours: no empty answer for a statement nobody wrote."""
    with pytest.raises(FileNotFoundError):
        sql("executions/none_such")
