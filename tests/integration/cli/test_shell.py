"""`stepscope sql` without a statement, on a terminal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e


class Terminal:
    """The command on a pseudo terminal."""

    def __init__(self, *arguments: str | Path, **environ: str) -> None:
        self._main, terminal = pty.openpty()
        clean = {k: v for k, v in os.environ.items() if not k.startswith("STEPSCOPE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stepscope_collector", "sql", *map(str, arguments)],
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            env={**clean, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "120", **environ},
        )  # fmt: skip
        os.close(terminal)
        self.shown = ""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux: EIO when the other end is closed
            while piece := os.read(self._main, 65536):
                text = re.sub(
                    r"\x1b(\[[0-9;?]*[a-zA-Z]|[=>])", "", piece.decode("utf-8", "replace")
                )
                with self._changed:
                    self.shown += text
                    self._changed.notify_all()

    def type(self, text: str) -> None:
        with self._changed:
            self.shown = ""
        os.write(self._main, text.encode())

    def expect(self, text: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.shown, 40), self.shown

    def close(self) -> int:
        try:
            # again and again: before it asks for the next line nobody reads the first one
            for _ in range(40):
                with contextlib.suppress(OSError):
                    os.write(self._main, b"\x04")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self.process.wait(1)
            raise AssertionError(f"it does not end: {self.shown!r}")
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
            self._reader.join(20)
            os.close(self._main)


@pytest.fixture
def terminal(stored: Path, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal("--data", stored, XDG_STATE_HOME=str(tmp_path))
    try:
        opened.expect("stepscope>")
        yield opened
    finally:
        code = opened.close()
    assert code == 0


@pytest.mark.timeout(200)
def test_statements_are_answered_one_after_the_other(terminal: Terminal, tmp_path: Path) -> None:
    """issue #7: `stepscope sql` as an interactive shell with completion and history."""
    terminal.type("select count(*) as all_of_them\r")
    terminal.expect("...>")
    terminal.type("from executions;\r")
    terminal.expect("1 row in")
    assert "all_of_them" in terminal.shown
    terminal.type("select nothing from executions;\r")
    terminal.expect("not found")
    terminal.type("select 'again' as still_there from execution_par\t")
    terminal.expect("ams")  # what is missing
    terminal.type(" limit 0;\r")
    terminal.expect("0 rows in")
    terminal.type(".format csv\rselect 40 + 2 as n;\r")
    terminal.expect("42")
    terminal.type(".schema execution_params\r")
    terminal.expect("param_name")
    terminal.type(".tables\r")
    terminal.expect("workflow_stats")
    terminal.type("select 'it ends;\r")
    terminal.expect("...>")
    terminal.type("later;' as text;\r")
    terminal.expect('later;"')
    terminal.type("help\r")
    terminal.expect("Tab completes")
    terminal.type("\\d execution_params\r")
    terminal.expect("param_name")
    terminal.type(".nonsense\r")
    terminal.expect("is no command")
    history = (tmp_path / "stepscope" / "sql_history").read_text(encoding="utf-8")
    assert "+select nothing from executions;" in history
    assert (tmp_path / "stepscope" / "sql_history").stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_it_reads_one_statement(stored: Path) -> None:
    """issue #7: plain when not a terminal."""
    answer = stepscope("sql", "--data", stored, "--format", "csv", stdin="select 1 as a")
    assert (answer.code, answer.out) == (0, "a\n1\n")


def test_a_plan_is_shown_as_it_is_drawn(stored: Path) -> None:
    """issue #7: EXPLAIN on the command line is for people."""
    answer = stepscope(
        "sql", "--data", stored, "explain select status, count(*) from executions group by 1"
    )
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) > 3
    assert "explain_key" not in answer.out
