"""Words of a filter as values of the fields they are compared with."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.filter.complaint import nearest_of, quoted
from stepscope_collector.query.filter.syntax import Interval, Kind, PathValue, Value
from stepscope_collector.query.statuses import canonical_status
from stepscope_collector.query.times import is_duration, parse_duration_ns, parse_time_ns

__all__ = ["SEVERITIES", "is_relative", "time_interval", "value_of"]

SEVERITIES: Final[Mapping[str, int]] = {
    "trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21,
}  # fmt: skip
"""Word → least number of OTLP's four for it."""

_MAX: Final = 2**63 - 1
_DAY_NS: Final = 86_400_000_000_000
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(
    r"[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?"
)
_HEX: Final = re.compile(r"[0-9a-fA-F]{32}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_PERIODS: Final = ("now", "today", "yesterday", "this_week", "this_month")
_RELATIVE: Final = re.compile(rf"({'|'.join(_PERIODS)})?(?:([+-])([0-9].*))?")


def value_of(kind: Kind, text: str, name: str, now_ns: int, *, is_quoted: bool) -> Value:
    """The value that a word or a quoted text is for a field.

    Args:
        kind: of the field.
        text: the word; a range `a..b` is one word.
        name: of the field, for messages.
        now_ns: what relative times are reckoned from.
        is_quoted: it is text, whatever it looks like.

    Raises:
        BadRequest: it is no value of this kind; message and hint speak of the word only.
    """
    if kind == "path":
        return _path_value(text, is_quoted=is_quoted)
    if kind in _READ:
        return _READ[kind](text, name)
    read = _INTERVALS[kind]
    return _interval(text, lambda word: read(word, name, now_ns))


def _text(text: str, name: str) -> str:
    if not text:
        raise BadRequest(
            f"{name} is compared with an empty text", hint=f"{name} = none: it has no value"
        )
    return text


def _status(text: str, _name: str) -> str:
    return canonical_status(text)


def _trace(text: str, _name: str) -> str:
    if not _HEX.fullmatch(text):
        raise BadRequest(f"{quoted(text)} is no trace id", hint="it has 32 hex digits")
    return text.lower()


def _flag(text: str, name: str) -> str:
    if text.lower() not in {"true", "false"}:
        raise BadRequest(f"{name} is true or false, not {quoted(text)}", hint=f"{name} = true")
    return text.lower()


def _path_value(text: str, *, is_quoted: bool) -> PathValue:
    if is_quoted or not _NUMBER.fullmatch(text):
        return PathValue(text)
    number = float(text)
    return PathValue(text, number if math.isfinite(number) else None)


def _severity(text: str, _name: str) -> int:
    if (known := SEVERITIES.get(text.lower())) is not None:
        return known
    if _WHOLE.fullmatch(text) and 1 <= int(text) <= 24:
        return int(text)
    raise BadRequest(
        f"unknown severity {quoted(text)}",
        hint=f"{nearest_of(text, SEVERITIES)}, or a number from 1 to 24",
    )


def _interval(text: str, end: Callable[[str], Interval]) -> Interval:
    """Both ends of `a..b`, or the one value twice."""
    low, dots, high = text.partition("..")
    if not dots:
        return end(text)
    if not low and not high:
        raise BadRequest("a range needs an end", hint="write a..b, a.. or ..b")
    least = end(low).low if low else None
    most = end(high).high if high else None
    if least is not None and most is not None and least > most:
        raise BadRequest(f"the range {text} ends before it begins", hint=f"write {high}..{low}")
    return Interval(least, most)


def _number(word: str, name: str, _now_ns: int) -> Interval:
    if not _WHOLE.fullmatch(word) or not -_MAX <= int(word) <= _MAX:
        raise BadRequest(
            f"{name}: {quoted(word)} is no whole number", hint="for example 3, or 1..5"
        )
    return Interval(int(word), int(word))


def _duration(word: str, name: str, _now_ns: int) -> Interval:
    nanoseconds = parse_duration_ns(word, name)
    return Interval(nanoseconds, nanoseconds)


def time_interval(word: str, name: str, now_ns: int) -> Interval:
    """First and last nanosecond of a time: the same for a moment, not for a day, week or month.

    Raises:
        BadRequest: no time, neither absolute nor relative.
    """
    if is_duration(word):
        raise BadRequest(
            f"{name}: {word!r} is a duration, no time", hint=f"{word} ago is written -{word}"
        )
    found = _RELATIVE.fullmatch(word) if word else None
    if found is None:
        try:
            first = parse_time_ns(word, name, now_ns)
        except BadRequest as error:
            raise BadRequest(f"{name}: {quoted(word)} is no time", hint=_time_hint(word)) from error
        last = first + _DAY_NS - 1 if _DATE.fullmatch(word) else first
        return Interval(_held(first), _held(last))
    period, sign, offset = found.groups()
    first, length = _period(period, now_ns)
    if offset is not None:
        moved = parse_duration_ns(offset, name)
        first += moved if sign == "+" else -moved
        # Days before a day are a day; hours before it are a moment.
        length = _DAY_NS if length == _DAY_NS and moved % _DAY_NS == 0 else 1
    return Interval(_held(first), _held(first + length - 1))


def is_relative(word: str) -> bool:
    """Whether the word is a time that is relative to now."""
    return bool(word) and _RELATIVE.fullmatch(word) is not None


def _time_hint(word: str) -> str:
    hint = nearest_of(word, _PERIODS)
    if hint.startswith("known"):
        hint = "write 2026-07-24, 2026-07-24T14:05:00Z, today, yesterday-7d, -2h or now-2h"
    return hint


def _period(word: str | None, now_ns: int) -> tuple[int, int]:
    """First nanosecond and length, UTC; weeks begin on Monday."""
    today_ns = now_ns - now_ns % _DAY_NS
    today = datetime.fromtimestamp(today_ns // 10**9, UTC)
    match word:
        case "today":
            return today_ns, _DAY_NS
        case "yesterday":
            return today_ns - _DAY_NS, _DAY_NS
        case "this_week":
            return today_ns - today.weekday() * _DAY_NS, 7 * _DAY_NS
        case "this_month":
            first = today.replace(day=1)
            days = ((first + timedelta(days=31)).replace(day=1) - first).days
            return today_ns - (today.day - 1) * _DAY_NS, days * _DAY_NS
        case _:
            return now_ns, 1


def _held(time_ns: int) -> int:
    """The nearest time that TIMESTAMP_NS holds."""
    return max(-1, min(_MAX - 1, time_ns))


_READ: Final[Mapping[Kind, Callable[[str, str], Value]]] = {
    "text": _text,
    "trigger": _text,
    "search": _text,
    "status": _status,
    "severity": _severity,
    "trace": _trace,
    "flag": _flag,
}
_INTERVALS: Final[Mapping[Kind, Callable[[str, str, int], Interval]]] = {
    "number": _number,
    "duration": _duration,
    "time": time_interval,
}
