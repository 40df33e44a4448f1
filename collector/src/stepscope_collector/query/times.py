"""Times and durations as people write them, read into whole nanoseconds."""

import re
from datetime import UTC, datetime, timedelta, timezone

from stepscope_collector.errors import BadRequest

__all__ = ["is_duration", "parse_duration_ns", "parse_time_ns"]

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}

_PART = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?(ns|us|ms|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?\s?([Zz]|[+-]\d\d:?\d\d)?"
)
_MAX_NS = 2**63 - 1


def is_duration(text: str) -> bool:
    """Whether the text is a duration: numbers, each with its unit."""
    return _DURATION.fullmatch(text.strip()) is not None


def parse_duration_ns(text: str, field: str) -> int:
    """Nanoseconds of `250ms`, `1.5s`, `1h30m`, `7d`.

    Raises:
        BadRequest: no number with a unit, or over 292 years; names `field`.
    """
    text = text.strip()
    if not _DURATION.fullmatch(text):
        raise BadRequest(
            f"{field}={text!r} is no duration",
            hint="write a number and its unit: 250ms, 1.5s, 10m, 1h30m, 7d (ns us ms s m h d w)",
        )
    total = 0
    for whole, fraction, unit in _PART.findall(text):
        scale = _UNITS_NS[unit]
        total += int(whole) * scale
        if fraction:
            total += int(fraction) * scale // 10 ** len(fraction)
    if total > _MAX_NS:
        raise BadRequest(f"{field}={text!r} is longer than the limit of 292 years")
    return total


def parse_time_ns(text: str, field: str, now_ns: int) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time, a date (midnight UTC), or a time ago (`24h`).

    A time without offset is UTC. Nine digits of fraction are kept.

    Raises:
        BadRequest: none of these; names `field`.
    """
    text = text.strip()
    if _DURATION.fullmatch(text):
        return _held(now_ns - parse_duration_ns(text, field))
    if match := _TIME.fullmatch(text):
        date, clock, fraction, offset = match.groups()
        try:
            moment = datetime.fromisoformat(f"{date}T{clock or '00:00'}").replace(
                tzinfo=_zone(offset)
            )
        except ValueError as error:
            raise BadRequest(f"{field}={text!r} is no time: {error}") from error
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = since // timedelta(seconds=1)
        return _held(seconds * 10**9 + int((fraction or "0").ljust(9, "0")))
    raise BadRequest(
        f"{field}={text!r} is no time",
        hint="write 2026-07-24T14:05:00Z, 2026-07-24, or a time ago: 30m, 24h, 7d"
        " (in a URL, + is %2B)",
    )


def _held(time_ns: int) -> int:
    """The nearest time TIMESTAMP_NS holds, just before the epoch at least: OTLP times are unsigned."""
    return max(-1, min(_MAX_NS - 1, time_ns))


def _zone(offset: str | None) -> timezone:
    if offset is None or offset in {"Z", "z"}:
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=hours, minutes=minutes))
