"""A request of spans in two parts, and both together again."""

from itertools import chain

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stepscope_collector.decode.streams import cut, may_repeat, spans_together
from tests.strategies.otlp import trace_requests
from tests.strategies.workflows import request, span
from tests.unit.collector.decode.rows import decode, dicts, rows_of
from tests.unit.collector.taking import MAPPING


@pytest.mark.usefixtures("decoder")
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(made=st.lists(trace_requests, min_size=2, max_size=4), data=st.data())
def test_the_parts_of_any_request_are_its_rows(made, data):
    """issue #6: requests are cut where a row group ends; what a span says is the same on either side."""
    whole = made[0]
    for each in made[1:]:
        whole.MergeFrom(each)
    batch = decode(whole, MAPPING.plan)
    assume(batch.row_count > 1)
    rows = data.draw(st.integers(1, batch.row_count - 1))
    before = repr(rows_of(batch))
    first, others = cut(batch, rows)
    assert (first.row_count, others.row_count) == (rows, batch.row_count - rows)
    assert repr([*rows_of(first), *rows_of(others)]) == before == repr(rows_of(batch))
    assert repr(dicts(spans_together([first, others]))) == before
    assert [*first.span_ids, *others.span_ids] == batch.span_ids
    assert may_repeat([first, others], spans_together([first, others])) == may_repeat(
        [batch], batch.rows
    )
    # what is told of the request goes with its end, what its rows refer to with both
    assert (first.rejections, first.warnings) == ([], [])
    assert (others.rejections, others.warnings) == (batch.rejections, batch.warnings)
    for part in (first, others):
        used = {row["resource_id"] for row in rows_of(part)}
        assert used <= set(part.resources)
        assert {row["scope_id"] for row in rows_of(part)} <= set(part.scopes)
        assert (part.open_count > 0) == (batch.open_count > 0)


@pytest.mark.usefixtures("decoder")
def test_a_part_of_a_part_is_cut_as_well():
    """issue #6: one request may be of many row groups."""
    sent = [span(f"s{n}", scope="x", attributes={"n": str(n)}) for n in range(100)]
    batch = decode(request(sent), MAPPING.plan)
    parts = []
    rest = batch
    for rows in (1, 7, 30):
        part, rest = cut(rest, rows)
        parts.append(part)
    parts.append(rest)
    assert [part.row_count for part in parts] == [1, 7, 30, batch.row_count - 38]
    assert repr([*chain.from_iterable(map(rows_of, parts))]) == repr(rows_of(batch))
