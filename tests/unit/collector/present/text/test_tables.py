"""Tables for people, as golden text."""

import pytest

from stepscope_collector.present.text.tables import (
    Column,
    Screen,
    paint_status,
    render_table,
    text_width,
)

COLUMNS = [
    Column("STATUS", lambda row: row["status"], is_status=True),
    Column("N", lambda row: row["n"], align="right"),
    Column("TEXT", lambda row: row["text"], is_cut=True),
]
ROWS = [
    {"status": "success", "n": 7, "text": "short"},
    {"status": "failed", "n": 1234, "text": "a much longer text that may be cut"},
    {"status": "lost", "n": None, "text": "漢字\x1b[2J\nline"},
]


def test_columns_are_aligned_and_lines_have_no_trailing_blanks():
    """ours: golden text."""
    assert render_table(COLUMNS, ROWS, Screen()) == (
        "STATUS      N  TEXT\n"
        "success     7  short\n"
        "failed   1234  a much longer text that may be cut\n"
        "lost        -  漢字\\x1b[2J↵line\n"
    )


def test_a_narrow_terminal_cuts_only_what_may_be_cut():
    """ours: golden text."""
    table = render_table(COLUMNS, ROWS, Screen(width=30))
    assert table == (
        "STATUS      N  TEXT\n"
        "success     7  short\n"
        "failed   1234  a much longer …\n"
        "lost        -  漢字\\x1b[2J↵li…\n"
    )
    assert all(text_width(line) <= 30 for line in table.splitlines())


def test_a_terminal_too_narrow_for_the_rest_gets_long_lines():
    """ours: ids are never cut."""
    lines = render_table(COLUMNS, ROWS, Screen(width=5)).splitlines()
    assert lines[2].startswith("failed   1234  a much lo…")


def test_only_status_words_and_the_header_are_coloured():
    """issue #2: colour for status words only on a terminal."""
    lines = render_table(COLUMNS, ROWS[:2], Screen(is_coloured=True)).splitlines()
    assert lines[0] == "\x1b[1mSTATUS      N  TEXT\x1b[0m"
    assert lines[1] == "\x1b[32msuccess\x1b[0m     7  short"
    assert lines[2].startswith("\x1b[1;31mfailed\x1b[0m   1234")


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0)])
def test_width_counts_columns_of_the_terminal(text, width):
    """ours: wide characters take two columns, combining ones none."""
    assert text_width(text) == width


def test_an_unknown_status_is_dim_and_nothing_is_painted_without_colour():
    """ours: statuses that need no attention."""
    assert paint_status("skipped", Screen(is_coloured=True)) == "\x1b[2mskipped\x1b[0m"
    assert paint_status("failed", Screen()) == "failed"


def test_an_empty_table_is_its_header():
    """ours: no answer is an answer too."""
    assert render_table(COLUMNS, [], Screen()) == "STATUS  N  TEXT\n"
