"""Checks what the other tools do not: sizes of modules and SQL files, and that no machine is named.

    python scripts/check_layout.py [ROOT]

Looks at the files git tracks or would track (new files that are not ignored). Prints one line
`path:line: message` per finding; exits 1 if there is any.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Finding", "check_file", "check_tree"]

MAX_MODULE_LINES = 500
MAX_INIT_LINES = 40
MAX_SQL_LINES = 120

# Generated or standard text that is no work of ours; an image or another binary file has no lines.
_UNCHECKED_NAMES = frozenset({"LICENSE"})
_BINARY_SUFFIXES = frozenset(
    {".png", ".jpg", ".gif", ".ico", ".woff2", ".gz", ".zip", ".bin", ".pb", ".arrow", ".parquet"}
)

_QUOTED_OR_COMMENT = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$", re.DOTALL
)

# Written in pieces and character classes, so that this file does not find itself.
_INDEX_HOSTS = ("py" + "pi", "python" + "hosted")
_MACHINES = (
    (re.compile(r"(?<![\w.])/(?:work|root)/[\w.]"), "path of one machine"),
    (re.compile(r"(?<![\w.])/(?:home|Users)/[a-z][\w.-]*/"), "path of one machine"),
    (re.compile(r"(?<![\w.])/sr[v]/\w"), "path of one machine"),
    (
        re.compile(r"(?<![\w.])/(?!usr/)(?:[\w.@+-]+/)+(?:site-packages|node_modules)/"),
        "path of one machine",
    ),
    (re.compile(rf"(?i)\b(?:{'|'.join(_INDEX_HOSTS)})\.org\b"), "package index"),
    (
        re.compile(r"(?i)https?://[^\s\"'<>]*/(?:simple|api/pypi|artifactory|nexus)\b"),
        "package index",
    ),
    (
        re.compile(r"(?:--(?:extra-)?index-ur[l]|--find-link[s]\s+https?:|--trusted-hos[t])"),
        "package index",
    ),
    (
        re.compile(r"(?i)\bpip_(?:extra_)?index_ur[l]\b|\bregistry\s*=\s*['\"]?https?:"),
        "package index",
    ),
)


class Finding(NamedTuple):
    """One broken rule. `line` counts from 1."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check_file(path: str, text: str) -> Iterator[Finding]:
    """The findings in one file; `path` is relative to the repository and decides which rules apply."""
    name = path.rpartition("/")[2]
    if name in _UNCHECKED_NAMES:
        return
    lines = text.splitlines()
    if name.endswith((".py", ".rs")):
        limit = MAX_INIT_LINES if name == "__init__.py" else MAX_MODULE_LINES
        if len(lines) > limit:
            yield Finding(path, limit + 1, f"{len(lines)} lines, limit {limit}; split it")
    if name.endswith(".sql"):
        yield from _check_sql(path, text, lines)
    for number, line in enumerate(lines, start=1):
        for pattern, what in _MACHINES:
            if match := pattern.search(line):
                yield Finding(path, number, f"names a {what}: {match[0]!r}; leave it out")


def _check_sql(path: str, text: str, lines: list[str]) -> Iterator[Finding]:
    # A migration is one file, however many statements lead to the next version.
    is_migration = "/migrations/" in path
    limit = MAX_MODULE_LINES if is_migration else MAX_SQL_LINES
    if len(lines) > limit:
        yield Finding(path, limit + 1, f"{len(lines)} lines, limit {limit}; split it")
    if not text.startswith("--"):
        yield Finding(path, 1, "no header comment; say purpose, parameters and columns")
    # Comments and literals become blanks of the same height, so that line numbers stay right.
    bare = _QUOTED_OR_COMMENT.sub(
        lambda match: "x" * match[0].startswith(("'", '"', "$")) + "\n" * match[0].count("\n"), text
    )
    statements = [part for part in bare.split(";") if part.strip()]
    if not statements:
        yield Finding(path, 1, "no statement; delete the file")
    if len(statements) > 1 and not is_migration:
        line = statements[0].count("\n") + 1
        yield Finding(path, line, f"{len(statements)} statements, limit 1; one object per file")


def tracked_files(root: Path) -> list[str]:
    """Paths below `root`, relative and sorted: tracked by git, or new and not ignored; existing ones."""
    # CI may run as another user than the owner of the clone; listing files is safe all the same.
    listing = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return sorted(path for path in set(listing.split("\0")) if path and (root / path).is_file())


def check_tree(root: Path, paths: Iterable[str]) -> list[Finding]:
    """The findings in all `paths` below `root`, in the order of the paths; binary files are passed over."""
    findings: list[Finding] = []
    for path in paths:
        if Path(path).suffix in _BINARY_SUFFIXES:
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            findings.append(Finding(path, 1, "not UTF-8, and no known binary suffix"))
            continue
        findings.extend(check_file(path, text))
    return findings


def main(arguments: list[str]) -> int:
    """Print the findings; 1 if there are any, else 0."""
    root = Path(arguments[0] if arguments else ".")
    paths = tracked_files(root)
    findings = check_tree(root, paths)
    for finding in findings:
        print(finding)
    print(f"layout: {len(paths)} files, {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
