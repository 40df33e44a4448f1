"""Reads the values that describe another OTLP endpoint: its URL, headers, signals.

As in `values.py`, every function raises ValueError with a message that says what would be right.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

__all__ = ["parse_headers", "parse_signals", "parse_url"]

_SIGNALS = ("traces", "logs", "metrics")
_NAME = re.compile(r"[0-9a-z!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


def parse_url(value: object) -> str:
    """`http://HOST[:PORT][/PATH]` or `https://…`, without slash at the end; "" stays so."""
    if value == "":
        return ""
    if not isinstance(value, str):
        raise ValueError(f"is {value!r}, not a URL; write http://HOST:PORT")
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise ValueError(f"is {value!r}, not a URL; write http://HOST:PORT") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"is {value!r}, not a URL; write http://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("has a user, query or fragment; what authenticates goes into headers")
    return value.strip().rstrip("/")


def parse_headers(value: object) -> tuple[tuple[str, str], ...]:
    """Names in lower case and values, from a table, pairs, or `name=value,name=value` (%XX decoded)."""
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if any(not equals for _, equals, _ in pairs):
            raise ValueError("has a header without value; write name=value,name=value")
        found = [(name.strip().lower(), unquote(text.strip())) for name, _, text in pairs]
    elif isinstance(value, tuple):
        found = list(value)
    elif isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values()):
        found = [(str(name).lower(), text) for name, text in value.items()]
    else:
        raise ValueError('is no table of headers; write { name = "value" }')
    for name, text in found:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(text):
            raise ValueError(f"has a header {name!r} that HTTP cannot carry; use printable ASCII")
    return tuple(found)


def parse_signals(value: object) -> tuple[str, ...]:
    """Signals from a list or from text with commas, in their usual order."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError(f"is {value!r}; write {','.join(_SIGNALS)} or some of them")
    asked = {str(word).strip().lower() for word in words}
    if asked - set(_SIGNALS):
        raise ValueError(f"is {value!r}; write {','.join(_SIGNALS)} or some of them")
    return tuple(signal for signal in _SIGNALS if signal in asked)
