"""Random traffic of every kind: the equations hold at any moment, and agree with the tables."""

import threading
from collections import Counter
from concurrent.futures import wait
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepscope_collector.errors import (
    Overloaded,
    PayloadTooLarge,
    PayloadUndecodable,
    StoreUnavailable,
    Unwritable,
)
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload, taking
from tests.unit.collector.test_ingest import POISON, log_request, metric_request, with_bad_ids

MAPPING = compile_profiles([*load_shipped(), POISON])
BUDGET = 100_000
ROWS = ("stored", "duplicate", "rejected", "refused", "failed", "waiting")
REQUESTS = ("accepted", "refused", "failed", "waiting")


class Failing(Committer):
    """A committer whose disk is full at times."""

    is_full = False

    def commit(self, group, now, now_ns):
        if self.is_full:
            raise StoreUnavailable("the store cannot commit now: disk full")
        return super().commit(group, now, now_ns)


def spans(number):
    return payload(*(span(f"{number}/{n}", scope="x") for n in range(number % 4 + 1)))


def some_bad(number):
    return with_bad_ids(*(span(f"{number}/{n}", scope="x") for n in range(number % 3)))


def poisoned(number):
    return payload(span(f"bad {number}", scope="x", attributes={"n": "?"}), span("n", scope="x"))


# kind → signal, encoding, payload of a number, rows to store, rows to reject
KINDS = {
    "spans": ("traces", "protobuf", spans, lambda n: n % 4 + 1, 0),
    "some bad": ("traces", "protobuf", some_bad, lambda n: n % 3, 1),
    "logs": ("logs", "protobuf", lambda n: log_request(f"l{n}", "m"), lambda _: 2, 0),
    "points": ("metrics", "protobuf", lambda n: metric_request(n), lambda _: 1, 0),
    "empty": ("logs", "protobuf", lambda _: b"", lambda _: 0, 0),
    "json": ("logs", "json", lambda n: (b'{"resourceLogs":[{"scopeLogs":[{"logRecords":['
             b'{"timeUnixNano":"%d"}]}]}]}' % (n + 1)), lambda _: 1, 0),
}  # fmt: skip
OTHERS = (
    "undecodable", "bad json", "oversize", "overload", "overload json", "poison", "full disk",
)  # fmt: skip
ALL = (*KINDS, *OTHERS)
SENDS = st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 7))
STEPS = st.one_of(
    SENDS,
    SENDS,
    st.tuples(st.sampled_from(OTHERS), st.integers(0, 3)),
)


@dataclass
class Expected:
    """What the counts must be; a model that knows nothing of the code."""

    rows: Counter = field(default_factory=Counter)
    requests: Counter = field(default_factory=Counter)
    table_rows: Counter = field(default_factory=Counter)
    noted: set = field(default_factory=set)
    spans: set = field(default_factory=set)
    seen: set = field(default_factory=set)

    def take(self, kind, number):
        """A request that is committed."""
        signal, _, _, rows_of, rejected = KINDS[kind]
        rows = rows_of(number)
        self.rows[signal, "rejected"] += rejected
        self.requests[signal, "accepted"] += 1
        if signal == "traces":
            fresh = {f"{number}/{n}" for n in range(rows)} - self.spans
            self.spans |= fresh
            new = len(fresh)
            if rejected:
                self.noted.add((kind, number % 3 if rows == 0 else number, rows, "rejected"))
        else:
            new = 0 if (kind, number) in self.seen else rows
            self.seen.add((kind, number))
        self.rows[signal, "stored"] += new
        self.rows[signal, "duplicate"] += rows - new
        self.table_rows[signal] += new


def watching(take, ending, wrong):
    """Looks at the equations as often as it can while others work."""
    while not ending.wait(0.0005):
        found = take.telemetry.snapshot()
        for name, parts in (("rows", ROWS), ("requests", REQUESTS)):
            wrong += [
                (name, counts)
                for counts in found[name].values()
                if counts["received"] != sum(counts[part] for part in parts)
                or min(counts.values()) < 0
            ]


def refused(take, error, signal, data, encoding="protobuf"):
    try:
        take.take(data, signal, encoding)
    except error:
        return
    raise AssertionError("it was taken")


def step(take, committer, expected, kind, number):
    """One step of the traffic, and what it must do to the counts."""
    if kind in KINDS:
        signal, encoding, made, _, _ = KINDS[kind]
        take.take(made(number), signal, encoding)
        expected.take(kind, number)
    elif kind == "undecodable":
        refused(take, PayloadUndecodable, "traces", b"\xff" * (number + 1))
        expected.requests["traces", "refused"] += 1
        expected.noted.add((kind, number))
    elif kind == "bad json":
        refused(take, PayloadUndecodable, "metrics", b"{" * (number + 1), "json")
        expected.requests["metrics", "refused"] += 1
        expected.noted.add((kind, number))
    elif kind == "oversize":
        take.ingest.note_refused("logs", PayloadTooLarge("too large"), 10**9, None)
        expected.requests["logs", "refused"] += 1
        expected.noted.add((kind, object()))
    elif kind == "overload":
        data = payload(span("x" * BUDGET, scope="x"), *(span(f"o{n}") for n in range(number)))
        refused(take, Overloaded, "traces", data)
        expected.requests["traces", "refused"] += 1
        expected.rows["traces", "refused"] += number + 1
    elif kind == "overload json":
        refused(take, Overloaded, "traces", b" " * (BUDGET + 1), "json")
        expected.requests["traces", "refused"] += 1
    elif kind == "poison":
        refused(take, Unwritable, "traces", poisoned(number))
        expected.requests["traces", "failed"] += 1
        expected.rows["traces", "failed"] += 2
        expected.noted.add((kind, object()))
    else:
        take.ingest.between_commits(lambda *_: None)  # a note that still waits would be lost
        committer.is_full = True
        refused(take, StoreUnavailable, "traces", some_bad(number))
        committer.is_full = False
        expected.requests["traces", "failed"] += 1
        expected.rows["traces", "failed"] += number % 3 + 1


@settings(max_examples=max(4, settings.default.max_examples // 12))
@given(steps=st.lists(STEPS, max_size=30))
@example(steps=[(kind, number) for number in (1, 2, 1) for kind in ALL])
def test_the_counts_are_those_of_the_traffic_and_of_the_tables(steps):
    """issue #4: received = stored + duplicate + rejected + refused + failed, at any moment."""
    with taking(mapping=MAPPING, max_inflight_bytes=BUDGET, committer=Failing) as take:
        expected, wrong, ending = Expected(), [], threading.Event()
        watcher = threading.Thread(target=watching, args=(take, ending, wrong))
        watcher.start()
        try:
            for kind, number in steps:
                step(take, take.committer, expected, kind, number)
            take.take(payload(span("last", scope="x")))
        finally:
            ending.set()
            watcher.join(WAIT_S)
        expected.rows["traces", "stored"] += 1
        expected.table_rows["traces"] += 1
        expected.requests["traces", "accepted"] += 1
        assert wrong == []
        found = take.telemetry.snapshot()
        flat = {
            name: {(s, outcome): n for s, c in found[name].items() for outcome, n in c.items() if n}
            for name in ("rows", "requests")
        }
        for name, model in (("rows", expected.rows), ("requests", expected.requests)):
            for signal in {signal for signal, _ in model}:
                if total := sum(n for (s, _), n in model.items() if s == signal):
                    model[signal, "received"] = total
            assert flat[name] == dict(+model)
        tables = {"traces": "spans", "logs": "log_records", "metrics": "metric_points"}
        for signal, table in tables.items():
            assert take.rows(f"select count(*) from stored.{table}") == [
                (expected.table_rows[signal],)
            ]
        assert take.rows("select count(*) from stored.rejections") == [(len(expected.noted),)]


def test_a_burst_of_repeats_is_counted_right():
    """issue #4: requests that share a commit, some of them repeats and some refused."""
    with taking(max_inflight_bytes=BUDGET) as take:
        with take.held():
            futures = [
                take.ingest.submit(KINDS[kind][0], KINDS[kind][2](n % 3), "protobuf")
                for n in range(12)
                for kind in ("spans", "some bad", "logs", "points")
            ]
            refused(take, Overloaded, "logs", b"\x0a" * (BUDGET + 1))
            rows = take.telemetry.snapshot()["rows"]
            assert {signal: rows[signal]["waiting"] for signal in rows} == {
                "traces": 48, "logs": 24, "metrics": 12,
            }  # fmt: skip
        assert not wait(futures, WAIT_S).not_done
        assert take.rows("select count(*) from stored.spans where scope_id is not null") != [(0,)]
        assert take.counts("logs") == {"stored": 6, "duplicate": 18}
        assert take.counts("metrics") == {"stored": 3, "duplicate": 9}
        assert take.counts()["rejected"] == 12
        assert take.rows("select sum(rejected_count) from stored.rejections") == [(3,)]
