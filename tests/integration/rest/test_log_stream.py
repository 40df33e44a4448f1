"""Server-sent events of log records, over a real port."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from stepscope_collector.store import Database
from tests.integration.rest.conftest import serving
from tests.unit.collector.query.history import (
    NOW_NS,
    add_execution,
    add_log,
    add_open_span,
    open_memory,
)


def events(response: httpx.Response) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in response.iter_lines():
        if line == "":
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def stream(client: httpx.Client, **keywords: Any) -> Any:
    return client.stream("GET", "/api/executions/live/logs/stream", **keywords)


@pytest.fixture
def live() -> Iterator[tuple[Database, httpx.Client]]:
    """An execution that goes on, with two log records."""
    with open_memory() as database:
        writer = database.writer()
        add_execution(writer, "live", started_unix_nano=NOW_NS, silence_ns=2**62)
        add_open_span(writer, "live", 1, role="execution", silence_ns=2**62)
        for number in range(2):
            add_log(writer, execution_id="live", sequence=number, body=f"line\n{number}")
        with serving(database) as client:
            yield database, client


def log(database: Database, number: int) -> None:
    add_log(
        database.writer(), execution_id="live", sequence=number, body=f"line\n{number}",
        ingested_at=f"2026-07-24 11:00:0{number}",
    )  # fmt: skip


def end(database: Database) -> None:
    database.writer().execute(
        "update stored.executions set status = 'success', final_end_unix_nano = first_unix_nano + 9, "
        "ended_at = time_of(first_unix_nano + 9)"
    )


def test_records_come_while_they_are_committed_and_then_the_end(live: Any) -> None:
    """R067: live broadcast to subscribers while persisting."""
    database, client = live
    with stream(client) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        coming = events(response)
        assert [json.loads(next(coming)["data"])["sequence"] for _ in range(2)] == [0, 1]
        log(database, 2)
        event = next(coming)
        assert (event["event"], json.loads(event["data"])["body"]) == ("log", "line\n2")
        end(database)
        assert next(coming) == {"event": "end", "data": '{"status":"success"}'}
        assert list(coming) == []
    with stream(client) as response:
        assert [each["event"] for each in events(response)] == ["log"] * 3 + ["end"]


def test_who_comes_back_goes_on_where_they_were(live: Any) -> None:
    """R067: EventSource reconnects with the id of the last event."""
    database, client = live
    log(database, 2)
    end(database)
    with stream(client, params={"tail": 2}) as response:
        last, final = list(events(response))[1:]
    assert (json.loads(last["data"])["sequence"], final["event"]) == (2, "end")
    log(database, 3)
    with stream(client, headers={"last-event-id": last["id"]}) as response:
        again = list(events(response))
    assert [json.loads(each["data"]).get("sequence") for each in again] == [3, None]


def test_questions_that_make_no_sense_are_refused_before_the_stream(live: Any) -> None:
    """issue #7: errors have the body of all others."""
    questions: list[tuple[str, dict[str, str], int]] = [
        ("/api/executions/nobody/logs/stream", {}, 404),
        ("/api/executions/live/logs/stream?after=99999999999999999999", {}, 400),
        ("/api/executions/live/logs/stream?tail=-1", {}, 400),
        ("/api/executions/live/logs/stream?before=1", {}, 400),
        ("/api/executions/live/logs/stream", {"last-event-id": "x"}, 400),
        ("/api/executions/live/logs?before=99999999999999999999", {}, 400),
    ]
    for path, headers, status in questions:
        response = live[1].get(path, headers=headers)
        assert (path, response.status_code) == (path, status)
        assert response.json()["error"]["message"]
