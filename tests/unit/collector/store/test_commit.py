"""One transaction: everything of a group or nothing, and the next one is not disturbed."""

import pytest

from stepscope_collector.decode.batch import Rejection
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import Unwritable
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.store.commit import Committer
from tests.strategies.workflows import (
    MAPPING,
    NOW,
    NOW_NS,
    execution,
    history,
    marker,
    request,
    step,
)

OPEN = execution("sync", "E", end=500)
ENDED = [OPEN, step("pull", "E", parent="sync", start=1, end=4)]


def streams(sent):
    return group_of([decode_spans(request(sent), MAPPING.plan)], [], [], NewDimensions())


def spoiled(sent):
    """The spans, with log records that the store refuses after it has taken the spans."""
    group = streams(sent)
    group.logs = group.spans.rows
    return group


def test_a_group_that_fails_at_its_end_leaves_nothing_and_disturbs_nothing():
    """R042: everything or nothing; what the writer remembers of what was rolled back would be wrong."""
    with history() as store, history() as other:
        committer = Committer(store.database.writer(), MAPPING)
        committer.commit(streams([marker(OPEN, at=1)]), NOW, NOW_NS)
        before = store.tables()
        with pytest.raises(Unwritable):
            committer.commit(spoiled(ENDED), NOW, NOW_NS)
        assert store.tables() == before
        assert committer.commit(streams(ENDED), NOW, NOW_NS)[:2] == (2, 0)
        other.write([marker(OPEN, at=1)])
        other.write(ENDED)
        assert store.tables() == other.tables()
        assert store.tables()["open_spans"] == []


def test_a_fault_of_our_own_ends_the_transaction():
    """ours: an open transaction would make the next commit fail."""
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        group = streams(ENDED)
        group.rejections = object()
        with pytest.raises(Exception, match="object"):
            committer.commit(group, NOW, NOW_NS)
        assert store.tables()["spans"] == []
        assert committer.commit(streams(ENDED), NOW, NOW_NS)[:2] == (2, 0)


def test_spans_that_are_all_stored_may_come_with_other_streams():
    """issue #2: a request sent again, with a span in it that is refused again, changes nothing."""
    refused = ("traces", Rejection("invalid_trace_id", "1 byte"), 1, 90, None)
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        committer.commit(streams(ENDED), NOW, NOW_NS)
        before = store.tables()
        again = group_of(
            [decode_spans(request(ENDED), MAPPING.plan)], [refused], [], NewDimensions()
        )
        assert committer.commit(again, NOW, NOW_NS)[:2] == (0, 2)
        assert store.tables() == before
        assert store.rows("select reason from stored.rejections") == [
            {"reason": "invalid_trace_id"}
        ]
