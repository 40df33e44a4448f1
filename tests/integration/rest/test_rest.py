import csv
import io
import json
import re
import socket
import threading
from collections import Counter
from typing import Any

import httpx
import pytest
from arro3.core import Table
from arro3.io import read_ipc_stream

from stepscope_collector.config import SqlConfig
from stepscope_collector.present.rest.openapi import openapi_document
from stepscope_collector.present.rest.routes import ROUTES
from stepscope_collector.query.filters import FIELDS
from stepscope_collector.store import Database
from tests.integration.rest.conftest import serving
from tests.unit.collector.query.history import fill_executions, fill_parts, open_memory


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def refused(response: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert response.status_code == status, response.text
    error: dict[str, str] = response.json()["error"]
    assert error["code"] == code
    assert "Traceback" not in error["message"]
    return error


def test_executions_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    """R011: keyset pages over HTTP meet each execution once."""
    seen = []
    params: dict[str, Any] = {"limit": 100}
    while True:
        page = get(client, "/api/executions", **params)
        seen += page["executions"]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert len({row["execution_id"] for row in seen}) == len(seen) == 253
    starts = [row["started_at"] for row in seen if row["started_at"]]
    assert starts == sorted(starts, reverse=True)
    assert len(get(client, "/api/executions")["executions"]) == 50


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a_number_beyond_64_bits_is_refused(client: httpx.Client, name: str) -> None:
    """ours: found by `make api-fuzz`: it was an internal error."""
    answer = client.get("/api/executions", params={name: "9" * 20})
    refused(answer, 400, "bad_request")


def test_a_list_with_an_empty_part_is_refused(client: httpx.Client) -> None:
    """ours: found by `make api-fuzz`: it was taken for an empty list."""
    answer = client.get("/api/executions/late", params={"include": "steps,"})
    refused(answer, 400, "bad_request")


def test_times_and_large_numbers_are_exact(client: httpx.Client) -> None:
    """ours: RFC 3339 with nanoseconds; integers beyond 2^53 as text."""
    row = get(client, "/api/executions/late")["execution"]
    assert row["started_at"] == "2026-08-24T17:20:00.000000001Z"
    assert row["duration_ns"] == str(270 * 86400 * 10**9 - 1)
    assert row["user_id"] == "zoë"
    assert row["span_count"] == 1


def test_filters_and_order_are_those_of_the_grammar(client: httpx.Client) -> None:
    """R010, R012: query parameters of the list."""
    rows = get(
        client, "/api/executions", status="error", trigger="api", order="duration", limit=1000
    )["executions"]
    assert rows
    assert {row["status"] for row in rows} == {"failed"}
    durations = [row["duration_ns"] for row in rows if row["duration_ns"] is not None]
    assert durations == sorted(durations)
    both = client.get("/api/executions?status=failed&status=lost&limit=1000").json()["executions"]
    assert {row["status"] for row in both} == {"failed", "lost"}


def test_lists_and_statistics_take_whole_filters(client: httpx.Client) -> None:
    """R010, R092, issue #7: one filter language; counts by status for the current filter."""
    text = "(status = error or duration > 1s) and not user = none"
    page = get(client, "/api/executions", filter=text, include="counts", limit=1000)
    rows = page["executions"]
    assert rows
    for row in rows:
        assert row["status"] == "failed" or int(row["duration_ns"]) > 10**9
        assert row["user_id"] is not None
    assert {count["status"]: count["count"] for count in page["counts"]} == Counter(
        row["status"] for row in rows
    )
    assert "counts" not in get(client, "/api/executions")
    one = get(client, "/api/executions", filter=text, include="counts", limit=1)
    assert one["counts"] == page["counts"]
    stats = get(client, "/api/stats", filter=text)["stats"]
    assert sum(row["count"] for row in stats) == len(rows)
    nothing = get(client, "/api/executions", filter="user = nobody", include="counts")
    assert nothing == {"executions": [], "next_cursor": None, "counts": []}


def test_lists_show_chosen_columns_in_any_order(client: httpx.Client) -> None:
    """R012, issue #7: any order; columns with paths into payloads."""
    params = {"columns": "user,start,input.n", "order": "-user", "limit": 20}
    page = get(client, "/api/executions", **params)
    rows = page["executions"]
    assert all(set(row) == {"execution_id", "user", "start", "input.n"} for row in rows)
    users = [row["user"] for row in rows if row["user"]]
    assert users == sorted(users, reverse=True)
    assert rows[0]["start"].endswith("Z")
    following = get(client, "/api/executions", cursor=page["next_cursor"], **params)["executions"]
    by_offset = get(client, "/api/executions", offset=20, **params)["executions"]
    assert following == by_offset
    whole = get(client, "/api/executions", filter="id ~ whole", columns="input.n")["executions"]
    assert any(isinstance(row["input.n"], int) for row in whole)


def test_one_execution_has_what_was_asked_for(client: httpx.Client) -> None:
    """issue #2: GET /api/executions/{id}?include=steps,logs,payloads."""
    whole = get(client, "/api/executions/whole-1", include="steps,attempts,logs,payloads,children")
    assert set(whole) == {
        "execution", "error_step", "steps", "attempts", "logs", "payloads", "children", "truncated",
        "not_emitted", "logs_dropped", "program",
    }  # fmt: skip
    assert whole["steps"]
    assert whole["attempts"]
    assert set(get(client, "/api/executions/whole-1")) == {
        "execution",
        "error_step",
        "truncated",
        "not_emitted",
        "logs_dropped",
        "program",
    }


def test_logs_are_read_from_the_end_and_from_a_place(client: httpx.Client) -> None:
    """issue #2: GET /api/executions/{id}/logs?tail=N&after=SEQ."""

    def bodies(**params: Any) -> list[str]:
        answer = get(client, "/api/executions/late/logs", **params)
        assert answer["is_truncated"] is False
        return [row["body"] for row in answer["logs"]]

    lines = [f"line {number}" for number in range(5)]
    assert bodies() == lines
    assert bodies(tail=2) == lines[3:]
    assert bodies(tail=0) == []
    assert bodies(after=2) == lines[3:]
    assert bodies(limit=5) == lines
    part = get(client, "/api/executions/late/logs", after=0, limit=2)
    assert ([row["body"] for row in part["logs"]], part["is_truncated"]) == (lines[1:3], True)
    for asked in ({"limit": 0}, {"limit": 100_001}, {"limit": 1, "tail": 1}):
        assert client.get("/api/executions/late/logs", params=asked).status_code == 400


def test_workflows_and_statistics(client: httpx.Client) -> None:
    """issue #2: GET /api/workflows, GET /api/stats."""
    workflows = get(client, "/api/workflows")["workflows"]
    assert sum(row["count"] for row in workflows) == 253
    stats = get(client, "/api/stats")["stats"]
    assert {row["workflow_id"] for row in stats} == {row["workflow_id"] for row in workflows}
    steps = get(client, "/api/stats", by="step", workflow="w1")["stats"]
    assert {row["workflow_id"] for row in steps} == {"w1"}
    assert all(row["count"] > 0 for row in steps)


def test_health_readiness_and_doctor(client: httpx.Client, history: Database) -> None:
    """issue #2: /healthz, /readyz, /api/doctor."""
    assert get(client, "/healthz") == {"status": "alive"}
    assert get(client, "/readyz") == {"status": "ready"}
    assert get(client, "/api/doctor")["version"] == "x"


@pytest.mark.parametrize(
    ("path", "status", "code", "hint"),
    [
        ("/api/executions?stats=x", 400, "bad_request", "did you mean 'status'?"),
        ("/api/executions?status=faild", 400, "bad_request", "did you mean 'failed'?"),
        ("/api/executions?filter=user+%3D+a+b", 400, "bad_request", "between quotes"),
        ("/api/executions?include=count", 400, "bad_request", "did you mean 'counts'?"),
        ("/api/executions?columns=worklfow", 400, "bad_request", "did you mean 'workflow'?"),
        ("/api/executions?order=startde", 400, "bad_request", "did you mean 'start'?"),
        ("/api/executions?limit=x", 400, "bad_request", "limit=50"),
        ("/api/executions?limit=1_0", 400, "bad_request", "limit=50"),
        ("/api/executions?limit=0", 400, "bad_request", "1 to 1000"),
        ("/api/executions?user=a&user=b", 400, "bad_request", "leave one out"),
        ("/api/executions?cursor=x", 400, "bad_request", "next_cursor"),
        ("/api/executions/whole-1?include=step", 400, "bad_request", "did you mean 'steps'?"),
        ("/api/executions/whole-1?includes=steps", 400, "bad_request", "did you mean 'include'?"),
        ("/api/executions/nobody", 404, "not_found", "/api/executions"),
        ("/api/executions/nobody/logs", 404, "not_found", "/api/executions"),
        ("/api/executions/whole-1/logs?tail=-1", 400, "bad_request", "0 or more"),
        ("/api/stats?by=steps", 400, "bad_request", "did you mean 'step'?"),
        ("/healthz?x=1", 400, "bad_request", "known"),
        ("/api/nothing", 404, "not_found", "/openapi.json"),
        ("/", 404, "not_found", "/openapi.json"),
    ],
)
def test_a_wrong_question_is_told_what_would_be_right(
    client: httpx.Client, path: str, status: int, code: str, hint: str
) -> None:
    """issue #2: unknown query parameter, order or status value with the nearest known one."""
    assert hint in refused(client.get(path), status, code)["hint"]


def test_another_method_is_refused(client: httpx.Client) -> None:
    """ours: error bodies are JSON, whatever went wrong."""
    for method, path, allowed in (
        ("DELETE", "/api/executions", "GET, HEAD, POST"),
        ("GET", "/api/sql", "POST"),
        ("PUT", "/api/admin/remap", "DELETE, GET, HEAD, POST"),
    ):
        response = client.request(method, path)
        error = refused(response, 405, "method_not_allowed")
        assert error["message"] == f"{method} is not for {path}"
        assert error["hint"] == f"use {allowed}"
        assert response.headers["allow"] == allowed


def ask(client: httpx.Client, body: Any, form: str | None = None, **headers: str) -> httpx.Response:
    path = "/api/sql" if form is None else f"/api/sql?format={form}"
    return client.post(path, json=body, headers=headers)


QUESTION = (
    "select execution_id, started_at, 1 as n, [1, 2] as l, null as x from executions order by 1"
)


def test_user_sql_is_answered_as_json(client: httpx.Client) -> None:
    """issue #2: columns, rows, row_count, is_truncated, elapsed_ms."""
    answer = ask(client, {"sql": QUESTION, "max_rows": 2}).json()
    assert [column["name"] for column in answer["columns"]] == [
        "execution_id", "started_at", "n", "l", "x",
    ]  # fmt: skip
    assert answer["columns"][1]["type"] == "TIMESTAMP_NS"
    assert len(answer["rows"]) == answer["row_count"] == 2
    assert answer["is_truncated"] is True
    assert answer["elapsed_ms"] > 0
    nothing = ask(client, {"sql": "select 1 where $a = 2", "params": {"a": 1}}).json()
    assert (nothing["rows"], nothing["row_count"], nothing["is_truncated"]) == ([], 0, False)


def test_json_is_cut_at_the_configured_rows_and_says_so(history: Database) -> None:
    """issue #2: limit on rows; streams are whole."""
    with serving(history, SqlConfig(max_rows=10)) as client:
        answer = ask(client, {"sql": "from range(5000)"}).json()
        assert (answer["row_count"], answer["is_truncated"]) == (10, True)
        assert ask(client, {"sql": "from range(5000)"}, "ndjson").text.count("\n") == 5000
        more = ask(client, {"sql": "from range(5000)", "max_rows": 100}).json()
        assert (more["row_count"], more["is_truncated"]) == (100, True)


def test_user_sql_is_answered_as_ndjson_csv_and_arrow(client: httpx.Client) -> None:
    """issue #2: NDJSON, CSV, Arrow stream; the same rows in each."""
    rows = ask(client, {"sql": QUESTION}).json()["rows"]
    assert len(rows) == 253
    ndjson = ask(client, {"sql": QUESTION}, accept="application/x-ndjson")
    assert ndjson.headers["content-type"] == "application/x-ndjson"
    assert [list(json.loads(line).values()) for line in ndjson.text.splitlines()] == rows
    text = ask(client, {"sql": QUESTION}, "csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(io.StringIO(text.text)))
    assert lines[0] == ["execution_id", "started_at", "n", "l", "x"]
    assert lines[1:] == [[row[0], row[1] or "", "1", "[1,2]", ""] for row in rows]
    arrow = ask(client, {"sql": QUESTION}, "arrow")
    table = Table.from_arrow(read_ipc_stream(io.BytesIO(arrow.content)))
    assert [value.as_py() for value in table["execution_id"]] == [row[0] for row in rows]


def test_names_that_repeat_stay_apart_in_ndjson(client: httpx.Client) -> None:
    """ours: an object would lose all but one."""
    line = ask(client, {"sql": "select 1 as a, 2 as a, 3 as a_1"}, "ndjson").text
    assert json.loads(line) == {"a": 1, "a_2": 2, "a_1": 3}


def test_an_empty_answer_is_an_answer_in_every_format(client: httpx.Client) -> None:
    """ours: no rows are no error."""
    body = {"sql": "select 1 as a where false"}
    assert ask(client, body, "ndjson").text == ""
    assert ask(client, body, "csv").text == "a\n"
    table = Table.from_arrow(read_ipc_stream(io.BytesIO(ask(client, body, "arrow").content)))
    assert (table.num_rows, table.column_names) == (0, ["a"])


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"sql": "delete from executions"}, "query_refused", "DELETE"),
        ({"sql": "select 1; select 2"}, "query_refused", "2 statements"),
        ({"sql": "select workflow from executions"}, "query_refused", "workflow_id"),
        ({"sql": 1}, "bad_request", "no text in `sql`"),
        ({"query": "select 1"}, "bad_request", "no text in `sql`"),
        ({"sql": "select 1", "maxrows": 1}, "bad_request", "unknown member"),
        ({"sql": "select 1", "max_rows": "1"}, "bad_request", "no whole number"),
        ({"sql": "select 1", "max_rows": 0}, "bad_request", "out of range"),
        ({"sql": "select 1", "params": [1]}, "bad_request", "no object"),
        ([], "bad_request", "no text in `sql`"),
    ],
)
def test_a_wrong_statement_is_refused_in_every_format(
    client: httpx.Client, body: Any, code: str, message: str
) -> None:
    """issue #2: an error is a JSON body, whatever format was asked for."""
    for form in ("json", "ndjson", "csv", "arrow"):
        error = refused(ask(client, body, form), 400, code)
        assert message in error["message"]


def test_a_statement_over_its_time_is_answered_with_408(history: Database) -> None:
    """issue #2: limits on time."""
    with serving(history, SqlConfig(timeout_s=0.2)) as client:
        body = {"sql": "select count(*) from range(10000000) a, range(10000000) b"}
        assert "0.2 s" in refused(ask(client, body), 408, "query_timeout")["message"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(history: Database) -> None:
    """ours: a stream that ends early ends without its end."""
    with serving(history, SqlConfig(timeout_s=0.3)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            ask(client, {"sql": "from range(1000000000000)"}, "ndjson")
        assert ask(client, {"sql": "select 1"}).json()["rows"] == [[1]]


def test_a_statement_whose_client_has_gone_is_stopped(history: Database) -> None:
    """issue #2: cancel on disconnect: the slot is free long before the time limit."""
    config = SqlConfig(timeout_s=300, max_concurrent=1)
    with serving(history, config) as client:
        body = json.dumps(
            {"sql": "select count(*) from range(100000000) a, range(100000000) b"}
        ).encode()
        host, port = client.base_url.host, client.base_url.port
        with socket.create_connection((host, port or 0), timeout=10) as raw:
            raw.sendall(
                b"POST /api/sql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                + f"content-length: {len(body)}\r\n\r\n".encode() + body
            )  # fmt: skip
            _wait_until_busy(history)
        assert ask(client, {"sql": "select 1"}).json()["rows"] == [[1]]


def _wait_until_busy(database: Database) -> None:
    """Return when a connection for user SQL is in use; at most 10 s."""
    pause = threading.Event()
    for _ in range(1000):
        if not database.is_idle:
            return
        pause.wait(0.01)
    raise AssertionError("the statement was not started")


def test_bodies_that_are_no_questions_are_refused(client: httpx.Client) -> None:
    """ours: a page of another origin may send text/plain unasked."""
    refused(client.post("/api/sql", content=b'{"sql": "select 1"}'), 415, "unsupported_media")
    plain = {"content-type": "text/plain"}
    refused(client.post("/api/sql", content=b"{}", headers=plain), 415, "unsupported_media")
    mime = {"content-type": "application/json; charset=utf-8"}
    refused(client.post("/api/sql", content=b"{", headers=mime), 400, "bad_request")
    refused(client.post("/api/sql", content=b"[" * 500_000, headers=mime), 400, "bad_request")
    refused(client.post("/api/sql", content=b" " * 2**21, headers=mime), 413, "payload_too_large")
    refused(ask(client, {"sql": "select 1"}, accept="image/png"), 400, "bad_request")
    refused(ask(client, {"sql": "select 1"}, "xlsx"), 400, "bad_request")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4319", "", "127.0.0.1.evil.example"]
)
def test_a_name_that_is_not_ours_is_refused(client: httpx.Client, host: str) -> None:
    """ours: DNS rebinding: a page's own name that leads here."""
    response = client.get("/api/executions", headers={"host": host})
    error = refused(response, 421, "misdirected")
    assert error["hint"] == f"use the address of the server: {str(client.base_url).rstrip('/')}"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:4319", "[::1]:4319", "x.localhost:1", "10.0.0.1"]
)
def test_addresses_and_localhost_are_ours(client: httpx.Client, host: str) -> None:
    """ours: an address cannot be rebound."""
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_every_route_and_parameter_is_in_the_openapi_document(client: httpx.Client) -> None:
    """issue #2, R009: /openapi.json speaks of all there is, made of the same records as the answers."""
    document = get(client, "/openapi.json")
    assert document == json.loads(json.dumps(openapi_document()))
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        named = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        assert named == {param.name for param in route.params}
    listed = document["paths"]["/api/executions"]["get"]["parameters"]
    assert FIELDS.keys() <= {param["name"] for param in listed}
    referred = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert referred == set(document["components"]["schemas"])


def test_answers_have_the_members_the_document_tells(client: httpx.Client) -> None:
    """ours: the document is about these answers."""
    schemas = get(client, "/openapi.json")["components"]["schemas"]
    whole = get(client, "/api/executions/whole-1", include="steps,attempts,logs,payloads")
    for name, rows in (
        ("Execution", [whole["execution"]]), ("Step", whole["steps"]), ("Attempt", whole["attempts"]),
        ("LogRecord", whole["logs"]), ("Payload", whole["payloads"]),
        ("Workflow", get(client, "/api/workflows")["workflows"]),
        ("WorkflowStats", get(client, "/api/stats")["stats"]),
        ("StepStats", get(client, "/api/stats", by="step")["stats"]),
        ("SqlAnswer", [ask(client, {"sql": "select 1"}).json()]),
    ):  # fmt: skip
        assert rows, name
        assert set(rows[0]) == set(schemas[name]["properties"]), name


def test_r072_the_list_reads_no_log_record_and_no_payload() -> None:
    """R072: logs and payloads are read on demand; the list answers even where they are gone."""
    with open_memory() as database:
        writer = database.writer()
        fill_executions(writer)
        fill_parts(writer)
        with serving(database) as client:
            before = get(client, "/api/executions", limit="100", include="counts")
            assert before["executions"]
            for table in ("log_records", "payloads", "spans"):
                writer.execute(f"drop table stored.{table}")
            assert get(client, "/api/executions", limit="100", include="counts") == before
            for order in ("duration_ns", "workflow_name", "-attempt_count"):
                assert get(client, "/api/executions", order=order)["executions"]
            missing = client.get("/api/executions/whole-1/logs")
            assert missing.status_code >= 400, "the table of log records is really gone"
