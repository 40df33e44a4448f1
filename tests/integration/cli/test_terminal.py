"""The command on a terminal: colour, width, and what it refuses there."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def on_terminal(*arguments: str | Path, **environ: str) -> tuple[int, str]:
    """Exit code and what a terminal of 120 columns shows."""
    main, terminal = pty.openpty()
    keep = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    with subprocess.Popen(
        [sys.executable, "-m", "stepscope_collector", *map(str, arguments)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**keep, "TERM": "xterm", "COLUMNS": "120", **environ},
    ) as process:
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(main, 65536):
                shown += piece
        except OSError:
            pass  # Linux: EIO when the other end is closed
        os.close(main)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def test_status_words_are_coloured_and_lines_fit(stored):
    """issue #2: colour for status words only on a terminal."""
    code, shown = on_terminal("executions", "--data", stored)
    assert code == 0
    assert shown.count("\x1b[1;31mfailed\x1b[0m") == 2
    assert shown.count("\x1b[32msuccess\x1b[0m") == 2
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 120
    assert "ValueError" in plain


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colour_can_be_switched_off(stored, environ):
    """NO_COLOR: https://no-color.org."""
    code, shown = on_terminal("executions", "--data", stored, **environ)
    assert code == 0
    assert "\x1b" not in shown
    assert "failed" in shown


def test_a_narrow_terminal_cuts_names_and_errors_but_no_ids(stored):
    """ours: an id that was cut cannot be used."""
    _, shown = on_terminal("executions", "--data", stored, NO_COLOR="1", COLUMNS="100")
    assert "exec-b2-failed" in shown
    assert "…" in shown


def test_bytes_and_questions_without_text_are_refused_on_a_terminal(stored):
    """issue #2: arrow to stdout when it is not a terminal."""
    code, shown = on_terminal("sql", "select 1", "--format", "arrow", "--data", stored)
    assert code == 2
    assert "arrow is binary and stdout is a terminal" in shown
    main, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "stepscope_collector", "sql", "--data", str(stored)],
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    os.close(terminal)
    os.close(main)
    assert done.returncode == 2
    assert "no SQL was given" in done.stderr
