"""issue #5: heartbeats of partial span processors, in log records: live, superseded, in any order."""

import base64
import itertools
import json
import random

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.query.otlp import read_logs, read_traces
from stepscope_collector.remap import Remapper
from tests.strategies.canonical import canonical_logs
from tests.unit.collector.taking import taking

S = 10**9
NOW = 1_790_000_000 * S
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPANS = {
    "nightly": ("b7ad6b7169203331", "", NOW),
    "load": ("00f067aa0ba902b7", "b7ad6b7169203331", NOW + S),
}


def told(name, *, end=0, scope="app", **attributes):
    """A span as OTLP/JSON, as a processor writes it."""
    span_id, parent, start = SPANS[name]
    span = {
        "traceId": TRACE, "spanId": span_id, "name": name, "kind": "SPAN_KIND_INTERNAL",
        "startTimeUnixNano": str(start), "status": {},
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }  # fmt: skip
    if parent:
        span["parentSpanId"] = parent
    if end:
        span["endTimeUnixNano"] = str(end)
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]
                },
                "scopeSpans": [{"scope": {"name": scope}, "spans": [span]}],
            }
        ]
    }


def logs(*records):
    """A request of records: name of the span, time, event, body."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for name, at, event, body in records:
        record = scope.log_records.add(
            time_unix_nano=at, trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPANS[name][0])
        )
        record.body.string_value = body
        if event:
            record.attributes.add(key="partial.event").value.string_value = event
    return request.SerializeToString()


def heartbeat(name, at, **more):
    return logs((name, at, "heartbeat", json.dumps(told(name, **more))))


def ended(name, end, **more):
    return json.dumps(told(name, end=end, **more)).encode()


EXECUTIONS = (
    "select execution_id, workflow_name, status, span_count, ended_at is null from executions"
)
STEPS = "select step_name, status from steps"
SEEN = "select max(last_seen_unix_nano) from stored.executions"


def test_a_heartbeat_shows_what_runs():
    """issue #5: within the commit of the log record; its time is a sign of life."""
    with taking() as take:
        take.take(heartbeat("nightly", NOW + 5 * S), "logs")
        take.take(heartbeat("load", NOW + 6 * S), "logs")
        (row,) = take.rows(EXECUTIONS)
        assert (row[0], row[1], row[3], row[4]) == (TRACE, "nightly", 0, True)
        assert [name for name, _ in take.rows(STEPS)] == ["load"]
        assert take.rows(SEEN) == [(NOW + 6 * S,)]
        take.take(heartbeat("load", NOW + 11 * S), "logs")
        assert take.rows(SEEN) == [(NOW + 11 * S,)]
        assert take.rows("select count(*) from stored.open_spans") == [(2,)]
        # plain records of an open span are signs of life as well
        take.take(logs(("load", NOW + 12 * S, None, "half way")), "logs")
        assert take.rows(SEEN) == [(NOW + 12 * S,)]
        assert take.counts("traces") == {}
        assert take.counts("logs") == {"stored": 4}


def test_the_span_itself_supersedes_it_in_either_order():
    """issue #5: in any order the same executions and steps."""
    sent = [
        (heartbeat("nightly", NOW + 5 * S), "logs", "protobuf"),
        (heartbeat("load", NOW + 6 * S), "logs", "protobuf"),
        (heartbeat("load", NOW + 9 * S), "logs", "protobuf"),
        (ended("load", NOW + 10 * S), "traces", "json"),
        (ended("nightly", NOW + 12 * S), "traces", "json"),
    ]
    orders = list(itertools.permutations(sent))
    for order in [orders[0], orders[-1], *random.Random(5).sample(orders, 8)]:
        with taking() as take:
            for request in order:
                take.take(*request)
            assert take.rows(EXECUTIONS) == [(TRACE, "nightly", "success", 2, False)]
            assert take.rows(STEPS) == [("load", "success")]
            assert take.rows("select count(*) from stored.open_spans") == [(0,)]
            assert take.rows("select count(*) from spans") == [(2,)]


def test_spans_of_engines_are_told_so_too():
    """issue #5: the dialect of the span decides, also for folded ones."""
    workflow = {"dbos.operation.type": "workflow", "dbos.operation.workflow_id": "order-1"}
    step = {"dbos.operation.type": "step", "dbos.operation.workflow_id": "order-1"}
    with taking() as take:
        take.take(heartbeat("nightly", NOW + 5 * S, scope="dbos-tracer", **workflow), "logs")
        take.take(heartbeat("load", NOW + 6 * S, scope="dbos-tracer", **step), "logs")
        take.take(heartbeat("load", NOW + 9 * S, scope="dbos-tracer", **step), "logs")
        assert take.rows("select execution_id, dialect from executions") == [("order-1", "dbos")]
        assert take.rows(SEEN) == [(NOW + 9 * S,)]
        take.take(ended("load", NOW + 10 * S, scope="dbos-tracer", **step), "traces", "json")
        take.take(ended("nightly", NOW + 12 * S, scope="dbos-tracer", **workflow), "traces", "json")
        assert take.rows("select status, span_count from executions") == [("success", 2)]
        assert take.rows(STEPS) == [("load", "success")]


def test_what_was_sent_comes_back_and_nothing_else():
    """issue #2: the log records whole, and no span that was never sent; nor after a remap."""
    with taking() as take:
        sent = heartbeat("nightly", NOW + 5 * S)
        take.take(sent, "logs")
        before = take.rows("select * exclude (updated_at, last_seen_at) from executions")
        remapper = Remapper(take.ingest.between_commits)
        remapper.begin()
        while remapper.step().state == "running":
            pass
        assert take.rows("select * exclude (updated_at, last_seen_at) from executions") == before
        with take.database.read() as connection:
            assert read_traces(connection) == ExportTraceServiceRequest()
            found = canonical_logs(read_logs(connection))
            assert found == canonical_logs(ExportLogsServiceRequest.FromString(sent))


@pytest.mark.parametrize("body", ["", "{", "[]", "not base64!", "AAAA////", '{"resourceSpans": 7}'])
def test_a_heartbeat_that_cannot_be_read_is_a_log_record(body):
    """ours: bad input is stored as what it is, with a warning."""
    with taking() as take:
        receipt = take.take(logs(("load", NOW, "heartbeat", body)), "logs")
        assert (receipt.accepted, receipt.rejected) == (1, 0)
        assert take.rows("select count(*) from executions") == [(0,)]
        assert body == "" or "no OTLP" in receipt.message


def test_older_processors_write_protobuf_in_base64():
    """issue #5: the body as base64."""
    message, _ = to_message("traces", json.dumps(told("nightly")).encode())
    body = base64.b64encode(message.SerializeToString()).decode()
    with taking() as take:
        take.take(logs(("nightly", NOW, "heartbeat", body), ("load", NOW, "stop", body)), "logs")
        assert take.rows("select workflow_name from executions") == [("nightly",)]


@pytest.mark.parametrize(
    ("event", "flags", "is_told"),
    [
        ("n8n.workflow.started", 1, True),
        ("task.start", 1, True),
        ("step_started", 1, True),
        ("workflow.started", 0, False),  # its span is not sampled and never comes
        ("server.started", 1, False),
        ("workflow.finished", 1, False),
        ("restarted", 1, False),
    ],
)
def test_an_event_tells_that_something_has_started(event, flags, is_told):
    """issue #5: started and finished events in logs."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(
        time_unix_nano=NOW, trace_id=bytes.fromhex(TRACE), event_name=event, flags=flags,
        span_id=bytes.fromhex(SPANS["nightly"][0]),
    )  # fmt: skip
    record.attributes.add(key="workflow.name").value.string_value = "nightly"
    with taking() as take:
        take.take(request.SerializeToString(), "logs")
        found = take.rows("select execution_id, ended_at is null from executions")
        assert found == ([(TRACE, True)] if is_told else [])
        take.take(ended("nightly", NOW + 12 * S), "traces", "json")
        record.event_name, record.time_unix_nano = "workflow.finished", NOW + 12 * S
        take.take(request.SerializeToString(), "logs")
        assert take.rows(EXECUTIONS) == [(TRACE, "nightly", "success", 1, False)]
