"""The store of design 000, on a running server and on a file, with OTLP beside it."""

import itertools
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stepscope_collector.errors import BadRequest, Conflict, NotFound
from stepscope_collector.execution_store import ExecutionStore
from tests.integration.collector.process import Collector
from tests.integration.execution_store.conftest import send
from tests.strategies.workflows import T0, execution, marker, request, step

START = 1_750_000_000_000
"""ms."""


@pytest.fixture(scope="module")
def store(place: Mapping[str, Any]) -> Iterator[ExecutionStore]:
    """A store over HTTP, and one that has the file itself."""
    with ExecutionStore(**place) as opened:
        yield opened


def done(store: ExecutionStore, workflow: str, minute: int = 0, **more: Any) -> str:
    """An execution that ended after a second."""
    start = START + minute * 60_000
    fields: dict[str, Any] = {
        "workflow_id": workflow, "workflow_name": "Work", "status": "success", "started_at": start,
        "completed_at": start + 1000, "trigger_type": "manual", **more,
    }  # fmt: skip
    return store.create_execution(**fields)


def test_r001_an_execution_loses_no_field(store: ExecutionStore, workflow: str) -> None:
    """R001, R014, R016: the round trip of a record; an id is made; None for an unknown one."""
    execution_id = store.create_execution(
        workflow_id=workflow, workflow_name="Work", trigger_type="db_change",
        trigger_data={"table": "orders", "n": [1, None]}, status="error", started_at=START,
        completed_at=START + 2500, error_message="no", error_stack="Trace\n  x", metadata={"k": "v"},
    )  # fmt: skip
    found = store.get_execution(execution_id)
    assert found is not None
    assert (found.id, found.workflow_id, found.workflow_name) == (execution_id, workflow, "Work")
    assert (found.trigger_type, found.trigger_data) == (
        "db_change",
        {"table": "orders", "n": [1, None]},
    )
    assert (found.status, found.started_at, found.completed_at) == ("error", START, START + 2500)
    assert (found.duration_ms, found.metadata) == (2500, {"k": "v"})
    assert (found.error_message, found.error_stack) == ("no", "Trace\n  x")
    assert store.get_execution("nobody") is None
    assert store.get_execution_with_steps("nobody") is None


def test_r014_the_same_execution_twice_is_one(store: ExecutionStore, workflow: str) -> None:
    """R014: with an id it is idempotent."""
    first = done(store, workflow, id=f"{workflow}-1")
    assert done(store, workflow, id=first) == first
    assert store.get_execution_stats(workflow).total == 1


def test_r015_an_update_keeps_what_it_does_not_name(store: ExecutionStore, workflow: str) -> None:
    """R015, R018, R073, R074: running, then ended; fields stay; an end is not taken back."""
    execution_id = store.create_execution(
        workflow_id=workflow, metadata={"a": 1}, trigger_data={"b": 2}
    )
    running = store.get_execution(execution_id)
    assert running is not None
    assert (running.status, running.completed_at, running.duration_ms) == ("running", None, None)
    store.update_execution(execution_id, metadata={"a": 2})
    changed = store.get_execution(execution_id)
    assert changed is not None
    assert (changed.status, changed.metadata, changed.trigger_data) == (
        "running",
        {"a": 2},
        {"b": 2},
    )
    store.update_execution(execution_id, status="success", completed_at=running.started_at + 70)
    ended = store.get_execution(execution_id)
    assert ended is not None
    assert (ended.status, ended.duration_ms, ended.metadata) == ("success", 70, {"a": 2})
    assert ended.trigger_data == {"b": 2}
    store.update_execution(execution_id, status="running")
    store.update_execution(execution_id, status="error", error_message="late")
    store.update_execution(execution_id, metadata=None)
    last = store.get_execution(execution_id)
    assert last is not None
    assert (last.status, last.error_message, last.completed_at) == (
        "error",
        "late",
        ended.completed_at,
    )
    assert store.get_execution_stats(workflow).total == 1


def test_r018_steps_are_written_running_and_then_ended(
    store: ExecutionStore, workflow: str
) -> None:
    """R002, R013, R018: in order of step_index; input and output; skipped is told."""
    execution_id = store.create_execution(workflow_id=workflow)
    first = store.add_step(execution_id=execution_id, node_id="n1", node_name="Load", node_type="http",
                           input_data={"url": "x"})  # fmt: skip
    second = store.add_step(execution_id=execution_id, node_id="n1", id=f"{workflow}:again")
    third = store.add_step(execution_id=execution_id, node_id="n3", status="skipped")
    assert [s.status for s in store.get_steps_for_execution(execution_id)] == [
        "running", "running", "skipped",
    ]  # fmt: skip
    store.update_step(first, output_data=[1, 2])
    store.update_step(first, status="success")
    store.update_step(second, status="error", error_message="no", duration_ms=5)
    whole = store.get_execution_with_steps(execution_id)
    assert whole is not None
    told = [(s.id, s.step_index, s.node_id, s.node_name, s.status) for s in whole.steps]
    assert told == [
        (first, 0, "n1", "Load", "success"), (second, 1, "n1", "n1", "error"),
        (third, 2, "n3", "n3", "skipped"),
    ]  # fmt: skip
    assert (whole.steps[0].input_data, whole.steps[0].output_data) == ({"url": "x"}, [1, 2])
    assert (whole.steps[1].error_message, whole.steps[1].duration_ms) == ("no", 5)
    store.update_step(first, status="success")  # says nothing new
    store.update_step(first, output_data=[3])
    store.update_step(first, status="running")  # an end is never taken back
    store.update_step(second, status="success", error_message=None)
    corrected = store.get_steps_for_execution(execution_id)
    assert len(corrected) == 3
    assert (corrected[0].status, corrected[0].input_data) == ("success", {"url": "x"})
    assert corrected[0].output_data == [3]
    assert (corrected[1].status, corrected[1].error_message) == ("success", None)
    assert corrected[1].completed_at == whole.steps[1].completed_at
    assert corrected[2] == whole.steps[2]


def test_r010_r012_queries_equal_brute_force(store: ExecutionStore, workflow: str) -> None:
    """R005, R010, R011, R012: each filter alone and in pairs, in every order, page by page."""
    for minute in range(12):
        more: dict[str, Any] = {"completed_at": START + minute * 60_000 + (minute * 7 % 5) * 100}
        status = ("success", "error", "running")[minute % 3]
        if status == "running":
            del more["completed_at"]
            more["completed_at"] = None
        done(
            store,
            workflow,
            minute,
            status=status,
            trigger_type=("manual", "webhook")[minute % 2],
            **more,
        )
    everything = store.query_executions(workflow_id=workflow)
    assert len(everything) == 12
    filters: dict[str, Any] = {
        "status": "error", "trigger_type": "webhook", "started_after": START + 3 * 60_000,
        "started_before": START + 9 * 60_000,
    }  # fmt: skip
    tests = {
        "status": lambda e: e.status == "error",
        "trigger_type": lambda e: e.trigger_type == "webhook",
        "started_after": lambda e: e.started_at >= START + 3 * 60_000,
        "started_before": lambda e: e.started_at < START + 9 * 60_000,
    }
    for count in (1, 2):
        for names in itertools.combinations(filters, count):
            found = store.query_executions(workflow_id=workflow, **{n: filters[n] for n in names})
            expected = {e.id for e in everything if all(tests[n](e) for n in names)}
            assert {e.id for e in found} == expected
    for order, direction in itertools.product(("started_at", "duration_ms"), ("asc", "desc")):
        sign = 1 if direction == "asc" else -1
        known = [e for e in everything if getattr(e, order) is not None]
        unknown = [e for e in everything if getattr(e, order) is None]
        known.sort(key=lambda e: (sign * getattr(e, order), e.id))
        unknown.sort(key=lambda e: e.id)
        pages = [
            store.query_executions(workflow_id=workflow, order_by=order, order_dir=direction,
                                   limit=5, offset=offset)
            for offset in (0, 5, 10)
        ]  # fmt: skip
        assert [e.id for page in pages for e in page] == [e.id for e in known + unknown]


def test_r017_a_deleted_execution_is_gone_with_its_steps(
    store: ExecutionStore, workflow: str
) -> None:
    """R017: and a late step does not bring it back."""
    execution_id = done(store, workflow)
    store.add_step(execution_id=execution_id, node_id="n", status="success")
    assert store.delete_execution(execution_id)
    assert not store.delete_execution(execution_id)
    assert store.get_execution(execution_id) is None
    assert store.get_steps_for_execution(execution_id) == []
    with pytest.raises(NotFound):
        store.add_step(execution_id=execution_id, node_id="n")
    with pytest.raises(Conflict, match="was deleted at"):
        done(store, workflow, id=execution_id)
    assert store.get_execution(execution_id) is None


def test_r020_cleanup_by_count_keeps_the_newest(store: ExecutionStore, workflow: str) -> None:
    """R020: exactly the newest of the workflow; what runs stays; the count is told."""
    ids = [done(store, workflow, minute) for minute in range(5)]
    running = store.create_execution(workflow_id=workflow, started_at=START - 60_000)
    other = done(store, f"{workflow}-other")
    assert store.cleanup_by_count(2, workflow) == 3
    assert {e.id for e in store.query_executions(workflow_id=workflow)} == {*ids[3:], running}
    assert store.get_execution(other) is not None
    assert store.cleanup_by_count(2, workflow) == 0


def test_r022_stats_equal_a_recount(store: ExecutionStore, workflow: str) -> None:
    """R022: counts, rate and durations of one workflow."""
    for minute, lasted in enumerate((100, 200, 300, 400)):
        done(store, workflow, minute, completed_at=START + minute * 60_000 + lasted,
             status="error" if minute == 3 else "success")  # fmt: skip
    store.create_execution(workflow_id=workflow)
    stats = store.get_execution_stats(workflow)
    assert (stats.total, stats.success, stats.failed, stats.running) == (5, 3, 1, 1)
    assert (stats.success_rate, stats.avg_ms, stats.min_ms, stats.max_ms) == (0.75, 250, 100, 400)
    assert (stats.p50_ms, stats.p95_ms) == (250, pytest.approx(385))
    assert store.get_execution_stats("nobody").total == 0
    assert store.get_execution_stats().total >= 5


def test_r018_a_step_that_another_sender_began_is_ended(
    collector: Collector, workflow: str
) -> None:
    """R018, issue #7: right when OTLP writes beside it, whichever span has the greater id."""
    with ExecutionStore(f"http://{collector.endpoints.web}") as beside:
        whole = execution(workflow, workflow, trace=workflow, end=None)
        begun = [
            step(f"s{n}", workflow, trace=workflow, parent=workflow, start=n, end=None,
                 attributes={"stepscope.step.attempt": 1 + n % 2})
            for n in range(8)
        ]  # fmt: skip
        send(collector, *(marker(each, at=20) for each in (whole, *begun)))
        steps = beside.get_steps_for_execution(workflow)
        assert [each.status for each in steps] == ["running"] * 8
        for each in steps:
            beside.update_step(each.id, input_data={"n": 1})
            beside.update_step(each.id, status="success", output_data={"n": 2})
            beside.update_step(each.id, status="error", error_message="no")
        ended = beside.get_steps_for_execution(workflow)
        assert [(each.status, each.error_message) for each in ended] == [("error", "no")] * 8
        assert [(each.input_data, each.output_data) for each in ended] == [({"n": 1}, {"n": 2})] * 8


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "workflow_id is no text: None"),
        ({"workflow_id": ""}, "workflow_id is no text: ''"),
        ({"workflow_id": "x" * 513}, "workflow_id is longer than 512 bytes"),
        ({"workflow_id": "w", "status": "done"}, "status is 'done', none of running"),
        ({"workflow_id": "w", "started_at": "now"}, "started_at is no time in ms since 1970"),
        ({"workflow_id": "w", "started_at": -1}, "started_at is no time in ms since 1970"),
        (
            {"workflow_id": "w", "status": "error", "duration_ms": -1},
            "duration_ms is no duration in ms",
        ),
        ({"workflow_id": "w", "error_message": 5}, "error_message is no text: 5"),
        ({"workflow_id": "w", "metadata": {1, 2}}, "metadata cannot be kept as JSON"),
        ({"workflow_id": "w", "workflowname": "x"}, "unknown field 'workflowname'"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_written(
    store: ExecutionStore, fields: dict[str, Any], message: str
) -> None:
    """ours: the message names the field."""
    with pytest.raises(BadRequest, match=message):
        store.create_execution(**fields)


def test_updates_of_what_there_is_not_are_refused(store: ExecutionStore, workflow: str) -> None:
    """R016: NotFound; a field of the identity cannot be changed; an end needs a status."""
    with pytest.raises(NotFound):
        store.update_execution("nobody", status="success")
    with pytest.raises(NotFound):
        store.update_step("no:body", status="success")
    execution_id = store.create_execution(workflow_id=workflow)
    with pytest.raises(BadRequest, match="unknown field 'workflow_id'"):
        store.update_execution(execution_id, workflow_id="x")
    with pytest.raises(BadRequest, match="goes on has no end"):
        store.update_execution(execution_id, completed_at=START)
    with pytest.raises(BadRequest, match="goes on has no error"):
        store.update_execution(execution_id, error_message="x")
    with pytest.raises(BadRequest, match="step_index is no place"):
        store.add_step(execution_id=execution_id, node_id="n", step_index=-1)
    with pytest.raises(BadRequest, match="unknown order"):
        store.query_executions(order_by="id")
    with pytest.raises(BadRequest, match="unknown status"):
        store.query_executions(status="failed")
    with pytest.raises(BadRequest, match="is negative"):
        store.cleanup_by_count(-1)


def test_otlp_beside_the_store_is_the_same_history(collector: Collector, workflow: str) -> None:
    """issue #7: an execution that came as OTLP is read, gets a step and is corrected, and stays right."""
    execution_id = f"otlp-{workflow}"
    whole = execution(workflow, execution_id, trace=workflow, start=0, end=50)
    part = step("one", execution_id, trace=workflow, start=1, end=2, parent=workflow)
    url = f"http://{collector.endpoints.otlp_http}/v1/traces"
    body = request([whole, part]).SerializeToString()
    sent = urllib.request.Request(url, body, {"content-type": "application/x-protobuf"})
    with ExecutionStore(data=collector.data) as store:
        running = store.create_execution(workflow_id=workflow, id=f"running-{workflow}")
        with urllib.request.urlopen(sent, timeout=30) as answer:
            assert answer.status == 200
        found = store.get_execution(execution_id)
        assert found is not None
        assert (found.status, found.started_at, found.duration_ms) == ("success", T0 // 10**6, 50)
        store.add_step(execution_id=execution_id, node_id="two", status="success")
        names = [each.node_name for each in store.get_steps_for_execution(execution_id)]
        assert names == ["one", "two"]
        one, two = store.get_steps_for_execution(execution_id)
        with pytest.raises(Conflict, match="has ended and stays as it is"):
            store.update_step(one.id, output_data=[1])
        store.update_step(two.id, output_data=[2])
        assert [s.output_data for s in store.get_steps_for_execution(execution_id)] == [None, [2]]
        store.update_execution(execution_id, status="error", error_message="wrong after all")
        changed = store.get_execution(execution_id)
        assert changed is not None
        assert (changed.status, changed.error_message) == ("error", "wrong after all")
        assert changed.duration_ms == 50
        # And the other way round: OTLP ends what the store began.
        ending = execution(workflow, running, trace=f"{workflow}-2", start=0, end=10**6)
        body = request([ending]).SerializeToString()
        sent = urllib.request.Request(url, body, {"content-type": "application/x-protobuf"})
        with urllib.request.urlopen(sent, timeout=30) as answer:
            assert answer.status == 200
        ended = store.get_execution(running)
        assert ended is not None
        assert ended.status == "success"


@pytest.mark.parametrize("body", [b"{}", b'{"payload": "x"}', b'{"payload": "////"}', b"[1]"])
def test_what_corrects_no_span_is_refused(collector: Collector, body: bytes) -> None:
    """ours: what was wrong, and nothing is written."""
    url = f"http://{collector.endpoints.web}/api/admin/spans"
    sent = urllib.request.Request(url, body, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(sent, timeout=30)
    assert refusal.value.code == 400
    assert "is no request" in json.loads(refusal.value.read())["error"]["message"]


def test_r019_cleanup_by_age_counts_and_spares_what_runs(tmp_path: Path) -> None:
    """R019: what ended longer ago goes; running ones stay, however old."""
    with ExecutionStore(data=tmp_path) as store:
        old = done(store, "w")
        running = store.create_execution(workflow_id="w", started_at=START)
        new = store.create_execution(workflow_id="w", status="success")
        assert store.cleanup_old_executions(3_600_000) == 1
        assert {e.id for e in store.query_executions()} == {running, new}
        assert store.get_execution(old) is None
        with pytest.raises(BadRequest):
            store.cleanup_old_executions(0)


def test_the_example_of_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ours: documents are true."""
    page = (Path(__file__).parents[3] / "docs" / "compat.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    code, _ = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    exec(compile(code, "docs/compat.md", "exec"), {})


def test_r024_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """R024, R040: close and open again."""
    with ExecutionStore(data=tmp_path) as store:
        execution_id = done(store, "w")
    with ExecutionStore(data=tmp_path) as store:
        assert store.get_execution(execution_id) is not None


def test_r029_threads_may_write_at_once(store: ExecutionStore, workflow: str) -> None:
    """R027, R029: concurrent writes; none is lost or doubled."""

    def write(number: int) -> None:
        for minute in range(3):
            execution_id = done(store, workflow, minute, id=f"{workflow}-{number}-{minute}")
            store.add_step(execution_id=execution_id, node_id="n", status="success")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = store.query_executions(workflow_id=workflow)
    assert len({e.id for e in found}) == len(found) == 12
    assert all(len(store.get_steps_for_execution(e.id)) == 1 for e in found[:3])
