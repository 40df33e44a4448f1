"""People's own DuckDB clients read what the commands of docs/sql.md write."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e


def test_an_answer_as_parquet_and_a_backup_are_read_by_another_duckdb(
    stored: Path, tmp_path: Path
) -> None:
    """issue #7: users' own DuckDB clients; results as Parquet."""
    written = tmp_path / "executions.parquet"
    with written.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "stepscope_collector", "sql", "select * from executions",
             "--format", "parquet", "--data", str(stored)],
            stdout=file, stderr=subprocess.PIPE, timeout=50, check=False, env=os.environ,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert stepscope("backup", tmp_path / "history.duckdb", "--data", stored).code == 0
    question = "select status, count(*) from {} group by all order by all"
    with duckdb.connect() as own:
        by_parquet = own.execute(question.format(f"'{written}'")).fetchall()
    with duckdb.connect(str(tmp_path / "history.duckdb"), read_only=True) as own:
        by_copy = own.execute(question.format("executions")).fetchall()
    assert by_parquet == by_copy == [("failed", 2), ("success", 2)]


def test_quack_is_refused_with_a_reason(stored: Path) -> None:
    """issue #7: a clear error where the extension cannot be loaded."""
    for statement in ("load quack", "install quack", "call quack_serve('quack:localhost')"):
        refused = stepscope("sql", statement, "--data", stored)
        assert refused.code == 2
        assert "statements are not allowed" in refused.err
