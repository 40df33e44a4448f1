"""Chosen executions as files."""

import csv
import io
import json

import duckdb
import pytest

from stepscope_collector.cli.export import SUFFIXES
from stepscope_collector.cli.export import TABLES as TABLES_OF_COMMAND
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.errors import BadRequest
from stepscope_collector.query.export import FORMS, TABLES
from stepscope_collector.query.export import otlp as otlp_module
from stepscope_collector.query.otlp import read_logs, read_metrics, read_traces
from tests.strategies.canonical import canonical_logs, canonical_metrics, canonical_spans
from tests.unit.collector.portable.store import START_NS, fill, parsed, store

VIEWS = {"logs": "execution_logs", "params": "execution_params"}


@pytest.fixture(scope="module")
def filled():
    with store() as found:
        fill(found)
        yield found


def test_a_document_holds_an_execution_with_everything_that_belongs_to_it(filled):
    """R094: export execution as JSON; R155: any list as JSON."""
    (document,) = filled.objects(ids=("exec-a1-ok",))
    assert document["execution"]["workflow_name"] == "nightly-report"
    assert document["execution"]["started_at"] == "2026-03-01T13:05:09.1Z"
    assert document["execution"]["tags"] == ["nightly", "eu"]
    assert [each["step_name"] for each in document["steps"]] == ["extract", "load"]
    assert [each["attempt"] for each in document["attempts"]] == [1, 1, 2]
    assert [each["body"] for each in document["logs"]] == ["line 0", "line 1", "line 1", "line 2"]
    assert {each["kind"] for each in document["payloads"]} == {"input", "output"}


def test_documents_are_all_executions_in_order_of_start(filled):
    """issue #7: export any filter; no filter: everything."""
    ids = [each["execution"]["execution_id"] for each in filled.objects()]
    expected = "select execution_id from executions order by started_at nulls last, execution_id"
    assert [(each,) for each in ids] == filled.rows(expected)
    assert len(ids) > 6
    lines = filled.export("ndjson").splitlines()
    assert [json.loads(line) for line in lines] == filled.objects()


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_a_table_are_those_of_its_view(filled, table):
    """R155: any list as CSV, JSON, NDJSON, Parquet; R089: users' own DuckDB through Parquet."""
    view = VIEWS.get(table, table)
    ((count,),) = filled.rows(f"select count(*) from {view}")
    objects = filled.objects(table)
    assert len(objects) == count
    assert [json.loads(line) for line in filled.export("ndjson", table).splitlines()] == objects
    found = list(csv.DictReader(io.StringIO(filled.export("csv", table).decode(), newline="")))
    assert [row["execution_id"] for row in found] == [row["execution_id"] for row in objects]
    names = [name for name, *_ in filled.rows(f"describe {view}")]
    assert all(list(row) == names for row in (*objects, *found))


def test_csv_is_split_by_others_as_it_was(tmp_path):
    """R155: CSV: DuckDB reads a carriage return alone, quotes, nulls and empty texts as they were."""
    names = ["a\rb", 'c"d', "e\r\nf", "g\nh", "i,j", "=1+1", " k ", "ü𝄞", ""]
    spans = [
        {
            "traceId": f"{n:032x}", "spanId": f"{n:016x}", "name": name,
            "startTimeUnixNano": str(START_NS + n), "endTimeUnixNano": str(START_NS + 99),
            "status": {"code": 2, "message": "" if n % 2 else "\r"},
        }
        for n, name in enumerate(names, 1)
    ]  # fmt: skip
    path = tmp_path / "spans.csv"
    with store() as into:
        into.take(
            "traces", parsed("traces", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        )
        path.write_bytes(into.export("csv", "spans"))
        wanted = into.rows("select name, status_message from spans order by started_at")
    with duckdb.connect() as other:
        read = "select name, status_message from read_csv($p, all_varchar=true, allow_quoted_nulls=false) order by trace_id"
        assert other.execute(read, {"p": str(path)}).fetchall() == wanted
    assert [name for name, *_ in wanted] == names


@pytest.mark.parametrize("table", TABLES)
def test_parquet_keeps_rows_and_types(filled, table, tmp_path):
    """R155: Parquet; another DuckDB reads the same values, times to the nanosecond."""
    path = tmp_path / "x.parquet"
    path.write_bytes(filled.export("parquet", table))
    view = VIEWS.get(table, table)
    with duckdb.connect() as other:
        kinds = other.execute("describe from read_parquet($p)", {"p": str(path)}).fetchall()
        values = "select columns(*)::varchar from {} order by all"
        read = other.execute(values.format("read_parquet($p)"), {"p": str(path)}).fetchall()
    assert read == filled.rows(values.format(view))
    expected = filled.rows(f"describe {view}")
    # what Parquet has no type of is text there
    plain = [(name, kind.replace("JSON", "VARCHAR")) for name, kind, *_ in expected]
    assert [(name, kind) for name, kind, *_ in kinds] == plain


def test_filters_and_ids_choose(filled):
    """issue #7: export any filter, with the filters of the lists."""
    failed = filled.objects("executions", filters={"status": "error"})
    assert [row["execution_id"] for row in failed] == ["exec-b2-failed", "exec-d4-bare"]
    both = filled.objects("executions", filters={"status": "error"}, ids=("exec-d4-bare", "x"))
    assert [row["execution_id"] for row in both] == ["exec-d4-bare"]
    assert filled.export("json", filters={"workflow": "nobody"}) == b"[]\n"
    assert filled.export("ndjson", filters={"workflow": "nobody"}) == b""
    with pytest.raises(BadRequest, match="filter"):
        filled.export("csv", filters={"statuss": "x"})


def test_pages_lose_and_repeat_nothing(filled, monkeypatch):
    """ours: a page ends anywhere, also among executions without a start."""
    whole = filled.objects()
    for size in (1, 2, 3):
        monkeypatch.setattr("stepscope_collector.query.export.chosen._IDS_AT_ONCE", size)
        assert filled.objects() == whole


def requests_in(text):
    """The requests of an OTLP file by signal, merged."""
    merged = {}
    keys = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
    for line in text.splitlines():
        (key,) = json.loads(line)
        message, warnings = to_message(keys[key], line)
        assert warnings == []
        merged.setdefault(keys[key], type(message)()).MergeFrom(message)
    return merged


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_an_otlp_file_holds_what_was_received(filled, monkeypatch, at_once):
    """R094: OTLP-JSON; OTLP file: one request in JSON per line."""
    monkeypatch.setattr(otlp_module, "_ROWS_AT_ONCE", at_once)
    found = requests_in(filled.export("otlp"))
    with filled.database.read() as connection:
        assert canonical_spans(found["traces"]) == canonical_spans(read_traces(connection))
        assert canonical_logs(found["logs"]) == canonical_logs(read_logs(connection))
        assert canonical_metrics(found["metrics"]) == canonical_metrics(read_metrics(connection))


def test_an_otlp_file_of_one_execution_holds_only_that(filled):
    """R094: share a run with others: that one, and no other."""
    found = requests_in(filled.export("otlp", ids=("exec-a1-ok",)))
    with filled.database.read() as connection:
        one = {"execution_id": "exec-a1-ok"}
        assert canonical_spans(found["traces"]) == canonical_spans(read_traces(connection, **one))
        assert canonical_logs(found["logs"]) == canonical_logs(read_logs(connection, **one))
        expected = canonical_metrics(read_metrics(connection, **one))
        assert canonical_metrics(found["metrics"]) == expected
    assert "exec-b2-failed" not in str(found)


def test_slips_name_the_nearest_right_one(filled):
    """issue #7: an error that names the nearest right one."""
    with pytest.raises(BadRequest, match="unknown format 'parket'") as slip:
        filled.export("parket")
    assert "parquet" in slip.value.hint
    with pytest.raises(BadRequest, match="unknown table 'step'") as slip:
        filled.export("csv", "step")
    assert "steps" in slip.value.hint
    with pytest.raises(BadRequest, match="holds whole executions"):
        filled.export("otlp", "steps")


def test_the_command_knows_the_forms_and_tables():
    """ours: the command line has them by heart, because importing them imports DuckDB."""
    assert {name: form.suffix for name, form in FORMS.items()} == SUFFIXES
    assert TABLES_OF_COMMAND == TABLES
