"""A store for tests of the mapping, recordings to give it, and what is to be found in it."""

from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database

CAPTURES = Path(__file__).parents[3] / "captures"
MAPPING = compile_profiles(load_shipped())
NOW = datetime(2026, 12, 1, tzinfo=UTC)
FOREVER_S = 10**9


class History:
    """A store that takes requests as they come."""

    def __init__(self, database, now, mapping):
        self.database = database
        self._now = now
        self._mapping = mapping
        self._committer = Committer(database.writer(), mapping)

    def take(self, *requests):
        """Write the requests in one commit; how many spans were stored and how many known."""
        batches = [decode_spans(request, self._mapping.plan) for request in requests]
        group = group_of(batches, [], [], NewDimensions())
        now_ns = int(self._now.timestamp()) * 10**9
        return self._committer.commit(group, self._now.replace(tzinfo=None), now_ns)

    def rows(self, sql):
        """Rows of a question as dicts."""
        with self.database.read() as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self):
        """Everything that must not depend on how the spans arrived."""
        return {
            table: self.rows(f"select * exclude ({hidden}) from {table} order by all")
            for table, hidden in {
                "executions": "ingested_at, updated_at",
                "attempts": "ingested_at",
                "spans": "ingested_at",
            }.items()
        }


@contextmanager
def history(path=None, now=NOW, profiles=None, config=None):
    """A store of its own, with the shipped profiles or others."""
    mapping = compile_profiles(profiles) if profiles else MAPPING
    with Database.open(path, config or StoreConfig(), lost_after_s=FOREVER_S) as database:
        yield History(database, now, mapping)


@cache
def recorded(name):
    """The request of a recording, and each of its spans as a request of its own."""
    message, _ = to_message("traces", (CAPTURES / name).read_bytes())
    return message, singles_of(message)


def singles_of(message):
    """Each span of a request as a request of its own."""
    singles = []
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                single = ExportTraceServiceRequest()
                new = single.resource_spans.add()
                new.resource.CopyFrom(resource_spans.resource)
                new.schema_url = resource_spans.schema_url
                scope = new.scope_spans.add()
                scope.scope.CopyFrom(scope_spans.scope)
                scope.schema_url = scope_spans.schema_url
                scope.spans.add().CopyFrom(span)
                singles.append(single)
    return singles


def merged(requests: Iterable[ExportTraceServiceRequest]):
    """Several requests as one."""
    whole = ExportTraceServiceRequest()
    for request in requests:
        whole.MergeFrom(request)
    return whole


def parted(singles, rng, largest=6):
    """The spans in any order, some twice, cut into requests of at most so many."""
    arriving = [*singles, *rng.sample(singles, rng.randint(0, len(singles)))]
    rng.shuffle(arriving)
    while arriving:
        count = rng.randint(1, largest)
        yield merged(arriving[:count])
        arriving = arriving[count:]


def shown(store):
    """Executions and their steps in the words of expected.json."""
    steps = store.rows("select * from steps order by execution_id, first_started_at, step_index")
    return [
        execution | {"steps": [s for s in steps if s["execution_id"] == execution["execution_id"]]}
        for execution in store.rows("select * from executions order by started_at, execution_id")
    ]


def assert_holds(found, wanted):
    """The executions found are those wanted, in the words of expected.json.

    Args:
        found: from `shown`.
        wanted: name, id, status, parent and steps of each; further fields where they are given.
    """
    found = {each["execution_id"]: each for each in found}
    assert sorted(found) == sorted(each["id"] for each in wanted)
    for each in wanted:
        execution = found[each["id"]]
        names = {execution["execution_name"], execution["workflow_name"]}
        assert each["name"] in names
        assert execution["status"] in (each["status"], *each.get("status_accept", []))
        assert execution["parent_execution_id"] == each.get("parent")
        for field, key in {
            "workflow_id": "workflow_id",
            "session": "session_id",
            "template": "workflow_name",
            "trigger": "trigger_type",
            "attempts": "try_count",
            "retry_of": "retry_of_execution_id",
        }.items():
            if field in each:
                assert execution[key] == each[field], field
        steps = execution["steps"]
        assert Counter((s["step_name"], s["status"], s["attempt_count"]) for s in steps) == Counter(
            (s["name"], s["status"], s.get("attempts", 1)) for s in each["steps"]
        )
        for step in each["steps"]:
            same = [s for s in steps if s["step_name"] == step["name"]]
            if "id" in step:
                assert step["id"] in {s["step_id"] for s in same}
            if "kind" in step:
                assert {s["step_type"] for s in same} == {step["kind"]}
