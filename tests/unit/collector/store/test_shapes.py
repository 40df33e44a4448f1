"""Attributes that come as structs are stored as the maps they were."""

from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.native import in_use
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import Unwritable
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.known import KnownExecutions
from stepscope_collector.store.span_writer import SpanWriter
from stepscope_collector.store.tombstones import Tombstones
from tests.strategies.workflows import MAPPING, NOW, NOW_NS, history

pytestmark = pytest.mark.skipif(
    in_use("auto").decoder != "native", reason=f"no native decoder: {in_use('auto').reason}"
)

START = 1_700_000_000_000_000_000
KEYS = tuple(f"http.header.h{number}" for number in range(30))
MANY = [f"http.header.h{number}" for number in range(100)]
STORED = """
    select span_id, map_entries(attributes) as entries, attribute_types, name
    from stored.spans order by span_id
"""

COMING = """
    select span_id, map_entries(attributes), attribute_types, name
    from incoming_spans order by span_id
"""


def request(lists, rows, first=1):
    """Spans whose attributes have the keys of one of the lists, in turn."""
    sent = ExportTraceServiceRequest()
    scope_spans = sent.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = "acme.http"
    for number in range(first, first + rows):
        span = scope_spans.spans.add(
            trace_id=number.to_bytes(16),
            span_id=number.to_bytes(8),
            name="GET",
            start_time_unix_nano=START + number,
            end_time_unix_nano=START + number + 5,
        )
        for place, key in enumerate(lists[number % len(lists)]):
            value = span.attributes.add(key=key).value
            if (number + place) % 7 == 0:
                value.int_value = number
            elif (number + place) % 11:
                value.string_value = f"{number} ö {place}"
    return sent.SerializeToString()


def group(payload, decoder):
    plan = replace(MAPPING.plan, decoder=decoder)
    batch = decode_request("traces", payload, "protobuf", plan)
    return group_of([batch], [], [], NewDimensions())


def stored(payloads, decoder):
    """Rows of the table, and how many columns of structs each commit had."""
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        shapes = []
        for payload in payloads:
            found = group(payload, decoder)
            shapes.append(len(found.spans.shapes))
            committer.commit(found, NOW, NOW_NS)
        return store.rows(STORED), shapes


ODD = st.sampled_from(
    ["", "a\0b", "A", "a", "Ä", "ä", "key", "value", "shape:0", "attributes", "x" * 300]
)
LISTS = st.lists(
    st.lists(st.one_of(st.text(max_size=5), st.text(max_size=5), ODD), min_size=1, max_size=12),
    min_size=1,
    max_size=2,
)


@pytest.fixture(scope="module")
def writer():
    """What registers batches, and its connection."""
    with history() as store:
        connection = store.database.writer()
        yield (
            SpanWriter(connection, MAPPING, Tombstones(connection), KnownExecutions(lambda: None)),
            connection,
        )


@settings(max_examples=10)
@given(lists=LISTS)
def test_any_lists_of_keys_come_as_the_maps_they_are(writer, lists):
    """issue #6: both decoders give equal columns, however the attributes come into the database."""
    spans, connection = writer
    payload = request([keys + MANY for keys in lists] + lists, 800)
    found = group(payload, "native").spans
    event(f"{len(found.shapes)} structs")
    answers = []
    for each in (found, group(payload, "python").spans):
        spans.register(each)
        answers.append(connection.execute(COMING).fetchall())
        spans.release()
        connection.unregister("incoming_spans")
    assert answers[0] == answers[1]
    assert len(answers[0]) == 800


def test_lists_of_keys_that_many_spans_share_come_as_structs():
    """issue #6: DuckDB verifies every key of a map from Arrow; the commonest lists spare it that."""
    assert len(group(request([KEYS], 600), "native").spans.shapes) == 1
    assert len(group(request([KEYS, KEYS[::-1], ["a", "b"]], 1800), "native").spans.shapes) == 2
    assert (
        len(
            group(
                request([[f"k{n}.{k}" for k in range(120)] for n in range(12)], 1680), "native"
            ).spans.shapes
        )
        == 8
    )
    assert group(request([KEYS], 500), "native").spans.shapes == ()
    assert len(group(request([["order.id", "region"]], 8192), "native").spans.shapes) == 1
    assert group(request([["order.id", "region"]], 8191), "native").spans.shapes == ()


@pytest.mark.parametrize("spoils", [["a", "A"], [""], ["a\0b"], ["x" * 300]])
def test_keys_that_can_be_no_names_stay_in_a_map(spoils):
    """ours: DuckDB knows no case in names of fields, and the Arrow interface no zero byte."""
    assert group(request([[*KEYS, *spoils]], 600), "native").spans.shapes == ()


def test_commits_with_and_without_structs_follow_each_other():
    """ours: the batch is a view once, a registered stream the next time."""
    payloads = [
        request([KEYS], 600),
        request([KEYS], 3, first=1000),
        request([KEYS, KEYS[:20]], 1800, first=2000),
        request([KEYS], 5, first=4000),
    ]
    natively, shapes = stored(payloads, "native")
    reference, _ = stored(payloads, "python")
    assert shapes == [1, 0, 2, 0]
    assert natively == reference
    assert len(natively) == 2408


def test_spans_sent_again_are_known_however_their_attributes_come():
    """issue #2: a request sent again changes nothing; alone or beside a new span, twice in one commit."""
    payload = request([KEYS], 600)
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        assert committer.commit(group(payload, "python"), NOW, NOW_NS)[:2] == (600, 0)
        assert committer.commit(group(payload, "native"), NOW, NOW_NS)[:2] == (0, 600)
        fresh = request([KEYS], 600, first=300)
        plan = replace(MAPPING.plan, decoder="native")
        batches = [decode_request("traces", fresh, "protobuf", plan) for _ in range(2)]
        again = group_of(batches, [], [], NewDimensions())
        assert len(again.spans.shapes) == 1
        assert committer.commit(again, NOW, NOW_NS)[:2] == (299, 901)
        assert len(store.rows(STORED)) == 899


def test_a_group_with_structs_can_be_written_again_into_a_copy():
    """issue #7: while the file is copied, what is committed is noted and done again on the copy."""
    found = group(request([KEYS], 600), "native")
    assert len(found.spans.shapes) == 1
    with history() as store, history() as copy:
        for each in (store, copy):
            Committer(each.database.writer(), MAPPING).commit(found, NOW, NOW_NS)
        assert store.rows(STORED) == copy.rows(STORED)
        assert len(copy.rows(STORED)) == 600


def test_a_commit_with_structs_that_fails_leaves_nothing_and_disturbs_nothing():
    """ours: the view of the batch goes with the transaction."""
    with history() as store:
        committer = Committer(store.database.writer(), MAPPING)
        spoiled = group(request([KEYS], 600), "native")
        spoiled.logs = spoiled.spans.rows
        with pytest.raises(Unwritable):
            committer.commit(spoiled, NOW, NOW_NS)
        assert store.rows(STORED) == []
        for payload in (request([KEYS], 2), request([KEYS], 600, first=10)):
            committer.commit(group(payload, "native"), NOW, NOW_NS)
        assert len(store.rows(STORED)) == 602
