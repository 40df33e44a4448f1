"""Reads one value of a setting: a size, a duration, an address, a number, a word.

Values come from TOML (typed) and from variables and flags (text); both are read here. Every
function raises ValueError with a message that says what would be right; `load.py` adds the name
of the setting and where the value came from.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

__all__ = [
    "format_address",
    "parse_address",
    "parse_bool",
    "parse_bytes",
    "parse_choice",
    "parse_count",
    "parse_duration",
    "parse_names",
    "parse_origins",
    "parse_path",
    "parse_url_path",
    "split_address",
]

_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]+)")
_MAX_PORT = 65535
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*\[\]:-]+")


def parse_bytes(value: object) -> int:
    """A whole number of bytes from a number or from text such as `64MiB`, `10 MB` or `4096`."""
    number, unit = _number_and_unit(value, "a size such as 64MiB")
    if unit.lower() not in _BYTES:
        raise ValueError(f"has the unknown unit {unit!r}; write B, KB, MB, GB, KiB, MiB or GiB")
    return _whole(number * _BYTES[unit.lower()], "bytes")


def parse_duration(value: object, unit: str, *, is_whole: bool) -> int | float:
    """A duration in `unit` (`s` or `ms`) from a number in that unit or text such as `500ms` or `5m`.

    `is_whole`: the result is an int and a fraction is an error.
    """
    number, written = _number_and_unit(value, "a duration such as 30s")
    if written:
        if written not in _SECONDS:
            raise ValueError(f"has the unknown unit {written!r}; write ms, s, m, h or d")
        number = number * _SECONDS[written] / _SECONDS[unit]
    return _whole(number, unit) if is_whole else float(number)


def parse_count(value: object) -> int:
    """A whole number that is not negative."""
    number, unit = _number_and_unit(value, "a whole number")
    if unit:
        raise ValueError(f"is {value!r}, not a whole number; leave out {unit!r}")
    return _whole(number, "units")


def parse_address(value: object) -> str:
    """`HOST:PORT` as it was written; port 0 means any free one."""
    if not isinstance(value, str):
        raise ValueError(f"is {value!r}, not an address; write HOST:PORT, such as 127.0.0.1:4317")
    host, port = split_address(value)
    return format_address(host, port)


def split_address(address: str) -> tuple[str, int]:
    """Host (an IPv6 one without brackets) and port of `HOST:PORT` or `[IPV6]:PORT`."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise ValueError(
            f"is {address!r}, not an address; write HOST:PORT, such as 127.0.0.1:4317 or [::1]:4317"
        )
    port = int(match["port"])
    if port > _MAX_PORT:
        raise ValueError(f"has port {port}; ports go up to {_MAX_PORT}, and 0 picks a free one")
    return match["v6"] or match["host"], port


def format_address(host: str, port: int) -> str:
    """`HOST:PORT`, with brackets round an IPv6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_path(value: object, *, base: Path) -> Path:
    """An absolute path; `~` is the home directory and a relative path starts at `base`."""
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError(f"is {value!r}, not a path")
    return (base / Path(value).expanduser()).absolute()


def parse_bool(value: object) -> bool:
    """True or false, from either or from the word."""
    word = value.lower() if isinstance(value, str) else value
    if word is True or word == "true":
        return True
    if word is False or word == "false":
        return False
    raise ValueError(f"is {value!r}; write true or false")


def parse_url_path(value: object) -> str:
    """The path of a URL, without a slash at its end."""
    if not isinstance(value, str) or not _URL_PATH.fullmatch(value) or value == "/":
        raise ValueError(f"is {value!r}, not a path; write one such as /v1/traces")
    return value.rstrip("/")


def parse_names(value: object) -> tuple[str, ...]:
    """Names, from a list or from one text with commas."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"is {value!r}, not a list of names")
    return tuple(stripped for name in names if (stripped := name.strip()))


def parse_origins(value: object) -> tuple[str, ...]:
    """Origins of pages, from a list or from text with commas; `*` stands for any characters."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"is {value!r}, not a list of origins such as https://app.example.com")
    found = tuple(word.strip() for word in words if word.strip())
    for word in found:
        if word != "*" and not _ORIGIN.fullmatch(word):
            raise ValueError(
                f"holds {word!r}, not an origin; write one such as https://app.example.com or *"
            )
    return found


def parse_choice(value: object, choices: Sequence[str]) -> str:
    """One of `choices`, in any case."""
    word = value.lower() if isinstance(value, str) else value
    if not isinstance(word, str) or word not in choices:
        raise ValueError(f"is {value!r}; write one of {', '.join(choices)}")
    return word


def _number_and_unit(value: object, wanted: str) -> tuple[Decimal, str]:
    # bool is an int in Python, but `true` is no size.
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal(-1)
        if number.is_finite() and number >= 0:
            return number, ""
    elif isinstance(value, str) and (match := _NUMBER_AND_UNIT.fullmatch(value)):
        return Decimal(match[1]), match[2]
    if str(value).strip().startswith("-"):
        raise ValueError(f"is {value!r}, below 0; write {wanted}")
    raise ValueError(f"is {value!r}, not {wanted}")


def _whole(number: Decimal, unit: str) -> int:
    if number != int(number):
        raise ValueError(f"comes to {number} {unit}, which is not a whole number")
    return int(number)
