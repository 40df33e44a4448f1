"""The log records of one execution are bounded; what is refused is told, counted and shown (R090)."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stepscope_collector.config import IngestConfig
from stepscope_collector.decode.native import in_use
from stepscope_collector.errors import Unwritable
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.query.executions import execution_detail
from stepscope_collector.store.log_limit import LogLimit
from tests.strategies.workflows import T0, execution, marker, span
from tests.unit.collector.taking import WAIT_S, payload, taking
from tests.unit.collector.test_ingest import POISON

MAPPING_WITH_POISON = compile_profiles([*load_shipped(), POISON])
KEPT = "select execution_id, body from stored.log_records order by execution_id, body"
DROPS = "select execution_id, logs_dropped from log_drops order by execution_id"


def logs(*bodies, execution_id="E", trace_id=b"", span_id=b""):
    """A request with a log record for each body."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for body in bodies:
        record = records.add(time_unix_nano=T0 + 1, trace_id=trace_id, span_id=span_id)
        record.body.string_value = body
        if execution_id:
            record.attributes.add(key="workflow.execution.id").value.string_value = execution_id
    return request.SerializeToString()


@pytest.mark.parametrize("decoder", ["native", "python"])
def test_the_log_records_beyond_the_limit_of_an_execution_are_refused_and_the_sender_is_told(
    decoder,
):
    """R090: lines per execution, over one request and several; nothing is silent."""
    with limited(LogLimit(3), decoder) as t:
        first = t.take(logs("a", "b"), "logs")
        second = t.take(logs("c", "d", "e"), "logs")
        assert (first.accepted, first.rejected) == (2, 0)
        assert (second.accepted, second.rejected) == (1, 2)
        assert "limits.execution_log_records" in second.message
        assert t.rows(KEPT) == [("E", "a"), ("E", "b"), ("E", "c")]
        assert t.rows(DROPS) == [("E", 2)]
        assert t.counts("logs") == {"stored": 3, "rejected": 2}


def test_every_execution_has_a_limit_of_its_own():
    """R090: a chatty execution takes nothing from the others, in one commit or in several."""
    with limited(LogLimit(2)) as t:
        t.take(logs("a1", "a2", "a3", execution_id="A"), "logs")
        t.take(logs("b1", execution_id="B"), "logs")
        assert t.rows(KEPT) == [("A", "a1"), ("A", "a2"), ("B", "b1")]
        assert t.rows(DROPS) == [("A", 1)]


def test_requests_that_share_a_commit_are_told_what_each_of_them_has_lost():
    """R090: the answer counts the records of its own request, in the order they came."""
    with limited(LogLimit(3), config=IngestConfig(group_max_wait_ms=1000)) as t:
        with t.held():
            sent = [
                t.ingest.submit("logs", logs(f"{n}a", f"{n}b"), "protobuf", "x") for n in range(3)
            ]
        told = [future.result(WAIT_S) for future in sent]
        assert [answer.rejected for answer in told] == [0, 1, 2]
        assert t.rows("select count(*) from stored.log_records") == [(3,)]


def test_bytes_of_an_execution_are_limited_as_well():
    """R090: bytes of bodies and attributes; what follows a refused record is refused, too."""
    with limited(LogLimit(0, 1000)) as t:
        t.take(logs("x" * 400), "logs")
        assert t.take(logs("y" * 2000, "z"), "logs").rejected == 2
        assert t.rows("select count(*) from stored.log_records") == [(1,)]
        assert t.rows(DROPS) == [("E", 2)]


@pytest.mark.parametrize("decoder", ["native", "python"])
def test_records_that_name_no_execution_count_for_that_of_their_trace(decoder):
    """R090: foreign engines correlate by trace; the count stands with the execution of the trace."""
    sent = span("root", scope="other", end=5)
    with limited(LogLimit(1), decoder) as t:
        t.take(payload(sent))
        t.take(logs("a", "b", execution_id="", trace_id=sent.span.trace_id), "logs")
        ((execution_id,),) = t.rows("select execution_id from executions")
        assert t.rows(DROPS) == [(execution_id, 1)]
        assert execution_detail(t.database, execution_id).logs_dropped == 1


def test_records_without_execution_and_trace_have_no_limit():
    """R090: the limit is one of executions."""
    with limited(LogLimit(1)) as t:
        assert t.take(logs("a", "b", "c", execution_id=""), "logs").rejected == 0


def test_what_an_execution_has_lost_is_shown_with_it_running_or_finished():
    """R090: the count stands beside the execution."""
    with limited(LogLimit(1)) as t:
        t.take(payload(marker(execution("sync", "E", end=500), at=1)))
        t.take(logs("a", "b"), "logs")
        assert execution_detail(t.database, "E").logs_dropped == 1
        t.take(payload(execution("sync", "E", end=500)))
        t.take(logs("c", "d"), "logs")
        detail = execution_detail(t.database, "E")
        assert detail.execution.status == "success"
        assert detail.logs_dropped == 3
        assert t.rows("select count(*) from stored.log_drops") == [(1,)]


def test_the_first_refusal_of_an_execution_is_noted_and_the_others_only_counted():
    """R090: a chatty execution must not fill the table of rejections instead."""
    with limited(LogLimit(1)) as t:
        for number in range(4):
            t.take(logs(f"{number}", "again"), "logs")
        ((count, reason, message),) = t.rows(
            "select rejected_count, reason, message from stored.rejections"
        )
        assert (count, reason) == (1, "too_many_log_records")
        assert "execution E has more log records than limits.execution_log_records=1" in message
        assert t.rows(DROPS) == [("E", 7)]


def test_a_request_sent_again_counts_once():
    """R090: retries of a sender take no room."""
    with limited(LogLimit(2)) as t:
        t.take(logs("a"), "logs")
        t.take(logs("a"), "logs")
        assert t.take(logs("b"), "logs").rejected == 0


def test_a_commit_that_fails_takes_no_room():
    """R090: what was rolled back and written again is counted once."""
    bad = payload(span("bad", scope="x", attributes={"n": "?"}))
    with limited(LogLimit(2), mapping=MAPPING_WITH_POISON) as t:
        with t.held():
            sent = t.ingest.submit("logs", logs("a"), "protobuf", "x")
            failed = t.ingest.submit("traces", bad, "protobuf", "x")
        assert sent.result(WAIT_S).rejected == 0
        with pytest.raises(Unwritable):
            failed.result(WAIT_S)
        assert t.take(logs("b"), "logs").rejected == 0
        assert t.take(logs("c"), "logs").rejected == 1


def test_the_counts_outlive_the_process(tmp_path):
    """R090: a start does not give an execution that goes on, or is full, new room."""
    path = tmp_path / "history.duckdb"
    with limited(LogLimit(2), path=path) as t:
        t.take(payload(marker(execution("sync", "open", end=500), at=1)))
        t.take(logs("a", execution_id="open"), "logs")
        t.take(payload(execution("sync", "full", end=500)))
        t.take(logs("a", "b", "c", execution_id="full"), "logs")
    with limited(LogLimit(2), path=path) as t:
        assert t.take(logs("b", "c", execution_id="open"), "logs").rejected == 1
        assert t.take(logs("d", execution_id="full"), "logs").rejected == 1
        assert t.rows(DROPS) == [("full", 2), ("open", 1)]
    with limited(LogLimit(4), path=path) as t:
        assert t.take(logs("e", execution_id="full"), "logs").rejected == 0


def test_refused_records_are_signs_of_life():
    """R090: an execution that only logs does not count as lost because it logs too much."""
    with limited(LogLimit(1)) as t:
        whole = execution("sync", "E", end=500)
        ids = {"trace_id": whole.span.trace_id, "span_id": whole.span.span_id}
        t.take(payload(marker(whole, at=1)))
        t.take(logs("a", **ids), "logs")
        request = ExportLogsServiceRequest.FromString(logs("b", **ids))
        later = T0 + int(timedelta(hours=1).total_seconds()) * 10**9
        request.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = later
        assert t.take(request.SerializeToString(), "logs").rejected == 1
        ((seen,),) = t.rows("select max(last_seen_unix_nano) from stored.executions")
        assert seen == later


def test_a_deleted_execution_leaves_no_count_behind():
    """R017, R090: every trace of it goes."""
    with limited(LogLimit(1)) as t:
        t.take(payload(execution("sync", "E", end=500)))
        t.take(logs("a", "b"), "logs")
        now = datetime(2026, 12, 1)  # noqa: DTZ001
        t.ingest.between_commits(lambda c, _: c.delete(["E"], now, now))
        assert t.rows("select count(*) from stored.log_drops") == [(0,)]


def test_without_a_limit_nothing_is_counted():
    """R090: all log records are kept unless somebody asks for less."""
    with limited(LogLimit()) as t:
        assert t.take(logs(*"abcdefgh"), "logs").rejected == 0
        assert not t.committer._logs._known


@contextmanager
def limited(limit, decoder="auto", **given):
    """An ingest with the limit and the decoder."""
    if decoder == "native" and in_use("auto").decoder != "native":
        pytest.skip(f"no native decoder: {in_use('auto').reason}")
    with taking(log_limit=limit, **given) as t:
        t.ingest._plan = replace(t.ingest._plan, decoder=decoder)
        yield t
