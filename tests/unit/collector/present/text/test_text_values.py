"""Single values on the screen."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.present.text.values import (
    clean,
    error_text,
    format_bytes,
    format_duration,
    format_ratio,
    format_time,
    one_line,
    parse_time,
)

CET = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (None, "-"),
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1.0 µs"),
        (999_949, "999.9 µs"),
        (999_950, "1.0 ms"),
        (12_345_678, "12.3 ms"),
        (999_949_999, "999.9 ms"),
        (999_950_000, "1.00 s"),
        (1_234_567_890, "1.23 s"),
        (59_994_000_000, "59.99 s"),
        (59_999_000_000, "1 m 00 s"),
        (3_599_400_000_000, "59 m 59 s"),
        (3_599_600_000_000, "1 h 00 m"),
        (90_061_000_000_000, "1 d 01 h"),
        ("9223372036854775807", "106751 d 23 h"),
        (1234.5, "1.2 µs"),
    ],
)
def test_durations_are_short_and_carry_their_unit(ns, shown):
    """ours: people read units, programs read nanoseconds."""
    assert format_duration(ns) == shown


def test_times_are_local_and_say_their_offset():
    """issue #2: times local with zone on screen."""
    assert format_time("2026-03-01T13:05:09.120999999Z", CET) == "2026-03-01 14:05:09.120+01:00"
    assert format_time("2026-12-31T23:30:00Z", CET) == "2027-01-01 00:30:00.000+01:00"
    assert format_time(None, CET) == "-"


def test_the_zone_of_the_machine_is_the_default():
    """issue #2: times local with zone on screen."""
    moment = datetime.datetime(2026, 3, 1, 13, 5, 9, tzinfo=datetime.UTC).astimezone()
    shown = format_time("2026-03-01T13:05:09.5Z")
    assert shown == moment.strftime("%Y-%m-%d %H:%M:%S.500") + moment.isoformat()[19:]


@given(st.integers(-(2**63) + 10**18, 2**63 - 1))
def test_parsing_a_time_keeps_every_nanosecond(ns):
    """ours: bars and orders are computed from parsed times."""
    moment = datetime.datetime.fromtimestamp(ns // 10**9, tz=datetime.UTC)
    assert parse_time(f"{moment:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z".rjust(30, "0")) == ns


@pytest.mark.parametrize("written", ["", "yesterday", "2026-03-01", "2026-03-01T00:00:00+01:00"])
def test_what_is_no_utc_time_is_refused(written):
    """ours: a local time read as UTC would be silently wrong."""
    with pytest.raises(ValueError, match="not an RFC 3339 UTC time"):
        parse_time(written)


def test_escape_sequences_never_reach_the_terminal():
    """ours: names and messages come from strangers."""
    assert clean("a\x1b[31mb\x00\x9b\u202e") == "a\\x1b[31mb\\x00\\x9b\\u202e"
    assert clean("tab\tline\n é 漢") == "tab\tline\n é 漢"


def test_long_text_becomes_one_short_line():
    """ours: a table has one line per row."""
    assert one_line("a\n  b\tc", 80) == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**31, "2.0 GiB"),
     (2**41, "2.0 TiB"), ("3145728", "3.0 MiB")],
)  # fmt: skip
def test_sizes_have_binary_units(size, shown):
    """ours: the units that settings accept."""
    assert format_bytes(size) == shown


def test_ratios_are_percentages():
    """ours: 0.5 on the screen would be read as half a percent."""
    assert (format_ratio(0.5), format_ratio(None), format_ratio(1)) == ("50.0 %", "-", "100.0 %")


def test_the_type_of_an_error_is_said_once():
    """ours: the OTel SDK's span status is `ValueError: no`; a CancelledError has no message at all."""
    assert error_text({"error_type": "ValueError", "error_message": "no"}) == "ValueError: no"
    assert error_text({"error_type": "Cancelled", "error_message": "Cancelled"}) == "Cancelled"
    assert error_text({"error_type": "A", "error_message": "A: no"}) == "A: no"
    assert error_text({"error_type": "A", "error_message": None}) == "A"
    assert error_text({"error_type": None, "error_message": ": odd"}) == ": odd"
    assert error_text({"error_type": None, "error_message": None}) == ""
