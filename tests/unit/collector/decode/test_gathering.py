"""Requests whose spans share columns have the rows they have alone."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode import native
from stepscope_collector.decode.batch import Batch, Plan
from stepscope_collector.decode.native import gathering, in_use, is_native, native_part
from stepscope_collector.decode.request import decode_request
from stepscope_collector.decode.streams import spans_together, table_of, together
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from tests.fuzz.targets import MESSAGES
from tests.strategies.messages import messages
from tests.strategies.otlp import trace_requests
from tests.unit.collector.decode.compare import comparable

PLAN = compile_profiles(load_shipped()).plan
MIB = 1 << 20

pytestmark = pytest.mark.skipif(
    in_use("auto").decoder != "native", reason=f"no native decoder: {in_use('auto').reason}"
)


def decoded(payload: bytes, columns: Any = None, plan: Plan = PLAN) -> Batch:
    """A request, with the columns of others or with its own."""
    return decode_request("traces", payload, "protobuf", plan, columns)


def request(
    first: int, count: int = 3, service: str = "shop", scope: str = "stepscope", **fields: Any
) -> bytes:
    """A request of spans with the ids from `first` on."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    for number in range(first, first + count):
        ids = {"trace_id": b"t" * 16, "span_id": number.to_bytes(8)}
        scope_spans.spans.add(**{"name": f"n{number}", **ids, **fields})
    return message.SerializeToString()


def text(key: str, value: str) -> dict[str, Any]:
    """An attribute."""
    return {"key": key, "value": {"string_value": value}}


INPUT = {"attributes": [text("stepscope.input", '{"a": 1}'), text("k", "v")]}
STOOD_TWICE = {"attributes": [text("k", "v"), text("k", "w")]}
EVENTS = {
    "events": [
        {"name": "exception", "attributes": [text("exception.type", "E\N{SNOWMAN}")]},
        {"name": "\N{SNOWMAN}", "attributes": [text("k", "v")]},
    ],
    "links": [{"trace_id": b"l" * 16, "span_id": b"l" * 8, "attributes": [text("l", "m")]}],
}


@pytest.fixture
def columns() -> Any:
    """Columns to share, after each resource and scope of `request` has been seen."""
    found = gathering()
    for scope in ("stepscope", "other"):
        decoded(request(900, 1, scope=scope), found)
    return found


def is_gathered(columns: Any, payload: bytes) -> bool:
    """Whether the request shares the columns."""
    return native._kernel(PLAN).gather(columns, payload, 0) is not None


def values(rows: Any) -> dict[str, list[Any]]:
    """The columns of rows, without the numbers of these."""
    table = table_of(rows)
    return {
        name: table.column(name).to_pylist() for name in table.column_names if name != "span_row"
    }


def texts(rows: Any) -> dict[str, str]:
    """The same as text, in which NaN equals NaN; no rows have no columns."""
    return {} if rows is None else {name: repr(each) for name, each in values(rows).items()}


def assert_alone(batches: Sequence[Batch], payloads: Sequence[bytes], plan: Plan = PLAN) -> None:
    """Each has what it has alone, and so have all of them together."""
    alone = [decoded(payload, plan=plan) for payload in payloads]
    assert texts(spans_together(batches)) == texts(spans_together(alone))
    mine, theirs = ([batch.payloads for batch in each] for each in (batches, alone))
    assert texts(together(mine)) == texts(together(theirs))
    for batch, other in zip(batches, alone, strict=True):
        assert comparable(batch) == comparable(other)


@given(drawn=st.lists(trace_requests, min_size=1, max_size=4), data=st.data())
def test_likely_requests_share_columns(drawn: list[Any], data: st.DataObject) -> None:
    """issue #6: a property test on equal columns, whatever stands beside them."""
    payloads = [each.SerializeToString() for each in drawn]
    found = gathering()
    for payload in payloads:
        decoded(payload, found)
    again = data.draw(st.permutations(payloads))
    assert_alone([decoded(payload, found) for payload in again], again)


@given(
    drawn=st.lists(messages(MESSAGES["traces"]), min_size=1, max_size=3),
    broken=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
)
def test_any_requests_share_columns(drawn: list[Any], broken: list[tuple[int, int]]) -> None:
    """issue #6: hostile input; what is in a request changes no other."""
    plan = replace(PLAN, max_attributes=1)
    payloads = [request(1), *(each.SerializeToString() for each in drawn), request(2)]
    found = gathering()
    for payload in payloads:
        decoded(payload, found, plan)
    bad = bytearray(payloads[1])
    for place, byte in broken if bad else ():
        bad[place % len(bad)] = byte
    begun = [decoded(payload, found, plan) for payload in payloads[:2]]
    native._kernel(plan).gather(found, bytes(bad), 0)
    rest = [decoded(payload, found, plan) for payload in payloads[2:]]
    assert_alone([*begun, *rest], payloads, plan)


def test_ordinary_requests_share_columns(columns: Any) -> None:
    """issue #6: small requests must not cost columns of their own."""
    payloads = [request(1), request(4, **INPUT), request(7, **EVENTS), request(10, scope="other")]
    batches = [decoded(payload, columns) for payload in payloads]
    assert columns.bytes == sum(map(len, payloads))
    assert_alone(batches, payloads)
    assert columns.bytes == 0  # read, so closed


def test_strange_requests_have_columns_of_their_own(columns: Any) -> None:
    """ours: what is refused, kept whole, broken or not UTF-8 leaves nothing among the rows of others."""
    good = request(1, 3, **EVENTS)
    batches = [decoded(good, columns)]
    payloads = [good]
    bad = [
        request(20, 2, **STOOD_TWICE),
        request(30, 2, span_id=b"short"),
        request(40, 2, **INPUT).replace(b'{"a"', b'{"\xff"'),
        request(50, 2, **EVENTS).replace("\N{SNOWMAN}".encode(), b"\xe2\x98?"),
        request(60, 2, name="abc").replace(b"abc", b"ab\xe2", 1).replace(b"abc", b"\x98\x83c", 1),
        request(70, 2, service="never seen"),
    ]
    for payload in bad:
        before = columns.bytes
        assert not is_gathered(columns, payload)
        assert columns.bytes == before
        payloads += [payload, good]
        batches += [decoded(payload, columns), decoded(good, columns)]
    for end in range(0, len(good), 7):
        native._kernel(PLAN).gather(columns, good[:end], 0)
    assert_alone(batches, payloads)


def test_a_request_with_any_wrong_byte_leaves_the_others_as_they_are(columns: Any) -> None:
    """ours: whatever part of a span is there when its bytes are wrong, it is gone before the next request."""
    payload = request(1, 2, **INPUT, **EVENTS)
    batches = [decoded(payload, columns)]
    for place in range(len(payload)):
        wrong = payload[:place] + b"\xff" + payload[place + 1 :]
        native._kernel(PLAN).gather(columns, wrong, 0)
        if place % 9 == 0:
            batches.append(decoded(payload, columns))
    assert_alone(batches, [payload] * len(batches))


def test_rows_may_be_read_while_others_are_added(columns: Any) -> None:
    """ours: a commit takes some of what waits; the rest goes into the next, with what came since."""
    payloads = [request(n * 3, **(INPUT if n % 2 else EVENTS)) for n in range(1, 8)]
    early = [decoded(payload, columns) for payload in payloads[:4]]
    assert spans_together(early[:2]).num_rows == 6
    late = [decoded(payload, columns) for payload in payloads[4:]]
    assert_alone([*early[2:], *late], payloads[2:])
    chosen = [early[3], late[2], early[0]]
    assert_alone(chosen, [payloads[3], payloads[6], payloads[0]])


def test_columns_that_only_others_have_are_not_there(columns: Any) -> None:
    """ours: a column of nulls would cost every statement of the commit."""
    payloads = [request(1), request(4, attributes=[text(PLAN.span_keys[0], "x")])]
    batches = [decoded(payload, columns) for payload in payloads]
    groups = [group_of([batch], [], [], NewDimensions()).spans for batch in batches]
    found = [set() if spans is None else spans.columns for spans in groups]
    assert found[1] - found[0]
    assert_alone(batches, payloads)


def test_shared_rows_own_rows_and_those_of_the_reference_go_together(columns: Any) -> None:
    """ours: requests in JSON, strange ones and ordinary ones share a commit."""
    payloads = [request(1, **INPUT), request(4, **STOOD_TWICE), request(7, **EVENTS), request(10)]
    batches = [decoded(payload, columns) for payload in payloads]
    assert_alone(batches, payloads)
    batches[3] = decoded(payloads[3], plan=replace(PLAN, decoder="python"))
    assert [batch.rows is not None and is_native(batch.rows) for batch in batches] == [
        True, True, True, False,
    ]  # fmt: skip
    spans = group_of(batches, [], [], NewDimensions()).spans
    assert spans is not None
    assert spans.rows.num_rows == 12
    assert "attr:stepscope.input" not in spans.columns  # a payload
    assert "resource:service.name" in spans.columns


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_request_is_cut_into_parts(columns: Any, is_shared: bool) -> None:
    """ours: a commit may take the first rows of a request and leave the others to the next."""
    payloads = [request(n * 3, **EVENTS, **INPUT) for n in range(1, 5)]
    shared = columns if is_shared else None
    first, whole, last, _ = [decoded(payload, shared).rows for payload in payloads]
    assert whole is not None
    parts = [native_part(whole, *each) for each in ((0, 2), (2, 1), (0, 3), (3, 0))]
    assert [part.num_rows for part in parts] == [2, 1, 3, 0]
    assert (columns.bytes > 0) == is_shared  # nobody has read them
    for wrong in ((0, 4), (3, 1), (4, 0), (1, (1 << 64) - 1)):
        with pytest.raises(ValueError, match="not so many rows"):
            native_part(whole, *wrong)
    assert values(together([first, *parts[:2], last])) == values(together([first, whole, last]))
    assert values(parts[2]) == values(whole)
    with duckdb.connect() as connection:
        read = "select name, attributes, events, links, resource_id from part"
        connection.register("part", whole)
        answers = connection.execute(read).fetchall()
        for part, expected in ((parts[0], answers[:2]), (parts[1], answers[2:]), (parts[3], [])):
            connection.register("part", part)
            assert connection.execute(read).fetchall() == expected


def test_another_plan_has_other_columns(columns: Any) -> None:
    """ours: profiles may be loaded anew while requests wait."""
    other = replace(PLAN, span_keys=("k",), resource_keys=())
    payloads = [request(1, **INPUT)] * 2
    decoded(payloads[0], columns, other)
    batches = [
        decoded(payloads[0], columns),
        decoded(payloads[1], columns, other),
        decoded(payloads[0], columns),
    ]
    assert_alone(batches[::2], payloads)
    assert_alone([batches[1]], payloads[:1], other)


def test_what_is_remembered_is_bounded(columns: Any) -> None:
    """R-limits, issue #6: a sender that makes up resources fills nothing, and pushes nobody out for long."""
    decoded(request(1, 1, service="first"), columns)
    decoded(request(1, 1, service="busy"), columns)
    for number in range(2100):
        decoded(request(1, 1, service=f"made up {number}"), columns)
        if number % 500 == 0:
            assert is_gathered(columns, request(1, 1, service="busy"))
    assert not is_gathered(columns, request(1, 1, service="first"))
    assert is_gathered(columns, request(1, 1, service="made up 2099"))
    large = request(1, 1, service="x" * 5000)
    for _ in range(2):
        decoded(large, columns)
    assert not is_gathered(columns, large)


def test_columns_are_bounded(columns: Any) -> None:
    """issue #6: a request that waits holds the columns it shares, so those have an end."""
    fat = request(1, 1, name="x" * (6 * MIB))
    batches = []
    for expected in (6, 12, 6, 12):
        batches.append(decoded(fat, columns))
        assert columns.bytes // MIB == expected
    assert not is_gathered(columns, request(1, 1, name="x" * (17 * MIB)))
    assert spans_together(batches).num_rows == 4
    batches.append(decoded(request(1), columns))
    assert columns.bytes > 0
    batches.clear()
    assert columns.bytes == 0  # gone with its rows


def test_threads_share_columns(columns: Any) -> None:
    """issue #6: the interpreter's lock is released for large requests; each has its own rows."""
    payloads = [request(n * 1000, 2 if n % 2 else 900, **INPUT) for n in range(1, 9)]
    batches: dict[int, list[Batch]] = {n: [] for n in range(len(payloads))}

    def work(number: int) -> None:
        for turn in range(20):
            batches[number].append(decoded(payloads[number], columns))
            if turn % 5 == 0:
                spans_together(batches[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    for number, found in batches.items():
        expected = values(decoded(payloads[number]).rows)
        for batch in found:
            assert batch.rows is not None
            assert values(batch.rows)["span_id"] == expected["span_id"]
