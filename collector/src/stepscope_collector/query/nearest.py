"""Errors that name what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from stepscope_collector.errors import BadRequest

__all__ = ["unknown"]


def unknown(what: str, word: str, known: Iterable[str]) -> BadRequest:
    """The error for `word`, which is none of `known`; the hint names the nearest one, or all."""
    names = sorted(set(known))
    nearest = get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(names)}"
    return BadRequest(f"unknown {what} {word!r}", hint=hint)
