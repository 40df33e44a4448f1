"""Cuts an answer to a budget of tokens, and says in the answer what was cut and how to get it.

Tokens are estimated: models differ, and have no tokenizer here. A third of the bytes of the answer's
JSON is on the safe side for text with as many names, numbers and signs as ours.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
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

    First long texts are shortened, then lists lose rows, the longest ones first.

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
    return _fit_lists(answer, document, notes, max_tokens)


def _fit_lists(
    answer: Answer, document: dict[str, Any], notes: list[dict[str, Any]], max_tokens: int
) -> str:
    """Lists of at most so many rows as fit, the same number for all; then each in turn as many more.

    So no list is empty because of another one.
    """
    lists = {name: rows for name in answer.rest if isinstance(rows := document.get(name), list)}

    def written(kept: Mapping[str, int]) -> str:
        parts = {name: _part(answer, name, lists[name], count) for name, count in kept.items()}
        told = [note for note in notes if _is_there(note, answer, lists, kept)]
        told += [
            _note(answer, name, len(lists[name]), count)
            for name, count in kept.items()
            if count < len(lists[name])
        ]
        whole = {**document, **parts}
        if kept.get(answer.goes_on, 0) < len(lists.get(answer.goes_on, ())):
            whole.pop("more", None)
        return _written(whole, told)

    def alike(count: int) -> dict[str, int]:
        return {name: min(count, len(rows)) for name, rows in lists.items()}

    longest = max(map(len, lists.values()), default=0)
    kept = alike(_most(longest, lambda count: tokens_of(written(alike(count))) <= max_tokens))
    for name, rows in lists.items():
        least = kept[name]

        def fits(more: int, name: str = name, least: int = least) -> bool:
            return tokens_of(written({**kept, name: least + more})) <= max_tokens

        kept[name] = least + _most(len(rows) - least, fits)
    if tokens_of(text := written(kept)) <= max_tokens:
        return text
    raise BadRequest(
        f"the answer takes {tokens_of(text)} tokens, limit {max_tokens}",
        hint="raise max_tokens, or ask for a part of it",
    )


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The greatest number up to `limit` that fits; 0 when none does."""
    least, most = 0, limit
    while least < most:
        middle = (least + most + 1) // 2
        if fits(middle):
            least = middle
        else:
            most = middle - 1
    return least


def _is_there(
    note: Mapping[str, Any],
    answer: Answer,
    lists: Mapping[str, list[Any]],
    kept: Mapping[str, int],
) -> bool:
    """Whether what a text was cut of is still in the answer."""
    name, bracket, behind = str(note["field"]).partition("[")
    if not bracket or name not in kept:
        return True
    place = int(behind.partition("]")[0])
    if name in answer.newest:
        return place >= len(lists[name]) - kept[name]
    return place < kept[name]


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
