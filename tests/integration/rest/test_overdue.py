"""Statements that no interrupt ends: answered in time, counted, and bounded in number."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from stepscope_collector.config import SqlConfig, StoreConfig
from stepscope_collector.store import Database
from tests.integration.cli.conftest import stepscope
from tests.integration.collector.process import Collector
from tests.integration.rest.conftest import serving
from tests.unit.collector.query.history import open_memory


def endless(calls: int) -> str:
    """A statement whose calls work 2 s each on 2048 texts, and heed no interrupt meanwhile."""
    text = "left(lpad(range::varchar, 1000, 'x'), 1000)"
    each = (f"levenshtein({text}, '{number:01000}')" for number in range(calls))
    return f"select max({' + '.join(each)}) from range(2048)"


DEAF = endless(1)
DEAFER = endless(3)
ENDLESS = endless(30)
WITHIN_S = 60


def ask(client: httpx.Client, statement: str) -> httpx.Response:
    return client.post("/api/sql", json={"sql": statement})


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_its_answer_comes_in_time_and_its_place_is_free() -> None:
    """issue #7: time exhaustion; a statement that does not end holds up nobody else."""
    with (
        open_memory() as database,
        serving(database, SqlConfig(timeout_s=0.1, max_concurrent=2)) as client,
    ):
        answer = ask(client, DEAF)
        assert answer.status_code == 408, answer.text
        assert answer.json()["error"]["code"] == "query_timeout"
        assert not database.is_idle  # it goes on
        assert ask(client, "select 42").json()["rows"] == [[42]]
        wait_until(lambda: database.is_idle)


def test_they_are_counted_and_further_ones_refused() -> None:
    """issue #7: at most sql.max_concurrent statements are left behind."""
    with (
        open_memory() as database,
        serving(database, SqlConfig(timeout_s=0.1, max_concurrent=1)) as client,
    ):
        assert ask(client, DEAF).status_code == 408
        wait_until(lambda: database.overdue == 1)
        refused = ask(client, "select 42")
        assert refused.status_code == 503, refused.text
        assert refused.headers["retry-after"] == "1"
        error = refused.json()["error"]
        assert error["code"] == "overloaded"
        assert error["message"] == "1 statements of users go on after their time, limit 1"
        assert client.get("/api/executions").status_code == 200
        wait_until(lambda: database.overdue == 0)
        assert ask(client, "select 42").json()["rows"] == [[42]]


def test_one_whose_client_has_gone_leaves_its_place() -> None:
    """issue #7: the place of a statement is free once nobody waits for its answer."""
    with (
        open_memory() as database,
        serving(database, SqlConfig(timeout_s=300, max_concurrent=1)) as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/sql", json={"sql": DEAFER}, timeout=0.5)
        assert ask(client, "select 42").json()["rows"] == [[42]]
        assert not database.is_idle  # it still goes on
        wait_until(lambda: database.is_idle)


def test_the_doctor_tells_of_it_and_the_server_still_ends(tmp_path: Path) -> None:
    """issue #7: shown by doctor and in the metrics; SIGTERM ends the process all the same."""
    collector = Collector(tmp_path / "data", sql_timeout_s="1s", sql_max_concurrent="3")
    collector.may_mention = "readers still at work"
    try:
        with httpx.Client(base_url=f"http://{collector.endpoints.web}", timeout=30) as client:
            assert ask(client, ENDLESS).status_code == 408
            wait_until(lambda: collector.doctor()["now"]["overdue_statements"] == 1)
            assert "stepscope_overdue_sql 1" in collector.ask_text("/metrics")
            answer = client.post("/api/admin/compact", json={})
            assert answer.status_code == 503, answer.text
            assert "hold the file: 1" in answer.json()["error"]["message"]
            assert ask(client, "select 42").json()["rows"] == [[42]]
        assert collector.terminate() == 0
    finally:
        collector.kill()
    again = Collector(tmp_path / "data")
    try:
        assert again.terminate() == 0
    finally:
        again.kill()


def test_the_time_limit_counts_what_does_not_heed_it() -> None:
    """ours: a statement that ends when it is interrupted is never overdue."""
    counts = []
    with open_memory() as database:
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.01):
                counts.append(database.overdue)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            with serving(database, SqlConfig(timeout_s=0.1)) as client:
                answer = ask(client, "select count(*) from range(10000000) a, range(10000000) b")
                assert answer.status_code == 408
        finally:
            done.set()
            looking.join()
    assert set(counts) == {0}


def test_a_command_without_a_server_ends_in_time(tmp_path: Path) -> None:
    """issue #7: the command line answers in time, too, and says nothing but that."""
    Database.open(tmp_path / "data" / "stepscope.duckdb", StoreConfig()).close()
    answer = stepscope(
        "sql", "--data", tmp_path / "data", ENDLESS, STEPSCOPE_SQL_TIMEOUT_S="0.2s"
    )  # fmt: skip
    assert answer.code == 8, answer.err
    assert "statement ran longer than 0.2 s" in answer.err
    assert "nanobind" not in answer.err
