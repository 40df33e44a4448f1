"""The functions of design 002, on a running server and on a file, with OTLP beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.execution_store import ExecutionHistory, ExecutionStore
from tests.integration.collector.process import Collector
from tests.integration.execution_store.conftest import send
from tests.strategies.workflows import T0, execution, marker, step


@pytest.fixture(scope="module")
def history(place: Mapping[str, Any]) -> Iterator[ExecutionHistory]:
    """A history over HTTP, and one that has the file itself."""
    with ExecutionHistory(**place) as opened:
        yield opened


def test_r070_every_function_of_design_002_is_there(history: ExecutionHistory) -> None:
    """R070: insert, update, get and list executions; insert and get logs and params; R082: clean up."""
    for name in (
        "insert_execution", "update_execution", "get_execution", "list_executions", "insert_log",
        "get_logs", "insert_params", "get_params", "cleanup_old_executions",
    ):  # fmt: skip
        assert callable(getattr(history, name))


def test_r070_an_execution_is_stored_when_it_begins_and_the_same_row_ends(
    history: ExecutionHistory, workflow: str
) -> None:
    """R070, R061, R062, R063, R073, R074: no field is lost, no second row appears."""
    handle = history.insert_execution(workflow, "Build", binary_path="/bin/build",
                                      start_time="2026-03-01T10:00:00Z")  # fmt: skip
    running = history.get_execution(handle)
    assert running is not None
    assert (running.status, running.end_time, running.exit_code) == ("Running", None, None)
    assert (running.workflow_name, running.binary_path) == ("Build", "/bin/build")
    history.update_execution(
        handle, status="Failed", exit_code=3, end_time="2026-03-01T10:00:02Z", error_message="no"
    )
    ended = history.get_execution(handle)
    assert ended is not None
    assert (ended.status, ended.exit_code, ended.binary_path) == ("Failed", 3, "/bin/build")
    assert ended.start_time.startswith("2026-03-01T10:00:00")
    assert str(ended.end_time).startswith("2026-03-01T10:00:02")
    assert ended.updated_at > ended.created_at
    history.update_execution(handle, status="Running")
    assert history.get_execution(handle) == ended, "an end is not taken back"
    assert [each.id for each in history.list_executions(workflow_id=workflow)] == [handle]
    assert history.get_execution("nobody") is None
    with pytest.raises(NotFound):
        history.update_execution("nobody", status="Failed")


def test_r070_executions_are_listed_newest_first_in_pages(
    history: ExecutionHistory, workflow: str
) -> None:
    """R070, R078: limit and offset; ten unless told otherwise."""
    ids = [
        history.insert_execution(
            workflow, status="Completed", start_time=1_770_000_000 + n, end_time=1_770_000_100 + n
        )
        for n in range(12)
    ]
    newest_first = ids[::-1]
    assert [e.id for e in history.list_executions(workflow_id=workflow)] == newest_first[:10]
    page = history.list_executions(5, 9, workflow)
    assert [e.id for e in page] == newest_first[9:]


def test_r070_log_lines_come_back_in_their_sequence(
    history: ExecutionHistory, workflow: str
) -> None:
    """R070, R065, R066, R071, R081: out of order, of one time, in one commit; the last N ascending."""
    handle = history.insert_execution(workflow)
    entries = [
        {"sequence": n, "log_data": f"line {n}", "timestamp": 1_770_000_000} for n in range(100)
    ]
    history.insert_logs(handle, entries[50:])
    history.insert_logs(handle, entries[:50])
    history.insert_log(handle, {"phase": "pull", "n": 1}, "PhaseStarted", sequence=100)
    found = history.get_logs(handle)
    assert [each.sequence for each in found] == list(range(101))
    last = history.get_logs(handle, limit=3)
    assert [each.sequence for each in last] == [98, 99, 100]
    assert [each.log_type for each in last] == ["RawOutput", "RawOutput", "PhaseStarted"]
    assert last[1].log_data["message"] == "line 99"
    assert last[2].log_data == {"phase": "pull", "n": 1}
    assert history.get_logs(handle, limit=0) == []
    assert history.get_logs("nobody") == []


def test_r070_log_lines_without_a_sequence_stand_in_order_of_time(
    history: ExecutionHistory, workflow: str
) -> None:
    """R070, R065: a line of output with level and stream."""
    handle = history.insert_execution(workflow)
    for n in range(3):
        history.insert_log(handle, {"message": f"{n}", "level": "warn", "stream": "stderr"})
    told = [(each.sequence, each.log_data["message"]) for each in history.get_logs(handle)]
    assert told == [(0, "0"), (1, "1"), (2, "2")]
    assert history.get_logs(handle)[0].log_data["stream"] == "stderr"


def test_r070_params_are_unique_by_name_and_outlive_the_end(
    history: ExecutionHistory, workflow: str
) -> None:
    """R070, R064: a name is replaced, others stay; running and ended."""
    handle = history.insert_execution(workflow, params={"day": "2026-03-01"})
    history.insert_params(handle, {"retries": 3, "names": ["ä", "b"]})
    history.insert_params(handle, {"retries": 4})
    expected = {"day": "2026-03-01", "retries": 4, "names": ["ä", "b"]}
    assert history.get_params(handle) == expected
    history.update_execution(handle, status="Completed", exit_code=0)
    assert history.get_params(handle) == expected
    history.insert_params(handle, {"late": None})
    assert history.get_params(handle) == {**expected, "late": None}
    ended = history.get_execution(handle)
    assert ended is not None
    assert (ended.status, ended.exit_code) == ("Completed", 0)
    assert history.get_params("nobody") == {}


def test_r070_what_it_cannot_keep_is_refused(history: ExecutionHistory, workflow: str) -> None:
    """R070: errors name the value."""
    handle = history.insert_execution(workflow)
    with pytest.raises(BadRequest, match="none of NotStarted, Running, Completed, Failed"):
        history.update_execution(handle, status="Done")
    with pytest.raises(BadRequest, match="exit_code is no whole number"):
        history.update_execution(handle, exit_code=2**40)
    with pytest.raises(BadRequest, match="is no time"):
        history.insert_log(handle, "x", timestamp="yesterday")
    with pytest.raises(BadRequest, match="sequence is no whole number"):
        history.insert_log(handle, "x", sequence=True)
    with pytest.raises(BadRequest, match="cannot be kept as JSON"):
        history.insert_params(handle, {"x": object()})
    with pytest.raises(BadRequest, match="limit=-1 is negative"):
        history.list_executions(-1)


def test_r070_otlp_beside_it_makes_one_history(collector: Collector, workflow: str) -> None:
    """R070: state lives in the same tables: steps of OTLP, params and logs of these functions."""
    with ExecutionHistory(f"http://{collector.endpoints.web}") as history:
        own = history.insert_execution(workflow, start_time=T0 / 1e9)
        send(collector, step("load", own, start=1, end=3))
        assert history.get_execution(own) is not None
        whole = execution("sync", workflow, end=500)
        send(collector, marker(whole, at=1))
        history.insert_params(workflow, {"n": 1})
        history.insert_log(workflow, "hello")
        send(collector, whole)
        found = history.get_execution(workflow)
        assert found is not None
        assert found.status == "Completed"
        assert [each.log_data["message"] for each in history.get_logs(workflow)] == ["hello"]
        history.insert_params(workflow, {"n": 2})
        assert history.get_params(workflow) == {"n": 2}
        with ExecutionStore(f"http://{collector.endpoints.web}") as store:
            assert [s.node_name for s in store.get_steps_for_execution(own)] == ["load"]
            store.update_execution(own, status="success")
        after = history.get_execution(own)
        assert after is not None
        assert after.status == "Completed"


def test_r015_an_update_through_the_other_class_loses_nothing(tmp_path: Path) -> None:
    """R015, R062, R064: params that only a live marker told, exit code and binary outlive every update."""
    with ExecutionHistory(data=tmp_path) as history:
        handles = [
            history.insert_execution("build", binary_path="/bin/build", params={"day": "today"})
            for _ in range(3)
        ]
        signs, ends, corrects = handles
        history.update_execution(corrects, status="Completed", exit_code=0)
    with ExecutionStore(data=tmp_path) as store:
        store.update_execution(signs)
        store.update_execution(signs, metadata={"seen": True})
        store.update_execution(ends, status="success")
        store.update_execution(corrects, metadata={"checked": True})
        store.update_execution(corrects, status="error", error_message="no")
    with ExecutionHistory(data=tmp_path) as history:
        for handle, status, exit_code in (
            (signs, "Running", None), (ends, "Completed", None), (corrects, "Failed", 0),
        ):  # fmt: skip
            found = history.get_execution(handle)
            assert found is not None
            assert (found.status, found.exit_code, found.binary_path) == (
                status, exit_code, "/bin/build",
            )  # fmt: skip
            assert history.get_params(handle) == {"day": "today"}


def test_r082_executions_that_ended_long_ago_are_cleaned_up(
    history: ExecutionHistory, workflow: str
) -> None:
    """R082, R070: 30 days unless told otherwise; running ones stay."""
    old = history.insert_execution(workflow, status="Completed", start_time=1_600_000_000,
                                   end_time=1_600_000_001)  # fmt: skip
    new = history.insert_execution(workflow, status="Completed")
    running = history.insert_execution(workflow, start_time=1_600_000_000)
    assert history.cleanup_old_executions() >= 1
    assert history.get_execution(old) is None
    left = {each.id for each in history.list_executions(workflow_id=workflow)}
    assert left == {new, running}


def test_r070_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R070: docs/compat.md shows it as it is."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[3] / "docs" / "compat.md").read_text("utf-8")
    (code,) = [
        part.partition("```")[0]
        for part in page.split("```python\n")[1:]
        if "ExecutionHistory" in part.partition("```")[0]
    ]
    exec(compile(code, "docs/compat.md", "exec"), {})
