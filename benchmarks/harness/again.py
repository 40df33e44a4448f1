"""One request sent for ever: fresh ids and later times are written into its bytes, which costs next to nothing."""

import random
import struct
from collections.abc import Iterator
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Again"]

EXECUTION_ID: Final = "workflow.execution.id"
_HEX: Final = 0xFFFF_FFFF_FFFF


class Again:
    """Requests like `template`, a serialised request of the shape `own`, all different to the collector.

    Each span keeps its place in the tree; trace, span and execution ids are drawn from `rng`, and each
    request is `step_ns` later than the one before.
    """

    def __init__(self, template: bytes, rng: random.Random, step_ns: int) -> None:
        self._bytes = bytearray(template)
        self._rng = rng
        self._step_ns = step_ns
        ids, executions, times = _values(template)
        self._ids = [(len(each), _offsets(template, each)) for each in ids]
        self._executions = [_offsets(template, each) for each in executions]
        self._times = [
            (at, offset) for at in times for offset in _offsets(template, struct.pack("<Q", at))
        ]
        self._start_ns = min(times)
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        """Without an end."""
        while True:
            yield self.next()

    def next(self) -> bytes:
        """One more request."""
        self._sent += 1
        later = self._sent * self._step_ns
        content = self._bytes
        for size, offsets in self._ids:
            fresh = self._rng.randbytes(size)
            for offset in offsets:
                content[offset : offset + size] = fresh
        milliseconds = (self._start_ns + later) // 1_000_000
        for offsets in self._executions:
            fresh = _uuid7(milliseconds, self._rng)
            for offset in offsets:
                content[offset : offset + 36] = fresh
        for at, offset in self._times:
            struct.pack_into("<Q", content, offset, at + later)
        return bytes(content)


def _values(template: bytes) -> tuple[list[bytes], list[bytes], list[int]]:
    """Distinct ids of traces and spans, execution ids as text, and times of a request."""
    ids: set[bytes] = set()
    executions: set[bytes] = set()
    times: set[int] = set()
    for resource_spans in ExportTraceServiceRequest.FromString(template).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                ids |= {span.trace_id, span.span_id}
                times |= {span.start_time_unix_nano, span.end_time_unix_nano}
                executions |= {
                    each.value.string_value.encode()
                    for each in span.attributes
                    if each.key == EXECUTION_ID
                }
    return sorted(ids), sorted(executions), sorted(times)


def _offsets(template: bytes, part: bytes) -> list[int]:
    """Where `part` stands."""
    found = []
    at = template.find(part)
    while at >= 0:
        found.append(at)
        at = template.find(part, at + len(part))
    return found


def _uuid7(milliseconds: int, rng: random.Random) -> bytes:
    time, chance = f"{milliseconds & _HEX:012x}", f"{rng.getrandbits(72):018x}"
    text = f"{time[:8]}-{time[8:]}-7{chance[:3]}-8{chance[3:6]}-{chance[6:]}"
    return text.encode()
