"""What the tools answer, over a small history."""

import json
from typing import Any

import anyio
import mcp
import pytest

from stepscope_collector.config import McpConfig
from stepscope_collector.errors import NotFound
from stepscope_collector.present.mcp.budget import BYTES_PER_TOKEN
from stepscope_collector.present.mcp.server import mcp_server
from stepscope_collector.present.mcp.tools import TOOLS
from tests.integration.mcp.conftest import Ask, ToolError


def test_the_list_of_executions_has_the_older_names_and_defaults(ask: Ask) -> None:
    """R078: list_execution_history(limit=10, offset=0, workflow_id?) → handle_id, workflow_name, status, start, end."""
    rows = ask("list_execution_history")["executions"]
    assert [row["handle_id"] for row in rows] == [
        "etl-bad", "exec-d4-bare", "exec-b2-failed", "etl-ok", "exec-c3-child", "exec-a1-ok",
    ]  # fmt: skip
    assert rows[0] == {
        "handle_id": "etl-bad",
        "workflow_name": "etl",
        "status": "failed",
        "start": "2026-03-01T13:05:17.100000000Z",
        "end": "2026-03-01T13:05:18.100000000Z",
    }
    schema = TOOLS["list_execution_history"].schema()
    assert schema["properties"]["limit"]["default"] == 10
    assert schema["properties"]["offset"]["default"] == 0
    assert (
        ask("list_execution_history", workflow_id="etl", limit=1, offset=1)["executions"]
        == rows[1:2]
    )


def test_the_list_says_how_to_go_on(ask: Ask) -> None:
    """issue #7: answers say when they are cut and how to get the rest."""
    first = ask("list_execution_history", limit=4)
    assert first["more"] == "list_execution_history(limit=4, offset=4)"
    assert "more" not in ask("list_execution_history", limit=4, offset=4)


def test_the_status_of_an_execution(ask: Ask) -> None:
    """R079: get_status tells of executions of earlier sessions."""
    found = ask("get_status", handle_id="etl-bad")
    assert found["status"] == "failed"
    assert (found["error"], found["failed_step"]) == ("bad row", "import")
    assert (found["start"], found["end"]) == (
        "2026-03-01T13:05:17.100000000Z",
        "2026-03-01T13:05:18.100000000Z",
    )
    assert found["running_steps"] == []


def test_an_id_goes_by_either_name(ask: Ask) -> None:
    """ours: models mix the names of older tools and newer ones."""
    assert ask("get_status", execution_id="etl-bad") == ask("get_status", handle_id="etl-bad")
    by_other = ask("explain_failure", handle_id="etl-bad")
    assert by_other == ask("explain_failure", execution_id="etl-bad")
    with pytest.raises(ToolError, match="unknown argument 'id'"):
        ask("get_status", id="etl-bad")
    with pytest.raises(ToolError, match="unknown argument 'execution_id'"):
        ask("get_status", handle_id="etl-bad", execution_id="etl-ok")


def test_logs_come_in_order_of_sequence_and_can_be_walked(ask: Ask) -> None:
    """R079, R071: get_logs gives the last records in order; `after` reads on from a sequence."""
    found = ask("get_logs", handle_id="exec-a1-ok", limit=2)
    assert [(row["sequence"], row["log_data"]) for row in found["logs"]] == [
        (1, "line 1"),
        (2, "line 2"),
    ]
    assert found["logs"][0]["log_type"] == "INFO"
    assert "after=-1" in found["more"]
    seen, after = [], -1
    while True:
        part = ask("get_logs", handle_id="etl-ok", after=after, limit=70)
        seen += [row["sequence"] for row in part["logs"]]
        assert len(part["logs"]) <= 70
        if "more" not in part and "cut" not in part:
            break
        after = seen[-1]
    assert seen == list(range(300))


def test_an_answer_fits_its_budget_and_says_what_was_cut(ask: Ask) -> None:
    """issue #7: answers fit a token budget, say when cut and how to get the rest."""
    for budget in (500, 1000, 4000):
        found = ask("get_logs", handle_id="etl-ok", limit=300, max_tokens=budget)
        size = len(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())
        assert size <= budget * BYTES_PER_TOKEN
        (lists,) = [note for note in found["cut"] if note.get("field") == "logs"]
        assert lists["of"] == 300
        assert lists["kept"] == len(found["logs"]) > 0
        assert found["logs"][-1]["sequence"] == 299  # the newest are kept
        assert "get_logs(" in lists["rest"]


def test_the_rest_of_a_log_is_read_backwards_and_piece_by_piece(ask: Ask) -> None:
    """R071, issue #7: what was cut can be had: the records before, and the whole of a long one."""
    seen: list[int] = []
    before = 300
    while True:
        part = ask("get_logs", handle_id="etl-ok", limit=90, before=before)
        seen = [row["sequence"] for row in part["logs"]] + seen
        if seen[0] == 0:
            break
        before = seen[0]
        lists = [note["rest"] for note in part.get("cut", []) if note.get("field") == "logs"]
        (rest,) = lists or [part["more"]]  # one of them: the other would pass over records
        assert ("more" in part) == (not lists)
        assert f"before={before})" in rest
    assert seen == list(range(300))
    between = ask("get_logs", handle_id="etl-ok", after=3, before=6)["logs"]
    assert [row["sequence"] for row in between] == [4, 5]
    cut = ask("get_logs", handle_id="etl-ok", after=4, limit=1, max_tokens=500)
    assert [note["field"] for note in cut.get("cut", [])] in ([], ["logs[0].log_data"])
    sql = "select substr(body, $from, 8000) from execution_logs where execution_id = $id and sequence = $n"
    whole = ask("run_sql", sql=sql, params={"id": "etl-ok", "n": 5, "from": 1})
    assert whole["rows"] == [["row 5 " + "ж" * 300]]


def test_lists_are_walked_from_where_they_were_cut(ask: Ask) -> None:
    """issue #7: the call that gets the rest gets the rest, not one row of it."""
    bodies: list[str] = []
    offset = 0
    while True:
        found = ask(
            "get_execution", execution_id="etl-ok", path="logs", offset=offset, max_tokens=3000
        )
        assert found["rows"] == 300
        bodies += [row["body"] for row in found["value"]]
        if "cut" not in found:
            break
        (note,) = [one for one in found["cut"] if one.get("field") == "value"]
        offset = len(bodies)
        assert f"path='logs', offset={offset})" in note["rest"]
        assert found["value"]
    assert [body.split()[1] for body in bodies] == [str(n) for n in range(300)]
    with pytest.raises(ToolError, match="offset=301 is beyond the list's 300 rows"):
        ask("get_execution", execution_id="etl-ok", path="logs", offset=301)


@pytest.mark.parametrize(
    ("tool", "given", "note"),
    [
        ("search_executions", {"workflow": "elt"}, "no workflow 'elt'; did you mean 'etl'?"),
        ("list_execution_history", {"workflow_id": "elt"}, "no workflow 'elt'; did you mean 'etl'?"),
        ("workflow_statistics", {"workflow": "qqqqqqq"},
         "no workflow 'qqqqqqq'; workflow_statistics lists them"),
        ("search_executions", {"workflow": "etl", "user": "nobody"},
         "no execution of workflow 'etl' holds these filters"),
        ("search_executions", {"user": "nobody"}, "no execution holds these filters"),
    ],
)  # fmt: skip
def test_an_empty_answer_says_what_is_probably_wrong(
    ask: Ask, tool: str, given: dict[str, Any], note: str
) -> None:
    """issue #7: a model that asks for a workflow there is not learns so."""
    assert ask(tool, **given)["note"] == note


def test_the_overview_leads_to_a_step_and_to_every_value(ask: Ask) -> None:
    """issue #7: get_execution tells the skeleton, then a step, then a field by path."""
    found = ask("get_execution", execution_id="etl-ok")
    assert [row["step_name"] for row in found["steps"]] == ["import", "publish"]
    assert {row["kind"] for row in found["payloads"]} == {"input", "output"}
    assert all("body" not in row for row in found["payloads"])
    step = ask("get_execution", execution_id="etl-ok", step="publish")
    assert [(row["kind"], row["body"]) for row in step["payloads"]] == [
        ("output", {"n": [1, 2, 3]})
    ]
    place = next(n for n, row in enumerate(found["payloads"]) if row["kind"] == "input")
    path = f"payloads[{place}].body.customer.tier"
    assert ask("get_execution", execution_id="etl-ok", path=path)["value"] == ["gold"]
    assert ask("get_execution", execution_id="etl-ok", path=f"payloads[{place}].body.customer.id") == {
        "path": f"payloads[{place}].body.customer.id", "value": 7,
    }  # fmt: skip


def test_a_long_text_is_read_piece_by_piece(ask: Ask) -> None:
    """issue #7: the rest of what was cut can be had."""
    whole, offset = "", 0
    for _ in range(20):
        found = ask(
            "get_execution",
            execution_id="etl-ok",
            path="logs[5].body",
            offset=offset,
            max_tokens=500,
        )
        whole += "".join(found["value"])
        if "cut" not in found:
            break
        offset = len(whole)
    assert whole == "row 5 " + "ж" * 300


def test_the_evidence_about_a_failure_is_one_answer(ask: Ask) -> None:
    """issue #7, R028: error, failing leaf, attempts, log, last success and differences."""
    found = ask("explain_failure", execution_id="etl-bad")
    assert found == ask("explain_failure", workflow="etl")
    assert found["error"]["failing_step"]["step_name"] == "import"
    assert "bad row" in found["error"]["stack"]
    tries = found["attempts_of_the_failing_step"]
    assert [(one["attempt"], one["error_type"]) for one in tries] == [
        (1, "TimeoutError"),
        (2, "ValueError"),
    ]
    assert found["input_of_the_failing_step"][0]["body"] == '{"file":"a.csv"}'
    assert found["last_success"]["execution_id"] == "etl-ok"
    facts = {one["field"]: (one["left"], one["right"]) for one in found["different_facts"]}
    assert facts["workflow_version"] == ("2", "3")
    values = {one["path"]: (one["left"], one["right"]) for one in found["different_values"]}
    assert [one for path, one in values.items() if path.endswith("day")] == [
        ('"2026-02-27"', '"2026-02-28"')
    ]
    assert not any(path.endswith("tier") for path in values)
    steps = {one["step_name"]: one for one in found["different_steps"]}
    assert steps["publish"]["change"] == "only_left"
    assert steps["import"]["right_attempt_count"] == 2
    assert found["same_error"]["with_this_message"] == 2


def test_a_success_has_no_failure_to_explain(ask: Ask) -> None:
    """issue #7: errors are clear."""
    with pytest.raises(ToolError, match="bad_request: execution 'etl-ok' has not failed"):
        ask("explain_failure", execution_id="etl-ok")


def test_two_executions_are_compared(ask: Ask) -> None:
    """issue #7, R060: compare_executions."""
    found = ask("compare_executions", left="etl-ok", right="exec-a1-ok")
    facts = {one["field"]: one["right"] for one in found["facts"]}
    assert facts["workflow_name"] == "nightly-report"
    assert ask("compare_executions", left="etl-ok", right="etl-ok")["facts"] == []
    assert ask("compare_executions", right="etl-bad")["left"]["execution_id"] == "etl-ok"


def test_cohorts_are_compared(ask: Ask) -> None:
    """issue #7: two cohorts, over MCP as on the other faces; small counts make no lift sure."""
    found = ask("compare_cohorts", min_count=2)
    assert found["cohorts"]["cohort_count"] == 3
    assert {row["trait"] for row in found["lifts"]} >= {"workflow"}
    assert all(row["cohort_count"] + row["against_count"] >= 2 for row in found["lifts"])
    chosen = ask("compare_cohorts", cohort="workflow = etl", against="not workflow = etl")
    assert chosen["cohorts"]["cohort"] == "workflow = etl"
    assert ask("compare_cohorts", workflow="nobody")["lifts"] == []
    with pytest.raises(ToolError, match="unknown field 'statuss'"):
        ask("compare_cohorts", cohort="statuss = failed")


def test_the_duration_of_an_execution_is_explained(ask: Ask) -> None:
    """issue #7: critical path with slack, wait decomposition; every nanosecond counts once."""
    found = ask("explain_duration", execution_id="exec-a1-ok")
    parts = ("self_ns", "child_ns", "queue_ns", "back_off_ns", "gap_ns")
    for whole in (found["waits"], found["critical_path"]):
        assert sum(whole[part] for part in parts) == whole["total_ns"] == 2_000_000_000
    assert sum(row["duration_ns"] for row in found["segments"]) == 2_000_000_000
    assert found["waits"]["back_off_ns"] == 100_000_000
    assert "time_left" not in found
    with pytest.raises(ToolError, match="not_found"):
        ask("explain_duration", execution_id="nobody")


def test_a_search_has_chosen_columns_and_counts(ask: Ask) -> None:
    """issue #7: counts by status for the filter, columns with paths into params and outputs."""
    found = ask(
        "search_executions", columns="workflow,duration,output.rows", include="counts",
        order="-output.rows", limit=1,
    )  # fmt: skip
    (row,) = found["executions"]
    assert set(row) == {"execution_id", "workflow", "duration", "output.rows"}
    assert sum(count["count"] for count in found["counts"]) == 6
    with pytest.raises(ToolError, match="unknown column 'worklow'"):
        ask("search_executions", columns="worklow")
    with pytest.raises(ToolError, match="did you mean 'counts'"):
        ask("search_executions", include="count")


def test_search_and_statistics_take_the_filters_of_the_read_api(ask: Ask) -> None:
    """R010: filter fields are MCP arguments, too; R022: statistics over MCP."""
    found = ask("search_executions", workflow="etl", status="error", limit=2)
    assert [row["execution_id"] for row in found["executions"]] == ["etl-bad", "exec-d4-bare"]
    assert "cursor=" in found["more"]
    cursor = found["more"].split("'")[1]
    rest = ask("search_executions", workflow="etl", status="error", limit=2, cursor=cursor)
    assert [row["execution_id"] for row in rest["executions"]] == ["exec-b2-failed"]
    whole = ask(
        "search_executions",
        filter="workflow = etl and status = failed and not error_type = KeyError",
    )
    assert [row["execution_id"] for row in whole["executions"]] == ["etl-bad", "exec-b2-failed"]
    with pytest.raises(ToolError, match="bad_request: "):
        ask("search_executions", filter="workflo = etl")
    (stats,) = ask("workflow_statistics", workflow="etl")["stats"]
    assert (stats["count"], stats["success"], stats["failed"]) == (4, 1, 3)
    steps = ask("workflow_statistics", workflow="etl", by="step")["stats"]
    assert {row["step_name"] for row in steps} == {"import", "publish", "load"}


def test_sql_goes_through_the_guard_and_the_schema_is_told(ask: Ask) -> None:
    """issue #7: run_sql through the guard, describe_schema with the DDL and its comments."""
    found = ask("run_sql", sql="select count(*) as n from executions where status = $s", params={"s": "failed"})  # fmt: skip
    assert (found["columns"], found["rows"]) == (["n BIGINT"], [[3]]) or found["rows"] == [[3]]
    with pytest.raises(ToolError, match="query_refused: DELETE statements are not allowed"):
        ask("run_sql", sql="delete from stored.spans")
    cut = ask("run_sql", sql="from range(1000)", max_rows=5)
    assert cut["row_count"] == 5
    assert "more than 5 rows" in cut["more"]
    views = {view["name"]: view for view in ask("describe_schema")["views"]}
    names = set(views)
    assert views["executions"]["meaning"].startswith("One row per execution of every engine")
    assert views["steps"]["columns"][0] == "execution_id"
    assert {"executions", "steps", "attempts", "execution_logs"} <= names
    ddl = ask("describe_schema", name="executions")["ddl"]
    assert ddl.startswith("-- One row per execution of every engine")
    assert "status varchar, -- canonical status" in ddl
    older = ask("describe_schema", name="compat_002.executions")["ddl"]
    assert "create view compat_002.executions" in older


@pytest.mark.parametrize(
    ("tool", "given", "says"),
    [
        ("get_status", {"handle_id": "nobody"}, "not_found: no execution with the id 'nobody'"),
        ("get_status", {"handle_id": "nobody"}, "\nhint: list_execution_history and search_executions"),
        ("explain_failure", {"workflow": "elt"}, "hint: no workflow 'elt'; did you mean 'etl'?"),
        ("get_status", {}, "argument handle_id is missing"),
        ("get_status", {"handle": "x"}, "unknown argument 'handle'\nhint: did you mean 'handle_id'"),
        ("list_execution_history", {"limit": 0}, "argument limit=0 is out of range"),
        ("list_execution_history", {"limit": "ten"}, "argument limit='ten' is no whole number"),
        ("search_executions", {"status": "faild"}, "did you mean 'failed'"),
        ("search_executions", {"order": "nonsense"}, "nonsense"),
        ("get_execution", {"execution_id": "etl-ok", "step": "publsh"}, "did you mean 'publish'"),
        ("get_execution", {"execution_id": "etl-ok", "path": "steps[9]"}, "steps has 2 elements"),
        ("get_execution", {"execution_id": "etl-ok", "path": "steps[0].nam"}, "unknown member of steps[0] 'nam'"),
        ("get_execution", {"execution_id": "etl-ok", "path": "steps[["}, "is wrong at character 6"),
        ("delete_execution", {"handle_id": "etl-ok"},
         "permission_denied: tool delete_execution is switched off\nhint: the setting mcp.allow_delete"),
        ("get_executoin", {}, "unknown tool 'get_executoin'\nhint: did you mean 'get_execution'"),
        ("get_logs", {"handle_id": "etl-ok", "max_tokens": 10}, "argument max_tokens=10 is out of range"),
        ("describe_schema", {"name": "execution"}, "did you mean 'executions'"),
        ("explain_failure", {}, "explain_failure needs execution_id or workflow"),
        ("run_sql", {"sql": "select 1", "params": "x"}, "argument params='x' is no object"),
    ],
)  # fmt: skip
def test_errors_say_what_would_be_right(
    ask: Ask, tool: str, given: dict[str, Any], says: str
) -> None:
    """issue #7: errors are clear; R016: an unknown id is no failure of the tool."""
    with pytest.raises(ToolError) as caught:
        ask(tool, **given)
    assert says in str(caught.value)


def test_every_tool_says_what_it_is_for_and_takes_a_budget() -> None:
    """issue #7: the tools and their names."""

    def nobody(*_: Any) -> Any:
        raise NotFound("no history")

    async def run() -> Any:
        async with mcp.Client(mcp_server(nobody, McpConfig())) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in anyio.run(run)}
    assert set(tools) >= {
        "list_execution_history", "get_status", "get_logs", "get_execution", "search_executions",
        "workflow_statistics", "compare_executions", "explain_failure", "describe_schema", "run_sql",
        "compare_cohorts", "explain_duration",
    }  # fmt: skip
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["properties"]["max_tokens"]["default"] == 8000
        assert tool.input_schema["additionalProperties"] is False
        assert tool.annotations.read_only_hint is True
    assert not {"delete_execution", "clear_workflow"} & set(tools), (
        "nothing deletes unless asked for"
    )
