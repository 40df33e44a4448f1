"""AnyValue as text with a one-letter type code, and back without loss.

Attributes are kept as `MAP(VARCHAR, VARCHAR)`: text that people and SQL read directly. The type
code beside it makes the way back exact (OTLP checklist C11):

    s string   i int   d double   b bool   y bytes as base64   n empty value
    a array, k key-value list: plain JSON, when that is exact
    A array, K key-value list: OTLP/JSON of the AnyValue, when plain JSON would lose a type
    p string whose whole value stands in stored.payloads; the text is its beginning

A list of attributes has its codes in one string, in the order of the map; null means all `s`.
An absent value and an empty one are the same to OTLP (common.proto) and come back as empty.
"""

import base64
import json
import logging
import math
from collections.abc import Iterable
from functools import cache
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["key_values", "to_any_value", "to_text", "warn_of_strindex"]

logger = logging.getLogger(__name__)


class _Inexact(Exception):
    """Plain JSON cannot say this value exactly."""


def to_text(value: AnyValue) -> tuple[str | None, str]:
    """The text of a value and its type code; (None, "n") for an empty value."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value, "s"
        case "int_value":
            return str(value.int_value), "i"
        case "double_value":
            return repr(value.double_value), "d"
        case "bool_value":
            return ("true" if value.bool_value else "false"), "b"
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode("ascii"), "y"
        case "array_value":
            return _nested_text(value, "a")
        case "kvlist_value":
            return _nested_text(value, "k")
        case "string_value_strindex":
            warn_of_strindex()
            return None, "n"
        case _:
            return None, "n"


@cache
def warn_of_strindex() -> None:
    """Say once that a sender means a dictionary which OTLP carries for profiles only.

    common.proto: treat such a key or value as empty (OTLP checklist C12).
    """
    logger.warning(
        "a sender refers to a dictionary of strings (strindex), which only profiles have"
    )


def to_any_value(text: str | None, code: str) -> AnyValue:
    """The value that `to_text` gave as (text, code).

    Raises:
        ValueError: the code is not known, or it is `p`: the whole value is elsewhere.
    """
    if text is None or code == "n":
        return AnyValue()
    match code:
        case "s":
            return AnyValue(string_value=text)
        case "i":
            return AnyValue(int_value=int(text))
        case "d":
            return AnyValue(double_value=float(text))
        case "b":
            return AnyValue(bool_value=text == "true")
        case "y":
            return AnyValue(bytes_value=base64.b64decode(text))
        case "a" | "k":
            return _from_plain(json.loads(text))
        case "A" | "K":
            return _from_otlp_json(json.loads(text))
        case _:
            raise ValueError(f"unknown attribute type code {code!r}")


def key_values(attributes: dict[str, str | None], codes: str | None) -> list[KeyValue]:
    """The OTLP attributes of a stored map and its type codes."""
    if codes is None:
        codes = "s" * len(attributes)
    return [
        KeyValue(key=key, value=to_any_value(text, code))
        for (key, text), code in zip(attributes.items(), codes, strict=True)
    ]


def _nested_text(value: AnyValue, code: str) -> tuple[str, str]:
    try:
        return json.dumps(_to_plain(value), ensure_ascii=False, separators=(",", ":")), code
    except _Inexact:
        text = json.dumps(_to_otlp_json(value), ensure_ascii=False, separators=(",", ":"))
        return text, code.upper()


def _to_plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value" | "bool_value" as kind:
            return getattr(value, kind)
        case "double_value":
            if not math.isfinite(value.double_value):
                raise _Inexact
            return value.double_value
        case "array_value":
            return [_to_plain(element) for element in value.array_value.values]
        case "kvlist_value":
            pairs = value.kvlist_value.values
            plain = {pair.key: _to_plain(pair.value) for pair in pairs}
            if len(plain) != len(pairs):
                raise _Inexact
            return plain
        case "bytes_value":
            raise _Inexact
        case "string_value_strindex":
            warn_of_strindex()
            return None
        case _:
            return None


def _from_plain(plain: Any) -> AnyValue:
    match plain:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=plain)
        case str():
            return AnyValue(string_value=plain)
        case int():
            return AnyValue(int_value=plain)
        case float():
            return AnyValue(double_value=plain)
        case list():
            return _array(_from_plain(element) for element in plain)
        case _:
            return _kvlist((key, _from_plain(element)) for key, element in plain.items())


def _to_otlp_json(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": repr(value.double_value)}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "bytes_value":
            return {"bytesValue": base64.b64encode(value.bytes_value).decode("ascii")}
        case "array_value":
            return {"arrayValue": {"values": [_to_otlp_json(v) for v in value.array_value.values]}}
        case "kvlist_value":
            pairs = [
                {"key": pair.key, "value": _to_otlp_json(pair.value)}
                for pair in value.kvlist_value.values
            ]
            return {"kvlistValue": {"values": pairs}}
        case _:
            return {}


def _from_otlp_json(document: dict[str, Any]) -> AnyValue:
    for name, content in document.items():
        match name:
            case "stringValue":
                return AnyValue(string_value=content)
            case "intValue":
                return AnyValue(int_value=int(content))
            case "doubleValue":
                return AnyValue(double_value=float(content))
            case "boolValue":
                return AnyValue(bool_value=content)
            case "bytesValue":
                return AnyValue(bytes_value=base64.b64decode(content))
            case "arrayValue":
                return _array(_from_otlp_json(element) for element in content["values"])
            case "kvlistValue":
                return _kvlist(
                    (pair["key"], _from_otlp_json(pair["value"])) for pair in content["values"]
                )
    return AnyValue()


def _array(values: Iterable[AnyValue]) -> AnyValue:
    value = AnyValue()
    value.array_value.SetInParent()
    value.array_value.values.extend(values)
    return value


def _kvlist(pairs: Iterable[tuple[str, AnyValue]]) -> AnyValue:
    value = AnyValue()
    value.kvlist_value.SetInParent()
    value.kvlist_value.values.extend(KeyValue(key=key, value=element) for key, element in pairs)
    return value
