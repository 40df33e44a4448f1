"""The reference decoder of spans: an OTLP trace message to columns, in readable Python.

Every OTLP field becomes a column and nothing per span outlives the walk. Pure: opens nothing and
reads no clock. A span whose ids are not ids is refused alone (OTLP checklist C13); everything
else is stored as it is.
"""

from collections import defaultdict
from itertools import count
from typing import Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.decode import arrow
from stepscope_collector.decode.anyvalue import to_text, warn_of_strindex
from stepscope_collector.decode.batch import Batch, Plan, Rejection, column_of
from stepscope_collector.decode.dimensions import (
    content_id,
    encode_attributes,
    resource_of,
    scope_of,
)
from stepscope_collector.decode.span_columns import (
    AttributeColumn,
    EventColumns,
    LinkColumns,
    PayloadColumns,
    record_batch,
)
from stepscope_schema.attributes import HOMES, PAYLOADS, SCOPE_NAME

__all__ = [
    "CUTTABLE_BITS",
    "LIVE_BIT",
    "OWN_HOMES",
    "PREVIEW_CHARS",
    "WHOLE_VALUE_BYTES",
    "Home",
    "decode_spans",
    "next_first_row",
    "refusal",
]

WHOLE_VALUE_BYTES: Final = 8192
"""String attributes longer than this go to stored.payloads: fat values ruin scans."""

PREVIEW_CHARS: Final = 256
"""How much of such a value stays in the attribute map."""

_SHARED_CHARS: Final = 256
"""How much of a resource attribute or scope name stands in every row for the mapping to read.

Whole, a request of one long name and a million spans would become terabytes.
"""

_MAX_DIGITS: Final = 20
"""Of 2**64. Python refuses to convert texts of thousands of digits, and those come in, too."""

_NOTED_BYTES: Final = 64
"""How much of an id that is none is noted with the reason of the refusal."""

_NO_ID: Final = bytes(8)
_NO_TRACE: Final = bytes(16)
_ROWS_PER_REQUEST: Final = 1 << 24
"""More spans than a request under the size limit can hold: a span takes more than 4 bytes."""

_request_ordinal = count(1)


def next_first_row() -> int:
    """Number of the first row of the next request, whichever decoder takes it."""
    return next(_request_ordinal) * _ROWS_PER_REQUEST


class Home(NamedTuple):
    """Where a key of ours lives in spans of our own."""

    bit: int
    """Its place in `home_bits`."""
    rivals: int
    """Bits of all keys that live in the same column, this one included."""
    code: str
    """Type code that a value must have to live there."""
    payload: str | None
    """Kind of payload that it becomes; None: it has a column."""


def _homes() -> dict[str, Home]:
    codes = {"string": "s", "json": "s", "int": "i", "bool": "b"}
    homes = {}
    for key, attribute in HOMES.items():
        rivals = sum(
            1 << (other.home or 0)
            for other in HOMES.values()
            if other is attribute or (other.column and other.column == attribute.column)
        )
        bit = 1 << (attribute.home or 0)
        homes[key] = Home(bit, rivals, codes[attribute.type], PAYLOADS.get(key))
    return homes


OWN_HOMES: Final = _homes()
"""Key to home, where the scope is SCOPE_NAME."""
_HAS_STRINDEX: Final = "key_strindex" in KeyValue.DESCRIPTOR.fields_by_name
"""Older protobuf classes do not know the field."""
CUTTABLE_BITS: Final = OWN_HOMES["stepscope.input"].bit | OWN_HOMES["stepscope.output"].bit
"""Homes of payloads whose sender may have cut them."""
LIVE_BIT: Final = OWN_HOMES["stepscope.live.phase"].bit
"""Home that marks a row as a sign of life of a span that goes on."""


def decode_spans(request: ExportTraceServiceRequest, plan: Plan) -> Batch:
    """The spans of a request as columns; `batch.rows` is None when there are none to store."""
    batch = Batch("traces")
    walk = _Walk(request, plan, batch)
    for resource_spans in request.resource_spans:
        walk.resource_spans(resource_spans)
    walk.finish()
    return batch


class _Walk:
    """Fills the columns while walking one request."""

    def __init__(self, request: ExportTraceServiceRequest, plan: Plan, batch: Batch) -> None:
        total = sum(
            len(scope_spans.spans)
            for resource_spans in request.resource_spans
            for scope_spans in resource_spans.scope_spans
        )
        self._plan = plan
        self._batch = batch
        self._first_row = next_first_row()
        self._row = 0
        self._plan_keys = frozenset(plan.span_keys)
        self._max_attributes = plan.max_attributes
        # most batches have few of the keys: a column exists once a span has its key
        self._wanted: defaultdict[str, list[str | None]] = defaultdict(lambda: [None] * total)
        self._resource_wanted: dict[str, list[str | None]] = {k: [] for k in plan.resource_keys}
        self._spans: list[Span] = []
        self._trace_ids: list[bytes] = []
        self._parent_ids: list[bytes] = []
        self._resource_id: list[int] = []
        self._scope_id: list[int] = []
        self._scope_name: list[str] = []
        self._home_bits: list[int] = []
        self._raw: list[bytes | None] = []
        self._attributes = AttributeColumn()
        self._events = EventColumns()
        self._links = LinkColumns()
        self._payloads = PayloadColumns()
        self._exceptions: dict[int, tuple[str | None, str | None]] = {}

    def resource_spans(self, resource_spans) -> None:  # type: ignore[no-untyped-def]
        """Take in the spans of one resource."""
        before = self._row
        resource, schema_url = resource_spans.resource, resource_spans.schema_url
        resource_id = content_id(resource, schema_url)
        dimension = self._batch.resources.get(resource_id)
        if dimension is None:
            dimension = resource_of(resource, schema_url, resource_id)
            self._batch.resources[resource_id] = dimension
        for scope_spans in resource_spans.scope_spans:
            self._scope_spans(scope_spans)
        added = self._row - before
        self._resource_id += [resource_id] * added
        for key, values in self._resource_wanted.items():
            values += [(dimension.attributes.get(key) or "")[:_SHARED_CHARS] or None] * added

    def _scope_spans(self, scope_spans) -> None:  # type: ignore[no-untyped-def]
        before = self._row
        scope, schema_url = scope_spans.scope, scope_spans.schema_url
        scope_id = content_id(scope, schema_url)
        if scope_id not in self._batch.scopes:
            self._batch.scopes[scope_id] = scope_of(scope, schema_url, scope_id)
        homes = OWN_HOMES if scope.name == SCOPE_NAME else {}
        for span in scope_spans.spans:
            refused = refusal(span, self._max_attributes)
            if refused is not None:
                self._batch.rejections.append(refused)
                continue
            self._trace_ids.append(span.trace_id)
            self._batch.span_ids.append(span.span_id)
            self._parent_ids.append(span.parent_span_id or _NO_ID)
            self._span(span, homes)
        added = self._row - before
        self._scope_id += [scope_id] * added
        self._scope_name += [scope.name[:_SHARED_CHARS]] * added

    def _span(self, span: Span, homes: dict[str, Home]) -> None:
        row = self._row
        self._row = row + 1
        self._spans.append(span)
        self._attributes_of(span, homes, row)
        if span.events:
            self._events_of(span, row)
        self._events.offsets.append(len(self._events.name))
        if span.links:
            self._links_of(span)
        self._links.offsets.append(len(self._links.flags))
        if span.end_time_unix_nano == 0 or self._home_bits[row] & LIVE_BIT:
            self._batch.open_count += 1

    def _attributes_of(self, span: Span, homes: dict[str, Home], row: int) -> None:  # noqa: C901, PLR0915
        # The hot loop, 0.5 µs per attribute, two thirds of it in protobuf's accessors. One loop on
        # purpose: it appends to flat lists, and a call per attribute would cost a tenth.
        wanted, plan_keys = self._wanted, self._plan_keys
        keys, values = self._attributes.keys, self._attributes.values
        first = len(keys)
        codes = ""
        bits = misfits = 0
        is_exact = True
        for attribute in span.attributes:
            key = attribute.key
            if not key and _HAS_STRINDEX and attribute.key_strindex:
                warn_of_strindex()
            value = attribute.value
            # any other kind reads as "" and 0 here: asking for the kind first takes 0.1 µs more
            text: str | None = value.string_value
            if text:
                code = "s"
            elif number := value.int_value:
                text, code = str(number), "i"
            else:
                text, code = to_text(value)
            home = homes.get(key)
            if home is not None:
                bit, rivals, home_code, payload = home
                if text and home_code == code and (code != "i" or _fits_int32(text)):
                    if bits & rivals:
                        is_exact = False
                    bits |= bit
                    if payload is None:
                        wanted[key][row] = text
                    else:
                        self._payload(row, payload, key, "application/json", text)
                    continue
                misfits |= bit
            elif key in plan_keys:
                wanted[key][row] = text
            if code == "s" and text and len(text) > WHOLE_VALUE_BYTES:
                self._payload(row, "attribute", key, "text/plain", text)
                text, code = text[:PREVIEW_CHARS], "p"
            keys.append(key)
            values.append(text)
            codes += code
        if bits & CUTTABLE_BITS:
            self._note_cuts(row, first)
        count = len(keys) - first
        if count > 1 and len(set(keys[first:])) != count:
            is_exact = False
            codes = self._last_wins(first, codes)
        self._attributes.offsets.append(len(keys))
        self._attributes.types.append(codes if codes.strip("s") else None)
        self._home_bits.append(bits)
        # a key both in its home and in the map stood twice: only raw says which one was last
        self._raw.append(None if is_exact and not bits & misfits else span.SerializeToString())

    def _last_wins(self, first: int, codes: str) -> str:
        """Keep of equal keys the last: DuckDB's MAP refuses a key twice (OTLP checklist C19)."""
        keys, values = self._attributes.keys, self._attributes.values
        last = {
            key: (value, code)
            for key, value, code in zip(keys[first:], values[first:], codes, strict=True)
        }
        keys[first:] = list(last)
        values[first:] = [value for value, _ in last.values()]
        return "".join(code for _, code in last.values())

    def _note_cuts(self, row: int, first: int) -> None:
        """Give the payloads of this row the size and hash their sender had before it cut them."""
        said = dict(
            zip(self._attributes.keys[first:], self._attributes.values[first:], strict=True)
        )
        columns = self._payloads
        for i in range(len(columns.row) - 1, -1, -1):
            if columns.row[i] != self._first_row + row:
                break
            size = said.get(f"{columns.key[i]}.size")
            if size is not None and len(size) <= _MAX_DIGITS and size.isdecimal():
                columns.size_bytes[i] = min(int(size), (1 << 64) - 1)
                columns.sha256[i] = said.get(f"{columns.key[i]}.sha256")
                columns.is_truncated[i] = True

    def _payload(self, row: int, kind: str, key: str, media_type: str, body: str) -> None:
        columns = self._payloads
        columns.row.append(self._first_row + row)
        columns.kind.append(kind)
        columns.key.append(key)
        columns.media_type.append(media_type)
        columns.body.append(body)
        columns.size_bytes.append(len(body) if body.isascii() else len(body.encode()))
        columns.sha256.append(None)
        columns.is_truncated.append(False)

    def _events_of(self, span: Span, row: int) -> None:
        events = self._events
        for event in span.events:
            texts, codes, is_exact = encode_attributes(event.attributes)
            if not is_exact:
                self._raw[row] = span.SerializeToString()
            events.time.append(event.time_unix_nano)
            events.name.append(event.name)
            events.attributes.add(texts, codes)
            events.dropped.append(event.dropped_attributes_count)
            if event.name == "exception":
                self._exceptions[row] = (
                    texts.get("exception.type"),
                    texts.get("exception.message"),
                )

    def _links_of(self, span: Span) -> None:
        links = self._links
        for link in span.links:
            texts, codes, is_exact = encode_attributes(link.attributes)
            if not is_exact:
                self._raw[-1] = span.SerializeToString()
            links.trace_id.append(link.trace_id)
            links.span_id.append(link.span_id)
            links.trace_state.append(link.trace_state)
            links.attributes.add(texts, codes)
            links.dropped.append(link.dropped_attributes_count)
            links.flags.append(link.flags)

    def finish(self) -> None:
        """Turn the filled columns into Arrow."""
        rows = self._row
        batch = self._batch
        batch.row_count = rows
        if rows == 0:
            return
        spans = self._spans
        statuses = [span.status for span in spans]
        maps, types = self._attributes.arrays()
        columns = {
            "span_row": arrow.uint64s(range(self._first_row, self._first_row + rows)),
            "trace_id": arrow.uuids(self._trace_ids),
            "span_id": arrow.big_endian_u64(batch.span_ids),
            "parent_span_id": arrow.big_endian_u64(self._parent_ids),
            "trace_state": arrow.strings([span.trace_state or None for span in spans]),
            "flags": arrow.uint32s([span.flags for span in spans]),
            "name": arrow.strings([span.name for span in spans]),
            "kind": arrow.int32s([span.kind for span in spans]),
            "start_time_unix_nano": arrow.uint64s([s.start_time_unix_nano for s in spans]),
            "end_time_unix_nano": arrow.uint64s([s.end_time_unix_nano for s in spans]),
            "status_code": arrow.int32s([status.code for status in statuses]),
            "status_message": arrow.strings([status.message or None for status in statuses]),
            "attributes": maps,
            "attribute_types": types,
            "home_bits": arrow.uint64s(self._home_bits),
            "dropped_attributes_count": arrow.uint32s(
                [span.dropped_attributes_count for span in spans]
            ),
            "events": self._events.array(),
            "dropped_events_count": arrow.uint32s([span.dropped_events_count for span in spans]),
            "links": self._links.array(),
            "dropped_links_count": arrow.uint32s([span.dropped_links_count for span in spans]),
            "raw": arrow.binaries(self._raw),
            "resource_id": arrow.uint64s(self._resource_id),
            "scope_id": arrow.uint64s(self._scope_id),
            "scope_name": arrow.strings(self._scope_name),
            "exception_type": arrow.strings(self._exception_column(0)),
            "exception_message": arrow.strings(self._exception_column(1)),
        }
        asked = {}
        for key in dict.fromkeys((*HOMES, *self._plan.span_keys)):
            values = self._wanted.get(key, ())[:rows]
            if values.count(None) < len(values):
                asked[column_of("attr", key)] = arrow.strings(values)
        for key, values in self._resource_wanted.items():
            if any(values):
                asked[column_of("resource", key)] = arrow.strings(values)
        batch.rows = record_batch(columns | asked)
        batch.payloads = self._payloads.batch()

    def _exception_column(self, part: int) -> list[str | None]:
        column: list[str | None] = [None] * self._row
        for row, exception in self._exceptions.items():
            column[row] = exception[part]
        return column


def _fits_int32(text: str) -> bool:
    return -(1 << 31) <= int(text) < 1 << 31


def refusal(span: Span, max_attributes: int) -> Rejection | None:
    """Why a span is not stored; None: it is.

    Args:
        span: as it was received.
        max_attributes: it may have; 0: any number.
    """
    trace_id, span_id = span.trace_id, span.span_id
    if (
        len(trace_id) != 16
        or len(span_id) != 8
        or len(span.parent_span_id) not in (0, 8)
        or trace_id == _NO_TRACE
        or span_id == _NO_ID
    ):
        return _rejection(span)
    if max_attributes and len(span.attributes) > max_attributes:
        return _too_many(span, max_attributes)
    return None


def _too_many(span: Span, limit: int) -> Rejection:
    return Rejection(
        "too_many_attributes",
        f"span of {len(span.attributes)} attributes exceeds limits.max_attributes={limit}",
        span.trace_id.hex(),
        span.span_id.hex(),
        span.name[:PREVIEW_CHARS],
    )


def _rejection(span: Span) -> Rejection:
    """Why a span with such ids cannot be stored (OTLP checklist C13, C14)."""
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    for reason, value, length in (
        ("invalid_trace_id", trace_id, 16),
        ("invalid_span_id", span_id, 8),
    ):
        if len(value) != length:
            message = f"{reason.replace('_', ' ')}: {len(value)} bytes, must be {length}"
            break
        if value == bytes(length):
            message = f"{reason.replace('_', ' ')}: all zero"
            break
    else:
        reason = "invalid_parent_span_id"
        message = f"invalid parent span id: {len(parent)} bytes, must be 0 or 8"
    return Rejection(
        reason,
        message,
        trace_id[:_NOTED_BYTES].hex(),
        span_id[:_NOTED_BYTES].hex(),
        span.name[:PREVIEW_CHARS],
    )
