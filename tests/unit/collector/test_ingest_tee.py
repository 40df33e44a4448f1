"""What the ingest puts into the tee's queue: what was committed, once, as it came."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.config import Target, TeeConfig
from stepscope_collector.errors import PayloadUndecodable, StoreUnavailable, Unwritable
from stepscope_collector.tee import Tee
from stepscope_collector.tee.segment import records_in
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload, taking
from tests.unit.collector.test_accounting import KINDS, MAPPING, Failing, poisoned
from tests.unit.collector.test_ingest import log_request, with_bad_ids

NOBODY = TeeConfig(to=(Target("nobody", "http://192.0.2.1:1"),))


def into(folder, config=NOBODY):
    return lambda telemetry: Tee(config, folder / "tee", "ab12", telemetry)


def queued(folder):
    """Everything in the queue, in order."""
    files = sorted((folder / "tee").glob("*.requests"))
    return [record for path in files for record, _ in records_in(path)]


def test_what_was_committed_is_queued_as_it_came(tmp_path):
    """issue #4: forward everything received, unchanged."""
    text = KINDS["json"][2](3)
    sent = [
        ("traces", "protobuf", payload(span("a"), span("b")), 2),
        ("traces", "protobuf", with_bad_ids(span("good", scope="x")), 2),
        ("traces", "protobuf", with_bad_ids(), 1),
        ("logs", "json", text, 1),
        ("logs", "protobuf", log_request("x", "y"), 2),
        ("traces", "protobuf", payload(span("a"), span("b")), 2),  # stored before
    ]
    with taking(tee=into(tmp_path)) as take:
        for signal, encoding, data, _ in sent:
            take.take(data, signal, encoding)
        take.take(log_request("x", "y"), "logs")  # a request repeated
        take.take(b"", "logs")
        with pytest.raises(PayloadUndecodable):
            take.take(b"\xff")
        found = queued(tmp_path)
    assert [(r.signal, r.encoding, r.body, r.rows) for r in found] == sent
    assert [record.sequence for record in found] == list(range(1, 7))


def test_a_failed_commit_takes_its_requests_back(tmp_path):
    """ours: what was not acknowledged comes again, and then it is sent on."""
    with taking(mapping=MAPPING, committer=Failing, tee=into(tmp_path)) as take:
        take.take(payload(span("before")))
        take.committer.is_full = True
        with pytest.raises(StoreUnavailable):
            take.take(payload(span("again")))
        assert len(queued(tmp_path)) == 1
        take.committer.is_full = False
        with pytest.raises(Unwritable):
            take.take(poisoned(1))
        take.take(payload(span("again")))
        with take.held():
            good = [
                take.ingest.submit("traces", payload(span(f"g{n}")), "protobuf") for n in range(3)
            ]
            bad = take.ingest.submit("traces", poisoned(2), "protobuf")
        assert [future.result(WAIT_S).accepted for future in good] == [1, 1, 1]
        assert isinstance(bad.exception(WAIT_S), Unwritable)
        bodies = [record.body for record in queued(tmp_path)]
    expected = [payload(span(name)) for name in ("before", "again", "g0", "g1", "g2")]
    held = [body for body in bodies if body not in expected]
    assert [body for body in bodies if body in expected] == expected
    assert poisoned(1) not in held
    assert poisoned(2) not in held


@settings(max_examples=max(5, settings.default.max_examples // 10))
@given(seed=st.integers(0, 2**32))
def test_the_queue_holds_what_the_store_holds(tmp_path_factory, seed):
    """issue #4: whatever fails in between, the rows of the queue are those of the store."""
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("any")
    with taking(mapping=MAPPING, committer=Failing, tee=into(folder)) as take:
        for number in range(20):
            take.committer.is_full = rng.random() < 0.3
            data = poisoned(number) if rng.random() < 0.2 else payload(
                *(span(f"{number}/{n}", scope="x") for n in range(rng.randrange(4)))
            )  # fmt: skip
            future = take.ingest.submit("traces", data, "protobuf")
            future.exception(WAIT_S)
        take.committer.is_full = False
        rows = sum(record.rows for record in queued(folder))
        assert take.rows("select count(*) from stored.spans") == [(rows,)]
        take.counts()


def test_what_left_from_here_is_not_taken_again(tmp_path):
    """issue #4: loops; answered with success, counted as duplicates."""
    with taking(tee=into(tmp_path)) as take:
        body = payload(span("a"), span("b"))

        def came(via):
            return take.ingest.submit("traces", body, "protobuf", via=via).result(WAIT_S).accepted

        assert came("ab12") == 2
        assert came("00ff,ab12,77") == 2
        assert take.counts() == {"duplicate": 4}
        assert came("00ff") == 2
        assert came("ab12 ; drop") == 2  # not a list of ids
        assert came(",".join(["77"] * 17)) == 2  # too many: stored, and sent no further
        assert take.counts() == {"stored": 2, "duplicate": 8}
        assert [record.via for record in queued(tmp_path)] == ["00ff", ""]


def test_a_signal_that_no_endpoint_wants_is_not_queued(tmp_path):
    """ours: the queue holds what somebody takes."""
    config = TeeConfig(to=(Target("t", "http://192.0.2.1:1", signals=("logs",)),))
    with taking(tee=into(tmp_path, config)) as take:
        take.take(payload(span("a")))
        take.take(log_request("l"), "logs")
        assert [record.signal for record in queued(tmp_path)] == ["logs"]
