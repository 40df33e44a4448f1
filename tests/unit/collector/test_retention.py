"""What retention removes, and what it leaves: by age, count, bytes, status, workflow; payloads earlier."""

from contextlib import contextmanager

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from stepscope_collector.config import RetentionConfig, StoreConfig
from stepscope_collector.config.rules import parse_rules
from stepscope_collector.errors import NotFound, StoreUnavailable
from stepscope_collector.retention import Retention
from stepscope_collector.retention.room import Room, Sizes
from tests.faults.soak import noisy, size_of
from tests.strategies.workflows import T0, execution, marker, step, trace_id
from tests.unit.collector.taking import payload, taking

HOUR_MS = 3_600_000
DAY_S = 86_400
NOW_NS = T0 + 100 * DAY_S * 10**9


class Keeping:
    """A collector whose executions are as old as one says, and its retention."""

    def __init__(self, take):
        self.take = take

    def add(self, execution_id, **more):
        """An execution with a step and params that ended `age_d` days before now."""
        self.take.take(payload(*self.spans(execution_id, **more)))

    @staticmethod
    def spans(execution_id, *, age_d, workflow="w", outcome="success", took_ms=1000):
        """Its spans."""
        end = round((100 - age_d) * 24 * HOUR_MS)
        error = "boom" if outcome == "failure" else None
        return [
            execution(
                workflow,
                execution_id,
                trace=execution_id,
                start=end - took_ms,
                end=end,
                outcome=outcome,
                error=error,
                attributes={"stepscope.params": '{"n":1}'},
            ),
            step("s", execution_id, trace=execution_id, parent=workflow, start=end - 1, end=end),
        ]

    def retention(self, **limits):
        """Retention with these limits."""
        if "rules" in limits:
            limits["rules"] = parse_rules(limits["rules"])
        return Retention(
            self.take.database,
            self.take.ingest.between_commits,
            RetentionConfig(**limits),
            self.take.telemetry,
            clock=lambda: NOW_NS,
        )

    def prune(self, **limits):
        """Executions removed, by rule; a dry run said the same before."""
        retention = self.retention(**limits)
        foreseen = retention.dry_run()
        pruned = retention.prune()
        counts = {rule.rule: rule.executions for rule in pruned.rules}
        assert counts == {rule.rule: rule.executions for rule in foreseen.rules}
        assert pruned.erased.executions == sum(
            n for rule, n in counts.items() if rule != "payload_max_age_s"
        )
        return counts

    @property
    def left(self):
        """Executions that are stored."""
        rows = self.take.rows("select execution_id from executions order by execution_id")
        return "".join(execution_id for (execution_id,) in rows)


@contextmanager
def keeping():
    with taking() as take:
        yield Keeping(take)


@pytest.fixture
def keep():
    with keeping() as made:
        yield made


def test_a_history_is_bounded_from_the_first_day(keep):
    """R021: a default policy is on after install; and nothing goes for its age unless somebody asked."""
    keep.add("a", age_d=99)
    assert RetentionConfig().max_bytes == 20 * 10**9
    assert not RetentionConfig().is_any_but_bytes
    assert keep.prune() == {}
    keep.retention().keep_up()
    assert keep.left == "a"


def test_what_ended_longer_ago_goes(keep):
    """R019, R082: cleanup by age returns the exact count; running ones stay; the boundary is kept."""
    keep.add("a", age_d=31)
    keep.add("b", age_d=30)
    keep.add("c", age_d=29)
    keep.take.take(payload(marker(execution("w", "d", trace="d", end=None), at=0)))  # lost
    keep.take.take(payload(marker(execution("w", "e", trace="e", end=None), at=100 * 24 * HOUR_MS)))
    assert keep.prune(max_age_s=30 * DAY_S) == {"max_age_s": 2}
    assert keep.left == "bce"
    assert keep.take.rows("select distinct execution_id from stored.spans order by all") == [
        ("b",), ("c",), ("e",),
    ]  # fmt: skip


def test_the_newest_of_each_workflow_stay(keep):
    """R020: keeps exactly N most recent per workflow or of one; the count is returned."""
    for n, execution_id in enumerate("abcd"):
        keep.add(execution_id, age_d=10 + n)
    for n, execution_id in enumerate("xyz"):
        keep.add(execution_id, age_d=20 + n, workflow="other")
    retention = keep.retention()
    asked = retention.prune(RetentionConfig(max_count=2), workflow="oth*")
    assert asked.erased.executions == 1
    assert keep.left == "abcdxy"
    assert keep.prune(max_count=2) == {"max_count": 2}
    assert keep.left == "abxy"


def test_rules_are_for_workflows_and_statuses(keep):
    """issue #7: per status and workflow; the first rule that fits holds."""
    for execution_id, workflow, outcome in (
        ("a", "etl-1", "success"), ("b", "etl-1", "failure"), ("c", "etl-2", "success"),
        ("d", "web", "success"), ("e", "web", "success"),
    ):  # fmt: skip
        keep.add(execution_id, age_d=10, workflow=workflow, outcome=outcome)
    rules = [
        "workflow=etl-2 max_age=0",
        "workflow=etl-* status=success max_age=7d",
        "workflow=web max_count=1",
    ]
    assert keep.prune(rules=rules, max_age_s=30 * DAY_S) == {rules[1]: 1, rules[2]: 1}
    assert keep.left == "bcd"


def test_a_dry_run_estimates_what_goes(tmp_path):
    """R019: counts and bytes, of a history that is not in the file yet, too; parts add up to the whole."""
    with taking(tmp_path / "data" / "stepscope.duckdb") as take:
        keep = Keeping(take)
        for n in range(9):
            keep.add(f"a{n}", age_d=40, workflow="alone" if n % 3 else "other")
        retention = keep.retention()

        def foreseen(workflow="*", **limits):
            told = retention.dry_run(RetentionConfig(max_bytes=0, **limits), workflow)
            (rule,) = told.rules
            return rule.executions, rule.bytes, told.used_bytes

        count, whole, used = foreseen(max_age_s=DAY_S)
        assert (count, whole) == (9, pytest.approx(used, abs=9))
        assert used > 0
        parts = [foreseen(name, max_age_s=DAY_S) for name in ("alone", "other")]
        assert [part[0] for part in parts] == [6, 3]
        assert sum(part[1] for part in parts) == pytest.approx(whole, abs=9)
        count, payloads, _ = foreseen(payload_max_age_s=DAY_S)
        assert count == 9
        assert 0 < payloads < whole


def test_what_is_worth_more_is_kept_longer(keep):
    """R021: failures, the slowest 1 % and a sample of successes outlive the others."""
    many = (keep.spans(f"{n:03}", age_d=10, took_ms=1000 + n) for n in range(200))
    keep.take.take(payload(*(each for spans in many for each in spans)))
    keep.add("F", age_d=10, outcome="failure")
    keep.add("G", age_d=40, outcome="failure")
    pruned = keep.prune(
        max_age_s=7 * DAY_S,
        failed_max_age_s=30 * DAY_S,
        slow_max_age_s=30 * DAY_S,
        sample_max_age_s=30 * DAY_S,
        sample_percent=10,
    )
    left = {row[0] for row in keep.take.rows("select execution_id from executions")}
    assert {"198", "199", "F"} <= left
    assert "G" not in left
    assert 10 <= len(left) <= 40
    assert pruned == {"max_age_s": 202 - len(left)}


def test_payloads_go_earlier_than_their_executions(keep):
    """issue #7: payloads earlier than metadata; the execution, its steps and its status stay."""
    keep.add("a", age_d=10)
    keep.add("b", age_d=2)
    assert keep.prune(payload_max_age_s=7 * DAY_S) == {"payload_max_age_s": 1}
    assert keep.take.rows("select execution_id from payloads") == [("b",)]
    assert keep.take.rows("select execution_id, status, attempt_count from executions order by all") == [
        ("a", "success", 1), ("b", "success", 1),
    ]  # fmt: skip
    assert keep.prune(payload_max_age_s=7 * DAY_S) == {}


def test_removals_are_counted(keep):
    """issue #7: the removal counted in telemetry."""
    keep.add("a", age_d=10)
    keep.add("b", age_d=10)
    keep.prune(max_count=1)
    keep.retention().delete(["a"])
    readings = {each.metric.name: each for each in keep.take.telemetry.read()}
    counted = {
        sample.labels: sample.value for sample in readings["stepscope_removed_rows_total"].samples
    }
    assert counted["executions", "due"] == counted["executions", "asked"] == 1
    assert counted["spans", "asked"] == 2
    assert readings["stepscope_prune_round_duration_seconds"].samples


def test_deleting_what_is_not_there_says_so(keep):
    """ours: a slip in an id is told, and nothing is removed."""
    keep.add("a", age_d=1)
    with pytest.raises(NotFound, match="there is no execution 'b'"):
        keep.retention().delete(["a", "b"])
    assert keep.left == "a"


def test_log_records_and_points_of_it_go_too(keep):
    """R017: no row with that id in any table: logs that name it or are in its trace, data points."""
    keep.add("a", age_d=1)
    keep.add("b", age_d=1)
    requests = [("logs", payload_of_logs("named", "a")), ("logs", payload_of_logs("of b", "b"))]
    requests.append(("logs", payload_of_logs("in its trace", None, trace="a")))
    requests += [("metrics", payload_of_points("a", at)) for at in (1, 2)]
    requests.append(("metrics", payload_of_points("b", 3)))
    for signal, body in requests:
        keep.take.take(body, signal)
    erased = keep.retention().delete(["a"])
    assert (erased.log_records, erased.metric_points) == (2, 2)
    assert keep.take.rows("select body from stored.log_records") == [("of b",)]
    assert keep.take.rows("select execution_id from stored.metric_points") == [("b",)]
    keep.take.take(payload_of_logs("late", None, trace="a"), "logs")
    keep.take.take(payload_of_logs("late, named", "a"), "logs")
    keep.take.take(payload_of_points("a", 4), "metrics")
    assert keep.take.counts("logs") == {"stored": 3, "deleted": 2}
    assert keep.take.counts("metrics") == {"stored": 3, "deleted": 1}
    assert keep.take.rows("select count(*) from stored.log_records") == [(1,)]


def test_late_rows_of_deleted_executions_are_counted(keep):
    """R017: late spans do not resurrect it; they are dropped and counted."""
    keep.add("a", age_d=1)
    keep.retention().delete(["a"])
    keep.add("a", age_d=1)
    assert keep.take.counts() == {"stored": 2, "deleted": 2}
    assert keep.left == ""
    keep.add("b", age_d=1)
    assert keep.take.rows("select distinct service_name from executions") == [("shop",)]


def test_what_goes_on_meanwhile_stays(keep):
    """R019: an execution that something has happened to since it was chosen is left alone."""
    keep.add("a", age_d=40)
    retention = keep.retention(max_age_s=30 * DAY_S)
    prune = retention._rounds.prune

    def late(chunk, planned_at):
        keep.take.take(payload(step("more", "a", trace="a", parent="w", start=1, end=2)))
        return prune(chunk, planned_at)

    retention._rounds.prune = late
    assert retention.prune().erased.executions == 0
    assert keep.left == "a"


def test_a_collector_that_stops_waits_for_no_prune(keep):
    """ours: who waits for one is told; it goes on at the next start."""
    keep.add("a", age_d=40)
    retention = keep.retention(max_age_s=30 * DAY_S)
    retention.close()
    with pytest.raises(StoreUnavailable, match="shutting down"):
        retention.prune()
    assert keep.left == "a"
    assert keep.prune(max_age_s=30 * DAY_S) == {"max_age_s": 1}


def test_pinned_executions_stay(keep):
    """R021: pinned ones are exempt until they are not pinned any more, or deleted."""
    for execution_id in "abc":
        keep.add(execution_id, age_d=40)
    retention = keep.retention()
    retention.pin("a")
    retention.pin("a")
    retention.pin("b")
    assert keep.prune(max_age_s=DAY_S) == {"max_age_s": 1}
    assert keep.left == "ab"
    retention.unpin("a")
    assert keep.prune(max_count=1, max_age_s=DAY_S) == {"max_age_s": 1}
    retention.delete(["b"])
    assert keep.left == ""
    assert keep.take.rows("from stored.pins") == []
    with pytest.raises(NotFound, match="there is no execution 'b'"):
        retention.pin("b")


def test_all_of_a_user_goes(keep):
    """R017: deletion of one user's data removes every trace of it."""
    for execution_id, user_id in (("a", "zoë"), ("b", "zoë"), ("c", "yan")):
        spans = [
            execution(
                "w",
                execution_id,
                trace=execution_id,
                attributes={"enduser.id": user_id},
            )
        ]
        keep.take.take(payload(*spans))
    (named,) = {
        row[0]
        for row in keep.take.rows("select count(*) from executions where user_id is not null")
    }
    assert named == 3
    assert keep.retention().delete_user("zoë").executions == 2
    assert keep.left == "c"
    with pytest.raises(NotFound, match="no execution ran for user 'zoë'"):
        keep.retention().delete_user("zoë")


def test_log_records_of_nobody_grow_old_too(keep):
    """R089: a hard cap needs a policy for what belongs to no execution."""
    keep.add("a", age_d=-200)
    keep.take.take(payload_of_logs("nobody", None), "logs")
    keep.take.take(payload_of_logs("of a", "a"), "logs")
    assert keep.prune(max_age_s=DAY_S) == {}
    assert keep.take.rows("select body from stored.log_records") == [("of a",)]


def test_statistics_stay_exact(keep):
    """issue #7: rollups stay exact."""
    for n in range(20):
        keep.add(
            f"{n:02}", age_d=n, workflow=f"w{n % 3}", outcome="failure" if n % 4 else "success"
        )
    question = (
        "select * exclude (precision, p50_ns, p95_ns, p99_ns) from workflow_hours order by all"
    )
    before = keep.take.rows(question)
    assert sum(row[2] for row in before) == 20
    assert keep.prune(max_age_s=5 * DAY_S)
    assert keep.take.rows(question) == before


def payload_of_points(execution_id, at):
    """A request with one data point that names an execution."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    point = metric.gauge.data_points.add(time_unix_nano=T0 + at, as_int=at)
    attribute = point.attributes.add()
    attribute.key = "workflow.execution.id"
    attribute.value.string_value = execution_id
    return request.SerializeToString()


def payload_of_logs(body, execution_id, trace=None):
    """A request with one log record."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = T0
    record.body.string_value = body
    if trace:
        record.trace_id = trace_id(trace)
    if execution_id:
        attribute = record.attributes.add()
        attribute.key = "workflow.execution.id"
        attribute.value.string_value = execution_id
    return request.SerializeToString()


def test_what_is_written_stays_under_the_cap(tmp_path):
    """R021: file size under a configured cap; `make soak` writes 10 times the cap, this twice."""
    cap = 16 * 2**20
    data = tmp_path / "data"
    sizes, sent = [], 0
    with taking(
        data / "stepscope.duckdb", store=StoreConfig(checkpoint_threshold_bytes=2**20)
    ) as take:
        retention = Retention(
            take.database,
            take.ingest.between_commits,
            RetentionConfig(max_bytes=cap),
            take.telemetry,
        )
        retention._sizes = Sizes(take.database, clock=lambda: 0.0)  # however long this takes
        while sent < 2 * cap:
            futures = [
                take.ingest.submit("traces", noisy(f"{sent}-{n}", 2, 250_000), "protobuf")
                for n in range(2)
            ]
            assert [future.result(60).accepted for future in futures] == [3] * 2
            sent += 2 * 500_000
            sizes.append(size_of(data))
            retention.keep_up()
            sizes.append(size_of(data))
        ((left,),) = take.rows("select count(*) from executions")
    assert max(sizes) <= cap
    assert 4 < left < 60  # what was removed for space gave space: no more was removed than needed


def test_what_may_not_go_is_complained_of(tmp_path):
    """R021: what runs or is pinned is never removed for the cap; the doctor says that it does not fit."""
    with taking(tmp_path / "data" / "stepscope.duckdb") as take:
        retention = Retention(
            take.database,
            take.ingest.between_commits,
            RetentionConfig(max_bytes=8 * 2**20),
            take.telemetry,
        )
        for n in range(12):
            take.take(noisy(f"e{n}", 2, 250_000))
            retention.pin(f"e{n}")
        assert retention.is_short()
        retention.keep_up()
        assert take.rows("select count(*) from executions") == [(12,)]
        complaint = retention.report()["complaint"]
        assert "all that is left is running, pinned" in complaint
        assert not retention.is_short()  # no look every second for what cannot be helped
        for n in range(12):
            retention.unpin(f"e{n}")
        retention.keep_up()
        assert take.rows("select count(*) < 12 from executions") == [(True,)]
        assert retention.report()["complaint"] is None


def test_senders_are_held_up_before_they_can_have_filled_the_room(tmp_path):
    """issue #7: what comes in between two looks stays below the cap, wherever it is written."""
    cap = 30 * 2**20
    with taking(tmp_path / "data" / "stepscope.duckdb") as take:

        def retention(interval_s):
            config = RetentionConfig(max_bytes=cap, interval_s=interval_s)
            return Retention(take.database, take.ingest.between_commits, config, take.telemetry)

        taken = 0
        watched = retention(1.0)
        watched.taken_bytes = lambda: taken
        assert not watched.is_short()
        assert not watched.is_tight()
        taken = cap // 5
        assert not watched.is_tight()
        taken = cap // 3
        assert watched.is_tight()  # three times that may be on disk now
        assert not watched.is_short()
        assert not watched.is_tight()  # it was looked
        watched.complaint = "all that is left is pinned"
        taken = cap
        assert not watched.is_tight()  # waiting would help nobody
        assert not retention(0.0).is_tight()  # nobody looks


def test_room_is_made_for_what_a_checkpoint_writes():
    """issue #7: the file, its log, what a checkpoint writes anew and what comes in stay below the cap together."""
    cap = 100
    assert not Room(cap, 80, 0, 0, rewritten=0.0).is_short
    assert Room(
        cap, 80, 0, 3, rewritten=0.0
    ).is_short  # the log is written to the file before it goes
    assert Room(cap, 50, 0, 0, rewritten=1.0).is_short
    assert Room(cap, 80, 0, 0, rewritten=0.0, coming_bytes=6).is_short
    assert Room(cap, 90, 0, 0, rewritten=0.0).needed_bytes == 30
    assert Room(cap, 90, 0, 0, rewritten=0.0, held_bytes=25).needed_bytes == 5
    assert Room(cap, 90, 0, 0, rewritten=0.0, coming_bytes=1000).goal_bytes == 10
    assert Room(0, 90, 0, 0).needed_bytes == 0
    assert Room(cap, 30, 40, 0).has_room_for_copy()
    assert not Room(cap, 40, 40, 0).has_room_for_copy()
    assert Room(
        cap, 90, 40, 0
    ).has_room_for_copy()  # too large already: only a copy makes it smaller


@pytest.mark.parametrize(("used", "spare", "asked"), [(10, 65, 0), (40, 44, 1), (42, 42, 1)])
def test_what_a_checkpoint_writes_anew_is_asked_before_space_is_scarce(keep, used, spare, asked):
    """issue #6: nobody waits for commits because a checkpoint might write a history of gigabytes anew."""
    sizes = Sizes(keep.take.database)
    looks = []
    sizes._blocks = lambda: (used, 0)
    sizes._waiting_bytes = lambda: 0
    sizes._part_rewritten = lambda: looks.append(used) or 0.01
    assert sizes.look(100).spare_bytes == spare
    assert len(looks) == asked


def test_what_comes_in_is_foreseen(keep):
    """issue #7: when the cap is small beside what comes in, more is removed rather than the cap passed."""
    now = iter(range(100))
    sizes = Sizes(keep.take.database, clock=lambda: next(now))
    stored = iter([0, 10, 30, 30])
    sizes._blocks = lambda: (next(stored), 0)
    assert [sizes.look(1000).coming_bytes for _ in range(4)] == [0, 10, 20, 16]
