"""Paths into a document, such as `steps[0].error_stack` or `payloads.input["customer.id"]`."""

import re
from collections.abc import Iterator
from typing import Any, Final

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.query.nearest import unknown

__all__ = ["join_path", "value_at"]

_PART: Final = re.compile(
    r"""\.?(?P<name>[^.\[\]"]+) | \[(?P<number>-?\d{1,9})\] | \["(?P<quoted>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r'[^.\[\]"\\]+')
_MAX_LISTED: Final = 30


def join_path(path: str, key: str) -> str:
    """The path of member `key` of what is at `path`."""
    if _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'


def value_at(document: Any, path: str) -> Any:
    """What is at a path; "" is the document.

    Raises:
        BadRequest: it is no path, or names a member there is not; the nearest one is named.
        NotFound: beyond the end of a list.
    """
    value, done = document, ""
    for key in _parts(path):
        where = done or "the document"
        if isinstance(key, str) and isinstance(value, dict):
            if key not in value:
                raise unknown(f"member of {where}", key, list(value)[:_MAX_LISTED])
            value, done = value[key], join_path(done, key)
        elif isinstance(key, int) and isinstance(value, list):
            if not -len(value) <= key < len(value):
                raise NotFound(f"{where} has {len(value)} elements, there is no [{key}]")
            value, done = value[key], f"{done}[{key}]"
        else:
            kind = "an object" if isinstance(value, dict) else "a single value"
            kind = "a list" if isinstance(value, list) else kind
            raise BadRequest(f"{where} is {kind}, it has no {key!r}", hint=f"ask for path={done!r}")
    return value


def _parts(path: str) -> Iterator[str | int]:
    place = 0
    while place < len(path):
        part = _PART.match(path, place)
        if part is None:
            raise BadRequest(
                f"path {path!r} is wrong at character {place + 1}",
                hint='for example steps[0].error_stack or payloads.input["customer.id"]',
            )
        place = part.end()
        if part["number"] is not None:
            yield int(part["number"])
        elif part["quoted"] is not None:
            yield re.sub(r"\\(.)", r"\1", part["quoted"])
        else:
            yield part["name"]
