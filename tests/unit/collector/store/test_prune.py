"""A round of retention: what a reader has found before it, and what has come since."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stepscope_collector.store.log_limit import LogDrop, note_drops
from stepscope_collector.store.statements import statement
from stepscope_collector.store.survey import Starts, survey
from tests.strategies.workflows import T0, execution, step
from tests.unit.collector.taking import payload, taking

PARENT = [
    execution("parent", "P", trace="s", start=0, end=90),
    step("call", "P", trace="s", parent="parent", start=1, end=80),
]
CHILD = [
    execution("child", "C", trace="s", parent="call", start=2, end=9),
    step("within", "C", trace="s", parent="child", start=3, end=4),
]
OTHER = [execution("parent", "O", trace="o", start=5, end=6)]


def logs(*told):
    """A request with records: body, span they are of or None, execution they name or None."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for body, sent, execution_id in told:
        record = scope.log_records.add(time_unix_nano=T0)
        record.body.string_value = body
        if sent is not None:
            record.trace_id, record.span_id = sent.span.trace_id, sent.span.span_id
        if execution_id is not None:
            attribute = record.attributes.add(key="workflow.execution.id")
            attribute.value.string_value = execution_id
    return request.SerializeToString()


class Round:
    """A collector, and a round that is split in two."""

    def __init__(self, take):
        self.take = take
        self.planned_at = self.known = None

    def now(self):
        return self.take.ingest.between_commits(
            lambda *_: datetime.now(UTC).replace(tzinfo=None),
        )

    def look(self, *execution_ids, **changed):
        """What a reader finds beside the writer."""
        self.planned_at = self.now()
        with self.take.database.read() as reader:
            known = survey(reader, execution_ids, Starts(), self.planned_at)
        self.known = replace(known, **changed)

    def prune(self, *execution_ids):
        """What the writer removes."""
        return self.take.ingest.between_commits(
            lambda committer, _: committer.prune(
                execution_ids, Starts(), self.planned_at, self.now_here(), self.known
            )
        )

    @staticmethod
    def now_here():
        return datetime.now(UTC).replace(tzinfo=None)

    def values(self, column, table):
        """Sorted."""
        return [v for (v,) in self.take.rows(f"select {column} from {table} order by all")]


@contextmanager
def rounds(*sent):
    with taking() as take:
        for each in sent:
            take.take(payload(*each))
        yield Round(take)


@pytest.mark.parametrize("are_most", [True, False])
def test_what_shares_a_trace_stays(are_most):
    """R019: whole executions go, with what is theirs; others in their traces keep theirs."""
    with rounds(PARENT, CHILD, OTHER) as round_:
        told = [
            ("of P by span", PARENT[1], None),
            ("of P by id", None, "P"),
            ("of C by span", CHILD[1], None),
            ("of C by id", None, "C"),
            ("of nobody", None, None),
        ]
        round_.take.take(logs(*told), "logs")
        round_.look("P", are_most=are_most)
        erased = round_.prune("P")
        assert (erased.executions, erased.spans, erased.log_records) == (1, 2, 2)
        assert round_.values("execution_id", "stored.executions") == ["C", "O"]
        assert round_.values("execution_id", "stored.traces") == ["C", "O"]
        assert round_.values("body", "stored.log_records") == [
            "of C by id", "of C by span", "of nobody",
        ]  # fmt: skip
        round_.look("C", are_most=are_most)
        erased = round_.prune("C")
        assert (erased.executions, erased.spans, erased.log_records) == (1, 2, 2)
        assert round_.values("execution_id", "stored.traces") == ["O"]
        assert round_.take.rows("select sum(count) from workflow_hours") == [(3,)]


def test_what_comes_between_a_look_and_its_round_is_seen():
    """ours: the writer relies on a reader only for what was committed before."""
    with rounds(PARENT, OTHER) as round_:
        round_.look("P", "O")
        assert round_.known.others == 0
        round_.take.take(payload(*CHILD))
        told = [("of P by id", None, "P"), ("of C by span", CHILD[1], None)]
        round_.take.take(logs(*told), "logs")
        erased = round_.prune("P", "O")
        assert (erased.executions, erased.spans, erased.log_records) == (2, 3, 1)
        assert round_.values("execution_id", "stored.traces") == ["C"]
        assert round_.values("body", "stored.log_records") == ["of C by span"]
        assert round_.take.rows("select count(*) from spans") == [(2,)]


def test_what_is_pinned_between_a_look_and_its_round_stays():
    """R021: pinned ones are exempt, and count once."""
    with rounds(PARENT, CHILD, OTHER) as round_:
        round_.look("P", "C", "O")
        now = round_.now()
        round_.take.ingest.between_commits(lambda committer, _: committer.pin("C", now))
        assert round_.prune("P", "C", "O").executions == 2
        assert round_.values("execution_id", "stored.traces") == ["C"]
        assert round_.take.rows("select sum(count) from workflow_hours") == [(3,)]


def test_a_span_that_comes_between_keeps_its_execution():
    """R019: an execution that something has happened to since it was chosen is left alone."""
    with rounds(PARENT, OTHER) as round_:
        round_.look("P", "O")
        round_.take.take(payload(step("more", "P", trace="s", parent="parent", start=7, end=8)))
        assert round_.prune("P", "O").executions == 1
        assert round_.values("execution_id", "stored.traces") == ["P", "P"]
        assert round_.take.rows("select sum(count) from workflow_hours") == [(2,)]


def test_what_is_noted_of_lost_log_records_goes_too():
    """R090: how many log records an execution has lost is not told when it is gone."""
    with rounds(PARENT, OTHER) as round_:
        now = round_.now()

        def note(committer, _):
            with committer.transaction() as connection:
                note_drops(
                    connection, [LogDrop("P", None, 3, "many"), LogDrop("O", None, 4, "many")], now
                )

        round_.take.ingest.between_commits(note)
        assert round_.values("execution_id", "log_drops") == ["O", "P"]
        round_.look("P")
        round_.prune("P")
        assert round_.values("execution_id", "stored.log_drops") == ["O"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("erase/list_spans", {"first": 0, "last": 2**63}),
        ("erase/list_whole", {"first": 0, "last": 2**63}),
        ("erase/come_since", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001 as the columns are
        ("rollups/count", {"first": 0, "last": 2**63, "first_started": 0, "last_started": 2**62}),
    ],
)
def test_row_groups_of_spans_are_skipped_by_times_only(name, given):
    """issue #6: what the engine looks at in each row group it keeps; of ten million executions that were 100 MB."""
    with rounds(PARENT, CHILD, OTHER) as round_:
        round_.look("P")
        round_.prune("P")  # makes the temporary tables
        sql = (
            statement(name).format(into="", executions="erasing")
            if "rollups" in name
            else statement(name)
        )

        def explained(committer, _):
            asked = f"explain (analyze, format json) {sql}"
            return committer.connection.execute(asked, given).fetchall()[0][1]

        told = json.loads(round_.take.ingest.between_commits(explained))
    scans = [each for each in _infos(told) if str(each.get("Table", "")).endswith(".spans")]
    filters = [str(value) for each in scans for key, value in each.items() if "Filters" in key]
    assert scans
    assert not [each for each in filters if "_id" in each or "role" in each or "folded" in each]


def _infos(node):
    """What is said of each step of a plan."""
    yield node.get("extra_info", {})
    for child in [*node.get("operator", []), *node.get("children", [])]:
        yield from _infos(child)
