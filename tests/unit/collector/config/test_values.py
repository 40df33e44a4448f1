"""Reading single values of settings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.config import values


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("64MiB", 67_108_864),
        ("64 mib", 67_108_864),
        ("10MB", 10_000_000),
        ("1.5KiB", 1536),
        ("4096", 4096),
        ("4096B", 4096),
        (4096, 4096),
        ("2GiB", 2**31),
        (0, 0),
    ],
)
def test_sizes_are_read_with_and_without_unit(written, bytes_):
    """issue #2: sizes accept 64MiB."""
    assert values.parse_bytes(written) == bytes_


@pytest.mark.parametrize("written", ["", "MiB", "-1", -1, True, "1 lightyear", "1.5", None, [1]])
def test_what_is_no_size_is_refused(written):
    """ours: a wrong value is an error, never a guess."""
    with pytest.raises(ValueError, match=r"is|has|comes"):
        values.parse_bytes(written)


@pytest.mark.parametrize(
    ("written", "unit", "is_whole", "result"),
    [
        ("30s", "s", False, 30.0),
        ("5m", "s", True, 300),
        ("500ms", "s", False, 0.5),
        ("2s", "ms", True, 2000),
        (15, "ms", True, 15),
        (0.25, "s", False, 0.25),
        ("1h", "s", True, 3600),
        ("1d", "s", True, 86400),
    ],
)
def test_durations_are_read_in_the_unit_of_the_setting(written, unit, is_whole, result):
    """issue #2: durations accept 30s."""
    assert values.parse_duration(written, unit, is_whole=is_whole) == result


def test_a_fraction_of_a_whole_unit_is_refused():
    """ours: nothing is rounded silently."""
    with pytest.raises(ValueError, match=r"comes to 0\.500 s, which is not a whole number"):
        values.parse_duration("500ms", "s", is_whole=True)


def test_an_unknown_unit_of_time_is_refused_with_the_known_ones():
    """ours: an error says what would be right."""
    with pytest.raises(ValueError, match="write ms, s, m, h or d"):
        values.parse_duration("3 weeks", "s", is_whole=False)


@pytest.mark.parametrize("written", [float("nan"), float("inf"), False])
def test_what_is_no_duration_is_refused(written):
    """ours: TOML has nan, inf and booleans."""
    with pytest.raises(ValueError, match="not a duration"):
        values.parse_duration(written, "s", is_whole=False)


@pytest.mark.parametrize("written", ["12 apples", "1.5", "-3", "x"])
def test_what_is_no_count_is_refused(written):
    """ours: a count is a whole number without unit."""
    with pytest.raises(ValueError, match="whole number"):
        values.parse_count(written)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:4317", "localhost:0", "[::1]:65535", "0.0.0.0:1", "a-b.example:80"]
)
def test_addresses_are_kept_as_written(address):
    """issue #2: HOST:PORT, port 0 allowed."""
    assert values.parse_address(address) == address


@pytest.mark.parametrize(
    "address", ["4317", "localhost", ":4317", "::1:4317", "host:", "host:65536", "a b:1", 4317, ""]
)
def test_what_is_no_address_is_refused(address):
    """ours: half an address is not completed by guessing."""
    with pytest.raises(ValueError, match=r"address|port"):
        values.parse_address(address)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_survives_splitting_and_formatting(ip, port):
    """ours: format_address and split_address are inverses."""
    written = values.format_address(str(ip), port)
    assert values.split_address(written) == (str(ip), port)


def test_paths_start_at_the_base_and_home_is_expanded(monkeypatch):
    """ours: what a relative path in a file means does not depend on where the server starts."""
    monkeypatch.setenv("HOME", "/elsewhere")
    assert values.parse_path("a/b", base=Path("/base")) == Path("/base/a/b")
    assert values.parse_path("/abs", base=Path("/base")) == Path("/abs")
    assert values.parse_path("~/x", base=Path("/base")) == Path("/elsewhere/x")


@pytest.mark.parametrize("written", ["", "  ", 3, None])
def test_what_is_no_path_is_refused(written):
    """ours: an empty data directory would be the current one."""
    with pytest.raises(ValueError, match="not a path"):
        values.parse_path(written, base=Path("/base"))


def test_a_choice_is_read_in_any_case():
    """ours: INFO is info."""
    assert values.parse_choice("INFO", ("info", "debug")) == "info"


@pytest.mark.parametrize("written", ["trace", 3])
def test_an_unknown_choice_is_refused_with_the_known_ones(written):
    """ours: an error says what would be right."""
    with pytest.raises(ValueError, match="write one of info, debug"):
        values.parse_choice(written, ("info", "debug"))
