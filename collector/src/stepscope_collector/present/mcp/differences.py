"""What differs between two executions: facts, params, inputs and outputs, steps. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stepscope_collector.present.mcp.paths import join_path
from stepscope_collector.present.mcp.tool import Document

__all__ = ["differences"]

_FACTS: Final = (
    "workflow_id", "workflow_name", "workflow_version", "project", "dialect", "service_name",
    "trigger_type", "user_id", "tags", "status", "duration_ns", "wait_ns", "error_type",
    "error_message", "exit_code", "attempt_count", "failed_attempt_count",
)  # fmt: skip
_OF_STEP: Final = ("status", "attempt_count", "duration_ns", "error_type", "error_message")
_ABSENT: Final = "(absent)"


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> Document:
    """What differs between two answers of the read API with steps and payloads.

    Every difference has `left` and `right`; what only one of them has is "(absent)" in the other.
    Steps are paired by their name, repeated ones in order.
    """
    return {
        "facts": [
            {"field": name, "left": left["execution"][name], "right": right["execution"][name]}
            for name in _FACTS
            if left["execution"][name] != right["execution"][name]
        ],
        "payloads": list(_payloads(left, right)),
        "steps": list(_steps(left["steps"], right["steps"])),
    }


def _steps(left: list[Document], right: list[Document]) -> Iterator[Document]:
    before, after = _numbered(left, "step_name"), _numbered(right, "step_name")
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = before.get(key), after.get(key)
        name = key[0] if key[1] == 0 else f"{key[0]} ({key[1] + 1})"
        if one is None or other is None:
            yield {
                "step": name,
                "field": "status",
                "left": _ABSENT if one is None else one["status"],
                "right": _ABSENT if other is None else other["status"],
            }
            continue
        for field in _OF_STEP:
            if one[field] != other[field]:
                yield {"step": name, "field": field, "left": one[field], "right": other[field]}


def _payloads(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Document]:
    """Differences of the inputs, outputs and params of the executions and their steps, by path."""
    before, after = (_numbered(_owned(side), "step", "kind", "key") for side in (left, right))
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = before.get(key), after.get(key)
        step, kind, name, number = key
        path = join_path("", name) if kind == "attribute" else kind
        for difference in _compared(
            path if number == 0 else f"{path} ({number + 1})",
            _ABSENT if one is None else _value(one),
            _ABSENT if other is None else _value(other),
        ):
            yield {"step": step, **difference} if step else difference


def _owned(side: Mapping[str, Any]) -> list[Document]:
    """The payloads with the name of the step they belong to; "": the execution itself."""
    steps = {(row["trace_id"], row["span_id"]): row["step_name"] for row in side["steps"]}
    return [
        {**row, "step": steps.get((row["trace_id"], row["span_id"]), "")}
        for row in side["payloads"]
    ]


def _numbered(rows: list[Document], *names: str) -> dict[tuple[Any, ...], Document]:
    """Rows by their names and how many of the same names came before."""
    found: dict[tuple[Any, ...], Document] = {}
    counts: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        counts[key] = number = counts.get(key, -1) + 1
        found[(*key, number)] = row
    return found


def _value(payload: Document) -> Any:
    try:
        return json.loads(payload["body"])
    except (ValueError, RecursionError):
        return payload["body"]


def _compared(path: str, left: Any, right: Any) -> Iterator[Document]:
    """The leaves in which two values differ."""
    waiting = [(path, left, right)]
    while waiting:
        path, left, right = waiting.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            keys = [*left, *(key for key in right if key not in left)]
            waiting += [
                (join_path(path, key), left.get(key, _ABSENT), right.get(key, _ABSENT))
                for key in reversed(keys)
            ]
        elif isinstance(left, list) and isinstance(right, list):
            waiting += [
                (
                    f"{path}[{number}]",
                    left[number] if number < len(left) else _ABSENT,
                    right[number] if number < len(right) else _ABSENT,
                )
                for number in reversed(range(max(len(left), len(right))))
            ]
        elif left != right or type(left) is not type(right):
            yield {"path": path, "left": left, "right": right}
