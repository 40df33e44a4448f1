"""Where the fuzzer begins: small requests with every field, and the words of OTLP/JSON.

    python -m tests.fuzz.seeds FOLDER

Writes FOLDER/<target>/<name> for each target, and FOLDER/json.dict for libFuzzer.
"""

import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.decode.otlp_json import to_json
from stepscope_schema.attributes import BY_KEY, SCOPE_NAME
from tests.fuzz.connections import connections
from tests.fuzz.targets import ENCODINGS, MAPPING, MESSAGES, TARGETS

__all__ = ["full", "known", "seeds", "words"]

_NESTED: Final = 3
_VALUES: Final[dict[str, dict[str, Any]]] = {
    "string": {"string_value": "running"},
    "int": {"int_value": 2},
    "large": {"int_value": 1 << 40},
    "list": {"array_value": {"values": [{"string_value": "a"}, {}]}},
    "repeated": {"kvlist_value": {"values": [{"key": "k"}, {"key": "k"}]}},
}
_SCALARS: Final[dict[int, Any]] = {
    FieldDescriptor.TYPE_STRING: "a€",
    FieldDescriptor.TYPE_BYTES: b"12345678",
    FieldDescriptor.TYPE_DOUBLE: -0.5,
    FieldDescriptor.TYPE_BOOL: True,
}


def full(kind: Descriptor, branch: int = 0, depth: int = 0, *, times: int = 1) -> dict[str, Any]:
    """Arguments for a message with all its fields, attributes `times`, of each oneof the member number `branch`."""
    chosen = {
        oneof.fields[branch % len(oneof.fields)].name for oneof in kind.oneofs if oneof.fields
    }
    found = {}
    for field in kind.fields:
        if field.containing_oneof is not None and field.name not in chosen:
            continue
        if field.message_type is not None:
            if depth > 8 + _NESTED and field.name in {"array_value", "kvlist_value"}:
                continue
            one: Any = full(field.message_type, branch, depth + 1, times=times)
        elif field.name == "trace_id":
            one = bytes(range(1, 17))
        else:
            one = _SCALARS.get(field.type, 7)
        found[field.name] = (
            [one] * (times if field.name == "attributes" else 1)
            if field.default_value == []
            else one
        )
    return found


def known() -> dict[str, ExportTraceServiceRequest]:
    """Name → spans with every attribute that has a meaning here, once per type of value."""
    found = {}
    keys = sorted({*BY_KEY, *MAPPING.plan.span_keys, *MAPPING.plan.resource_keys})
    for name, value in _VALUES.items():
        attributes = [{"key": key, "value": value} for key in keys]
        ids = {"trace_id": bytes(range(1, 17)), "span_id": b"12345678"}
        span = {**ids, "name": "n", "start_time_unix_nano": 1, "attributes": attributes}
        scope = {"scope": {"name": SCOPE_NAME}, "spans": [span]}
        resource = {"resource": {"attributes": attributes[:9]}, "scope_spans": [scope]}
        found[f"known-{name}"] = ExportTraceServiceRequest(resource_spans=[resource])
    return found


def seeds() -> dict[str, dict[str, bytes]]:
    """Target → name → input."""
    found: dict[str, dict[str, bytes]] = {target: {} for target in TARGETS}
    for position, (signal, message_type) in enumerate(MESSAGES.items()):
        for branch, times in [
            *((branch, 1) for branch in range(8)),
            *((branch, 2) for branch in range(5)),
        ]:
            message: Message = message_type(**full(message_type.DESCRIPTOR, branch, times=times))
            forms = {
                "protobuf": message.SerializeToString(),
                "json": json.dumps(to_json(message), ensure_ascii=False).encode(),
            }
            name = f"{signal}-{branch}" + "-twice" * (times - 1)
            for encoding, data in forms.items():
                found[f"{signal}-{encoding}"][name] = data
                first = position + len(MESSAGES) * ENCODINGS.index(encoding)
                found["store"][f"{name}-{encoding}"] = bytes([first]) + data
            found["repair"][name] = forms["protobuf"].replace("€".encode(), b"\xe2\x82.")
    for name, request in known().items():
        found["traces-protobuf"][name] = request.SerializeToString()
        found["traces-json"][name] = json.dumps(to_json(request)).encode()
        found["store"][name] = b"\0" + request.SerializeToString()
    plain = b"stepscope " * 20
    found["decompression"] = {
        "gzip": gzip.compress(plain),
        "members": gzip.compress(plain) * 2 + bytes(8),
        "zlib": zlib.compress(plain),
        "raw": zlib.compress(plain)[2:-4],
        "bomb": gzip.compress(bytes(1 << 17)),
    }
    found["http2"] = connections()
    words_of_headers = ("gzip", "X-GZIP ", "zlib", "identity", "br", "12", "-1", "9" * 30, "1_0")
    found["headers"] = {str(n): word.encode() for n, word in enumerate(words_of_headers)}
    return found


def words() -> list[str]:
    """The keys of OTLP/JSON, in both spellings, values with a meaning of their own, attributes that have one here."""
    found = {"NaN", "Infinity", "-Infinity", "1e3", "null", "true", "\\ud800"}
    todo = [message_type.DESCRIPTOR for message_type in MESSAGES.values()]
    seen = set()
    while todo:
        kind = todo.pop()
        if kind.full_name in seen:
            continue
        seen.add(kind.full_name)
        for field in kind.fields:
            found |= {field.json_name, field.name}
            if field.message_type is not None:
                todo.append(field.message_type)
            if field.enum_type is not None:
                found |= set(field.enum_type.values_by_name)
    return sorted({*found, *BY_KEY, *MAPPING.plan.span_keys})


def main(folder: Path) -> None:
    """Write them."""
    for target, inputs in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / target / name).write_bytes(data)
    lines = [json.dumps(word.replace("\\", "\\\\")).replace("\\\\\\\\", "\\\\") for word in words()]
    (folder / "json.dict").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
