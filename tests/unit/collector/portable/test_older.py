"""Databases and documents of the older designs come in with their ids and times, and look as they did."""

import itertools
import json
import sqlite3
from contextlib import closing
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.importer import Importer
from stepscope_collector.importing.piece import Refused
from stepscope_collector.importing.source import read_source
from tests.unit.collector.portable.store import MAPPING, START_NS, store

SCHEMAS = {
    "000": """
        create table workflow_executions (
            id text primary key, workflow_id text not null, workflow_name text not null,
            trigger_type text not null, trigger_data text, status text not null,
            started_at integer not null, completed_at integer, duration_ms integer,
            error_message text, error_stack text, metadata text);
        create table execution_steps (
            id text primary key, execution_id text not null, node_id text not null,
            node_type text not null, node_name text not null, step_index integer not null,
            started_at integer, completed_at integer, duration_ms integer, status text not null,
            input_data text, output_data text, error_message text);""",
    "001": """
        create table executions (
            id text primary key, workflow_id text, workflow_name text, status text, started_at text,
            completed_at text, duration_ms integer, trigger_type text, trigger_data text,
            error_message text, error_stack text, error_node_id text,
            created_at text default current_timestamp);
        create table node_executions (
            id integer primary key autoincrement, execution_id text, node_id text, node_name text,
            node_type text, status text, started_at text, completed_at text, duration_ms integer,
            input text, output text, error_message text, error_stack text);""",
    "002": """
        create table executions (
            id text primary key, workflow_id text not null, workflow_name text not null,
            status text not null, start_time text not null, end_time text, exit_code integer,
            binary_path text, created_at text, updated_at text);
        create table execution_params (
            id integer primary key, execution_id text, param_name text, param_value text);
        create table execution_logs (
            id integer primary key, execution_id text, sequence integer, timestamp text,
            log_type text, log_data text);
        create table schema_version (version integer, applied_at text);
        insert into schema_version values (1, '2025-11-01');""",
}
MS = 1_761_998_400_123
"""2025-11-01T12:00:00.123Z"""
EXECUTIONS = {
    "000": [
        ("e-1", "wf-1", "Orders", "webhook", '{"body":{"n":1}}', "success", MS, MS + 2500, 2500, None,
         None, '{"host":"a"}'),
        ("e-2", "wf-1", "Orders", "schedule", '{"cron":"0 3 * * *"}', "error", MS + 9000, MS + 9100,
         100, "no answer", "Error: no answer\n  at x", None),
        ("e-3", "wf-2", "Mail", "db_change", None, "running", MS + 10_000, None, None, None, None, None),
    ],
    "001": [
        ("5d1b6f0e-8f3a-4a53-9c1e-1c9c7a2b3d4e", "wf-1", "Orders", "success",
         "2025-11-01T12:00:00.123000Z", "2025-11-01T12:00:02.623000Z", 2500, "http", '{"n":1}', None,
         None, None, "2025-11-01T12:00:03.000000Z"),
        ("x-2", "wf-1", "Orders", "error", "2025-11-01T12:01:00.000000Z",
         "2025-11-01T12:01:01.000000Z", 1000, "scheduled", "{}", "boom", "Traceback", "node-b",
         "2025-11-01T12:01:02.000000Z"),
    ],
    "002": [
        ("h-1", "wf-1", "Build", "Completed", "2025-11-01T12:00:00.123", "2025-11-01T12:00:02.623", 0,
         "/opt/build", "2025-11-01T12:00:00", "2025-11-01T12:00:03"),
        ("h-2", "wf-1", "Build", "Failed", "2025-11-01T12:10:00", "2025-11-01T12:10:05", 3,
         "/opt/build", "2025-11-01T12:10:00", "2025-11-01T12:10:05"),
        ("h-3", "wf-1", "Build", "Failed", "2025-11-01T13:00:00", "2025-11-01T13:00:00", None,
         "/opt/build", "2025-11-01T13:00:00", "2025-11-01T13:00:09"),
    ],
}  # fmt: skip
PARTS = {
    "000": {"execution_steps": [
        ("s-1", "e-1", "n-1", "http", "fetch", 0, MS, MS + 1000, 1000, "success", '{"u":1}', "[1]",
         None),
        ("s-2", "e-1", "n-2", "code", "sum", 1, MS + 1000, MS + 2500, 1500, "skipped", None, None,
         None),
        ("s-3", "e-2", "n-1", "http", "fetch", 0, MS + 9000, MS + 9100, 100, "error", None, None,
         "no answer"),
        ("s-4", "e-3", "n-1", "http", "fetch", 0, MS + 10_000, None, None, "running", None, None, None),
    ]},
    "001": {"node_executions": [
        (1, "5d1b6f0e-8f3a-4a53-9c1e-1c9c7a2b3d4e", "node-a", "fetch", "http", "success",
         "2025-11-01T12:00:00.123000Z", "2025-11-01T12:00:01.123000Z", 1000, '{"u":1}', "[1]", None,
         None),
        (2, "5d1b6f0e-8f3a-4a53-9c1e-1c9c7a2b3d4e", "node-a", "fetch", "http", "success",
         "2025-11-01T12:00:01.123000Z", "2025-11-01T12:00:02.623000Z", 1500, None, None, None, None),
        (3, "x-2", "node-b", "sum", "code", "error", "2025-11-01T12:01:00.000000Z",
         "2025-11-01T12:01:01.000000Z", 1000, None, None, "boom", "Traceback"),
        (4, "x-2", "node-c", "mail", "mail", "pending", None, None, None, None, None, None, None),
    ]},
    "002": {
        "execution_params": [(1, "h-1", "branch", "main"), (2, "h-1", "größe", "5")],
        "execution_logs": [
            (1, "h-1", 0, "2025-11-01T12:00:00.200", "PhaseStarted", '{"type":"PhaseStarted","phase":1}'),
            (2, "h-1", 1, "2025-11-01T12:00:00.300", "RawOutput",
             '{"type":"RawOutput","message":"built","level":"info","stream":"stdout"}'),
            (3, "h-1", 2, "2025-11-01T12:00:00.300", "RawOutput", "plain line"),
        ],
    },
}  # fmt: skip
VIEWS = {
    "000": ("workflow_executions", "execution_steps"),
    "001": ("executions", "node_executions"),
    "002": ("executions", "execution_params"),
}
OTHER = {"created_at", "updated_at"}
"""When a row was stored here."""


def database_of(path, design):
    """A database as that design leaves it; its tables by name, a mapping per row."""
    tables = {VIEWS[design][0]: EXECUTIONS[design], **PARTS[design]}
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(SCHEMAS[design])
        for table, rows in tables.items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"insert into {table} values ({marks})", rows)
        database.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in database.execute(f"select * from {table} order by 1")]
            for table in tables
        }


def take_in(into, path, zone=UTC):
    """Import a file; rows stored and known, and what was refused."""
    importer = Importer(
        lambda run: run(into.committer, MAPPING.plan),
        clock=itertools.count(START_NS, 10**9).__next__,
    )
    stored = known = 0
    refused = []
    for piece in read_source(path, None, zone):
        if isinstance(piece, Refused):
            refused.append((piece.place, piece.reason))
            continue
        taken = importer.take(piece.signal, piece.payload, path.name, piece.ingested)
        stored, known = stored + taken.stored, known + taken.known
        refused += [(piece.place, reason) for reason in taken.reasons]
    return stored, known, refused


def shown(into, design, table):
    """The rows of a view that shows the history as that design's table."""
    with into.database.read() as connection:
        connection.execute(f"select * from compat_{design}.{table} order by 1")
        names = [column[0] for column in connection.description]
        return [dict(zip(names, row, strict=True)) for row in connection.fetchall()]


@pytest.mark.parametrize("design", SCHEMAS)
def test_a_database_comes_in_once_with_its_ids(tmp_path, design):
    """issue #7: import of the older designs' SQLite databases (000, 001, 002); idempotent."""
    path = tmp_path / "old.db"
    tables = database_of(path, design)
    before = path.read_bytes()
    with store() as into:
        stored, known, refused = take_in(into, path)
        assert (known, refused) == (0, [])
        ids = into.rows("select execution_id from executions order by 1")
        assert ids == sorted((row["id"],) for row in tables[VIEWS[design][0]])
        tables = into.tables()
        assert take_in(into, path) == (0, stored, [])
        assert into.tables() == tables
    assert path.read_bytes() == before


@pytest.mark.parametrize("design", ["000", "001"])
def test_the_compatibility_views_show_what_the_database_held(tmp_path, design):
    """R001, R002, R032, R034, R036, R044: every column as it was, round trip loses no field."""
    path = tmp_path / "old.db"
    tables = database_of(path, design)
    with store() as into:
        take_in(into, path)
        for table in VIEWS[design]:
            found, kept = shown(into, design, table), tables[table]
            assert _all_told(found) == _all_told(kept), table


def _all_told(rows):
    """Rows of what has ended or not begun, made alike where JSON, null and numbers of rows may differ."""
    told = []
    for row in rows:
        if row["status"] == "running" or row.get("execution_id", row["id"]) == "e-3":
            continue  # lost by now
        one = {name: value for name, value in row.items() if name not in OTHER}
        if isinstance(one["id"], int):
            del one["id"]  # a number of the table
        if one.get("metadata") == "{}":
            one["metadata"] = None
        told.append(one)
    return sorted(told, key=repr)


def test_design_002_keeps_params_logs_exit_codes_and_local_times(tmp_path):
    """R061, R062, R064, R065, R066: status, exit code, params, logs in sequence; A3: local times, lost."""
    path = tmp_path / "executions.db"
    database_of(path, "002")
    with store() as into:
        take_in(into, path, ZoneInfo("Europe/Berlin"))
        rows = into.rows(
            "select execution_id, status, started_at::varchar, duration_ns, exit_code, ended_at is null "
            "from executions order by 1"
        )
        assert rows == [
            ("h-1", "success", "2025-11-01 11:00:00.123", 2_500_000_000, 0, False),
            ("h-2", "failed", "2025-11-01 11:10:00", 5_000_000_000, 3, False),
            # Failed with its start as end and no exit code: it had lost sight of it
            ("h-3", "lost", "2025-11-01 12:00:00", None, None, True),
        ]
        assert into.rows("select * from execution_params order by all") == [
            ("h-1", "branch", "main"), ("h-1", "größe", "5"),
        ]  # fmt: skip
        logs = into.rows(
            "select sequence, event_name, body, severity_text, attributes['log.iostream'] "
            "from execution_logs order by 1"
        )
        assert logs == [
            (0, "PhaseStarted", '{"type":"PhaseStarted","phase":1}', None, None),
            (1, None, "built", "info", "stdout"),
            (2, None, "plain line", None, None),
        ]
        (first, *_) = shown(into, "002", "executions")
        assert (first["status"], first["binary_path"], first["exit_code"]) == (
            "Completed", "/opt/build", 0,
        )  # fmt: skip


def test_running_executions_are_lost_and_not_ended(tmp_path):
    """A3, R077: lost with its last sign of life, never an invented end."""
    path = tmp_path / "old.db"
    database_of(path, "000")
    with store() as into:
        take_in(into, path)
        query = "select status, ended_at, epoch_ms(last_seen_at) from executions where execution_id = 'e-3'"
        assert into.rows(query) == [("lost", None, MS + 10_000)]
        steps = "select step_id, status from steps order by 1"
        assert into.rows(steps) == [
            ("s-1", "success"), ("s-2", "skipped"), ("s-3", "failed"), ("s-4", "lost"),
        ]  # fmt: skip


def test_rows_that_make_no_execution_are_refused_alone(tmp_path):
    """issue #7: refused rows are counted and told."""
    path = tmp_path / "old.db"
    database_of(path, "000")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("update workflow_executions set status = 'odd' where id = 'e-1'")
        database.execute("update workflow_executions set started_at = 'soon' where id = 'e-2'")
    with store() as into:
        _, _, refused = take_in(into, path)
        assert refused == [
            ("workflow_executions 'e-1'", "status='odd' is none that is known"),
            ("workflow_executions 'e-2'", "started_at='soon' is no time"),
        ]
        assert into.rows("select execution_id from executions") == [("e-3",)]


def test_further_columns_are_kept(tmp_path):
    """R037: whatever else there is stays readable."""
    path = tmp_path / "old.db"
    database_of(path, "000")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("alter table workflow_executions add column team text default 'blue'")
    with store() as into:
        take_in(into, path)
        first = shown(into, "000", "workflow_executions")[0]
        assert json.loads(first["metadata"]) == {"host": "a", "team": "blue"}


def test_many_executions_are_read_in_requests_of_bounded_size(tmp_path):
    """issue #7: bounded memory: about a thousand rows at a time, however large the database is."""
    path = tmp_path / "old.db"
    database_of(path, "000")
    rows = [
        (f"m-{n}", "wf", "Many", "manual", None, "success", MS + n, MS + n + 5, 5, None, None, None)
        for n in range(3000)
    ]
    with closing(sqlite3.connect(path)) as database, database:
        marks = ", ".join("?" * 12)
        database.executemany(f"insert into workflow_executions values ({marks})", rows)
    pieces = list(read_source(path))
    assert len(pieces) == 4
    whole = path.stat().st_size
    assert [piece.done_bytes <= whole for piece in pieces] == [True] * 4
    assert pieces[-1].done_bytes == whole


@pytest.mark.parametrize("content", [b"", b"garbage" * 900])
def test_what_only_looks_like_a_database_is_refused(tmp_path, content):
    """ours: damaged or of somebody else."""
    path = tmp_path / "x.db"
    path.write_bytes(b"SQLite format 3\x00" + content)
    with pytest.raises(BadRequest, match="cannot be read"):
        list(read_source(path))
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("create table bookmarks (x)")
    with pytest.raises(BadRequest, match="of no design that is known: it has bookmarks"):
        list(read_source(tmp_path / "other.db"))


POSTED = {
    "id": "doc-1", "workflowId": "wf-1", "workflowName": "Orders", "status": "error",
    "startedAt": "2025-11-01T12:00:00.123456", "completedAt": "2025-11-01T12:00:01.123456",
    "durationMs": 1000, "trigger": {"type": "http", "data": {"n": 1}},
    "nodeExecutions": [
        {"nodeId": "a", "nodeName": "fetch", "nodeType": "http", "status": "error",
         "startedAt": "2025-11-01T12:00:00.2", "completedAt": "2025-11-01T12:00:01",
         "durationMs": 800, "input": {"u": 1}, "error": {"message": "boom", "stack": "Traceback"}},
    ],
    "error": {"message": "boom", "stack": "Traceback", "nodeId": "a"},
}  # fmt: skip
WITH_STEPS = {
    "id": "doc-000", "workflowId": "wf-2", "workflowName": "Mail", "triggerType": "manual",
    "status": "success", "startedAt": MS, "completedAt": MS + 50, "durationMs": 50,
    "steps": [{"id": "st-1", "executionId": "doc-000", "nodeId": "n", "nodeType": "mail",
               "nodeName": "send", "stepIndex": 0, "startedAt": MS, "completedAt": MS + 50,
               "status": "success", "inputData": {"to": "x"}}],
}  # fmt: skip
AGGREGATED = {
    "id": "doc-003", "workflow_id": "wf-3", "workflow_name": "Sum", "status": "partial",
    "user_id": "ada", "started_at": "2025-11-01T12:00:00+00:00",
    "completed_at": "2025-11-01T12:00:09+00:00", "final_output": {"sum": 5},
    "node_execution_results": [{"id": "r-1", "node_id": "n", "node_name": "add", "status": "success",
                                "started_at": "2025-11-01T12:00:00+00:00",
                                "completed_at": "2025-11-01T12:00:01+00:00", "output_data": 5}],
    "execution_logs": [{"level": "warn", "message": "slow", "timestamp": "2025-11-01T12:00:02Z"}],
}  # fmt: skip
DOCUMENTS = [POSTED, WITH_STEPS, AGGREGATED]
FORMS = {
    "lines": lambda: "\n".join(json.dumps(each) for each in DOCUMENTS),
    "a list": lambda: json.dumps(DOCUMENTS, indent=1),
    "a list in an object": lambda: json.dumps({"executions": DOCUMENTS}),
}


@pytest.mark.parametrize("form", FORMS)
def test_documents_come_in_as_what_they_tell(tmp_path, form):
    """issue #7: import of JSON documents; idempotent. R013, R044, R099, R101: with steps, output, logs."""
    path = tmp_path / "documents.json"
    path.write_text(FORMS[form]())
    with store() as into:
        stored, known, refused = take_in(into, path)
        assert (known, refused) == (0, [])
        rows = into.rows(
            "select execution_id, workflow_name, trigger_type, user_id, duration_ns // 1000000, "
            "error_message from executions order by 1"
        )
        assert rows == [
            ("doc-000", "Mail", "manual", None, 50, None),
            ("doc-003", "Sum", None, "ada", 9000, None),
            ("doc-1", "Orders", "webhook", None, 1000, "boom"),
        ]
        steps = into.rows("select execution_id, step_id, step_name from steps order by 1")
        assert steps == [
            ("doc-000", "st-1", "send"), ("doc-003", "r-1", "add"), ("doc-1", "a", "fetch"),
        ]  # fmt: skip
        assert into.rows("select body, severity_text from execution_logs") == [("slow", "warn")]
        outputs = "select body from payloads where kind = 'output' order by 1"
        assert into.rows(outputs) == [("5",), ('{"sum":5}',)]
        assert take_in(into, path) == (0, stored, [])


def test_a_document_without_id_is_one_execution_however_often_it_comes(tmp_path):
    """issue #7: idempotent; R014: without id one is given."""
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({name: POSTED[name] for name in POSTED if name != "id"}))
    with store() as into:
        take_in(into, path)
        assert take_in(into, path)[0] == 0
        assert into.rows("select count(*) from executions") == [(1,)]


def test_documents_that_tell_nothing_are_refused_with_their_place(tmp_path):
    """issue #7: counted and told; R055: field-precise."""
    path = tmp_path / "documents.json"
    bad = [{**POSTED, "status": "odd"}, POSTED, {**WITH_STEPS, "startedAt": None}, 7]
    path.write_text(json.dumps([POSTED, *bad]))
    with store() as into:
        _, _, refused = take_in(into, path)
    assert [place for place, _ in refused] == [f"line 1, execution {n}" for n in (2, 4, 5)]
    assert "status is 'odd'" in refused[0][1]
    assert [reason for _, reason in refused[1:]] == [
        "started_at=None is no time",
        "it names no workflow",
    ]
