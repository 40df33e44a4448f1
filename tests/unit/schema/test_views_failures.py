"""Failures and their clusters: what is one kind of error, and how far it spreads."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.schema.test_views_stats import OLD

PYTHON = """Traceback (most recent call last):
  File "/srv/{0}/app.py", line {1}, in <module>
    main()
  File "/srv/{0}/shop/pay.py", line {1}, in charge
    raise Declined({1})
shop.Declined: order {1}"""
JAVA = """java.lang.IllegalStateException: order {1}
\tat com.shop.Pay.charge(Pay.java:{1})
\tat com.shop.Main.main(Main.java:4)
Caused by: java.io.IOException: {1}"""
NODE = """Error: order {1}
    at charge (/srv/{0}/pay.js:{1}:5)
    at async run (file:///srv/{0}/main.js:{1}:2)"""


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("order 12 declined", "order <n> declined"),
        ("took 1.5s of 2,000", "took <n>s of <n>"),
        ("no 550e8400-e29b-41d4-a716-446655440000", "no <uuid>"),
        ("no 550E8400E29B41D4A716446655440000 here", "no <uuid> here"),
        ("at 0x7ffe12ab: deadbeef01", "at <hex>: <hex>"),
        ("cannot open '/tmp/a b.txt'", "cannot open <text>"),
        ('key "a" of `b`', "key <text> of <text>"),
        ("can't open it, won't", "can't open it, won't"),
        ("no file /var/lib/x/y.txt, sorry", "no file <path>, sorry"),
        (r"no file C:\Users\x\y.txt", "no file <path>"),
        ("GET https://shop.example/orders/12?a=b failed", "GET <url> failed"),
        ("a  line\n\tand another ", "a line and another"),
        ("nothing to see/read", "nothing to see/read"),
        ("Zahlung 7 abgelehnt – größer", "Zahlung <n> abgelehnt – größer"),
        ("", ""),
        (None, None),
    ],
)
def test_what_differs_between_occurrences_is_replaced(history, message, normal):
    """issue #7: numbers, hex, uuids, quoted strings and paths of a message are replaced."""
    found = history.connection.execute("select normal_message($m)", {"m": message}).fetchall()
    assert found == [(normal,)]


@pytest.mark.parametrize(
    ("stack", "frames"),
    [
        (PYTHON.format("a", 1), ["app.py <module>", "pay.py charge"]),
        (JAVA.format("a", 1), ["com.shop.Pay.charge(Pay.java", "com.shop.Main.main(Main.java"]),
        (NODE.format("a", 1), ["charge (pay.js", "async run (main.js"]),
        ("\n".join(f"    at f{n} (x.js:1:1)" for n in range(9)), ["f0 (x.js", "f1 (x.js", "f2 (x.js"]),
        ("no stack", []),
        (None, []),
    ],
)  # fmt: skip
def test_frames_nearest_to_the_error_are_named(history, stack, frames):
    """issue #7: the frames of a stack when there is one, without directories and line numbers."""
    found = history.connection.execute("select stack_frames($s)", {"s": stack}).fetchall()
    assert found == [(frames,)]


TEMPLATES = ("order {1} declined", "no file /srv/{0}/x/{1}.txt", "bad key '{0}'", "timeout")
failed_tries = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3"]),
        st.sampled_from(["charge", "ship"]),
        st.sampled_from(["failed", "timed_out", "success", "skipped"]),
        st.sampled_from(["A", "B", None]),
        st.sampled_from(TEMPLATES),
        st.sampled_from([None, PYTHON, JAVA, NODE]),
        st.sampled_from(["ab", "cde"]),
        st.integers(1, 10**6),
        st.integers(1, 3),  # resource
    ),
    max_size=15,
)


@settings(max_examples=25)
@given(failed_tries)
def test_clusters_equal_a_recount(shared_history, tries):
    """R033, issue #7: failures of one kind together, with first and last seen and spread."""
    shared_history.clear()
    shared_history.connection.execute("delete from stored.resources")
    for number in (1, 2, 3):
        shared_history.connection.execute(
            "insert into stored.resources values ($n, $a, null, 0, null, '', 'shop')",
            {"n": number, "a": {"host.name": f"host{number % 2}"} if number < 3 else {}},
        )
    shown = {"e1": "w", "e2": "w", "e3": "v"}
    for execution, workflow in shown.items():
        shared_history.add(
            "executions", execution_id=execution, workflow_id=workflow, workflow_version="1"
        )
    groups = defaultdict(list)
    for span_id, row in enumerate(tries, 1):
        execution, step, status, error, template, stack, word, number, resource = row
        end = OLD + span_id * 10
        shared_history.add(
            "spans", execution_id=execution, span_id=span_id, step_name=step, status=status,
            start_time_unix_nano=OLD, end_time_unix_nano=end, resource_id=resource,
            error_type=error, error_message=template.format(word, number),
            events=None if stack is None else [{
                "time_unix_nano": end, "name": "exception", "attribute_types": None,
                "attributes": {"exception.stacktrace": stack.format(word, number)},
                "dropped_attributes_count": 0,
            }],
        )  # fmt: skip
        if status in ("failed", "timed_out"):
            groups[error, template, stack].append((end, execution, step, resource))
    rows = shared_history.rows(
        "select *, epoch_ns(first_seen_at) as f, epoch_ns(last_seen_at) as l from failure_clusters"
    )
    found = sorted(
        (
            r["count"], r["execution_count"], r["f"], r["l"], r["last_execution_id"],
            tuple(r["workflows"]), tuple(r["steps"]), tuple(r["hosts"]), r["host_count"],
            r["day_count"],
        )
        for r in rows
    )  # fmt: skip
    expected = []
    for members in groups.values():
        hosts = sorted({f"host{resource % 2}" for *_, resource in members if resource < 3})
        executions = {execution for _, execution, *_ in members}
        expected.append((
            len(members), len(executions), min(members)[0], max(members)[0], max(members)[1],
            tuple(sorted({shown[execution] for execution in executions})),
            tuple(sorted({step for _, _, step, _ in members})), tuple(hosts), len(hosts), 0,
        ))  # fmt: skip
    assert found == sorted(expected)
    assert len({row["fingerprint"] for row in rows}) == len(rows)


def test_a_step_that_raises_the_error_of_a_step_in_it_again_does_not_count(history):
    """R033: the leaf that failed counts, not the steps around it; an execution only by itself."""
    error = {"status": "failed", "error_type": "E", "error_message": "no"}
    history.add("executions", execution_id="e", failed_attempt_count=2, final_end_unix_nano=OLD,
                final_trace_id="0af76519-16cd-43dd-8448-eb211c80319c", final_span_id=9, **error)  # fmt: skip
    history.add("spans", span_id=1, step_name="outer", **error)
    history.add("spans", span_id=2, parent_span_id=1, step_name="inner", **error)
    history.add(
        "executions", execution_id="alone", final_end_unix_nano=OLD, final_span_id=5, **error
    )
    assert history.ask(
        "select execution_id, step_name, error_class from failures order by execution_id"
    ) == [("alone", None, "execution_failure"), ("e", "inner", "step_failure")]


def test_every_failed_try_has_a_class(history):
    """R115: a closed list of classes, and the sender's own word beside it."""
    history.add("executions", execution_id="e", workflow_id="w", failed_attempt_count=3)
    common = {"step_name": "s", "error_type": "java.lang.X"}
    history.add("spans", span_id=1, status="failed", attempt=1, max_attempts=2, **common)
    history.add("spans", span_id=2, status="failed", attempt=2, max_attempts=2, **common)
    history.add("spans", span_id=3, status="timed_out", attempt=2, max_attempts=2, **common)
    history.add("spans", span_id=4, status="failed", attempt=1, max_attempts=1, **common)
    assert history.ask("select span_id, error_class, error_type from failures order by 1") == [
        (f"{1:016x}", "step_failure", "java.lang.X"),
        (f"{2:016x}", "retry_exhausted", "java.lang.X"),
        (f"{3:016x}", "timeout", "java.lang.X"),
        (f"{4:016x}", "step_failure", "java.lang.X"),
    ]


def test_failures_of_folded_tries_know_their_host(history):
    """issue #7: spread over hosts, also for engines whose tries are told by several spans."""
    trace = "0af76519-16cd-43dd-8448-eb211c80319c"
    history.connection.execute(
        "insert into stored.resources values (1, map {'host.name': 'h'}, null, 0, null, '', 's')"
    )
    history.add("executions", execution_id="e", workflow_id="w", failed_attempt_count=1)
    for end in (20, 30):  # an engine that uses a span id again
        history.add("spans", span_id=7, role="operation", end_time_unix_nano=end)
    history.connection.execute(
        "insert into stored.attempts by name select 'e' as execution_id, 's' as step_id, 1 as attempt,"
        " 'failed' as status, 10 as started_unix_nano, 20 as ended_unix_nano,"
        " 20 as last_seen_unix_nano, 'temporal' as dialect, $trace::uuid as trace_id, 7 as span_id,"
        " 0 as parent_span_id, now()::timestamp as ingested_at",
        {"trace": trace},
    )
    assert history.ask("select step_name, host_name, service_name from failures") == [
        ("s", "h", "s")
    ]


def test_a_message_that_begins_with_its_class_is_of_the_same_kind(history):
    """issue #7: failures by fingerprint; engines tell the same error with its class in front, or without."""
    same = "RuntimeError: try 1", "try 22", "app.errors.RuntimeError: try 3"
    found = [
        history.ask(f"select error_fingerprint('app.errors.RuntimeError', '{text}', null)")
        for text in same
    ]
    assert found[0] == found[1] == found[2]
    other = history.ask(
        "select error_fingerprint('app.errors.RuntimeError', 'ValueError: try 1', null)"
    )
    assert other != found[0]
    assert history.ask("select error_fingerprint(null, 'x: 1', null)") != history.ask(
        "select error_fingerprint('x', 'x: 1', null)"
    )
