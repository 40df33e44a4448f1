"""OTLP/JSON text to the protobuf messages that everything after this room reads, and back. Pure.

OTLP (JSON Protobuf Encoding) is proto3 JSON with hexadecimal ids and integer enums. Read leniently
where a real exporter writes something else and the meaning is plain; the fault's place is named
where it is not. Driven by the messages' descriptors, so a new OTLP field needs no line here.
"""

import base64
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.batch import Signal
from stepscope_collector.errors import PayloadUndecodable

__all__ = ["REQUESTS", "to_json", "to_message"]

REQUESTS: Final[dict[Signal, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
"""The message a request of each signal is."""

_MAX_DEPTH: Final = 100
"""Messages within messages: the limit protobuf itself has, so that what is read can be written."""

_HEX_FIELDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})

_INTEGER_TEXT: Final = re.compile(r"-?[0-9]{1,40}\Z")
_NUMBER_TEXT: Final = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,5})?\Z")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_STANDARD: Final = str.maketrans("-_", "+/")

_Read = Callable[[Any, int], Any]
"""Reads one JSON value at a depth into what a message's constructor takes."""


class _Fault(Exception):
    """Something unreadable; each level the error passes adds its part of the path in front."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.path: list[str] = []


class _Warnings:
    """What was accepted though OTLP forbids it: one sentence per kind, with the first example."""

    def __init__(self) -> None:
        self.snake_case: str | None = None
        self.is_repaired = False

    def sentences(self) -> list[str]:
        sentences = []
        if self.snake_case is not None:
            sentences.append(
                f"key {self.snake_case!r} was accepted, but OTLP/JSON keys are lowerCamelCase"
            )
        if self.is_repaired:
            sentences.append("invalid UTF-8 was replaced by U+FFFD")
        return sentences


def to_message(signal: Signal, body: bytes) -> tuple[Message, list[str]]:
    """The request written in `body`, and a sentence for each kind of thing accepted on sufferance.

    Ids keep whatever length they have, so that the next stage can refuse one span and not all.
    Invalid UTF-8 and lone surrogates become U+FFFD. Of duplicate keys the last counts. Unknown
    keys are ignored.

    Raises:
        PayloadUndecodable: not one JSON object, or a value that cannot be what its key says; the
            message names the place, `$.resourceSpans[0].scopeSpans[2].spans[7].traceId`.
    """
    warnings = _Warnings()
    tree = _load(body, warnings)
    kind = REQUESTS[signal]
    try:
        arguments = _Reader(warnings).message(
            kind.DESCRIPTOR,  # type: ignore[arg-type]  # the stubs hold upb's class for another
            tree,
            1,
        )
    except _Fault as fault:
        path = "$" + "".join(reversed(fault.path))
        raise PayloadUndecodable(f"{path[:500]}: {fault.message}") from None
    return kind(**arguments), warnings.sentences()


def _load(body: bytes, warnings: _Warnings) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        warnings.is_repaired = True
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text)
    except RecursionError:
        raise PayloadUndecodable("JSON is nested too deep; at most 100 messages deep") from None
    except json.JSONDecodeError as error:
        raise PayloadUndecodable(
            f"not JSON: {error.msg.lower()} at line {error.lineno} column {error.colno}"
        ) from None
    except ValueError as error:  # an integer of thousands of digits
        raise PayloadUndecodable(f"not JSON that can be read: {error}") from None


class _Reader:
    """Turns JSON objects into keyword arguments of messages, which protobuf then builds in C."""

    def __init__(self, warnings: _Warnings) -> None:
        self._warnings = warnings
        self._plans: dict[str, dict[str, tuple[str, _Read, bool]]] = {}

    def message(self, kind: Descriptor, value: Any, depth: int) -> dict[str, Any]:
        """Keyword arguments of a message of `kind`."""
        if type(value) is not dict:
            raise _Fault(f"{_show(value)} is not an object")
        if depth > _MAX_DEPTH:
            raise _Fault(f"nested more than {_MAX_DEPTH} messages deep")
        plan = self._plans.get(kind.full_name) or self._plan(kind)
        found: dict[str, Any] = {}
        for key, item in value.items():
            if item is None or key not in plan:
                continue
            name, read, is_snake_case = plan[key]
            if is_snake_case and self._warnings.snake_case is None:
                self._warnings.snake_case = key
            try:
                found[name] = read(item, depth)
            except _Fault as fault:
                fault.path.append(f".{key}")
                raise
        return found

    def _plan(self, kind: Descriptor) -> dict[str, tuple[str, _Read, bool]]:
        plan: dict[str, tuple[str, _Read, bool]] = {}
        for field in kind.fields:
            read = self._read_of(field)
            plan[field.name] = (field.name, read, field.name != field.json_name)
            plan[field.json_name] = (field.name, read, False)
        self._plans[kind.full_name] = plan
        return plan

    def _read_of(self, field: FieldDescriptor) -> _Read:
        read: _Read
        if field.message_type is not None:
            kind = field.message_type
            read = lambda value, depth: self.message(kind, value, depth + 1)  # noqa: E731 closed over
            absent: Any = {}
        elif field.enum_type is not None:
            names = {value.name: value.number for value in field.enum_type.values}
            read = lambda value, _: _enum(value, names)  # noqa: E731 closed over
            absent = _REFUSED
        else:
            read = _hex if field.name in _HEX_FIELDS else _SCALARS[field.type]
            absent = _REFUSED
        return _repeated(read, absent) if is_repeated(field) else read


def is_repeated(field: FieldDescriptor) -> bool:
    """True for a list; asked this way because protobuf 5 and 7 name the property differently."""
    return bool(field.default_value == [])


_REFUSED: Final = object()


def _repeated(read: _Read, absent: Any) -> _Read:
    def read_all(value: Any, depth: int) -> list[Any]:
        if type(value) is not list:
            raise _Fault(f"{_show(value)} is not an array")
        found = []
        index = 0
        try:
            for index, item in enumerate(value):  # noqa: B007 the place of a fault
                # null in an array of messages is the empty one: those after it keep their place.
                found.append(
                    absent if item is None and absent is not _REFUSED else read(item, depth)
                )
        except _Fault as fault:
            fault.path.append(f"[{index}]")
            raise
        return found

    return read_all


def _string(value: Any, _: int) -> str:
    if type(value) is not str:
        raise _Fault(f"{_show(value)} is not a string")
    if value.isascii():
        return value
    return _SURROGATE.sub("\ufffd", value)


def _bool(value: Any, _: int) -> bool:
    if type(value) is not bool:
        raise _Fault(f"{_show(value)} is not true or false")
    return value


def _hex(value: Any, _: int) -> bytes:
    """An id: hexadecimal only, for 32 hexadecimal digits are valid base64 as well."""
    if type(value) is str and value.isalnum() and value.isascii():
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    if value == "":
        return b""
    raise _Fault(f"{_show(value)} is not a hexadecimal id")


def _bytes(value: Any, _: int) -> bytes:
    """Base64, standard or URL-safe, padded or not."""
    if type(value) is str and value.isascii():
        text = value.translate(_NOT_STANDARD).rstrip("=")
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            pass
    raise _Fault(f"{_show(value)} is not base64")


def _double(value: Any, _: int) -> float:
    kind = type(value)
    if kind is float:
        return float(value)
    if kind is int:
        try:
            return float(value)
        except OverflowError:
            pass
    elif kind is str and (value in _DOUBLE_WORDS or _NUMBER_TEXT.match(value)):
        return float(value)
    raise _Fault(f"{_show(value)} is not a number")


_DOUBLE_WORDS: Final = frozenset({"NaN", "Infinity", "-Infinity"})


def _integer(lowest: int, highest: int) -> _Read:
    def read(value: Any, _: int) -> int:
        number = value if type(value) is int else _to_integer(value)
        if not lowest <= number <= highest:
            raise _Fault(f"{_show(value)} is not within {lowest} and {highest}")
        return number

    return read


def _to_integer(value: Any) -> int:
    """A whole number written as text, or with a fraction of zero, or with an exponent."""
    if type(value) is str:
        if _INTEGER_TEXT.match(value):
            return int(value)
        if _NUMBER_TEXT.match(value):
            number = Decimal(value)
            # Beyond 10^25 it fits no field; int() of 1e99999 would take a while.
            if number.is_zero() or (
                number.adjusted() < 25 and number == number.to_integral_value()
            ):
                return int(number)
    elif type(value) is float and math.isfinite(value) and value.is_integer():
        return int(value)
    raise _Fault(f"{_show(value)} is not a whole number")


def _enum(value: Any, names: dict[str, int]) -> int:
    """A number, known or not; or a name, which OTLP forbids and some exporters send."""
    if type(value) is str:
        if value not in names:
            raise _Fault(f"{_show(value)} is none of {', '.join(names)}")
        return names[value]
    return int(_INT32(value, 0))


def _show(value: Any) -> str:
    """The value for a message, not longer than a line."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value) if isinstance(value, str | bool | None) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_INT32: Final = _integer(-(1 << 31), (1 << 31) - 1)
_UINT32: Final = _integer(0, (1 << 32) - 1)
_INT64: Final = _integer(-(1 << 63), (1 << 63) - 1)
_UINT64: Final = _integer(0, (1 << 64) - 1)

_SCALARS: Final[dict[int, _Read]] = {
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _double,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}

_WRITTEN_AS_TEXT: Final = frozenset(
    kind for kind, read in _SCALARS.items() if read in {_INT64, _UINT64}
)


def to_json(message: Message) -> dict[str, Any]:
    """The message as OTLP/JSON, ready for json.dumps: every set field, and `to_message` undoes it."""
    return {
        field.json_name: (
            [_written(field, item) for item in value]
            if is_repeated(field)
            else _written(field, value)
        )
        for field, value in message.ListFields()
    }


def _written(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return to_json(value)
    if field.name in _HEX_FIELDS:
        return value.hex()
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.type in _WRITTEN_AS_TEXT:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
