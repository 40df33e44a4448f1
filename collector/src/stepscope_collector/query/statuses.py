"""The words for a status that filters accept: the canonical ones and the engines' own."""

import re
from functools import cache

from stepscope_collector.query.nearest import unknown
from stepscope_schema.load import load_schema

__all__ = ["canonical_status", "status_words"]

_WORD = re.compile(r"when '(\w+)' then '(\w+)'")


@cache
def status_words() -> dict[str, str]:
    """Word in lower case → canonical status.

    Read from the macro of the mapping: a filter takes a word for what the mapping took it for.
    """
    macro = next(s for s in load_schema().of("macros") if s.name == "canonical_status")
    return dict(_WORD.findall(macro.sql))


def canonical_status(word: str) -> str:
    """The canonical status of any sender's word; case does not matter.

    Raises:
        BadRequest: nobody's word; the hint names the nearest canonical status or alias.
    """
    words = status_words()
    if (status := words.get(word.strip().lower())) is None:
        raise unknown("status", word, words)
    return status
