"""Requests that a benchmark sends for ever are all different, and otherwise like the first."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
MAKE = """
import json, random
from harness.again import Again
from harness.requests import START_NS, own
template = own(random.Random(1), 64, START_NS)
again = Again(template, random.Random(2), 1_000_000_000)
print(json.dumps([each.hex() for each in (template, again.next(), again.next())]))
"""


def requests() -> list[ExportTraceServiceRequest]:
    """A ready request and the next two."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE],
        cwd=BENCHMARKS, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [
        ExportTraceServiceRequest.FromString(bytes.fromhex(each))
        for each in json.loads(done.stdout)
    ]


def spans(request: ExportTraceServiceRequest) -> list[Any]:
    return list(request.resource_spans[0].scope_spans[0].spans)


def execution(span: Any) -> str:
    found = {each.key: each.value.string_value for each in span.attributes}
    return found["workflow.execution.id"]


def shape(request: ExportTraceServiceRequest) -> list[Any]:
    """Everything but ids and the time of the request: places stand for ids."""
    every = spans(request)
    places = {span.span_id: place for place, span in enumerate(every)}
    first = min(span.start_time_unix_nano for span in every)
    traces = list(dict.fromkeys(span.trace_id for span in every))
    executions = list(dict.fromkeys(execution(span) for span in every))
    return [
        (
            span.name,
            traces.index(span.trace_id),
            executions.index(execution(span)),
            places.get(span.parent_span_id),
            span.start_time_unix_nano - first,
            span.end_time_unix_nano - first,
            [
                (each.key, each.value.SerializeToString())
                for each in span.attributes
                if each.key != "workflow.execution.id"
            ],
        )
        for span in every
    ]


def test_each_request_has_ids_of_its_own_and_the_same_shape() -> None:
    """issue #6: full load on the write path, not on the filter of duplicates."""
    made = requests()
    assert shape(made[0]) == shape(made[1]) == shape(made[2])
    for name in (lambda span: span.span_id, lambda span: span.trace_id, execution):
        drawn = [{name(span) for span in spans(request)} for request in made]
        assert len(set.union(*drawn)) == sum(map(len, drawn))


def test_each_request_is_later_than_the_one_before() -> None:
    """issue #6: histories grow at their end."""
    starts = [spans(request)[0].start_time_unix_nano for request in requests()]
    assert [later - starts[0] for later in starts] == [0, 10**9, 2 * 10**9]
