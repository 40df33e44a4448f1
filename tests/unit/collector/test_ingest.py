"""The write path as a whole: admitted, grouped, committed, and only then answered."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import duckdb
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from stepscope_collector.config import IngestConfig, StoreConfig
from stepscope_collector.errors import (
    Overloaded,
    PayloadUndecodable,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped, parse
from stepscope_collector.store import Database
from stepscope_collector.store.aside import files_aside
from stepscope_collector.store.commit import Committer
from tests.strategies.workflows import T0, execution, span, step
from tests.unit.collector.taking import WAIT_S, payload, taking

STORED = "select count(*) from stored.spans"

# A profile of a user whose expression fails for some values: rows the store can never take.
# a user's own profile would leave the field empty
POISON = replace(
    parse(
        """
    name = "poison"
    description = "casts what cannot be cast"
    priority = 1000
    direct = true
    detect = "attr('n') is not null"
    [fields]
    role = "'execution'"
    attempt = "cast(attr('n') as integer)"
    """,
        "poison.toml",
    ),
    is_shipped=True,
)


def log_request(*bodies: str) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for body in bodies:
        record = records.add(time_unix_nano=T0)
        record.body.string_value = body
    return request.SerializeToString()


def metric_request(*values: int) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="queue.size")
    for value in values:
        metric.gauge.data_points.add(time_unix_nano=T0, as_int=value)
    return request.SerializeToString()


def with_bad_ids(*good):
    bad = span("no id", scope="x")
    bad.span.span_id = b"short"
    return payload(*good, bad)


def test_an_answer_means_the_rows_are_there_for_everyone():
    """design, section 4: a success answer means committed."""
    seen = []
    with taking() as take:
        future = take.ingest.submit("traces", payload(span("a"), span("b")), "protobuf")
        # in the writer's thread, at the very moment of the answer
        future.add_done_callback(lambda _: seen.append(take.rows(STORED)))
        assert future.result(WAIT_S).accepted == 2
    assert seen == [[(2,)]]


def test_what_waits_shares_one_commit():
    """design, section 4: group commit."""
    with taking() as take:
        with take.held():
            futures = [
                take.ingest.submit("traces", payload(span(f"s{n}", scope="x")), "protobuf")
                for n in range(50)
            ]
            commits, requests = take.commits()
        assert not wait(futures, WAIT_S).not_done
        # the commit that holds the writer is counted before its answer
        assert take.commits() == (commits + 1, requests + 50)
        assert take.rows("select count(*) from stored.spans where name like 's%'") == [(50,)]


def test_groups_end_at_their_limits_and_leave_nothing_behind():
    """ours: a request that does not fit the group goes first in the next one."""
    with taking(config=IngestConfig(group_max_rows=10)) as take:
        with take.held():
            commits, _ = take.commits()
            futures = [
                take.ingest.submit(
                    "traces", payload(*(span(f"{n}/{i}", scope="x") for i in range(6))), "protobuf"
                )
                for n in range(7)
            ]
        assert not wait(futures, WAIT_S).not_done
        assert take.commits()[0] == commits + 7
        assert take.rows("select count(*) from stored.spans where name like '%/%'") == [(42,)]


def test_over_the_byte_budget_requests_are_refused_before_they_are_decoded():
    """OTLP checklist G6: back-pressure with a hint; design: one budget for gRPC and HTTP."""
    one = payload(span("x" * 1000, scope="x"))
    with taking(max_inflight_bytes=3 * len(one)) as take:
        with take.held():
            futures = [take.ingest.submit("traces", one, "protobuf") for _ in range(3)]
            with pytest.raises(Overloaded, match="max_inflight_bytes") as refused:
                take.ingest.submit("traces", b"\xff not a request", "protobuf")
        assert refused.value.is_retryable
        assert not wait(futures, WAIT_S).not_done
        # all of it was given back: the whole budget can be used again
        with take.held():
            futures = [take.ingest.submit("traces", one, "protobuf") for _ in range(3)]
        assert not wait(futures, WAIT_S).not_done
        (refused_requests,) = take.telemetry.snapshot()["refused_requests"]
        assert refused_requests["reason"] == "overloaded"
        assert refused_requests["requests"] == 1


def test_a_request_that_is_none_is_refused_noted_and_gives_its_bytes_back():
    """OTLP checklist G8, H12; issue #2: nothing lost silently."""
    with taking(max_inflight_bytes=1000) as take:
        for n in range(20):
            with pytest.raises(PayloadUndecodable):
                take.ingest.submit("traces", bytes([0xFF, n]) * 50, "protobuf", "10.1.2.3")
        take.take(payload(span("good", scope="x")))
        noted = take.rows(
            "select reason, rejected_count, payload_bytes, sender from stored.rejections"
        )
        assert set(noted) == {("payload_undecodable", 0, 100, "10.1.2.3")}
        assert len(noted) == 20
        (refused,) = take.telemetry.snapshot()["refused_requests"]
        assert (refused["requests"], refused["payload_bytes"]) == (20, 2000)


def test_a_bad_request_is_noted_however_many_good_ones_wait(tmp_path):
    """issue #2: nothing lost silently; only a flood of bad ones is counted alone."""
    config = IngestConfig(group_max_wait_ms=60_000)
    with taking(tmp_path / "stepscope.duckdb", config=config, backlog=tmp_path / "backlog") as take:
        good = payload(span("good", scope="x"))
        for _ in range(1100):
            take.ingest.submit("traces", good, "protobuf")
        with pytest.raises(PayloadUndecodable):
            take.ingest.submit("traces", b"\xff", "protobuf")
        assert take.rows("select reason from stored.rejections") == [("payload_undecodable",)]


@pytest.mark.parametrize(
    ("signal", "made", "table"),
    [("logs", log_request, "log_records"), ("metrics", metric_request, "metric_points")],
)
def test_repeated_log_and_metric_requests_are_stored_once(tmp_path, signal, made, table):
    """OTLP checklist C9: a sender that lost our answer sends again, also after our restart."""
    data = made(*("ab" if signal == "logs" else (1, 2)))
    path = tmp_path / "stepscope.duckdb"
    with taking(path) as take:
        with take.held():
            futures = [take.ingest.submit(signal, data, "protobuf") for _ in range(3)]
        assert [future.result(WAIT_S).accepted for future in futures] == [2, 2, 2]
        assert take.take(data, signal).accepted == 2
        assert take.counts(signal) == {"stored": 2, "duplicate": 6}
    with taking(path) as take:
        assert take.take(data, signal).accepted == 2
        assert take.counts(signal) == {"duplicate": 2}
        assert take.rows(f"select count(*) from stored.{table}") == [(2,)]


def test_a_request_the_store_cannot_take_fails_alone():
    """ours: one bad request must not take its neighbours with it."""
    with taking(mapping=compile_profiles([*load_shipped(), POISON])) as take:
        with take.held():
            good = [
                take.ingest.submit("traces", payload(span(f"g{n}", scope="x")), "protobuf")
                for n in range(4)
            ]
            bad = take.ingest.submit(
                "traces", payload(span("bad", scope="x", attributes={"n": "many"})), "protobuf"
            )
            good.append(take.ingest.submit("logs", log_request("l"), "protobuf"))
            right = payload(span("right", scope="x", attributes={"n": "7"}))
            good.append(take.ingest.submit("traces", right, "protobuf"))
        assert [future.result(WAIT_S).accepted for future in good] == [1] * 6
        with pytest.raises(Unwritable) as refused:
            bad.result(WAIT_S)
        assert not refused.value.is_retryable
        assert take.rows("select count(*) from stored.spans where name like 'g%'") == [(4,)]
        assert take.rows("select attempt from stored.spans where dialect = 'poison'") == [(7,)]
        assert take.rows("select reason, rejected_count from stored.rejections") == [
            ("unwritable", 1)
        ]
        take.counts()


def test_bad_spans_are_rejected_alone_counted_and_noted():
    """OTLP checklist C13: partial success."""
    with taking() as take:
        receipt = take.take(with_bad_ids(span("good", scope="x"), span("fine", scope="x")))
        assert (receipt.accepted, receipt.rejected) == (2, 1)
        assert "5 bytes, must be 8" in receipt.message
        assert take.counts() == {"stored": 2, "rejected": 1}
        (row,) = take.rows(
            "select signal, reason, rejected_count, name, sender from stored.rejections"
        )
        assert row == ("traces", "invalid_span_id", 1, "no id", "10.1.2.3")


def test_what_was_refused_is_noted_once_and_counted_every_time(tmp_path):
    """issue #4: a sender that repeats a bad request fills the counts and not the table."""
    path = tmp_path / "stepscope.duckdb"
    noted = "select reason, rejected_count from stored.rejections order by reason"
    some, more = with_bad_ids(span("good", scope="x")), with_bad_ids(span("other", scope="x"))
    with taking(path) as take:
        for _ in range(3):
            assert (take.take(some).accepted, take.take(some).rejected) == (1, 1)
            with pytest.raises(PayloadUndecodable):
                take.take(b"\xff none")
            with pytest.raises(PayloadUndecodable):
                take.take(b"\xff none", "logs")
        take.take(more)
        assert take.counts() == {"stored": 2, "duplicate": 5, "rejected": 7}
    with taking(path) as take:
        take.take(some)
        with pytest.raises(PayloadUndecodable):
            take.take(b"\xff none")
        take.take(payload(span("last", scope="x")))
        assert take.rows(noted) == [("invalid_span_id", 1)] * 2 + [("payload_undecodable", 0)] * 2
        assert take.counts() == {"stored": 1, "duplicate": 1, "rejected": 1}


def test_bytes_that_were_refused_are_no_repetition_of_those_accepted():
    """issue #4: a sender that names the wrong encoding first loses nothing when it names the right one."""
    data = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}'
    with taking() as take:
        with pytest.raises(PayloadUndecodable):
            take.take(data, "logs", "protobuf")
        assert take.take(data, "logs", "json").accepted == 1
        assert take.counts("logs") == {"stored": 1}
        assert take.rows("select count(*) from stored.log_records") == [(1,)]


def test_counts_add_up_whatever_happens():
    """design, section 4: received = stored + duplicate + rejected + failed."""
    with taking(mapping=compile_profiles([*load_shipped(), POISON])) as take:
        first = payload(span("a", scope="x"), span("b", scope="x"))
        take.take(first)
        take.take(first)
        take.take(payload(span("a", scope="x"), span("c", scope="x"), span("c", scope="x")))
        take.take(with_bad_ids(span("d", scope="x")))
        take.take(with_bad_ids())
        assert take.take(b"").accepted == 0
        with pytest.raises(Unwritable):
            take.take(payload(span("bad", scope="x", attributes={"n": "?"})))
        assert take.counts() == {"stored": 4, "duplicate": 4, "rejected": 2, "failed": 1}
        assert take.rows(STORED) == [(4,)]


def test_a_drain_commits_what_waits_and_takes_nothing_more():
    """issue #2: SIGTERM drains."""
    with taking() as take:
        with take.held():
            futures = [
                take.ingest.submit("traces", payload(span(f"s{n}", scope="x")), "protobuf")
                for n in range(5)
            ]
            draining = threading.Thread(target=take.ingest.drain, args=(WAIT_S,))
            draining.start()
        draining.join(WAIT_S)
        assert all(future.done() for future in futures)
        with pytest.raises(StoreUnavailable, match="shutting down"):
            take.ingest.submit("traces", payload(span("late", scope="x")), "protobuf")
        assert take.rows("select count(*) from stored.spans where name like 's%'") == [(5,)]


def test_every_future_is_resolved_when_a_drain_meets_senders():
    """ours: a request that is decoded while the collector stops is committed or refused."""
    for _ in range(5):
        answered: list[str] = []
        with taking() as take, ThreadPoolExecutor(4) as pool:
            some_answered = threading.Event()

            def send(sender: int, take=take, answered=answered, event=some_answered) -> None:
                for n in range(1000):
                    data = payload(span(f"{sender}/{n}", scope="x"))
                    try:
                        take.ingest.submit("traces", data, "protobuf").result(WAIT_S)
                    except StoreUnavailable:
                        return
                    answered.append(f"{sender}/{n}")
                    event.set()

            senders = [pool.submit(send, sender) for sender in range(4)]
            assert some_answered.wait(WAIT_S)
            assert take.ingest.drain(WAIT_S)
            for sender in senders:
                sender.result(WAIT_S)
            assert {name for (name,) in take.rows("select name from stored.spans")} == {*answered}
            take.counts()


def test_many_senders_at_once_lose_and_double_nothing():
    """ours, R027: no lost update in the counts of executions that many requests touch."""
    sent = [execution("w", "E", end=900)]
    sent += [step(f"s{n}", "E", parent="w", start=n, end=n + 1) for n in range(120)]
    with taking() as take:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: take.take(payload(one)), sent + sent[::3]))
        assert take.counts() == {"stored": 121, "duplicate": 41}
        assert take.rows("select span_count, attempt_count, status from executions") == [
            (121, 120, "success")
        ]


def test_nothing_of_a_request_outlives_its_answer():
    """ours: memory does not grow with the number of requests."""
    with taking() as take:

        def live() -> int:
            gc.collect()
            ours = ("stepscope", "arro3", "opentelemetry")
            return sum(str(type(each).__module__).startswith(ours) for each in gc.get_objects())

        for n in range(5):
            take.take(payload(span(f"warm{n}", scope="x")))
        before = live()
        for n in range(30):
            take.take(payload(span(f"s{n}", scope="x")))
        assert live() <= before + 5


class DamagedOnce(Committer):
    """Meets a broken block at its second write, as DuckDB reports it."""

    writes = 0

    def write(self, group, now, now_ns):
        type(self).writes += 1
        if self.writes == 2:
            raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match")
        return super().write(group, now, now_ns)


def test_after_damage_everything_is_written_to_a_new_file(tmp_path):
    """issue #4: the damaged file set aside, service continues; resources it remembered are not there."""
    path = tmp_path / "stepscope.duckdb"
    resources = "select count(*) from stored.resources"
    with taking(path, committer=DamagedOnce) as taken:
        taken.committer.reopen = taken.database.reopen
        taken.take(payload(span("first", scope="x")))
        with pytest.raises(StoreUnavailable, match="damaged and replaced by a new one"):
            taken.take(payload(span("second", scope="x")))
        taken.take(payload(span("second", scope="x")))
        assert (taken.rows(STORED), taken.rows(resources)) == ([(1,)], [(1,)])
        assert taken.counts() == {"stored": 2, "failed": 1}
    (aside,) = files_aside(path)
    assert "checksum" in aside.reason
    with Database.open(tmp_path / aside.file, StoreConfig()) as old, old.read() as connection:
        assert connection.execute(STORED).fetchall() == [(1,)]


def test_it_is_busy_while_other_profiles_wait_for_a_commit():
    """ours: an event loop that would submit then would stand still for as long."""
    with taking() as t, ThreadPoolExecutor(1) as pool:
        assert not t.ingest.is_busy
        with t.held():
            using = pool.submit(t.ingest.use, compile_profiles(load_shipped()))
            while not t.ingest.is_busy:
                assert not using.done()
        using.result(WAIT_S)
        assert not t.ingest.is_busy
