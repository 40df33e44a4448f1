"""Rows of the ledger of requirements that no other file names: each as a test of the running write path."""

import json
import random
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.documents import document_page
from stepscope_collector.query.executions import execution_detail, execution_page
from stepscope_collector.query.payloads import payload_parts
from stepscope_collector.store.survey import Starts, survey
from tests.strategies.workflows import NOW_NS, T0, execution, marker, span, step
from tests.unit.collector.taking import payload, taking

STACK = 'Traceback (most recent call last):\n  File "load.py", line 3\n\nValueError: żle\n'


def ids(t, **filters):
    """Executions of a list, as REST, commands and MCP ask for it."""
    return [
        row.execution_id for row in execution_page(t.database, filters, now_ns=NOW_NS).executions
    ]


def test_r003_executions_of_an_unknown_workflow_are_taken_and_listed():
    """R003: there is no table of workflows that an execution would have to stand in."""
    with taking() as t:
        t.take(payload(step("alone", "orphan", start=1, end=2)))
        t.take(payload(execution("gone", "kept", end=5)))
        t.take(payload(execution("gone", "old", end=5, trace="o")))
        now = datetime.now(UTC).replace(tzinfo=None)
        t.ingest.between_commits(lambda c, _: c.delete(["old"], now, now))
        assert set(ids(t)) == {"orphan", "kept"}
        assert ids(t, workflow="gone") == ["kept"]
        assert execution_detail(t.database, "orphan", ("steps",)).steps[0].step_name == "alone"
        keys = "constraint_type in ('FOREIGN KEY', 'PRIMARY KEY', 'UNIQUE')"
        assert t.rows(f"select table_name from duckdb_constraints() where {keys}") == []


def test_r004_r111_a_time_range_reads_only_its_own_rows():
    """R004: no secondary index; R111: ranges skip what lies outside of them, by insertion order."""
    total = 500_000
    with taking() as t:
        writer = t.database.writer()
        columns = writer.execute("describe stored.executions").fetchall()
        given = {
            "execution_id": "'e' || i", "is_folded": "false", "any_trace_id": "uuid()",
            "started_at": "make_timestamp_ns(start)", "status": "'success'",
            "ingested_at": "make_timestamp_ns(start)", "updated_at": "make_timestamp_ns(start)",
        }  # fmt: skip
        for name, _, is_null, *_ in columns:
            if name.endswith("_unix_nano") and name != "queued_unix_nano":
                given.setdefault(name, "start")
            elif is_null == "NO":
                given.setdefault(name, "0")
        writer.execute(
            f"insert into stored.executions by name select "
            f"{', '.join(f'{value} as {name}' for name, value in given.items())} "
            f"from (select i, {T0} + i * 1_000_000_000 as start from range({total}) t(i))"
        )
        assert t.rows("select count(*) from duckdb_indexes()") == [(0,)]
        assert scanned(t, "") >= total
        newest = scanned(t, f"where started_at >= make_timestamp_ns({T0 + (total - 1000) * 10**9})")
        oldest = scanned(t, f"where started_at < make_timestamp_ns({T0 + 1000 * 10**9})")
        assert 1000 <= newest <= total / 2
        assert 1000 <= oldest <= total / 2


def scanned(t, condition):
    """Rows that the scan of the table reads for a list of executions."""
    with t.database.read() as connection:
        ((_, text),) = connection.execute(
            f"explain (analyze, format json) select sum(duration_ns) from executions {condition}"
        ).fetchall()

    def walk(node):
        # DuckDB 1.5 has another name for it
        yield node.get("rows_scanned", node.get("operator_rows_scanned", 0))
        for child in (*node.get("operator", ()), *node.get("children", ())):
            yield from walk(child)

    return max(walk(json.loads(text)))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            "webhook",
            {"method": "POST", "headers": {"authorization": "[redacted]"}, "body": {"n": 1}},
        ),
        ("schedule", {"cron": "0 3 * * *", "planned_at": "2026-03-01T03:00:00Z"}),
    ],
)
def test_r008_what_the_trigger_brought_is_shown(kind, data):
    """R008: method, headers and body of a webhook; cron and planned time of a schedule."""
    with taking() as t:
        told = {"workflow.trigger.type": kind, "stepscope.trigger.data": json.dumps(data)}
        t.take(payload(execution("sync", "E", end=5, attributes=told)))
        detail = execution_detail(t.database, "E", ("payloads",))
        assert detail.execution.trigger_type == kind
        assert [json.loads(each.body) for each in detail.payloads if each.kind == "trigger"] == [
            data
        ]
        ((old,),) = t.rows("select trigger_data from compat_000.workflow_executions")
        assert json.loads(old) == data


def test_r013_one_question_gives_a_thousand_steps_in_order_without_payloads():
    """R013: payloads only on request."""
    with taking() as t:
        steps = [
            step(f"s{n}", "E", start=n, end=n + 1, parent="big", trace="big",
                 attributes={"stepscope.step.index": 999 - n, "stepscope.output": f'"{n}"'})
            for n in range(1000)
        ]  # fmt: skip
        t.take(payload(execution("big", "E", end=2000), *steps))
        detail = execution_detail(t.database, "E", ("steps",))
        assert [each.step_index for each in detail.steps] == list(range(1000))
        assert [each.step_name for each in detail.steps[:2]] == ["s999", "s998"]
        assert detail.payloads is None
        assert len(execution_detail(t.database, "E", ("payloads",)).payloads) == 1000


def test_r035_the_stack_of_every_failed_step_is_whole():
    """R035: per step, and with all its lines."""
    with taking() as t:
        sent = [execution("sync", "E", outcome="error", end=9, error="no", trace="s")]
        for n in range(2):
            failed = step(f"s{n}", "E", outcome="failure", start=n, end=n + 1, error=f"no {n}",
                          parent="sync", trace="s")  # fmt: skip
            event = failed.span.events.add(name="exception")
            event.attributes.add(key="exception.stacktrace").value.string_value = f"{n}\n{STACK}"
            sent.append(failed)
        t.take(payload(*sent))
        expected = [(f"no {n}", f"{n}\n{STACK}") for n in range(2)]
        assert (
            t.rows("select error_message, error_stack from steps order by step_index") == expected
        )
        assert expected == t.rows(
            "select error_message, error_stack from compat_001.node_executions order by id"
        )


def test_r037_any_attribute_is_reached_by_its_path_in_one_expression():
    """R037: hot fields are typed columns, every other attribute is one expression away."""
    with taking() as t:
        told = {"shop.region": "eu", "shop.items": 3, "stepscope.params": '{"a": {"b": [7]}}'}
        t.take(payload(execution("sync", "E", end=5, attributes=told)))
        t.take(payload(execution("sync", "F", end=5, trace="f")))
        assert t.rows(
            "select execution_id, attributes['shop.region'], cast(attributes['shop.items'] as int) "
            "from spans where attributes['shop.region'] = 'eu'"
        ) == [("E", "eu", 3)]
        body = "select execution_id from payloads where kind = 'params' and "
        assert t.rows(f"{body} cast(json_extract(body, '$.a.b[0]') as int) = 7") == [("E",)]
        assert ids(t, filter='attributes.shop.region = "eu"') == ["E"]
        kinds = dict(
            t.rows(
                "select column_name, data_type from duckdb_columns() where table_name = 'executions' and schema_name = 'main'"
            )
        )
        assert (kinds["started_at"], kinds["duration_ns"]) == ("TIMESTAMP_NS", "BIGINT")


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database):
        self.database = database
        self.statements = []

    @contextmanager
    def read(self):
        """A reader."""
        with self.database.read() as connection:
            self.connection = connection
            yield self

    def execute(self, statement, params):
        """Ask, and count."""
        self.statements.append(statement)
        return self.connection.execute(statement, params)

    def __getattr__(self, name):
        return getattr(self.connection, name)


def test_r043_a_page_of_nested_documents_takes_two_statements():
    """R043: no question for each execution; 50 unless told otherwise, newest first, with its nodes."""
    with taking() as t:
        spans = []
        for n in range(60):
            spans.append(execution("flow", f"e{n:02}", start=n, end=n + 9, trace=f"t{n}"))
            spans.append(step("load", f"e{n:02}", start=n, end=n + 1, parent="flow",
                              identity=f"load {n}", trace=f"t{n}"))  # fmt: skip
        t.take(payload(*spans))
        counting = Counting(t.database)
        page = document_page(counting, "flow", limit=50, offset=0)
        assert [each["id"] for each in page] == [f"e{n:02}" for n in range(59, 9, -1)]
        assert all(len(each["nodeExecutions"]) == 1 for each in page)
        assert len(counting.statements) == 2


def test_r119_the_retry_policy_in_force_stands_with_each_step_and_version():
    """R119: strategy, tries and intervals as they were when the step ran, by version of the workflow."""
    with taking() as t:
        spans = []
        for version, tries, delay in (("1", 3, "0.5"), ("2", 5, "2.0")):
            told = {"workflow.version": version}
            own = {"workflow.task.id": "load", "stepscope.step.max_attempts": tries,
                   "stepscope.retry.strategy": "exponential-backoff", "stepscope.retry.delay_s": delay}  # fmt: skip
            name, trace = f"v{version}", f"t{version}"
            spans.append(execution("sync", name, end=9, trace=trace, attributes=told))
            spans.append(step("load", name, start=1, end=2, parent="sync", identity=name, trace=trace,
                              attributes=own))  # fmt: skip
        t.take(payload(*spans))
        assert t.rows(
            "select workflow_version, max_attempts, s.attributes['stepscope.retry.strategy'], "
            "s.attributes['stepscope.retry.delay_s'] from steps "
            "join executions using (execution_id) join spans s on s.span_id = steps.span_id "
            "order by workflow_version"
        ) == [("1", 3, "exponential-backoff", "0.5"), ("2", 5, "exponential-backoff", "2.0")]


def test_r075_after_a_start_the_first_list_has_everything(tmp_path):
    """R075: nothing is restored; the store is asked."""
    path = tmp_path / "history.duckdb"
    with taking(path) as t:
        spans = [execution("sync", f"e{n}", start=n, end=n + 1, trace=f"t{n}") for n in range(150)]
        t.take(payload(*spans))
    with taking(path) as t:
        page = execution_page(t.database, {}, now_ns=NOW_NS, limit=100)
        newest = [f"e{n}" for n in range(149, 49, -1)]
        assert [row.execution_id for row in page.executions] == newest
        rest = execution_page(t.database, {}, now_ns=NOW_NS, limit=100, cursor=page.next_cursor)
        assert len(rest.executions) == 50


def test_r076_what_was_acknowledged_is_what_the_next_question_sees():
    """R076: no buffer stands between an answer to a sender and the status of an execution."""
    with taking() as t:
        whole = execution("sync", "E", end=40)
        t.take(payload(marker(whole, at=1)))
        assert execution_detail(t.database, "E").execution.ended_at is None
        for n in range(5):
            t.take(payload(step(f"s{n}", "E", start=n, end=n + 1, parent="sync")))
            assert len(execution_detail(t.database, "E", ("steps",)).steps) == n + 1
        t.take(payload(whole))
        assert execution_detail(t.database, "E").execution.status == "success"


def test_r088_a_thousand_executions_take_less_than_100_mb(tmp_path):
    """R088: 20 steps with 7 KB of JSON and 200 log lines each; what 80 of them add to the file."""
    rng = random.Random(7)
    with taking(tmp_path / "history.duckdb") as t:
        sizes = []
        for first, last in ((0, 10), (10, 90)):
            spans, logs = [], ExportLogsServiceRequest()
            records = logs.resource_logs.add().scope_logs.add().log_records
            for n in range(first, last):
                spans.append(execution("job", f"e{n}", end=100, trace=f"t{n}"))
                for m in range(20):
                    words = [f"{rng.getrandbits(64):x}" for _ in range(350)]
                    spans.append(
                        step(f"s{m}", f"e{n}", start=m, end=m + 1, parent="job", trace=f"t{n}",
                             identity=f"{n} {m}", attributes={"stepscope.output": json.dumps(words)})
                    )  # fmt: skip
                for m in range(200):
                    record = records.add(time_unix_nano=T0 + n * 1000 + m)
                    record.body.string_value = f"line {m} of {n}: {rng.getrandbits(32)}"
                    name = record.attributes.add(key="workflow.execution.id")
                    name.value.string_value = f"e{n}"
            t.take(payload(*spans))
            t.take(logs.SerializeToString(), "logs")
            t.ingest.between_commits(lambda c, _: c.checkpoint())
            # without the free space that a small file has after each checkpoint, and new rows use first
            sizes += t.rows("select used_blocks * block_size from pragma_database_size()")[0]
        assert t.rows("select min(size_bytes) > 6500 from payloads") == [(True,)]
    assert 0 < sizes[1] - sizes[0] < 80 * 100_000


def test_r104_no_delete_leaves_an_orphan():
    """R104: after deleting, deleting a user's data and pruning nothing refers to what is gone."""
    with taking() as t:
        for n in range(6):
            name, trace = f"e{n}", f"t{n}"
            whole = execution("job", name, start=n, end=n + 9, trace=trace, attributes={
                "enduser.id": "ann" if n == 2 else "bob", "stepscope.params": '{"a": 1}',
                **({"stepscope.execution.parent_id": "e0"} if n == 5 else {}),
            })  # fmt: skip
            part = step("s", name, start=n, end=n + 1, parent="job", identity=name, trace=trace,
                        attributes={"stepscope.output": '"x"'})  # fmt: skip
            t.take(payload(whole, part))
            logs = ExportLogsServiceRequest()
            record = (
                logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0 + n)
            )
            record.trace_id, record.span_id = part.span.trace_id, part.span.span_id
            t.take(logs.SerializeToString(), "logs")
        now = datetime.now(UTC).replace(tzinfo=None)
        t.ingest.between_commits(lambda c, _: c.pin("e0", now))
        t.ingest.between_commits(lambda c, _: c.delete(["e0"], now, now))
        t.ingest.between_commits(lambda c, _: c.delete_user("ann", now, now))
        with t.database.read() as reader:
            known = survey(reader, ["e1"], Starts(), now)
        t.ingest.between_commits(lambda c, _: c.prune(["e1"], Starts(), now, now, known))
        assert set(ids(t)) == {"e3", "e4", "e5"}
        for table in ("spans", "payloads", "open_spans", "attempts", "pins", "traces"):
            assert (
                t.rows(
                    f"select * from stored.{table} where execution_id not in "
                    "(select execution_id from stored.executions)"
                )
                == []
            ), table
        assert t.rows("select distinct execution_id from execution_logs order by 1") == [
            ("e3",), ("e4",), ("e5",),
        ]  # fmt: skip
        assert t.rows("select count(*) from stored.log_records") == [(3,)]
        assert t.rows("select parent_execution_id from executions where execution_id = 'e5'") == [
            (None,)
        ]
        for column, table in (("resource_id", "resources"), ("scope_id", "scopes")):
            missing = (
                f"select {column} from stored.spans where {column} not in "
                f"(select {column} from stored.{table})"
            )
            assert t.rows(missing) == []


def test_r105_updated_at_moves_with_every_change_and_created_at_does_not():
    """R105, R063: kept by the merge; the engine has no triggers."""
    with taking() as t:
        whole = execution("sync", "E", end=40)
        seen = []
        for sent in (marker(whole, at=1), step("s", "E", start=1, end=2, parent="sync"), whole):
            t.take(payload(sent))
            seen += t.rows("select ingested_at, updated_at from executions")
        assert len({created for created, _ in seen}) == 1
        updates = [updated for _, updated in seen]
        assert updates == sorted(set(updates))
        t.take(payload(whole))
        assert t.rows("select updated_at from executions") == [(updates[-1],)], "nothing new came"


def test_r118_a_step_that_is_tried_again_is_seen_before_it_succeeds():
    """R118: attempt n of max while it goes on, and what ended the one before."""
    with taking() as t:
        whole = execution("sync", "E", end=900, trace="s")

        def attempt(n, **more):
            keys = {"workflow.task.id": "load", "stepscope.step.attempt": n,
                    "stepscope.step.max_attempts": 3}  # fmt: skip
            return step("load", "E", parent="sync", identity=f"load {n}", trace="s",
                        attributes=keys, **more)  # fmt: skip

        second = attempt(2, start=50, end=70)
        t.take(
            payload(
                marker(whole, at=1), attempt(1, outcome="failure", start=1, end=20, error="busy")
            )
        )
        t.take(payload(marker(second, at=50)))
        told = t.rows("select attempt, attempt_count, max_attempts, ended_at from steps")
        assert told == [(2, 2, 3, None)]
        assert t.rows("select attempt, error_message from attempts order by attempt") == [
            (1, "busy"), (2, None),
        ]  # fmt: skip
        t.take(payload(second))
        assert t.rows("select attempt, status from steps") == [(2, "success")]


def test_r122_a_document_comes_back_byte_for_byte():
    """R122: what a sender attached is kept as it was sent, odd blanks and order of keys too."""
    document = '{ "b":1,\t"a" : [1.0, 1e2, "\\u00e9é"],\n "big": "' + "x" * 70_000 + '" }\r\n'
    with taking() as t:
        t.take(payload(execution("sync", "E", end=5, attributes={"stepscope.output": document})))
        ((stored,),) = t.rows("select body from payloads where kind = 'output'")
        assert stored == document
        body = ""
        while True:
            ((part,), _) = payload_parts(t.database, "E", kinds=["output"], offset=len(body))
            body += part.body
            if not part.has_more:
                break
        assert body == document
        ((part,), _) = payload_parts(t.database, "E", kinds=["output"], offset=2**32 - 2)
        assert (part.body, part.body_chars, part.has_more) == ("", len(document), False)
        with pytest.raises(BadRequest, match="offset=4294967295 is out of range"):
            payload_parts(t.database, "E", offset=2**32 - 1)


@pytest.mark.parametrize(
    "own", ["x" * 512, "a/b?c#d%2e e", "żółć 🙂", "'; drop table executions; --"]
)
def test_r102_any_text_up_to_512_bytes_is_an_id(own):
    """R102: accepted unchanged, found, and part of no statement."""
    with taking() as t:
        t.take(
            payload(execution("sync", own, end=5), step("s", own, parent="sync", start=1, end=2))
        )
        t.take(payload(span("other", scope="x", end=1)))
        assert execution_detail(t.database, own, ("steps",)).steps[0].execution_id == own
        assert own in ids(t)
        assert t.rows("select count(*) from compat_000.workflow_executions") == [(2,)]
