"""The decoder in Rust, where its wheel is installed: the columns of the reference, ten times faster.

The kernel (folder `native/`) walks the bytes of a request, outside the interpreter's lock. What is
said once for many rows (resources, scopes) and what is rare (refused spans, messages kept whole) it
hands back as bytes, and the functions of the reference read those. Strings that are not UTF-8 are mended as
for the reference, and then the request is decoded here all the same. A request that is out of the
ordinary in any other way it does not decode at all: broken bytes, fields
given twice, groups, values nested more than 32 deep, log records that tell of spans, data points with a
key twice. The reference has the last word on those.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stepscope_collector.decode.batch import (
    Batch,
    Decoder,
    Dimension,
    Plan,
    Rows,
    Signal,
    column_of,
)
from stepscope_collector.decode.dimensions import content_id, resource_of, scope_of
from stepscope_collector.decode.metrics import NO_DATA
from stepscope_collector.decode.partial_spans import is_start
from stepscope_collector.decode.repair import MESSAGES, repair_utf8, repaired
from stepscope_collector.decode.spans import (
    CUTTABLE_BITS,
    LIVE_BIT,
    OWN_HOMES,
    next_first_row,
    refusal,
)
from stepscope_collector.errors import ConfigError
from stepscope_schema.attributes import SCOPE_NAME

try:
    import stepscope_native
except ImportError:
    _is_there = False
else:
    _is_there = True

__all__ = [
    "InUse",
    "chosen",
    "decode_natively",
    "gathering",
    "id_set",
    "in_use",
    "is_native",
    "native_module",
    "native_part",
    "native_shaped",
    "native_together",
]

_API: Final = 10
"""What this module and the kernel must agree on; counted up with every change of their calls."""

_KEPT_BYTES: Final = 4096
"""Resources and scopes up to this size are remembered from one request to the next."""


_ITEMS: Final[dict[Signal, type[Message]]] = {
    "traces": Span,
    "logs": LogRecord,
    "metrics": NumberDataPoint,
}
"""What a row is made of; a data point that is to be kept whole goes to the reference."""


class InUse(NamedTuple):
    """Which decoder takes requests in protobuf."""

    decoder: Decoder
    """native or python."""
    reason: str
    """Why, in words for `stepscope doctor` and the log."""


def in_use(wanted: Decoder) -> InUse:
    """The decoder for a setting of `ingest.decoder`; python where the native one is not there."""
    if wanted == "python":
        return InUse("python", "ingest.decoder=python")
    if not _is_there:
        return InUse("python", "stepscope-native is not installed")
    if stepscope_native.API != _API:
        return InUse(
            "python",
            f"stepscope-native {stepscope_native.__version__} is of another version: its interface is "
            f"{stepscope_native.API}, must be {_API}",
        )
    return InUse("native", f"stepscope-native {stepscope_native.__version__} is installed")


def chosen(wanted: Decoder) -> InUse:
    """The same, where a decoder that is asked for by name has to be there.

    Raises:
        ConfigError: the native decoder is asked for, and it cannot be used.
    """
    found = in_use(wanted)
    if wanted == "native" and found.decoder != "native":
        raise ConfigError(
            f"ingest.decoder=native cannot be: {found.reason}; install the wheel of native/ that "
            "belongs to this version, or set ingest.decoder=auto"
        )
    return found


def native_module() -> Any:
    """The native part; only where `in_use` says that it is there."""
    return stepscope_native


def gathering() -> Any:
    """A place for `decode_natively` to gather the spans of requests in; None without the native decoder."""
    return stepscope_native.Gathering() if in_use("auto").decoder == "native" else None


def id_set(folder: Path | None = None) -> Any:
    """A set of hashes of 63 bits; None without the native decoder.

    Args:
        folder: where most of millions stand in files, which have no names and are gone with the process; None: all stay
            in memory, three to five bytes each.
    """
    return stepscope_native.IdSet(folder) if in_use("auto").decoder == "native" else None


def decode_natively(
    signal: Signal, payload: bytes, plan: Plan, gathering: Any = None
) -> Batch | None:
    """The rows of an uncompressed request in protobuf; None: the reference has to decode it.

    Args:
        signal: what the request carries.
        payload: the request.
        plan: of the columns.
        gathering: columns that the spans of ordinary requests, of which resources and scopes have been
            seen, are appended to: for requests that wait for one commit that costs a fourth
            of columns of their own, and they are together already. Whoever reads rows closes their columns.

    Raises:
        PayloadUndecodable: strings are not UTF-8, and what is around them is not protobuf.
    """
    if in_use(plan.decoder).decoder != "native":
        return None
    if gathering is not None and signal == "traces":
        batch = _gathered(payload, plan, gathering)
        if batch is not None:
            return batch
    try:
        return _decoded(signal, payload, plan)
    except stepscope_native.NotUtf8:
        pass
    except (stepscope_native.Odd, DecodeError):
        return None
    mended, count = repair_utf8(payload, MESSAGES[signal])
    try:
        batch = _decoded(signal, mended, plan)
    except (stepscope_native.Odd, DecodeError):
        return None
    if batch is not None:
        batch.warnings.append(repaired(count))
    return batch


def _gathered(payload: bytes, plan: Plan, gathering: Any) -> Batch | None:
    found = _kernel(plan).gather(gathering, payload, next_first_row())
    if found is None:
        return None
    row_count, open_count, rows, payloads, resources, scopes = found
    return Batch(
        "traces",
        row_count=row_count,
        rows=rows,
        payloads=payloads,
        resources={each.id: each for each in resources},
        scopes={each.id: each for each in scopes},
        open_count=open_count,
    )


def _decoded(signal: Signal, payload: bytes, plan: Plan) -> Batch | None:
    part = _kernel(plan).decode(signal, payload, next_first_row() if signal == "traces" else 0)
    if any(map(is_start, part.event_names)):
        return None  # records that tell of spans
    return _batch(signal, part, plan)


def is_native(rows: Rows) -> bool:
    """Whether the rows are of the native decoder."""
    return _is_there and isinstance(rows, stepscope_native.Rows)


def native_together(parts: Sequence[Rows]) -> Any:
    """Native rows one after the other."""
    return stepscope_native.Rows.together([cast("stepscope_native.Rows", each) for each in parts])


def native_part(rows: Rows, first: int, count: int) -> Rows:
    """Some native rows of one request."""
    return cast("stepscope_native.Rows", rows).part(first, count)


def native_shaped(rows: Any) -> Any:
    """Native rows of spans with the attributes of most of them as structs, in columns `shape:0` and so on."""
    return rows.shaped("attributes")


def _batch(signal: Signal, part: "stepscope_native.Part", plan: Plan) -> Batch:
    batch = Batch(signal, row_count=part.row_count, open_count=part.open_count)
    resources = [_resource(*message) for message in part.resources]
    scopes = [_scope(*message) for message in part.scopes]
    for dimension in resources:
        batch.resources.setdefault(dimension.id, dimension)
    for dimension in scopes:
        batch.scopes.setdefault(dimension.id, dimension)
    for message in part.refused:
        refused = refusal(Span.FromString(message), plan.max_attributes)
        if refused is None:
            raise stepscope_native.Odd("a span was refused that is none to refuse")
        batch.rejections.append(refused)
    batch.warnings += [NO_DATA] * part.without_data
    wanted = plan.resource_keys if signal == "traces" else ()
    texts = [[each.attributes.get(key) for key in wanted] for each in resources]
    if signal == "traces":
        _remember(part, plan, resources, texts, scopes)
    if part.row_count:
        kind = _ITEMS[signal]
        rows = part.rows(
            [dimension.id for dimension in resources],
            texts,
            [dimension.id for dimension in scopes],
            [(row, kind.FromString(message).SerializeToString()) for row, message in part.inexact],
            [
                (row, NumberDataPoint.FromString(message).SerializeToString())
                for row, message in part.exemplars
            ],
        )
        batch.rows = rows
        batch.payloads = part.payloads
    return batch


def _remember(
    part: "stepscope_native.Part",
    plan: Plan,
    resources: Sequence[Dimension],
    texts: Sequence[Sequence[str | None]],
    scopes: Sequence[Dimension],
) -> None:
    """The next request of the same sender can be gathered: the kernel knows what is around its spans."""
    kernel = _kernel(plan)
    for (message, schema_url), each, shown in zip(part.resources, resources, texts, strict=True):
        if len(message) + len(schema_url) <= _KEPT_BYTES:
            kernel.know_resource(message, schema_url, each.id, shown, each)
    for (message, schema_url), each in zip(part.scopes, scopes, strict=True):
        if len(message) + len(schema_url) <= _KEPT_BYTES:
            kernel.know_scope(message, schema_url, each.id, each)


@lru_cache(maxsize=8)
def _kernel(plan: Plan) -> "stepscope_native.Kernel":
    keys = list(dict.fromkeys((*OWN_HOMES, *plan.span_keys)))
    slots = []
    for place, key in enumerate(keys):
        home = OWN_HOMES.get(key)
        facts = None if home is None else (home.bit, home.rivals, home.code, home.payload)
        slots.append((key, place, key in plan.span_keys, facts))
    return stepscope_native.Kernel(
        slots,
        (
            [column_of("attr", key) for key in keys],
            [column_of("resource", key) for key in plan.resource_keys],
        ),
        (SCOPE_NAME, CUTTABLE_BITS, LIVE_BIT),
        (plan.max_items, plan.max_attributes),
    )


def _resource(message: bytes, schema_url: str) -> Dimension:
    if len(message) + len(schema_url) <= _KEPT_BYTES:
        return _known_resource(message, schema_url)
    return _new_resource(message, schema_url)


def _scope(message: bytes, schema_url: str) -> Dimension:
    if len(message) + len(schema_url) <= _KEPT_BYTES:
        return _known_scope(message, schema_url)
    return _new_scope(message, schema_url)


def _new_resource(message: bytes, schema_url: str) -> Dimension:
    resource = Resource.FromString(message)
    return resource_of(resource, schema_url, content_id(resource, schema_url))


def _new_scope(message: bytes, schema_url: str) -> Dimension:
    scope = InstrumentationScope.FromString(message)
    return scope_of(scope, schema_url, content_id(scope, schema_url))


_known_resource = lru_cache(maxsize=2048)(_new_resource)
_known_scope = lru_cache(maxsize=2048)(_new_scope)
