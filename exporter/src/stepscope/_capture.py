"""Values to JSON text: bounded, redacted, without running the user's code.

Only plain containers, dataclasses and well-known value types are walked; of any other object
only the class is named, because `repr` may be slow, fail, or print secrets. Output is always
valid JSON and valid UTF-8.
"""

import dataclasses
import datetime
import decimal
import enum
import inspect
import json
import math
import pathlib
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from stepscope._redact import MARKER, Redactor

__all__ = ["Capture", "Content", "Payload"]

Content = Literal["full", "shape"]
"""`full`: values. `shape`: type, size and SHA-256 of each value instead of the value."""

_MAX_DEPTH: Final = 12
_MAX_NODES: Final = 200_000
"""Containers and values walked in one payload; what lies beyond is replaced by `…` (about 0.1 s)."""
_MAX_CHARACTERS: Final = 4 << 20
"""Characters of texts walked in one payload; the middle of what is over it is left out (0.1 s)."""
_CUTS: Final = ((2048, 200), (512, 50), (128, 20), (48, 5))
"""Longest string and most items kept when a payload is over its limit, tried in this order."""
_ELLIPSIS: Final = "…"
_SAFE_INT: Final = 1 << 63

_dumps = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), allow_nan=False
).encode


class Payload(NamedTuple):
    """JSON text; `size_bytes` and `sha256` of the whole only when the text was cut (R026)."""

    text: str
    size_bytes: int | None = None
    sha256: str | None = None


class Capture:
    """Turns named or single values into payloads under one set of limits."""

    __slots__ = ("content", "limit_bytes", "redactor")

    def __init__(
        self, limit_bytes: int = 65536, redactor: Redactor | None = None, content: Content = "full"
    ) -> None:
        self.limit_bytes = limit_bytes
        self.redactor = redactor or Redactor()
        self.content = content

    def payload(self, value: object) -> Payload:
        """The value as JSON text of at most `limit_bytes` bytes."""
        walk = _Walk(self.redactor, self.content)
        tree = walk.plain(value, 0)
        text = self._finish(tree)
        # A character is at most 4 bytes: short texts need no encoding to be measured.
        if len(text) * 4 <= self.limit_bytes:
            return Payload(text)
        data = text.encode()
        if len(data) <= self.limit_bytes:
            return Payload(text)
        return Payload(self._cut(tree, text), len(data), _sha256(data))

    def attribute(self, key: str, value: object) -> str | bool | int | float | None:
        """A named value as one attribute value: scalars as they are, all else as JSON text."""
        if value is None:
            return None
        plain = json.loads(self.payload({key: value}).text)
        if type(plain) is dict:
            plain = plain.get(key)
        if plain is None or isinstance(plain, (str, bool, int, float)):
            return plain
        return _dumps(plain)

    def text(self, value: str) -> str:
        """Free text, redacted and at most `limit_bytes` bytes, its middle cut out."""
        if self.content == "shape":
            return _dumps(_shape(value))
        if len(value) > 4 * self.limit_bytes:
            # Twice the limit from both ends: what the cut may leave of a secret lies in the part
            # that the second cut takes away.
            room = max(2 * self.limit_bytes, 64)
            value = f"{value[:room]}{_ELLIPSIS}{value[-room:]}"
        value = _utf8(self.redactor.clean_text(value))
        if len(value) * 4 <= self.limit_bytes:
            return value
        return _head_and_tail(value, self.limit_bytes)

    def _finish(self, tree: object) -> str:
        return _utf8(self.redactor.clean_json(_dumps(tree)))

    def _cut(self, tree: object, text: str) -> str:
        for longest, most in _CUTS:
            candidate = self._finish(_prune(tree, longest, most))
            if len(candidate.encode()) <= self.limit_bytes:
                return candidate
        # Quotes and backslashes double when the text becomes a JSON string; control characters
        # are escaped already.
        room = max(self.limit_bytes - 2, 0)
        while room > 0:
            candidate = _dumps(_head_and_tail(text, room))
            size = len(candidate.encode())
            if size <= self.limit_bytes:
                return candidate
            room = min(room - 1, room * self.limit_bytes // size)
        return '""'


class _Walk:
    """One payload's walk from user values to plain JSON values."""

    __slots__ = ("_characters", "_content", "_nodes", "_redactor")

    def __init__(self, redactor: Redactor, content: Content) -> None:
        self._redactor = redactor
        self._content = content
        self._nodes = 0
        self._characters = _MAX_CHARACTERS

    def plain(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            return _ELLIPSIS
        kind = type(value)
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list or kind is tuple:
            return [self.plain(item, depth + 1) for item in value]
        if self._content == "shape":
            return _shape(value)
        if kind is str:
            return self._text(value)
        if kind is bool or value is None:
            return value
        if kind is int:
            return self._integer(value)
        if kind is float:
            return value if math.isfinite(value) else str(value)
        try:
            return self._other(value, depth)
        except Exception:  # noqa: BLE001 - a strange object must not reach the watched program
            return _class_name(value)

    def _text(self, value: str) -> str:
        if len(value) > self._characters:
            value = _middle(value, self._characters)
        self._characters -= len(value)
        return value

    def _integer(self, value: int) -> int | str:
        if -_SAFE_INT <= value < _SAFE_INT:
            return self._redactor.clean_number(value)
        return _big(value)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        redactor = self._redactor
        for key, item in list(value.items()):
            name = key if type(key) is str else _key(key)
            if redactor.hides(name, item):
                result[name] = MARKER
            else:
                if redactor.custom is not None:
                    item = redactor.apply(name, item)
                result[name] = self.plain(item, depth + 1)
        return result

    def _other(self, value: Any, depth: int) -> Any:  # noqa: C901
        if isinstance(value, enum.Enum):
            return self.plain(value.value, depth + 1)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return self._integer(int(value))
        if isinstance(value, float):
            return self.plain(float(value), depth)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset, deque)):
            names = getattr(value, "_fields", None)
            if isinstance(value, tuple) and names:
                return self._mapping(dict(zip(names, value, strict=False)), depth)
            return [self.plain(item, depth + 1) for item in list(value)]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return self._mapping({f.name: getattr(value, f.name, None) for f in fields}, depth)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _shape(value)
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath, datetime.timedelta)):
            return str(value)
        if isinstance(value, BaseException):
            return f"{_class_name(value)}: {value}"
        if hasattr(type(value), "__pydantic_fields__"):
            return self._mapping(dict(value.__dict__), depth)
        if hasattr(type(value), "__attrs_attrs__"):
            names = [a.name for a in type(value).__attrs_attrs__]
            return self._mapping({n: getattr(value, n, None) for n in names}, depth)
        return _class_name(value)


def _sha256(data: bytes) -> str:
    import hashlib  # 2 ms to import; most payloads are small and need no hash

    return hashlib.sha256(data).hexdigest()


def _class_name(value: object) -> str:
    if isinstance(value, type) or inspect.isroutine(value):
        return f"<{value.__module__ or 'builtins'}.{value.__qualname__}>"
    try:
        shape = getattr(value, "shape", None)  # arrays and frames
    except Exception:  # noqa: BLE001 - attributes may be the user's code
        shape = None
    suffix = f" {shape}" if type(shape) is tuple else ""
    return f"<{type(value).__module__}.{type(value).__qualname__}{suffix}>"


def _key(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, (bool, int, float, tuple, uuid.UUID, datetime.date)):
        return str(key)
    return str(key.value) if isinstance(key, enum.Enum) else _class_name(key)


def _big(value: int) -> str:
    # Python refuses to print integers of more than 4,300 digits; readers lose those over 64 bits.
    return str(value) if value.bit_length() < 8192 else f"<int of {value.bit_length()} bits>"


def _shape(value: object) -> dict[str, Any]:
    result: dict[str, Any] = {"type": type(value).__qualname__}
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
    elif isinstance(value, (bool, int, float, type(None))):
        data = _big(value).encode() if type(value) is int else str(value).encode()
    else:
        return result
    result["size"] = len(data)
    result["sha256"] = _sha256(data)
    return result


def _prune(value: Any, longest: int, most: int) -> Any:
    if type(value) is str:
        return value if len(value) <= longest else _middle(value, longest)
    if type(value) is list:
        kept = [_prune(item, longest, most) for item in value[:most]]
        return kept if len(value) <= most else [*kept, f"{_ELLIPSIS} {len(value) - most} more"]
    if type(value) is dict:
        kept_items = {
            (key if len(key) <= longest else _middle(key, longest)): _prune(item, longest, most)
            for key, item in list(value.items())[:most]
        }
        if len(value) > most:
            kept_items[_ELLIPSIS] = f"{len(value) - most} more"
        return kept_items
    return value


def _middle(text: str, longest: int) -> str:
    half = longest // 2
    if half == 0:
        return _ELLIPSIS
    return f"{text[:half]}{_ELLIPSIS}{text[-half:]}"


def _head_and_tail(text: str, limit_bytes: int) -> str:
    data = text.encode()
    if len(data) <= limit_bytes:
        return text
    mark = _ELLIPSIS.encode()
    room = limit_bytes - len(mark)
    if room <= 0:
        return ""
    tail = room // 4
    head_text = data[: room - tail].decode("utf-8", "ignore")
    tail_text = data[len(data) - tail :].decode("utf-8", "ignore") if tail else ""
    return f"{head_text}{_ELLIPSIS}{tail_text}"


def _utf8(text: str) -> str:
    """The text without lone surrogates, which have no UTF-8 form."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
