"""Cuts an answer to a budget of tokens, and says in the answer what was cut and how to get it.

Tokens are estimated: models differ, and have no tokenizer here. A third of the bytes of the answer's
JSON is on the safe side for text with as many names, numbers and signs as ours.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.mcp.paths import join_path
from stepscope_collector.present.mcp.tool import Answer

__all__ = ["BYTES_PER_TOKEN", "LEAST_TOKENS", "fit", "tokens_of"]

BYTES_PER_TOKEN: Final = 3
LEAST_TOKENS: Final = 500
"""Below this hardly any answer says anything."""
_TEXT_LIMITS: Final = (8000, 2000, 500, 200)
"""Characters that are left of a long text; the next one is tried when the answer is still too long."""
_MAX_NOTES: Final = 10


def tokens_of(text: str) -> int:
    """How many tokens a text takes, at most."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def fit(answer: Answer, max_tokens: int) -> str:
    """The answer as JSON of at most `max_tokens`; what was cut stands in its member `cut`.

    First long texts are shortened, then lists lose rows, the longest list first.

    Raises:
        BadRequest: what is left of it is still too long.
    """
    notes: list[dict[str, Any]] = []
    document = answer.document
    for limit in (None, *_TEXT_LIMITS):
        if limit is not None:
            notes.clear()
            document = _shorten(answer.document, "", limit, answer, notes)
        if tokens_of(text := _written(document, notes)) <= max_tokens:
            return text
    lists = [name for name in answer.rest if isinstance(document.get(name), list)]
    while lists:
        name = max(lists, key=lambda one: len(_dumps(document[one])))
        lists.remove(name)
        rows = document[name]
        kept = _most(answer, document, notes, (name, rows), max_tokens)
        document = {**document, name: _part(answer, name, rows, kept)}
        if kept < len(rows):
            notes.append(_note(answer, name, len(rows), kept))
        if tokens_of(text := _written(document, notes)) <= max_tokens:
            return text
    raise BadRequest(
        f"the answer takes {tokens_of(_written(document, notes))} tokens, limit {max_tokens}",
        hint="raise max_tokens, or ask for a part of it",
    )


def _most(
    answer: Answer,
    document: dict[str, Any],
    notes: list[dict[str, Any]],
    rows_of: tuple[str, list[Any]],
    max_tokens: int,
) -> int:
    """The most rows of a list with which the answer fits; 0 when it never does."""
    name, rows = rows_of
    least, most = 0, len(rows)
    while least < most:
        middle = (least + most + 1) // 2
        part = {**document, name: _part(answer, name, rows, middle)}
        text = _written(part, [*notes, _note(answer, name, len(rows), middle)])
        if tokens_of(text) <= max_tokens:
            least = middle
        else:
            most = middle - 1
    return least


def _part(answer: Answer, name: str, rows: list[Any], kept: int) -> list[Any]:
    return rows[len(rows) - kept :] if name in answer.newest else rows[:kept]


def _note(answer: Answer, name: str, count: int, kept: int) -> dict[str, Any]:
    return {"field": name, "kept": kept, "of": count, "rest": answer.rest[name](kept)}


def _shorten(value: Any, path: str, limit: int, answer: Answer, notes: list[dict[str, Any]]) -> Any:
    """The value with texts of at most `limit` characters; notes what was cut."""
    if isinstance(value, dict):
        return {
            key: _shorten(item, join_path(path, key), limit, answer, notes)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _shorten(item, f"{path}[{number}]", limit, answer, notes)
            for number, item in enumerate(value)
        ]
    if isinstance(value, str) and len(value) > limit:
        note = {"field": path, "kept": limit, "of": len(value), "unit": "characters"}
        if answer.whole is not None:
            note["rest"] = answer.whole(path)
        notes.append(note)
        return value[:limit] + "…"
    return value


def _written(document: dict[str, Any], notes: list[dict[str, Any]]) -> str:
    if not notes:
        return _dumps(document)
    return _dumps({**document, "cut": list(_few(notes))})


def _few(notes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Notes of lists, and the first of those of texts: there may be one for every row."""
    texts = [note for note in notes if "unit" in note]
    yield from (note for note in notes if "unit" not in note)
    yield from texts[:_MAX_NOTES]
    if len(texts) > _MAX_NOTES:
        yield {"further_texts": len(texts) - _MAX_NOTES}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
