"""The words, quoted texts, operators and brackets of a filter."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from stepscope_collector.query.filter.complaint import complaint

__all__ = ["MAX_CHARACTERS", "Token", "tokens_of"]

MAX_CHARACTERS: Final = 10_000

_BLANK: Final = re.compile(r"\s*")
_SIGN: Final = re.compile(r"[(),]")
_OPERATOR: Final = re.compile(r"[=<>!~]+")
_WORD: Final = re.compile(r"[^\s\"'(),=<>!~]+")
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter; `end` has an empty text and stands behind the last one."""

    kind: Literal["word", "quoted", "operator", "sign", "end"]
    text: str
    """Of a quoted text what it means, without quotes and escapes."""
    first: int
    last: int
    """Place of its first character, and of the one behind its last."""

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in any case, and not quoted."""
        return self.kind == "word" and self.text.lower() in words

    def is_sign(self, sign: str) -> bool:
        """Whether it is this bracket or comma."""
        return self.kind == "sign" and self.text == sign


def tokens_of(text: str) -> list[Token]:
    """The tokens of a filter, the last one of kind `end`.

    Raises:
        BadRequest: it is too long, has a character that is none, or a quote that does not end.
    """
    if len(text) > MAX_CHARACTERS:
        raise complaint(
            text, MAX_CHARACTERS, MAX_CHARACTERS + 1,
            f"the filter has {len(text)} characters, limit {MAX_CHARACTERS}",
            "write a list with in (…), or ask in SQL",
        )  # fmt: skip
    if found := _UNPRINTABLE.search(text):
        raise complaint(
            text, found.start(), found.end(), f"character {ord(found[0]):#x} is no text",
            "write it as \\uXXXX between quotes",
        )  # fmt: skip
    tokens, place = [], 0
    while (place := _end_of_blanks(text, place)) < len(text):
        token = _token(text, place)
        tokens.append(token)
        place = token.last
    return [*tokens, Token("end", "", len(text), len(text))]


def _end_of_blanks(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _token(text: str, place: int) -> Token:
    if found := _QUOTED.match(text, place):
        return Token("quoted", _unescaped(text, found), place, found.end())
    if found := _SIGN.match(text, place):
        return Token("sign", found[0], place, found.end())
    if found := _OPERATOR.match(text, place):
        return Token("operator", found[0], place, found.end())
    if found := _WORD.match(text, place):
        return Token("word", found[0], place, found.end())
    raise complaint(
        text, place, len(text), f"the quote {text[place]} does not end",
        f"end it with {text[place]}; a quote inside is written \\{text[place]}",
    )  # fmt: skip


def _unescaped(text: str, quoted: re.Match[str]) -> str:
    inner = quoted[0][1:-1]

    def meant(escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) == 5:
            sign = chr(int(code[1:], 16))
            if not "\ud800" <= sign <= "\udfff":
                return sign
        elif code in _ESCAPED:
            return _ESCAPED[code]
        first = quoted.start() + 1 + escape.start()
        raise complaint(
            text, first, first + len(escape[0]), f"unknown escape {escape[0]!r}",
            'known: \\" \\\' \\\\ \\n \\t \\r \\uXXXX; a backslash is written \\\\',
        )  # fmt: skip

    return _ESCAPE.sub(meant, inner)
