"""What was deleted is taken out of the queue: nothing else is, and every reader stays where it was."""

import grpc
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.tee import Deleted, Record
from stepscope_collector.tee.erase import without
from stepscope_collector.tee.journal import Journal, Place
from tests.integration.collector.tees import as_json, other, spans
from tests.strategies.workflows import execution, request, step, trace_id
from tests.unit.collector.tee.queues import WAIT_S, made, put, until


def run_of(name):
    return request([execution("w", name, trace=name), step("s", name, trace=name, parent="w")])


def names_in(record):
    message = ExportTraceServiceRequest.FromString(record.body)
    found = [
        span
        for each in message.resource_spans
        for scope in each.scope_spans
        for span in scope.spans
    ]
    return [span.trace_id for span in found]  # fmt: skip


def deleted(*names):
    return Deleted(frozenset(names), frozenset(map(trace_id, names)), frozenset())


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4), max_size=8),
    st.sets(st.sampled_from("abcd"), max_size=3),
    st.integers(0, 100),
)
def test_only_what_was_deleted_goes_and_places_stay(tmp_path_factory, requests, gone, at):
    """R017: the rest is read from every place as before, also after a restart."""
    folder = tmp_path_factory.mktemp("tee")
    journal = Journal(folder, 2**30)
    for names in requests:
        body = b"".join(run_of(name).SerializeToString() for name in names)
        journal.append([Record("traces", "protobuf", body, 2 * len(names), "", 1)])
        journal.publish()
    segment, place, _ = journal.open("one", Place(1, 1, 0))
    places = [place]
    while (found := segment.read(places[-1].offset, journal.published_end(1))) is not None:
        places.append(Place(found[0].sequence + 1, 1, found[1]))
    segment.close()
    journal.begin_file()
    journal.erase(deleted(*gone))
    journal.close()
    journal = Journal(folder, 2**30)
    start = places[at % len(places)]
    segment, place, lost = journal.open("one", start)
    assert (place, lost) == (start, None)
    left, offset = [], place.offset
    while (found := segment.read(offset, journal.published_end(1))) is not None:
        record, offset = found
        if record.signal == "traces":
            left += names_in(record)
            assert record.rows == len(names_in(record))
    segment.close()
    journal.close()
    expected = [n for names in requests[start.sequence - 1 :] for n in names if n not in gone]
    assert left == [trace_id(n) for n in expected for _ in range(2)]
    held = b"".join(path.read_bytes() for path in folder.glob("*.requests"))
    assert not any(trace_id(name) in held for name in gone)


def test_a_trace_shared_with_others_loses_the_spans_alone():
    """R017: spans by their ids where a trace holds other executions; who names it keeps the rest."""
    own = execution("w", "a", trace="t")
    child = execution(
        "x", "b", trace="t", parent="w", attributes={"stepscope.execution.parent_id": "a"}
    )
    pair = (trace_id("t"), own.span.span_id)
    record = Record("traces", "protobuf", request([own, child]).SerializeToString(), 2)
    left = without(record, Deleted(frozenset({"a"}), frozenset(), frozenset({pair})))
    assert left is not None
    assert left.rows == 1
    assert b"stepscope.execution.parent_id" in left.body
    assert own.span.span_id not in left.body.replace(child.span.parent_span_id, b"", 1)
    (attribute,) = [
        each
        for each in ExportTraceServiceRequest.FromString(left.body).resource_spans[0].scope_spans[0].spans[0].attributes
        if each.key == "stepscope.execution.parent_id"
    ]  # fmt: skip
    assert attribute.value.string_value == ""


def test_requests_in_json_are_read_to_tell():
    """R017: JSON can write the same id in many ways."""
    text = as_json(run_of("a")).replace('"a"', '"\\u0061"').encode()
    record = Record("traces", "json", text, 2)
    assert without(record, deleted("a")) is None
    assert without(record, deleted("b")) is record
    assert without(Record("traces", "protobuf", b"\xff", 1), deleted("a")).body == b"\xff"


def test_what_is_sent_again_and_again_is_read_anew(tmp_path):
    """R017: an endpoint that comes back gets nothing of what was deleted while it was down."""
    is_down = True

    def answer(_payload, context):
        if is_down:
            context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        return b""

    with other(answer) as (endpoint, taken):
        tee, _ = made(tmp_path, endpoint)
        put(tee, 1, 2)
        tee.start()
        until(lambda: taken)
        of_one = ExportTraceServiceRequest.FromString(spans(1).SerializeToString())
        pairs = {
            (span.trace_id, span.span_id) for span in of_one.resource_spans[0].scope_spans[0].spans
        }
        tee.begin_file()
        tee.erase(Deleted(frozenset({"E1"}), frozenset(), frozenset(pairs)))
        del taken[:]
        is_down = False
        until(lambda: tee.status()[0]["queued_requests"] == 0)
        last = taken[-1][0]
        assert b"E1" not in last
        assert b"E2" in last
        tee.stop(WAIT_S)
