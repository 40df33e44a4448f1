"""What may follow in a statement that somebody types. Pure: knows words, and the text so far."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Words", "complete", "is_whole"]

_LAST: Final = re.compile(r"(?:(?P<owner>[\w.]+)\.)?(?P<begun>\w*)$")
_BEFORE: Final = re.compile(r"\b(?P<word>\w+)\s+(?:[\w.]+\s*,\s*)*[\w.]*$")
_NAMED: Final = re.compile(
    r"\b(?:from|join)\s+(?P<relation>[a-z_][\w.]*)(?:\s+(?:as\s+)?(?P<alias>[a-z_]\w*))?",
    re.IGNORECASE,
)
_RELATION_FOLLOWS: Final = ("from", "join", "describe", "summarize", "table")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*$")
_CLOSED: Final = re.compile(
    r"[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_OPEN: Final = re.compile(r"['\"]|/\*|\$[A-Za-z_]*\$")


@dataclass(frozen=True, slots=True)
class Words:
    """The words there are."""

    relations: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Relation → its columns."""
    functions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> "Words":
        """From rows of cli/sql/words.sql."""
        kinds: dict[str, list[str]] = {"relation": [], "function": [], "keyword": []}
        columns: dict[str, list[str]] = {}
        for kind, word, owner in rows:
            (columns.setdefault(owner, []) if kind == "column" else kinds[kind]).append(word)
        return cls(
            tuple(kinds["relation"]),
            {owner: tuple(names) for owner, names in columns.items()},
            tuple(kinds["function"]),
            tuple(kinds["keyword"]),
        )


def complete(words: Words, text: str) -> Iterator[tuple[str, str, int]]:
    """Words that may stand at the end of the text: word, kind, and how many characters are there.

    After from and join relations come; after `x.` the columns of x, a relation or its alias; else
    columns of the relations named so far, then functions and keywords.
    """
    if _QUOTED.search(re.sub(r"'(?:[^']|'')*'", "", text)):
        return
    last = _LAST.search(text)
    assert last is not None  # it may be empty
    owner, begun = last["owner"], last["begun"]
    named = {
        name.lower(): found["relation"].lower()
        for found in _NAMED.finditer(text)
        for name in (found["relation"], found["alias"])
        if name
    }
    if owner is not None:
        relation = named.get(owner.lower(), owner.lower())
        found = [(name, "column") for name in words.columns.get(relation, ())]
        prefix = f"{owner.lower()}."
        found += [
            (name.removeprefix(prefix), "view or table")
            for name in words.relations
            if name.startswith(prefix)
        ]
    elif (before := _BEFORE.search(text)) and before["word"].lower() in _RELATION_FOLLOWS:
        found = [(name, "view or table") for name in words.relations]
    else:
        relations = [name for name in dict.fromkeys(named.values()) if name in words.columns]
        chosen = relations or list(words.columns)
        columns = dict.fromkeys(name for each in chosen for name in words.columns[each])
        found = [(name, "column") for name in columns]
        if begun:
            found += [(name, "function") for name in words.functions]
            found += [(name, "keyword") for name in words.keywords]
            found += [(name, "view or table") for name in words.relations]
    for word, kind in found:
        if word.lower().startswith(begun.lower()):
            yield word, kind, len(begun)


def is_whole(text: str) -> bool:
    """Whether a statement ends here: with a semicolon that is in no quotes and no comment."""
    bare = _CLOSED.sub(" ", text)
    return not _OPEN.search(bare) and bare.rstrip().endswith(";")
