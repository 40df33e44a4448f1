"""Redaction (R057): values that look secret, by the name of their key or by their own form.

Works on the caller's thread before a value is queued, written or sent. Keys are split into words
(`clientSecret`, `client-secret`, `CLIENT_SECRET` are all `client secret`), so `max_tokens` is
not a token and `token` is.
"""

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

__all__ = ["MARKER", "Hidden", "Redactor"]

MARKER: Final = "[redacted]"
"""Stands where a secret stood."""

_WORDS: Final = frozenset(
    "password passwords passwd pwd passphrase secret secrets token authorization auth cookie "
    "cookies credential credentials apikey apikeys bearer jwt cvv cvc ssn otp".split()
)
_PAIRS: Final = frozenset(
    {
        ("api", "key"), ("api", "keys"), ("private", "key"), ("access", "key"),
        ("secret", "key"), ("signing", "key"), ("encryption", "key"), ("ssh", "key"),
        ("session", "id"), ("session", "key"), ("card", "number"), ("connection", "string"),
        ("pass", "word"), ("pass", "phrase"), ("account", "key"), ("sas", "url"),
    }
)  # fmt: skip
_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")

_STRING = r'(?:[^"\\]|\\.)'
_FORMS: Final = tuple(
    (hint, re.compile(pattern))
    for hint, pattern in (
        ("eyJ", r"eyJ[\w-]*+(?:\.[\w-]*+)*+"),  # JWT, checked by _token
        (
            "-----BEGIN",
            rf"-----BEGIN [A-Z ]*PRIVATE KEY-----{_STRING}*?"
            r"(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\"|\Z))",
        ),
        ("AKIA", r"\bAKIA[A-Z0-9]{16}\b"),
        ("ASIA", r"\bASIA[A-Z0-9]{16}\b"),
        ("gh", r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
        ("github_pat_", r"\bgithub_pat_\w{30,}"),
        ("sk-", r"\bsk-[\w-]{20,}"),
        ("xox", r"\bxox[abprs]-[\w-]{10,}"),
        ("k_", r"\b(?:sk|rk)_(?:live|test)_\w{16,}"),
        ("://", r"(?<=://)[^/\s:@\"\\]*:[^/\s@\"\\]+(?=@)"),  # userinfo of a URL
    )
)
"""A text that must be there, which costs nanoseconds to look for, and the form it hints at."""

_LOWER_FORMS: Final = tuple(
    (hint, re.compile(rf"(?i:(?<={hint})){pattern}"))
    for hint, pattern in (
        ("bearer ", r"[A-Za-z0-9+/._~=-]{8,}"),
        ("basic ", r"[A-Za-z0-9+/._~=-]{8,}"),
        *(
            (f"{word}=", r"[^\s\"'&;,\\]+")
            for word in "password passwd secret token api_key apikey".split()
        ),
    )
)
"""Likewise, with hints to be looked for in the text in lower case."""

_ASSIGNMENT = re.compile(
    r"(?i)\b([\w-]{0,40}(?:password|passwd|pwd|passphrase|secret|token|(?:api|private|access)[_-]?key|authorization|cookie|credentials?))"
    r"(['\"]?\s*[:=]\s*)(?!\[redacted\])(?:(['\"])(?:(?!\3).)*\3|[^\s'\",;&]+(?:\s(?<=bearer )\S+)?)"
)
_CARD = re.compile(r"\d(?<![\w.-]\d)(?:[ -]?\d){12,18}(?![\w.-])")
_SHORTEST: Final = 8
"""No form of a secret is shorter."""
_CACHE_LIMIT = 4096


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _token(match: re.Match[str]) -> str:
    # The pattern takes whole runs, so that text which only begins like a token costs linear time.
    parts = match.group().split(".")
    is_token = len(parts) > 2 and len(parts[0]) > 7 and len(parts[1]) > 4
    return MARKER if is_token else match.group()


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return MARKER if _is_card(digits) else match.group()


def _is_card(digits: str) -> bool:
    # What cards begin with (ISO/IEC 7812): so times in milliseconds to nanoseconds stay.
    begins = digits[0] in "3456" or "2221" <= digits[:4] <= "2720"
    return begins and len(set(digits)) > 1 and _luhn(digits)


@dataclasses.dataclass(slots=True)
class Hidden:
    """How many values were hidden, and why (R057)."""

    by_key: int = 0
    """Under a name that says secret."""
    by_form: int = 0
    """Looked like one."""
    by_rule: int = 0
    """Changed by the rule given to `configure(redact=…)`."""


class Redactor:
    """Decides by key (`hides`) and cleans text (`clean_json`, `clean_text`).

    `custom(key, value)` returns the value to record instead; it sees every named value after
    the built-in rules and may not raise into the watched program (an error hides the value).
    """

    __slots__ = ("_cache", "_extra", "custom", "hidden", "is_on")

    def __init__(
        self,
        extra_keys: Iterable[str] = (),
        custom: Callable[[str, Any], Any] | None = None,
        is_on: bool = True,
    ) -> None:
        self._extra = frozenset(" ".join(_words(key)) for key in extra_keys)
        self._cache: dict[str, bool] = {}
        self.custom = custom
        self.is_on = is_on
        self.hidden = Hidden()

    def hides(self, key: str, value: object) -> bool:
        """Whether the value under this key is secret by its name."""
        if not self.is_on:
            return False
        known = self._cache.get(key)
        if known is None:
            known = self._is_secret(key)
            if len(self._cache) < _CACHE_LIMIT:
                self._cache[key] = known
        # `tokens` is a count in language-model work and a list of secrets elsewhere.
        is_hidden = (known and value is not None) or (
            not known and "okens" in key and type(value) not in (int, float, bool, type(None))
        )
        if is_hidden:
            self.hidden.by_key += 1
        return is_hidden

    def apply(self, key: str, value: Any) -> Any:
        """The value after the user's own rule; `MARKER` when that rule fails."""
        if self.custom is None:
            return value
        try:
            shown = self.custom(key, value)
        except Exception:  # noqa: BLE001 - a user's rule must not reach the watched program
            shown = MARKER
        if shown is not value:
            self.hidden.by_rule += 1
        return shown

    def clean_number(self, number: int) -> int | str:
        """The integer, or `MARKER` when it is the number of a payment card."""
        # 13 to 19 digits
        if not self.is_on or not 10**12 <= number < 10**19 or not _is_card(str(number)):
            return number
        self.hidden.by_form += 1
        return MARKER

    def clean_json(self, text: str) -> str:
        """JSON text with secret-looking parts of its strings replaced.

        It stays valid JSON, as long as its numbers went through `clean_number` before.
        """
        return self._counted(text, _hide_forms(text)) if self.is_on else text

    def clean_text(self, text: str) -> str:
        """Free text (messages, stacks, log lines) without secret-looking parts."""
        if not self.is_on or not text:
            return text
        return self._counted(text, _ASSIGNMENT.sub(rf"\1\2{MARKER}", _hide_forms(text)))

    def _counted(self, before: str, after: str) -> str:
        if after is not before and after != before:
            self.hidden.by_form += max(after.count(MARKER) - before.count(MARKER), 1)
        return after

    def _is_secret(self, key: str) -> bool:
        words = _words(key)
        return (
            not _WORDS.isdisjoint(words)
            or any(pair in _PAIRS for pair in itertools.pairwise(words))
            or " ".join(words) in self._extra
        )


def _words(key: str) -> list[str]:
    return [word.lower() for word in _SPLIT.findall(key)]


def _hide_forms(text: str) -> str:
    if len(text) < _SHORTEST:
        return text
    for hint, pattern in _FORMS:
        if hint in text:
            text = pattern.sub(_token if hint == "eyJ" else MARKER, text)
    if "=" in text or " " in text:
        lower = text.lower()
        for hint, pattern in _LOWER_FORMS:
            if hint in lower:
                text = pattern.sub(MARKER, text)
    return _CARD.sub(_card, text)
