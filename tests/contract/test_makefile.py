"""The Makefile explains itself, and commands quoted in documents exist."""

import re
import shlex
import subprocess
import sysconfig
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^ *```(?:sh|bash|console|shell)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PROMISED = "setup demo serve test check lint types bench build isolate clean docs".split()


def make_targets() -> dict[str, str]:
    """Target to the explanation behind its `##`, empty if there is none; files are no targets."""
    rule = re.compile(r"^([a-z][a-z-]*):(?!=)[^\n#]*(?:## *([^\n]*))?", re.MULTILINE)
    return dict(rule.findall(MAKEFILE))


def quoted_commands(text: str) -> list[list[str]]:
    """The words of each command in the fenced shell blocks of a document, without output and comments."""
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := first_words(line))]


def first_words(line: str) -> list[str]:
    """The words of a command line up to a pipe or a second command; empty if it cannot be one."""
    try:
        lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # an open quote: a statement that goes on in the next line
        words = line.split()
    end = next((i for i, word in enumerate(words) if set(word) <= set("|&;<>()")), len(words))
    return words[:end]


def test_every_target_is_explained_and_phony():
    """ours: the Makefile is self-documenting."""
    targets = make_targets()
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert [name for name, text in targets.items() if not text] == []
    assert sorted(targets) == sorted(phony[1].split())


def test_promised_targets_exist():
    """issue #2: `help`; `setup demo serve test check lint types bench build isolate clean`."""
    assert sorted(set(PROMISED) - set(make_targets())) == []


def test_make_alone_lists_every_target():
    """issue #2: self-documenting `help`, which is the default."""
    done = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = dict(re.findall(r"^  make ([a-z-]+) +(.+)$", done.stdout, re.MULTILINE))
    assert listed == make_targets()


def test_quoted_commands_are_found_in_shell_blocks_only():
    """ours: the test below would pass for ever if it found nothing."""
    text = '```sh\n$ make test ARGS="-k a"  # all\nstepscope sql "select 1" | head\n```\n```sql\nmake x\n```\n'
    assert quoted_commands(text) == [
        ["make", "test", "ARGS=-k a"],
        ["stepscope", "sql", "select 1"],
    ]


@cache
def command_help(*words: str) -> str | None:
    """What `stepscope WORDS --help` prints, None if there is no such command."""
    command = Path(sysconfig.get_path("scripts"), "stepscope")
    done = subprocess.run(
        [command, *words, "--help"], capture_output=True, text=True, check=False, timeout=50
    )
    return done.stdout if done.returncode == 0 else None


def unknown_parts(words: list[str]) -> list[str]:
    """What the command line does not know of `stepscope WORDS`: the command, or its options."""
    names = [word for word in words[:1] if re.fullmatch("[a-z-]+", word) and word[0] != "-"]
    text = command_help(*names)
    if text is None:
        return [" ".join(["stepscope", *names])]
    if (
        words[1:]
        and re.fullmatch("[a-z]+", words[1])
        and re.search(rf"^  {re.escape(words[1])} ", text, re.MULTILINE)
    ):
        names = words[:2]  # a command of a group
        text = command_help(*names) or ""
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = set(re.findall(r"--[a-z][a-z-]*", text))
    return sorted(f"{' '.join(['stepscope', *names])} {option}" for option in options - known)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_quoted_in_documents_exist(document):
    """issue #2: documents are true."""
    text = document.read_text(encoding="utf-8")
    in_blocks = [words[1:] for words in quoted_commands(text) if words[0] == "make"]
    inline = [match.split() for match in re.findall(r"`make ([a-z][^`]*)`", text)]
    quoted = {
        word for words in in_blocks + inline for word in words if re.fullmatch("[a-z-]+", word)
    }
    assert sorted(quoted - set(make_targets())) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_stepscope_commands_and_options_quoted_in_documents_exist(document):
    """issue #2: documents are true."""
    text = document.read_text(encoding="utf-8")
    in_blocks = [words[1:] for words in quoted_commands(text) if Path(words[0]).name == "stepscope"]
    inline = [first_words(found) for found in re.findall(r"`stepscope ([a-z-][^`\n]*)`", text)]
    assert [part for words in in_blocks + inline for part in unknown_parts(words)] == []
