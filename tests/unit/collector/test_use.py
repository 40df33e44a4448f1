"""Other profiles are put in force while requests wait."""

import threading

import pytest

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped, parse
from stepscope_collector.store.commit import Committer
from tests.strategies.workflows import span
from tests.unit.collector.taking import MAPPING, WAIT_S, payload, taking

JOBS = parse(
    """
    name = "jobs"
    description = "asks for a column that no other profile asks for"
    priority = 70
    detect = "attr('Job.Only') is not null"
    """,
    "jobs.toml",
)
WITH_JOBS = compile_profiles([JOBS, *load_shipped()])
DIALECTS = "select name, dialect from stored.spans where name like 'job%' order by name"


def job(name):
    return payload(span(name, trace=name, scope="x", attributes={"Job.Only": "1"}))


@pytest.mark.parametrize(("before", "after"), [(MAPPING, WITH_JOBS), (WITH_JOBS, MAPPING)])
def test_what_was_decoded_before_is_mapped_as_before(before, after):
    """issue #5: reloaded on SIGHUP; requests see either the old or the new set, nothing is lost."""
    with taking(mapping=before) as take:
        with take.held():
            waiting = [take.ingest.submit("traces", job(f"job {n}"), "protobuf") for n in range(3)]
            is_asked = threading.Event()

            def use():
                is_asked.set()
                take.ingest.use(after)

            changing = threading.Thread(target=use)
            changing.start()
            assert is_asked.wait(WAIT_S)
        for each in waiting:
            assert each.result(WAIT_S).accepted == 1
        changing.join(WAIT_S)
        take.take(job("job after"))
        found = dict(take.rows(DIALECTS))
    old, new = ("otel", "jobs") if after is WITH_JOBS else ("jobs", "otel")
    assert found == {"job 0": old, "job 1": old, "job 2": old, "job after": new}


def test_what_waits_is_never_mixed_with_what_comes_after():
    """ours: a batch has the columns of one set of profiles."""
    with taking() as take:
        stop = threading.Event()
        answers = []

        def send(sender):
            number = 0
            while not stop.is_set():
                answers.append(take.take(job(f"job {sender} {number}")).accepted)
                number += 1

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
        for sender in senders:
            sender.start()
        for turn in range(20):
            take.ingest.use(MAPPING if turn % 2 else WITH_JOBS)
        stop.set()
        for sender in senders:
            sender.join(WAIT_S)
        ((stored,),) = take.rows("select count(*) from stored.spans where name like 'job%'")
    assert set(answers) == {1}
    assert stored == len(answers)


def test_when_the_store_cannot_all_stays_as_it_was():
    """ours: half a change would map with columns that are not there."""

    class Unwilling(Committer):
        def use(self, mapping):
            raise StoreUnavailable("not now")

    with taking(committer=Unwilling) as take:
        with pytest.raises(StoreUnavailable):
            take.ingest.use(WITH_JOBS)
        take.take(job("job"))
        assert take.rows(DIALECTS) == [("job", "otel")]
