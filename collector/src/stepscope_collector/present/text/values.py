"""Single values for the screen: times, durations, sizes, words.

Only tables use these. JSON, NDJSON and CSV carry values as the read API gives them.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "clean",
    "error_text",
    "format_bytes",
    "format_duration",
    "format_ratio",
    "format_time",
    "one_line",
    "parse_time",
    "without_ansi",
]

NO_VALUE = "-"
"""What a table shows for null: an empty cell would look like an empty text."""

_NS_PER_S = 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00)?")
# C0 and C1 but tab and line feed: an escape sequence in a name must not reach the terminal.
# As in query/export/plain.py, which imports the engine.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def without_ansi(text: str) -> str:
    """The text of a terminal without its colours and the like; a sequence that is none stays."""
    return _ANSI.sub("", text)


def clean(text: str) -> str:
    """The text with control characters written out as escapes; line feeds and tabs stay."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def error_text(row: Mapping[str, Any]) -> str:
    """`type: message` of what failed; empty when nothing did.

    Many senders begin the message with the type, as OpenTelemetry's SDKs do in the status of a
    span, or have nothing but the type: it is said once.
    """
    kind, message = (str(row[key] or "") for key in ("error_type", "error_message"))
    if message == kind or message.startswith(f"{kind}: "):
        return message
    return ": ".join(part for part in (kind, message) if part)


def one_line(text: str, limit: int) -> str:
    """The text on one line, cut to `limit` characters with an ellipsis at the end."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def parse_time(written: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 UTC time; ValueError when it is none."""
    match = _TIME.fullmatch(written)
    if match is None:
        raise ValueError(f"{written!r} is not an RFC 3339 UTC time")
    moment = datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    return int(moment.timestamp()) * _NS_PER_S + int((match[3] or "0").ljust(9, "0"))


def format_time(written: str | None, zone: datetime.tzinfo | None = None) -> str:
    """`2026-03-01 14:05:09.120+01:00`: local time to the millisecond, with its offset.

    Args:
        written: RFC 3339 UTC; None: no time.
        zone: None: the zone of this machine.
    """
    if written is None:
        return NO_VALUE
    seconds, nanoseconds = divmod(parse_time(written), _NS_PER_S)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).astimezone(zone)
    offset = moment.isoformat(timespec="seconds")[19:]
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds // 1_000_000:03d}{offset}"


def format_duration(duration_ns: float | str | None) -> str:
    """A duration with three or four significant digits and its unit, such as `1.23 s`."""
    if duration_ns is None:
        return NO_VALUE
    ns = float(duration_ns)
    # The limits are where rounding to the digits shown would reach the next unit.
    for limit, size, unit in ((999.5, 1, "ns"), (999_950, 1e3, "µs"), (999_950_000, 1e6, "ms")):
        if ns < limit:
            return f"{ns / size:.{0 if size == 1 else 1}f} {unit}"
    if ns < 59.995e9:
        return f"{ns / 1e9:.2f} s"
    seconds = round(ns / 1e9)
    for below, big, small in ((3600, "m", "s"), (86400, "h", "m"), (float("inf"), "d", "h")):
        if seconds < below:
            unit_s = {"m": 60, "h": 3600, "d": 86400}[big]
            part_s = {"s": 1, "m": 60, "h": 3600}[small]
            return f"{seconds // unit_s} {big} {seconds % unit_s // part_s:02d} {small}"
    raise AssertionError("unreachable: the last limit is infinite")


def format_bytes(size: float | str | None) -> str:
    """A size with its binary unit, such as `1.5 MiB`."""
    if size is None:
        return NO_VALUE
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def format_ratio(ratio: float | None) -> str:
    """A ratio as a percentage with one digit."""
    return NO_VALUE if ratio is None else f"{ratio * 100:.1f} %"
