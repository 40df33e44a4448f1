"""R077: how long an execution may be silent before it counts as lost."""

import json
import time
from datetime import UTC, datetime

import pytest

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store import silence
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from stepscope_collector.store.silence import Silence, allow_silence

MAPPING = compile_profiles(load_shipped())
MINUTE = 60 * 10**9
LOST_AFTER_S = 300


def otlp(scope, *spans):
    """Spans as (id, parent, name, start, end, attributes), minutes ago."""
    now = time.time_ns()
    made = [
        {
            "traceId": f"{trace:032x}", "spanId": f"{trace:08x}{number:08x}", "name": name,
            "parentSpanId": f"{trace:08x}{parent:08x}" if parent else "",
            "startTimeUnixNano": str(now - started * MINUTE),
            "endTimeUnixNano": str(now - ended * MINUTE) if ended is not None else "0",
            "attributes": [
                {"key": key, "value": {"stringValue": value}} for key, value in attributes.items()
            ],
        }
        for trace, number, parent, name, started, ended, attributes in spans
    ]  # fmt: skip
    scopes = [{"scope": {"name": scope}, "spans": made}]
    document = {"resourceSpans": [{"scopeSpans": scopes}]}
    return to_message("traces", json.dumps(document).encode())[0]


@pytest.fixture
def store():
    with Database.open(None, StoreConfig(), lost_after_s=LOST_AFTER_S) as database:
        yield Store(database)


class Store:
    def __init__(self, database):
        self._database = database
        self._committer = Committer(database.writer(), MAPPING)
        self.now_s = 0.0
        self._silence = Silence(LOST_AFTER_S, self._clock)

    def _clock(self):
        self.now_s += 0.001
        return self.now_s

    def take(self, request):
        group = group_of([decode_spans(request, MAPPING.plan)], [], [], NewDimensions())
        now_ns = time.time_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(tzinfo=None)
        self._committer.commit(group, now, now_ns)

    def allow(self):
        with self._database.read() as connection:
            limits = self._silence.find(connection, time.time_ns())
        with self._committer.transaction() as connection:
            allow_silence(connection, limits)
        return len(limits)

    def statuses(self):
        with self._database.read() as connection:
            rows = connection.execute("select execution_id, status from executions").fetchall()
        return dict(rows)

    def steps(self):
        with self._database.read() as connection:
            return connection.execute("select step_name, status from steps").fetchall()


def dbos(workflow):
    return {"dbos.operation.type": "workflow", "dbos.operation.workflow_id": workflow}


def test_a_workflow_that_takes_long_may_be_silent_for_long(store):
    """R077: max(5 min, 3 × p99): not lost, then lost; a short one is lost after the setting."""
    store.take(
        otlp(
            "dbos-tracer",
            *((100 + n, 1, 0, "long", 100, 40, dbos(f"old-{n}")) for n in range(20)),
            *((200 + n, 1, 0, "short", 100, 99, dbos(f"quick-{n}")) for n in range(20)),
            (1, 1, 0, "long", 100, None, dbos("within")),
            (2, 1, 0, "long", 200, None, dbos("beyond")),
            (3, 1, 0, "short", 10, None, dbos("short")),
            (4, 1, 0, "short", 1, None, dbos("fresh")),
            (5, 1, 0, "new", 100, None, dbos("never-ended")),
        )
    )
    open_ones = ("within", "beyond", "short", "fresh", "never-ended")
    lost = {name: status for name, status in store.statuses().items() if name in open_ones}
    assert lost == dict.fromkeys(open_ones, "lost") | {"fresh": "running"}
    assert store.allow() == 2
    found = {name: status for name, status in store.statuses().items() if name in open_ones}
    assert found == lost | {"within": "running"}
    assert store.allow() == 0, "what does not change is not written again"


def test_heartbeats_that_stay_away_say_enough(store):
    """R077: our own SDK sends them; its executions are lost after the setting however long they take."""
    own = {"stepscope.span.role": "execution", "workflow.name": "long"}
    ended = {"workflow.execution.outcome": "success"}
    store.take(
        otlp(
            "stepscope",
            *(
                (
                    100 + n,
                    1,
                    0,
                    "long",
                    100,
                    40,
                    own | ended | {"workflow.execution.id": f"old-{n}"},
                )
                for n in range(20)
            ),
            (1, 1, 0, "long", 100, None, own | {"workflow.execution.id": "silent"}),
        )
    )
    assert store.allow() == 0
    assert store.statuses()["silent"] == "lost"


def test_steps_of_it_may_be_silent_as_long(store):
    """R077: a step is not lost before its execution."""
    step = {"dbos.operation.type": "step", "dbos.operation.workflow_id": "within"}
    store.take(
        otlp(
            "dbos-tracer",
            *((100 + n, 1, 0, "long", 100, 40, dbos(f"old-{n}")) for n in range(20)),
            (1, 1, 0, "long", 100, None, dbos("within")),
            (1, 2, 1, "charge", 90, None, step),
        )
    )
    assert store.steps() == [("charge", "lost")]
    assert store.allow() == 1
    assert store.steps() == [("charge", "running")]


def test_what_was_asked_is_known_for_a_while(store):
    """issue #6: an idle collector does not read its history over and over."""
    store.take(otlp("dbos-tracer", (1, 1, 0, "long", 100, None, dbos("silent"))))
    assert store.allow() == 0, "nothing is known of the workflow"
    store.take(
        otlp(
            "dbos-tracer",
            *((100 + n, 1, 0, "long", 100, 40, dbos(f"old-{n}")) for n in range(20)),
        )
    )
    assert store.allow() == 0, "it was asked just now"
    store.now_s += 2
    assert store.allow() == 1, "asking took 1 ms, so it is known for a second"


def test_a_workflow_that_is_new_is_asked_at_once(store):
    """ours: what is known of others says nothing about it."""
    store.take(otlp("dbos-tracer", (1, 1, 0, "other", 100, None, dbos("silent"))))
    assert store.allow() == 0
    store.take(
        otlp(
            "dbos-tracer",
            *((100 + n, 1, 0, "long", 100, 40, dbos(f"old-{n}")) for n in range(20)),
            (2, 1, 0, "long", 100, None, dbos("within")),
        )
    )
    assert store.allow() == 1


@pytest.mark.parametrize("rows", [5, 20])
@pytest.mark.parametrize("older_minutes", [60, 90])
def test_the_newest_of_a_workflow_say_enough_and_of_a_rare_one_all_do(
    store, monkeypatch, older_minutes, rows
):
    """issue #6: a long history is not read in full where its end tells as much."""
    monkeypatch.setattr(silence, "_NEWEST_ROWS", rows)
    monkeypatch.setattr(silence, "_ENOUGH", 10)
    ended = 200 - older_minutes
    store.take(
        otlp(
            "dbos-tracer",
            *((100 + n, 1, 0, "rare", 200, ended, dbos(f"rare-{n}")) for n in range(9)),
            *((200 + n, 1, 0, "often", 200, ended, dbos(f"then-{n}")) for n in range(9)),
        )
    )
    store.take(
        otlp(
            "dbos-tracer",
            *((300 + n, 1, 0, "often", 100, 99, dbos(f"now-{n}")) for n in range(19)),
            (1, 1, 0, "rare", 190, None, dbos("rare")),
            (2, 1, 0, "often", 190, None, dbos("often")),
        )
    )
    assert store.allow() == 1
    found = store.statuses()
    assert found["often"] == "lost", "as its newest take a minute"
    assert found["rare"] == ("running" if 3 * older_minutes > 190 else "lost")
