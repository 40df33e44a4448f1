"""Tools that find executions and read one of them: overview, then one step, then any value by path."""

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.present.mcp.paths import value_at
from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Document, Tool
from stepscope_collector.query.executions import DEFAULT_ORDER, INCLUDES
from stepscope_collector.query.filters import FIELDS
from stepscope_collector.query.nearest import unknown

__all__ = ["EXECUTION_TOOLS", "nothing_found", "read_execution", "without_nulls"]

FILTERS: Final = tuple(
    Argument(name, f"{field.meaning} Example: {field.example}") for name, field in FIELDS.items()
)
_LIST_COLUMNS: Final = (
    "execution_id", "workflow_name", "workflow_version", "status", "started_at", "ended_at",
    "duration_ns", "user_id", "project", "trigger_type", "tags", "error_type", "error_message",
)  # fmt: skip
_STEP_COLUMNS: Final = (
    "step_index", "step_name", "step_type", "status", "attempt_count", "duration_ns", "started_at",
    "error_type", "error_message",
)  # fmt: skip
_EXECUTION: Final = Argument(
    "execution_id", "Id of the execution, or of its trace.", is_required=True
)


def without_nulls(row: Mapping[str, Any], names: tuple[str, ...] | None = None) -> Document:
    """The members of a row that have a value, in the order of `names`; None: all of them."""
    chosen = names if names is not None else tuple(row)
    return {name: row[name] for name in chosen if row.get(name) is not None}


def read_execution(asker: Asker, execution_id: str, *include: str) -> Document:
    """The answer of the read API about one execution; NotFound."""
    path = f"/api/executions/{quote(execution_id, safe='')}"
    return asker.get(path, {"include": include or None})


def _search(asker: Asker, given: Mapping[str, Any]) -> Answer:
    filters = {name: given[name] for name in FIELDS if name in given}
    chosen = {name: given.get(name) for name in ("cursor", "columns", "include")}
    asked = {**filters, "order": given["order"], "limit": given["limit"], **chosen}
    page = asker.get("/api/executions", asked)
    names = None if "columns" in given else _LIST_COLUMNS
    rows = [without_nulls(row, names) for row in page["executions"]]

    def fewer(kept: int) -> str:
        again = f"cursor={given['cursor']!r}, " if "cursor" in given else ""
        return f"the same with {again}limit={max(1, kept)}, then with its cursor; or a larger max_tokens"

    document: Document = {"executions": rows}
    if "counts" in page:
        document["counts"] = page["counts"]
    if page["next_cursor"] is not None:
        document["more"] = f"the same with cursor={page['next_cursor']!r}"
    if not rows:
        document |= nothing_found(asker, given.get("workflow"))

    def whole(path: str) -> str:
        number, _, column = path.removeprefix("executions[").partition("].")
        asked = f"get_execution(execution_id={rows[int(number)]['execution_id']!r}"
        return f"{asked}, path='execution.{column}')" if names else f"{asked})"

    return Answer(document, {"executions": fewer}, whole=whole, goes_on="executions")


def nothing_found(asker: Asker, workflow: str | None) -> Document:
    """What to say beside an empty list: a workflow that there is not, and the nearest one."""
    if workflow is None:
        return {"note": "no execution holds these filters"}
    rows = asker.get("/api/workflows")["workflows"]
    names = {row[name] for row in rows for name in ("workflow_id", "workflow_name")}
    if workflow in names:
        return {"note": f"no execution of workflow {workflow!r} holds these filters"}
    nearest = get_close_matches(workflow, names, n=1, cutoff=0.5)
    meant = f"; did you mean {nearest[0]!r}?" if nearest else "; workflow_statistics lists them"
    return {"note": f"no workflow {workflow!r}{meant}"}


def _get(asker: Asker, given: Mapping[str, Any]) -> Answer:
    execution_id = given["execution_id"]
    if "path" in given:
        return _value(asker, execution_id, given["path"], given["offset"])
    if "step" in given:
        return _step(asker, execution_id, given["step"])
    found = read_execution(asker, execution_id, "steps", "payloads", "children")
    execution_id = found["execution"]["execution_id"]
    steps = [without_nulls(row, _STEP_COLUMNS) for row in found["steps"]]
    document: Document = {
        "execution": without_nulls(found["execution"]),
        "error_step": found["error_step"] and without_nulls(found["error_step"]),
        "steps": steps,
        "payloads": [_about(row) for row in found["payloads"]],
        "children": [
            without_nulls(row, ("execution_id", "workflow_name", "status"))
            for row in found["children"]
        ],
        "more": "step= tells one step with its attempts and payloads; path= any value, such as "
        "path='steps[0].error_stack'; get_logs its log",
    }

    def rest(name: str) -> Any:
        return lambda kept: (
            f"get_execution(execution_id={execution_id!r}, path='{name}', offset={kept})"
        )

    return Answer(
        document,
        {name: rest(name) for name in ("steps", "payloads", "children")},
        whole=lambda path: f"get_execution(execution_id={execution_id!r}, path={path!r})",
    )


def _about(row: Mapping[str, Any]) -> Document:
    """A payload without its body."""
    told = without_nulls(row, ("kind", "key", "size_bytes", "is_truncated", "span_id"))
    return {name: value for name, value in told.items() if value not in ("", False)}


def _step(asker: Asker, execution_id: str, wanted: str) -> Answer:
    found = read_execution(asker, execution_id, "steps", "attempts", "payloads")
    execution_id = found["execution"]["execution_id"]
    places = [
        number
        for number, row in enumerate(found["steps"])
        if wanted in (row["step_name"], row["step_id"], str(row["step_index"]))
    ]
    if not places:
        names = {row["step_name"] for row in found["steps"]}
        raise unknown("step", wanted, names) if names else NotFound("it has no steps so far")
    step = found["steps"][places[0]]
    attempts = {
        place: row
        for place, row in enumerate(found["attempts"])
        if row["step_id"] == step["step_id"]
    }
    spans = {(row["trace_id"], row["span_id"]) for row in attempts.values()}
    payloads = {
        place: {**_about(row), "body": _body(row)}
        for place, row in enumerate(found["payloads"])
        if (row["trace_id"], row["span_id"]) in spans
    }
    document: Document = {
        "step": without_nulls(step),
        "attempts": [without_nulls(row) for row in attempts.values()],
        "payloads": list(payloads.values()),
    }
    if len(places) > 1:
        others = [found["steps"][place]["step_id"] for place in places[1:]]
        document["further_steps_of_this_name"] = others
    how = f"get_execution(execution_id={execution_id!r}, path="
    of_all = {"attempts": list(attempts), "payloads": list(payloads)}

    def rest(name: str) -> Callable[[int], str]:
        return lambda kept: f"{how}'{name}', offset={of_all[name][kept]})"

    def whole(path: str) -> str:
        name, _, behind = path.partition("[")
        if name not in of_all:
            return f"{how}{f'steps[{places[0]}]' + path.removeprefix('step')!r})"
        number, _, inner = behind.partition("]")
        return f"{how}{f'{name}[{of_all[name][int(number)]}]{inner}'!r})"

    return Answer(
        document,
        {
            "attempts": rest("attempts"),
            "payloads": rest("payloads"),
            "further_steps_of_this_name": lambda _: f"{how}'steps')",
        },
        whole=whole,
    )


def _body(payload: Mapping[str, Any]) -> Any:
    """The body; as a value when it is JSON."""
    if payload["is_truncated"] or "json" not in payload["media_type"]:
        return payload["body"]
    try:
        return json.loads(payload["body"])
    except (ValueError, RecursionError):
        return payload["body"]


def _value(asker: Asker, execution_id: str, path: str, offset: int) -> Answer:
    first = path.partition(".")[0].partition("[")[0]
    include = (first,) if first in INCLUDES else ()
    found = read_execution(asker, execution_id, *include)
    if first not in found:
        raise unknown("member of the document", first, (*found, *INCLUDES))
    if "payloads" in found:
        found["payloads"] = [{**row, "body": _body(row)} for row in found["payloads"]]
    value = value_at(found, path)
    asked = f"get_execution(execution_id={execution_id!r}, path="
    if isinstance(value, str):
        if offset > len(value):
            raise BadRequest(f"offset={offset} is beyond the text's {len(value)} characters")
        return _text(value, path, offset, asked)
    if isinstance(value, list):
        return _rows(value, path, offset, asked)
    return Answer(
        {"path": path, "value": value},
        whole=lambda inner: f"{asked}{path + inner.removeprefix('value')!r})",
    )


def _rows(value: list[Any], path: str, offset: int, asked: str) -> Answer:
    """A list from row `offset` on."""
    if offset > len(value):
        raise BadRequest(f"offset={offset} is beyond the list's {len(value)} rows")

    def whole(inner: str) -> str:
        number, _, behind = inner.removeprefix("value[").partition("]")
        return f"{asked}{f'{path}[{offset + int(number)}]{behind}'!r})"

    return Answer(
        {"path": path, "rows": len(value), "value": value[offset:]},
        {"value": lambda kept: f"{asked}{path!r}, offset={offset + kept})"},
        whole=whole,
    )


def _text(value: str, path: str, offset: int, asked: str) -> Answer:
    """A text from `offset` on; pieces of it as a list, so that as many as fit are kept."""
    size = 200
    pieces = [value[place : place + size] for place in range(offset, len(value), size)]
    document: Document = {"path": path, "characters": len(value), "value": pieces}
    return Answer(
        document, {"value": lambda kept: f"{asked}{path!r}, offset={offset + kept * size})"}
    )


def _statistics(asker: Asker, given: Mapping[str, Any]) -> Answer:
    filters = {name: given[name] for name in FIELDS if name in given}
    rows = asker.get("/api/stats", {"by": given["by"], **filters})["stats"]
    view = f"{given['by']}_stats"
    document: Document = {"by": given["by"], "stats": [without_nulls(row) for row in rows]}
    if not rows:
        document |= nothing_found(asker, given.get("workflow"))
    return Answer(
        document,
        {"stats": lambda _: f"name one workflow with workflow=, or run_sql over {view}"},
    )


EXECUTION_TOOLS: Final = (
    Tool(
        "search_executions",
        "Executions that hold all the filters, a page at a time. Times are RFC 3339, dates or times "
        "ago such as 24h; durations such as 1.5s.",
        (
            *FILTERS,
            Argument(
                "order",
                "Field to sort by: start, duration, workflow, status, user, attempts, …, or a"
                " path such as params.customer; a minus in front turns it round.",
                default=DEFAULT_ORDER,
            ),
            Argument(
                "columns",
                "Only these of each, with commas: fields, or paths such as params.customer or"
                " output.total.",
            ),
            Argument(
                "include",
                "counts: also how many executions hold the filters, per status, on this page or not.",
                values=("counts",),
            ),
            Argument("limit", "Executions at most.", "integer", 20, minimum=1, maximum=1000),
            Argument("cursor", "Where to go on, as the answer before said in `more`."),
        ),
        _search,
    ),
    Tool(
        "get_execution",
        "One execution: its facts, the step that made it fail, its steps, payloads (without bodies) "
        "and children. With `step` one step with attempts and payload bodies. With `path` any value "
        "of it, however long: execution.…, error_step.…, steps[n].…, attempts[n].…, payloads[n].body…,"
        " logs[n].…, children[n].…",
        (
            _EXECUTION,
            Argument("step", "Name, id or index of one step."),
            Argument("path", "Path of one value, such as payloads[0].body.customer."),
            Argument("offset", "Character of a long text, or row of a list, at which to begin.", "integer", 0,
                     minimum=0),
        ),
        _get,
    ),
    Tool(
        "workflow_statistics",
        "Counts, success rate and exact duration quantiles (p50, p95, p99, nanoseconds) of the "
        "executions that hold the filters, per workflow or per workflow and step.",
        (
            Argument("by", "What one row is for.", default="workflow", values=("workflow", "step")),
            *FILTERS,
        ),
        _statistics,
    ),
)  # fmt: skip
