"""Answers to SQL as Parquet."""

from pathlib import Path

import duckdb
import httpx
import pytest

SQL = "select range as n, 'text ' || range as t, make_timestamp_ns(range) as time, [range] as l from range(120000)"


@pytest.mark.parametrize(("max_rows", "rows"), [(None, 120_000), (70_001, 70_001), (1, 1)])
def test_an_answer_is_a_parquet_file_with_the_types_of_the_engine(
    client: httpx.Client, tmp_path: Path, max_rows: int | None, rows: int
) -> None:
    """issue #7, R155: results as Parquet."""
    question = {"sql": SQL} | ({} if max_rows is None else {"max_rows": max_rows})
    answer = client.post("/api/sql?format=parquet", json=question)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    (tmp_path / "a.parquet").write_bytes(answer.content)
    with duckdb.connect() as connection:
        found = connection.sql(f"from '{tmp_path}/a.parquet'")
        assert [str(kind) for kind in found.types][1:3] == ["VARCHAR", "TIMESTAMP_NS"]
        assert connection.execute(
            f"select count(*), sum(n), max(l[1]), max(epoch_ns(time)) from '{tmp_path}/a.parquet'"
        ).fetchall() == [(rows, sum(range(rows)), rows - 1, rows - 1)]
        del found


def test_parameters_and_errors_are_as_in_the_other_formats(client: httpx.Client) -> None:
    """issue #7: one guard for all formats."""
    asked = {"sql": "select $a as a", "params": {"a": 1}}
    assert client.post("/api/sql?format=parquet", json=asked).content[:4] == b"PAR1"
    refused = client.post("/api/sql?format=parquet", json={"sql": "drop view executions"})
    assert refused.status_code == 400
    explained = client.post("/api/sql?format=parquet", json={"sql": "explain select 1"})
    assert "no parquet format" in explained.json()["error"]["message"]
