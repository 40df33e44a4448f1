"""The history as the tables of the designs before Stepscope: what their programs read, they still read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.strategies.workflows import T0, Sent, execution, marker, request, step, trace_id
from tests.unit.collector.taking import Taking, taking

COLUMNS = {
    "compat_000.workflow_executions": (
        "id workflow_id workflow_name trigger_type trigger_data status started_at completed_at "
        "duration_ms error_message error_stack metadata"
    ),
    "compat_000.execution_steps": (
        "id execution_id node_id node_type node_name step_index started_at completed_at "
        "duration_ms status input_data output_data error_message"
    ),
    "compat_001.executions": (
        "id workflow_id workflow_name status started_at completed_at duration_ms trigger_type "
        "trigger_data error_message error_stack error_node_id created_at"
    ),
    "compat_001.node_executions": (
        "id execution_id node_id node_name node_type status started_at completed_at duration_ms "
        "input output error_message error_stack"
    ),
    "compat_002.executions": (
        "id workflow_id workflow_name status start_time end_time exit_code binary_path created_at "
        "updated_at"
    ),
    "compat_002.execution_params": "id execution_id param_name param_value",
    "compat_002.execution_logs": "id execution_id sequence timestamp log_type log_data",
    "compat_002.schema_version": "version applied_at",
    "compat_003.workflow_executions": (
        "id workflow_id user_id status started_at completed_at duration_ms final_output error "
        "created_at"
    ),
    "compat_003.node_execution_results": (
        "id execution_id node_id node_name status output_data error duration_ms created_at"
    ),
    "compat_003.execution_logs": "id execution_id node_result_id level message data timestamp",
    "compat_004.component_executions": (
        "id workflow_execution_id node_id component_id component_name status started_at "
        "completed_at duration_ms input_data output_data error_message error_type retry_count "
        "is_expected_retry temporal_activity_id temporal_attempt created_at"
    ),
    "compat_004.workflow_statistics": (
        "id workflow_id total_runs successful_runs failed_runs avg_duration_ms min_duration_ms "
        "max_duration_ms most_used_component_id most_used_component_count total_errors "
        "last_error_at last_run_at updated_at"
    ),
    "compat_004.project_statistics": (
        "id project_id most_used_workflow_id most_used_workflow_count most_used_component_id "
        "most_used_component_count most_used_task_queue_id most_used_task_queue_count "
        "total_executions longest_run_duration_ms longest_run_workflow_id total_failures "
        "last_failure_at last_execution_at updated_at"
    ),
}
START_MS = T0 // 1_000_000
START_TEXT = "2026-11-18T11:06:40.000000Z"


def _failed() -> list[Sent]:
    """An execution whose second step failed in its second try, after another one was caught."""
    whole = execution(
        "order", "e-failed", outcome="error", start=0, end=100, error="no stock", trace="f",
        attributes={
            "stepscope.project": "shop", "workflow.trigger.type": "webhook", "enduser.id": "ann",
            "stepscope.trigger.data": '{"method": "POST"}', "stepscope.output": '{"n": 0}',
            "stepscope.params": '{"customer": "42", "note": null}', "process.exit.code": 3,
            "process.executable.path": "/bin/order", "region": "eu",
        },
    )  # fmt: skip
    event = whole.span.events.add()
    event.name = "exception"
    pair = event.attributes.add()
    pair.key = "exception.stacktrace"
    pair.value.string_value = "Traceback\n  line 2"
    io = {"stepscope.input": '{"a": 1}', "stepscope.output": "plain text"}
    look = {"workflow.task.id": "look", "workflow.task.type": "http", **io}
    take: dict[str, str | int | bool] = {
        "workflow.task.id": "take",
        "stepscope.step.max_attempts": 2,
    }
    return [
        whole,
        step("look up", "e-failed", outcome="failure", start=1, end=20, error="caught", parent="order",
             trace="f", attributes=look),
        step("take", "e-failed", outcome="failure", start=20, end=40, error="busy", parent="order",
             identity="take 1", trace="f", attributes={**take, "stepscope.step.attempt": 1}),
        step("take", "e-failed", outcome="failure", start=50, end=90, error="no stock", parent="order",
             identity="take 2", trace="f", attributes={**take, "stepscope.step.attempt": 2}),
        step("pack", "e-failed", outcome="skip", start=90, end=90, parent="order", trace="f"),
    ]  # fmt: skip


def _logs() -> bytes:
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    for sequence, (severity, name, body) in enumerate(
        ((9, "", "hello"), (17, "", "bad"), (5, "PhaseStarted", '{"phase": 1}'))
    ):
        record = records.add(time_unix_nano=T0, severity_number=severity, event_name=name)
        record.body.string_value = body
        record.trace_id = trace_id("f")
        for key, value in (
            ("workflow.execution.id", "e-failed"),
            ("stepscope.log.sequence", str(sequence)),
        ):
            pair = record.attributes.add()
            pair.key = key
            pair.value.string_value = value
    return message.SerializeToString()


@pytest.fixture(scope="module")
def history() -> Iterator[Taking]:
    """A failed, a successful, a running and a timed out execution."""
    running = execution("order", "e-running", start=10, end=None, trace="r")
    node = step(
        "look up", "e-running", start=11, end=None, parent="order", trace="r",
        attributes={"workflow.task.id": "s", "stepscope.node.id": "look", "stepscope.record.id": "s-7"},
    )  # fmt: skip
    done = execution("order", "e-done", start=20, end=60, trace="d",
                     attributes={"stepscope.project": "shop", "workflow.trigger.type": "db_change"})  # fmt: skip
    late = execution("bill", "e-late", outcome="timeout", start=5, end=505, error="slow", trace="l",
                     attributes={"stepscope.project": "shop"})  # fmt: skip
    with taking() as took:
        took.take(request(_failed()).SerializeToString())
        took.take(
            request([marker(running, at=11), marker(node, at=12), done, late]).SerializeToString()
        )
        took.take(_logs(), "logs")
        yield took


def rows(history: Taking, view: str, where: str = "true") -> list[dict[str, Any]]:
    names = COLUMNS[view].split()
    found = history.rows(f"select * from {view} where {where} order by all")
    return [dict(zip(names, row, strict=True)) for row in found]


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_has_exactly_the_columns_of_the_old_table(history: Taking, view: str) -> None:
    """issue #7: R001, R002, R068, R100, R114, R133, R134: compat views with their exact columns."""
    schema, name = view.split(".")
    found = history.rows(
        "select string_agg(column_name, ' ' order by column_index) from duckdb_columns() "
        f"where schema_name = '{schema}' and table_name = '{name}'"
    )
    assert found == [(COLUMNS[view],)]


def test_r001_workflow_executions_of_000_lose_no_field(history: Taking) -> None:
    """R001: every column under its name, epoch ms, null while running."""
    (row,) = rows(history, "compat_000.workflow_executions", "id = 'e-failed'")
    metadata = json.loads(row.pop("metadata"))
    assert metadata["region"] == "eu"
    assert row == {
        "id": "e-failed", "workflow_id": "order", "workflow_name": "order",
        "trigger_type": "webhook", "trigger_data": '{"method": "POST"}', "status": "error",
        "started_at": START_MS, "completed_at": START_MS + 100, "duration_ms": 100,
        "error_message": "no stock", "error_stack": "Traceback\n  line 2",
    }  # fmt: skip
    (running,) = rows(history, "compat_000.workflow_executions", "id = 'e-running'")
    assert (running["completed_at"], running["duration_ms"]) == (None, None)
    assert running["started_at"] == START_MS + 10
    assert running["metadata"] is None


def test_r002_execution_steps_of_000_count_from_zero(history: Taking) -> None:
    """R002: step_index is 0 to n-1; one row per step whatever its attempts; R006: skipped is told."""
    found = rows(history, "compat_000.execution_steps", "execution_id = 'e-failed'")
    found.sort(key=lambda row: row["step_index"])
    assert [(row["step_index"], row["node_name"], row["status"]) for row in found] == [
        (0, "look up", "error"), (1, "take", "error"), (2, "pack", "skipped"),
    ]  # fmt: skip
    look = found[0]
    assert (look["id"], look["node_id"], look["node_type"]) == ("e-failed:look", "look", "http")
    assert (look["input_data"], look["output_data"]) == ('{"a": 1}', '"plain text"')
    assert (look["started_at"], look["completed_at"], look["duration_ms"]) == (
        START_MS + 1, START_MS + 20, 19,
    )  # fmt: skip


def test_r005_status_error_is_exactly_what_failed(history: Taking) -> None:
    """R005: running, success, error; a filter on error gives the failed ones."""
    found = history.rows("select id, status from compat_000.workflow_executions order by id")
    assert found == [
        ("e-done", "success"), ("e-failed", "error"), ("e-late", "error"), ("e-running", "running"),
    ]  # fmt: skip


def test_r007_triggers_round_trip(history: Taking) -> None:
    """R007: the five words of 000, any other verbatim."""
    found = history.rows("select id, trigger_type from compat_000.workflow_executions order by id")
    assert found == [
        ("e-done", "db_change"), ("e-failed", "webhook"), ("e-late", "unknown"),
        ("e-running", "unknown"),
    ]  # fmt: skip


def test_a_node_id_told_apart_from_the_step(history: Taking) -> None:
    """issue #7: a step that names its node keeps an identity of its own."""
    (row,) = rows(history, "compat_000.execution_steps", "execution_id = 'e-running'")
    assert (row["id"], row["node_id"]) == ("s-7", "look")


def test_r032_executions_of_001_have_text_with_a_zone(history: Taking) -> None:
    """R032: RFC 3339 with zone; created_at is when it was stored; R036: words of 001 for triggers."""
    (row,) = rows(history, "compat_001.executions", "id = 'e-failed'")
    assert row["started_at"] == START_TEXT
    assert row["completed_at"] == START_TEXT.replace(".000000", ".100000")
    assert row["created_at"] != row["started_at"]
    assert row["created_at"].endswith("Z")
    assert (row["trigger_type"], row["trigger_data"]) == ("http", '{"method": "POST"}')
    (done,) = rows(history, "compat_001.executions", "id = 'e-done'")
    assert json.loads(done["trigger_data"]) == {}


def test_r033_error_node_is_the_one_that_failed_for_good(history: Taking) -> None:
    """R033: not the step whose error was caught, though it failed first."""
    (row,) = rows(history, "compat_001.executions", "id = 'e-failed'")
    assert row["error_node_id"] == "take"
    assert rows(history, "compat_001.executions", "id = 'e-done'")[0]["error_node_id"] is None


def test_node_executions_of_001_are_in_order_by_id(history: Taking) -> None:
    """R034, R035: its readers order by id; input is JSON that parses."""
    found = history.rows(
        "select node_id, status from compat_001.node_executions where execution_id = 'e-failed' order by id"
    )
    assert [row[0] for row in found][:2] == ["look", "take"]
    assert all(
        0 < row[0] < 2**53 for row in history.rows("select id from compat_001.node_executions")
    )


def test_r061_r062_executions_of_002(history: Taking) -> None:
    """R061, R062, R063: its four words, exit code and program, created and updated."""
    (row,) = rows(history, "compat_002.executions", "id = 'e-failed'")
    assert (row["status"], row["exit_code"], row["binary_path"]) == ("Failed", 3, "/bin/order")
    assert row["start_time"] == START_TEXT
    assert row["updated_at"] >= row["created_at"]
    assert rows(history, "compat_002.executions", "id = 'e-done'")[0]["status"] == "Completed"


def test_r064_params_of_002(history: Taking) -> None:
    """R064: name and value, unique per name, never null."""
    found = rows(history, "compat_002.execution_params")
    assert [(row["param_name"], row["param_value"]) for row in found] == [
        ("customer", "42"), ("note", ""),
    ]  # fmt: skip


def test_r065_r066_logs_of_002(history: Taking) -> None:
    """R065, R066: in sequence, structured ones and plain lines in one stream."""
    found = history.rows(
        "select sequence, log_type, log_data from compat_002.execution_logs "
        "where execution_id = 'e-failed' order by id"
    )
    assert [row[:2] for row in found] == [(0, "RawOutput"), (1, "RawOutput"), (2, "PhaseStarted")]
    assert json.loads(found[0][2])["message"] == "hello"
    assert json.loads(found[2][2]) == {"phase": 1}


def test_r068_schema_version_of_002(history: Taking) -> None:
    """R068: the version of the tables."""
    stored = history.rows("select max(version) from stored.schema_version")
    assert history.rows("select max(version) from compat_002.schema_version") == stored


def test_r097_r098_r099_executions_of_003(history: Taking) -> None:
    """R097, R098, R099, R102: its statuses, the user, the output of the whole."""
    (row,) = rows(history, "compat_003.workflow_executions", "id = 'e-failed'")
    assert (row["status"], row["user_id"], row["error"]) == ("failed", "ann", "no stock")
    assert json.loads(row["final_output"]) == {"n": 0}
    assert row["duration_ms"] == 100


def test_r100_node_results_of_003(history: Taking) -> None:
    """R100: output, error and duration of each ended step."""
    found = rows(history, "compat_003.node_execution_results")
    assert {row["node_name"]: row["status"] for row in found} == {
        "look up": "failed", "take": "failed", "pack": "skipped",
    }  # fmt: skip
    (look,) = (row for row in found if row["node_name"] == "look up")
    assert (look["output_data"], look["duration_ms"], look["error"]) == (
        '"plain text"',
        19,
        "caught",
    )


def test_r101_logs_of_003(history: Taking) -> None:
    """R101: level, message, data as JSON."""
    found = history.rows("select level, message, data from compat_003.execution_logs order by id")
    assert [row[:2] for row in found] == [
        ("info", "hello"), ("error", "bad"), ("debug", '{"phase": 1}'),
    ]  # fmt: skip
    assert isinstance(json.loads(found[0][2]), dict)


def test_r109_a_query_of_003_gives_the_execution_with_its_results(history: Taking) -> None:
    """R109: one statement, results of the nodes as a list."""
    (found,) = history.rows(
        "select w.id, list({'node': n.node_name, 'status': n.status} order by n.node_name) "
        "from compat_003.workflow_executions w "
        "join compat_003.node_execution_results n on n.execution_id = w.id group by w.id"
    )
    assert found[0] == "e-failed"
    assert [node["node"] for node in found[1]] == ["look up", "pack", "take"]


def test_r114_r115_components_of_004(history: Taking) -> None:
    """R114, R115: retries, attempt, closed classes of errors; R117: whether it was expected."""
    found = rows(history, "compat_004.component_executions", "workflow_execution_id = 'e-failed'")
    told = {
        row["node_id"]: (
            row["status"],
            row["error_type"],
            row["retry_count"],
            row["temporal_attempt"],
        )
        for row in found
    }
    assert told["take"] == ("failed", "retry_exhausted", 1, 2)
    assert told["look"] == ("failed", "activity_failure", 0, 1)
    assert {row["is_expected_retry"] for row in found} == {False}


def test_r133_workflow_statistics_of_004_equal_a_recount(history: Taking) -> None:
    """R133: every field, counted from the executions there are."""
    (row,) = rows(history, "compat_004.workflow_statistics", "workflow_id = 'order'")
    assert (row["total_runs"], row["successful_runs"], row["failed_runs"]) == (3, 1, 1)
    assert (row["avg_duration_ms"], row["min_duration_ms"], row["max_duration_ms"]) == (70, 40, 100)
    assert row["most_used_component_id"] in {"take", "look up"}
    assert (row["most_used_component_count"], row["total_errors"]) == (2, 1)


def test_r134_project_statistics_of_004_equal_a_recount(history: Taking) -> None:
    """R134: every field, counted from the executions there are."""
    (row,) = rows(history, "compat_004.project_statistics", "project_id = 'shop'")
    assert (row["most_used_workflow_id"], row["most_used_workflow_count"]) == ("order", 2)
    assert (row["most_used_component_id"], row["most_used_component_count"]) == ("take", 2)
    assert (row["longest_run_duration_ms"], row["longest_run_workflow_id"]) == (500, "bill")
    assert (row["total_executions"], row["total_failures"]) == (3, 2)
