"""The interactive `stepscope sql`: one statement after the other, with completion and history.

Every statement finds somebody to ask anew, as a command would: a server may start and stop meanwhile,
and the file is open only as long as a statement takes.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from stepscope_collector.cli.completion import Words, complete, is_whole
from stepscope_collector.cli.hints import in_commands
from stepscope_collector.cli.lookup import read_sql
from stepscope_collector.cli.session import Session
from stepscope_collector.errors import StepscopeError

__all__ = ["Shell"]

_HELP: Final = """\
A statement ends with ; and may have several lines. Only reading is allowed.
  .tables           views and tables
  .schema NAME      columns of one
  .format FORM      table, json, ndjson or csv
  .help             this
  .quit             or Ctrl-D
Also as in psql: \\d, \\d NAME, \\?, \\q; and help, quit, exit.
Tab completes, the arrow keys go through the history, Ctrl-C drops a line or stops a statement.
"""
_FORMS: Final = ("table", "json", "ndjson", "csv")
_MOST_WORDS: Final = 10_000
# What people type who know another shell; without them they would wait for a semicolon.
_ALSO: Final = {
    "help": ".help", "?": ".help", "\\?": ".help", "\\h": ".help", "quit": ".quit", "exit": ".quit",
    "\\q": ".quit", "\\dt": ".tables", "\\dv": ".tables", "\\l": ".tables",
}  # fmt: skip


class Shell:
    """Reads statements and prints answers until the end of the input.

    Args:
        session: whom to ask, and where results go.
        answer: asks one statement and prints what it answers.
        history: file of what was typed; None: nothing is kept.
        prompt: reads input; None: one of this terminal.
    """

    def __init__(
        self,
        session: Session,
        answer: Callable[[str], None],
        history: Path | None,
        prompt: "PromptSession[str] | None" = None,
    ) -> None:
        self._session = session
        self._answer = answer
        self._prompt: PromptSession[str] = prompt or PromptSession(
            history=_history(history),
            completer=_Completer(self._words),
            auto_suggest=AutoSuggestFromHistory(),
            complete_while_typing=False,
        )
        self._known: Words | None = None

    def run(self) -> None:
        """Until .quit or Ctrl-D."""
        self._session.note("statements end with ; and .help tells more")
        waiting = ""
        while True:
            try:
                line = self._prompt.prompt("    ...> " if waiting else "stepscope> ")
            except KeyboardInterrupt:
                waiting = ""
                continue
            except EOFError:
                return
            text = f"{waiting}\n{line}" if waiting else line
            if not text.strip():
                waiting = ""
            elif not waiting and (words := _command(text)):
                if not self._told(*words):
                    return
            elif is_whole(text):
                waiting = ""
                self._ask(text)
            else:
                waiting = text

    def _ask(self, text: str) -> None:
        try:
            self._answer(text)
        except StepscopeError as error:
            self._session.note(
                error.message + (f"\n  hint: {in_commands(error.hint)}" if error.hint else "")
            )
        except KeyboardInterrupt:
            self._session.note("interrupted")
        with contextlib.suppress(BrokenPipeError):
            self._session.flush()

    def _told(self, word: str, *rest: str) -> bool:
        """Whether to go on after a word with a dot."""
        if word in {".quit", ".exit"}:
            return False
        if word == ".tables":
            self._session.write("".join(f"{name}\n" for name in self._words().relations))
        elif word == ".schema" and rest:
            self._ask(f"describe {rest[0].rstrip(';')};")
        elif word == ".format" and rest and rest[0] in _FORMS:
            self._session.format = rest[0]
        elif word == ".help":
            self._session.write(_HELP)
        else:
            self._session.note(f"{' '.join([word, *rest])!r} is no command; .help tells them")
        return True

    def _words(self) -> Words:
        if self._known is None:
            try:
                with self._session.client() as client:
                    rows = client.sql(read_sql("words"), max_rows=_MOST_WORDS)["rows"]
            except (
                StepscopeError
            ):  # to complete is a help, and the next statement says what is wrong
                return Words()
            self._known = Words.of(rows)
        return self._known


def _command(text: str) -> list[str]:
    """The words of a line that is a command and no SQL; of other lines none."""
    word, *rest = text.rstrip("; \t").split() or [""]
    if not rest and (known := _ALSO.get(word.lower())):
        return [known]
    if word == "\\d":
        return [".schema", *rest] if rest else [".tables"]
    return [word, *rest] if word.startswith((".", "\\")) else []


class _Completer(Completer):
    def __init__(self, words: Callable[[], Words]) -> None:
        self._words = words

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """What may stand where the cursor is."""
        del complete_event
        for word, kind, begun in complete(self._words(), document.text_before_cursor):
            yield Completion(word, start_position=-begun, display_meta=kind)


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # values of users stand in statements
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
