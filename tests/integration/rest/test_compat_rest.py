"""Senders and pages of design 001 against a real server with a real write path."""

import asyncio
import json
import os
import re
import traceback
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepscope_collector.compat.record import ExecutionRecord
from stepscope_collector.compat.spans import request_of
from stepscope_collector.config import RetentionConfig
from stepscope_collector.retention import Retention
from tests.integration.rest.conftest import serving
from tests.unit.collector.taking import Taking, taking

DONE: dict[str, Any] = {
    "id": "7f0b3c1e-6f0a-4a53-9c6e-0d8f5c1c2a01",
    "workflowId": "wf-1",
    "workflowName": "Checkout",
    "status": "error",
    "startedAt": "2026-03-01T10:00:00.123456",
    "completedAt": "2026-03-01T10:00:02.623456",
    "durationMs": 2500,
    "trigger": {"type": "http", "data": {"order": 7, "note": "ünï"}},
    "nodeExecutions": [
        {"nodeId": "n1", "nodeName": "Load", "nodeType": "http", "status": "success",
         "startedAt": "2026-03-01T10:00:00.200000", "completedAt": "2026-03-01T10:00:01.200000",
         "durationMs": 1000, "input": {"url": "x"}, "output": [1, 2.5, None, "é"]},
        {"nodeId": "n2", "nodeName": "Charge", "nodeType": "python", "status": "error",
         "startedAt": "2026-03-01T10:00:01.200000", "completedAt": "2026-03-01T10:00:02.600000",
         "durationMs": 1400, "input": None, "error": {"message": "declined", "stack": "Trace\n  x"}},
        {"nodeId": "n3", "nodeName": "Ship", "nodeType": "python", "status": "skipped", "input": {}},
        {"nodeId": "n4", "nodeName": "Mail", "nodeType": "python", "status": "pending", "input": {}},
    ],
    "error": {"message": "declined", "stack": "Traceback\n  y", "nodeId": "n2"},
}  # fmt: skip


@pytest.fixture(scope="module")
def took() -> Iterator[Taking]:
    with taking() as opened:
        yield opened


@pytest.fixture(scope="module")
def client(took: Taking) -> Iterator[httpx.Client]:
    retention = Retention(
        took.database, took.ingest.between_commits, RetentionConfig(), took.telemetry
    )
    with serving(took.database, ingest=took.ingest, retention=retention) as opened:
        yield opened


def post(client: httpx.Client, document: object) -> httpx.Response:
    return client.post("/api/executions", json=document)


def changed(**members: Any) -> dict[str, Any]:
    found = {**DONE, "id": str(uuid.uuid4()), **members}
    return {name: value for name, value in found.items() if value is not ...}


def test_r047_the_snippet_of_older_workflows_is_accepted_unchanged(client: httpx.Client) -> None:
    """R047, R054, R055: what generated code sends is stored, a failed one too; `{success: true}`."""
    answers: list[Any] = []

    async def run(work: Any) -> str:
        # As generated workflows do it, but for the URL and that the answer is kept.
        editor_url = os.getenv("CATALYST_EDITOR_URL", str(client.base_url))
        execution_id = str(uuid.uuid4())
        started_at = datetime.utcnow().isoformat()  # noqa: DTZ003 what that code does
        execution_data: dict[str, Any] = {
            "id": execution_id, "workflowId": "gen-1", "workflowName": "Generated",
            "status": "running", "startedAt": started_at,
            "trigger": {"type": "http", "data": {"a": 1}}, "nodeExecutions": [],
        }  # fmt: skip
        try:
            work()
            execution_data["status"] = "success"
            execution_data["completedAt"] = datetime.utcnow().isoformat()  # noqa: DTZ003
            ended = datetime.fromisoformat(execution_data["completedAt"])
            lasted = ended - datetime.fromisoformat(started_at)
            execution_data["durationMs"] = int(lasted.total_seconds() * 1000)
        except ZeroDivisionError as error:
            execution_data["status"] = "error"
            execution_data["completedAt"] = datetime.utcnow().isoformat()  # noqa: DTZ003
            execution_data["error"] = {"message": str(error), "stack": traceback.format_exc()}
        async with httpx.AsyncClient() as sender:
            answers.append(
                await sender.post(
                    f"{editor_url.rstrip('/')}/api/executions", json=execution_data, timeout=20
                )
            )
        return execution_id

    good = asyncio.run(run(lambda: None))
    bad = asyncio.run(run(lambda: 1 / 0))
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"success": True})
    ] * 2
    found = client.get("/api/executions", params={"workflowId": "gen-1"}).json()
    assert [(row["id"], row["status"]) for row in found] == [(bad, "error"), (good, "success")]
    assert "ZeroDivisionError" in found[0]["error"]["stack"]
    assert found[1]["trigger"] == {"type": "http", "data": {"a": 1}}


def test_r044_a_document_comes_back_as_it_was_sent(client: httpx.Client) -> None:
    """R044: golden: the nested camelCase of design 001; what has no value is left out."""
    assert post(client, DONE).json() == {"success": True}
    found = client.get(f"/api/compat/001/executions/{DONE['id']}").json()
    expected = json.loads(json.dumps(DONE))
    expected["startedAt"] += "Z"
    expected["completedAt"] += "Z"
    for node in expected["nodeExecutions"][:2]:
        node["startedAt"] += "Z"
        node["completedAt"] += "Z"
    # Without times of its own a skipped node stands at the start of the execution.
    expected["nodeExecutions"][2] |= {
        "startedAt": expected["startedAt"], "completedAt": expected["startedAt"], "durationMs": 0,
    }  # fmt: skip
    assert found == expected


def test_the_example_of_the_page_is_true(client: httpx.Client) -> None:
    """ours: documents are true."""
    page = (Path(__file__).parents[3] / "docs" / "compat.md").read_text("utf-8")
    sent = re.search(r"-d '(\{.*?\})'\n```\n```json\n(.*?)\n```", page, re.S)
    assert sent is not None
    answer = client.post(
        "/api/executions", content=sent[1], headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.text) == (200, sent[2])
    found = client.get("/api/executions?workflowId=wf-1&limit=50&offset=0").json()
    assert "run-1" in {row["id"] for row in found}


def test_a_posted_execution_is_one_like_any_other(client: httpx.Client) -> None:
    """issue #7: its state lives in the same tables; R036: the trigger in our word; R034: a node that was not
    reached is a step that waits."""
    post(client, DONE)
    row = client.get(f"/api/executions/{DONE['id']}", params={"include": "steps,payloads"}).json()
    execution = row["execution"]
    assert (execution["status"], execution["trigger_type"]) == ("failed", "webhook")
    assert execution["duration_ns"] == 2_500_000_000
    assert [(step["step_id"], step["step_type"]) for step in row["steps"]] == [
        ("n1", "http"), ("n2", "python"), ("n3", "python"), ("n4", "python"),
    ]  # fmt: skip
    assert [step["status"] for step in row["steps"]] == ["success", "failed", "skipped", "queued"]
    assert row["steps"][3]["started_at"] is None
    assert row["error_step"]["step_id"] == "n2"
    assert {payload["kind"] for payload in row["payloads"]} == {"input", "output", "trigger"}


def test_a_repeated_post_changes_nothing(client: httpx.Client, took: Taking) -> None:
    """issue #7, R014: the same document again is the same execution."""
    tables = ("spans", "executions", "payloads", "open_spans")

    def counts() -> list[int]:
        return [took.rows(f"select count(*) from stored.{name}")[0][0] for name in tables]

    for document in (changed(workflowId="twice"), changed(workflowId="twice", status="running")):
        post(client, document)
        before = counts()
        assert post(client, document).json() == {"success": True}
        assert counts() == before


def test_a_running_execution_is_ended_by_a_later_post(client: httpx.Client) -> None:
    """R015, R074: the same row; a late running one does not open it again."""
    running = changed(
        workflowId="later", status="running", completedAt=..., durationMs=..., error=...
    )
    running["nodeExecutions"] = []
    done = {**DONE, "id": running["id"], "workflowId": "later"}
    for document in (running, done, running):
        assert post(client, document).status_code == 200
    (found,) = client.get("/api/executions", params={"workflowId": "later"}).json()
    assert (found["status"], found["durationMs"]) == ("error", 2500)


def test_spans_in_protobuf_are_taken_too(client: httpx.Client) -> None:
    """ours: what ExecutionStore sends; what is none is refused."""
    execution_id = str(uuid.uuid4())
    record = ExecutionRecord(execution_id, "spans", "spans", "success", 10**18, 10**18 + 10**9)
    headers = {"content-type": "application/x-protobuf"}
    answer = client.post("/api/executions", content=request_of(record), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert client.get(f"/api/compat/001/executions/{execution_id}").json()["durationMs"] == 1000
    assert client.post("/api/executions", content=b"\xff", headers=headers).status_code == 400


def test_r014_a_document_without_id_gets_one(client: httpx.Client) -> None:
    """R014: the answer tells the id."""
    answer = post(client, changed(id=...)).json()
    assert answer["success"] is True
    assert client.get(f"/api/compat/001/executions/{answer['id']}").status_code == 200


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"workflowId": ...}, "workflowId is missing"),
        ({"workflowId": 5}, "workflowId is no text: 5"),
        ({"workflowId": "x" * 513}, "workflowId is longer than 512 bytes"),
        ({"id": ""}, "id is empty"),
        ({"status": "done"}, "status is 'done', none of"),
        ({"startedAt": ...}, "startedAt is missing"),
        ({"startedAt": "yesterday"}, "startedAt is no ISO 8601 time"),
        ({"completedAt": ..., "durationMs": ...}, "completedAt is missing"),
        ({"durationMs": "1s"}, "durationMs is no number: '1s'"),
        ({"durationMs": -1}, "durationMs is out of range: -1"),
        ({"trigger": "http"}, "trigger is no object: 'http'"),
        ({"trigger": {"data": 1}}, "trigger.type is missing"),
        ({"nodeExecutions": {}}, "nodeExecutions is no list"),
        ({"nodeExecutions": [1]}, "nodeExecutions[0] is no object"),
        ({"nodeExecutions": [DONE["nodeExecutions"][0], {"nodeId": "x", "status": "so"}]},
         "nodeExecutions[1].status is 'so', none of"),
        ({"error": {"message": 7}}, "error.message is no text: 7"),
    ],
)  # fmt: skip
def test_r055_a_mistake_is_named_with_its_place(
    client: httpx.Client, members: dict[str, Any], message: str
) -> None:
    """R055: 4xx with the path of the member; nothing of it is stored."""
    answer = post(client, changed(**members))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"workflowId": NaN}', 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
    ],
)
def test_what_is_no_document_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    """R055: never a 500."""
    answer = client.post(
        "/api/executions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert client.post("/api/executions", content=b"{}").status_code == 415


def test_documents_of_any_size_and_content_are_taken(client: httpx.Client) -> None:
    """A3.4: bodies over 100 KB; texts with NUL and lone surrogates; a node carried out twice."""
    node = {"nodeId": "loop", "status": "success", "input": "x" * 300_000, "durationMs": 5,
            "startedAt": "2026-03-01T10:00:01Z", "odd": [1]}  # fmt: skip
    document = changed(workflowName="a\x00b\ud800", nodeExecutions=[node, node], extra={"k": 1})
    body = json.dumps(document)
    answer = client.post(
        "/api/executions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    found = client.get(f"/api/compat/001/executions/{document['id']}").json()
    assert [each["nodeId"] for each in found["nodeExecutions"]] == ["loop", "loop"]
    assert len(found["nodeExecutions"][1]["input"]) == 300_000
    assert found["nodeExecutions"][0]["durationMs"] == 5


def test_r043_pages_of_a_workflow(client: httpx.Client) -> None:
    """R011, R043: newest first, 50 unless told, by limit and offset; R130: page, pageSize and total."""
    for minute in range(55):
        status = "success" if minute % 2 else "error"
        post(client, changed(workflowId="paged", startedAt=f"2026-03-01T09:{minute:02}:00Z",
                             status=status, nodeExecutions=[]))  # fmt: skip
    ask = {"workflowId": "paged"}
    first = client.get("/api/executions", params=ask).json()
    rest = client.get("/api/executions", params={**ask, "limit": 50, "offset": 50}).json()
    starts = [row["startedAt"] for row in first + rest]
    assert (len(first), len(rest)) == (50, 5)
    assert starts == sorted(set(starts), reverse=True)
    page = client.get(
        "/api/executions", params={**ask, "page": 2, "pageSize": 20, "status": "completed"}
    ).json()
    assert (page["total"], page["page"], len(page["executions"])) == (27, 2, 7)
    assert {row["status"] for row in page["executions"]} == {"success"}
    assert client.get("/api/executions", params={"workflowId": "nobody"}).json() == []


@pytest.mark.parametrize(
    "query",
    ["workflowId=a&limit=0", "workflowId=a&offset=-1", "workflowId=a&page=0", "page=1", "pageSize=1",
     "workflowId=a&user=b", "workflowId=a&status=success,error", "workflowId=a&status=no",
     "workflowId=a&page=1&pageSize=1001", "workflowId=a&offset=99999999999999999999"],
)  # fmt: skip
def test_questions_in_old_words_that_make_no_sense_are_refused(
    client: httpx.Client, query: str
) -> None:
    """ours: never a 500, never a silent default."""
    assert client.get(f"/api/executions?{query}").status_code == 400


def test_r016_an_unknown_document_is_not_found(client: httpx.Client) -> None:
    """R016: 404 with JSON."""
    answer = client.get("/api/compat/001/executions/nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_r017_what_was_deleted_is_not_taken_in_again(took: Taking, client: httpx.Client) -> None:
    """R017: late spans do not bring it back; who posts it again is told, and it is counted."""
    document = changed()
    assert post(client, document).json() == {"success": True}
    assert client.delete(f"/api/compat/001/executions/{document['id']}").status_code == 200
    before = took.counts().get("refused", 0)
    answers = [post(client, document)]
    record = ExecutionRecord(
        execution_id=document["id"], workflow_id="wf-1", workflow_name="Checkout", status="running",
        started_ns=10**18, ended_ns=None,
    )  # fmt: skip
    protobuf = {"content-type": "application/x-protobuf"}
    answers.append(client.post("/api/executions", content=request_of(record), headers=protobuf))
    for answer in answers:
        assert answer.status_code == 409, answer.text
        error = answer.json()["error"]
        assert error["code"] == "conflict"
        assert re.fullmatch(
            rf"execution '{document['id']}' was deleted at 20\S+Z, and nothing of it is stored before 20\S+Z",
            error["message"],
        )
        assert "another id" in error["hint"]
    assert client.get(f"/api/executions/{document['id']}").status_code == 404
    assert took.counts()["refused"] == before + 6  # five spans, one marker
    # Its commit is one that the notes are in, or comes after it: those nobody waits for.
    assert post(client, {**document, "id": str(uuid.uuid4())}).json() == {"success": True}
    noted = took.rows("select message from stored.rejections where reason = 'conflict'")
    assert len(noted) >= 2
    assert set(noted) == {("the execution was deleted",)}  # nothing of it stays


def test_r046_one_execution_is_deleted(client: httpx.Client) -> None:
    """R017, R046: `{"success": true}`; gone from list and details; a repeated post stays away."""
    document = changed(workflowId="deleting")
    post(client, document)
    path = f"/api/compat/001/executions/{document['id']}"
    assert client.delete(path).json() == {"success": True}
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert post(client, document).status_code == 409
    assert client.get("/api/executions?workflowId=deleting").json() == []


def test_r045_a_workflow_is_cleared_and_no_other(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """R045: only its history goes, running ones too; the count is answered; the log has a line of it."""
    caplog.set_level("INFO", "stepscope_collector.retention")
    running = changed(workflowId="clearing", status="running", nodeExecutions=[])
    for document in (changed(workflowId="clearing"), running, changed(workflowId="staying")):
        post(client, document)
    path = "/api/compat/001/workflows/clearing/executions"
    assert client.delete(path).json() == {"success": True, "deleted": 2}
    (line,) = [each for each in caplog.records if each.message == "workflow deleted"]
    assert (line.__dict__["workflow"], line.__dict__["executions"]) == ("clearing", 2)
    assert client.delete(path).json() == {"success": True, "deleted": 0}
    assert client.delete("/api/workflows/clearing/executions").status_code == 404
    assert len(client.get("/api/executions?workflowId=staying").json()) == 1
    removed = client.delete("/api/workflows/staying/executions").json()["removed"]
    assert removed["executions"] == 1


def test_without_a_writer_nothing_can_be_posted(took: Taking) -> None:
    """ours: a face that only reads says so."""
    with serving(took.database) as reading:
        assert post(reading, DONE).status_code == 503
