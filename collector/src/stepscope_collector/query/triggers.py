"""The words for what started an execution that mean the same (R007, R036).

The history keeps the sender's own word; a filter finds all words of its kind.
"""

from typing import Final

__all__ = ["trigger_words"]

_SAME: Final = (
    ("schedule", "scheduled", "cron"),
    ("webhook", "http"),
    ("event", "internal_event"),
)


def trigger_words(word: str) -> tuple[str, ...]:
    """All words that mean what `word` does, itself among them; capital letters do not matter."""
    low = word.lower()
    return next((same for same in _SAME if low in same), (word,))
