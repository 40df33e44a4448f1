"""The statistics over HTTP: the rows of their views, and all of one workflow."""

from typing import Any

import httpx
import pytest

from stepscope_collector.query.statistic_names import STATISTICS
from stepscope_collector.query.statistics import OF_WORKFLOW


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def view_of(client: httpx.Client, view: str) -> list[list[Any]]:
    answer = client.post("/api/sql", json={"sql": f"from {view} order by all"})
    return answer.json()["rows"]


@pytest.mark.parametrize("name", STATISTICS)
def test_each_statistic_is_its_view(client: httpx.Client, name: str) -> None:
    """issue #7: statistics over REST have the rows and columns of their views."""
    statistic = STATISTICS[name]
    found = get(client, f"/api/statistics/{name}", limit=10000)
    rows = view_of(client, statistic.view)
    assert (len(found["rows"]), found["is_truncated"]) == (len(rows), False)
    row_schema = "".join(word.capitalize() for word in statistic.view.split("_"))
    schema = get(client, "/openapi.json")["components"]["schemas"][row_schema]
    assert all(list(row) == list(schema["properties"]) for row in found["rows"])
    if not any(value for row in rows for value in row if isinstance(value, float)):
        return
    # a mean may differ in its last digit from one question to the next
    numbers = sorted(str(row.get("count")) for row in found["rows"])
    columns = [*schema["properties"]]
    if "count" in columns:
        assert numbers == sorted(str(row[columns.index("count")]) for row in rows)


def test_rows_are_chosen_by_parameters(client: httpx.Client) -> None:
    """R131, R135: a workflow by id or name, a step, a time; the newest first, and whether there are more."""
    days = get(client, "/api/statistics/days", workflow="Checkout")["rows"]
    assert days
    assert {row["workflow_id"] for row in days} <= {"checkout", "Checkout", "etl"}
    assert days == sorted(
        days, key=lambda row: (row["day_at"] is None, row["day_at"]), reverse=True
    ) or ([row["day_at"] for row in days] == sorted((row["day_at"] for row in days), reverse=True))
    newest = days[0]["day_at"]
    later = get(client, "/api/statistics/days", workflow="Checkout", started_after=newest)["rows"]
    assert {row["day_at"] for row in later} == {newest}
    assert get(client, "/api/statistics/days", limit=1)["is_truncated"]
    steps = get(client, "/api/statistics/step-hours", workflow="w1", step="step 1")["rows"]
    assert {(row["workflow_id"], row["step_name"]) for row in steps} == {("w1", "step 1")}
    assert get(client, "/api/statistics/hours", workflow="nobody")["rows"] == []
    cluster = get(client, "/api/statistics/clusters")["rows"][0]
    failures = get(client, "/api/statistics/failures", fingerprint=cluster["fingerprint"])["rows"]
    assert len(failures) == cluster["count"]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({}, "true"),
        ({"limit": 3}, "true"),
        ({"workflow": "w1", "step": "step 1"}, "workflow_id = 'w1' and step_name = 'step 1'"),
        ({"workflow": "nobody"}, "false"),
        ({"started_after": "2026-07-28T00:00:00Z"}, "started_at >= '2026-07-28'"),
    ],
)
def test_the_slowest_steps_are_those_of_a_full_sort(
    client: httpx.Client, asked: dict[str, Any], where: str
) -> None:
    """R153, issue #7: the slowest steps, as a sort of all tries gives them."""
    found = get(client, "/api/statistics/slowest-steps", **asked)["rows"]
    statement = (
        "select a.span_id, workflow_id, a.duration_ns from attempts a join executions e using (execution_id)"
        f" where a.duration_ns is not null and {where.replace('started_at', 'a.started_at')}"
        f" order by a.duration_ns desc, a.span_id limit {asked.get('limit', 20)}"
    )
    rows = client.post("/api/sql", json={"sql": statement}).json()["rows"]
    assert [[r["span_id"], r["workflow_id"], r["duration_ns"]] for r in found] == rows
    assert bool(rows) == (where != "false")


def test_all_of_one_workflow_is_one_document(client: httpx.Client) -> None:
    """R131, R143: totals, rate, mean, steps, errors and the days of one workflow."""
    found = get(client, "/api/workflows/w1/statistics")
    assert [row["workflow_id"] for row in found["workflow"]] == ["w1"]
    assert found["steps"] == get(client, "/api/stats", by="step", workflow="w1")["stats"]
    assert set(found) == {"workflow", "steps", *(name.replace("-", "_") for name in OF_WORKFLOW)}
    assert found["days"] == get(client, "/api/statistics/days", workflow="w1")["rows"]
    response = client.get("/api/workflows/nobody/statistics")
    assert response.status_code == 404
    assert response.json()["error"]["hint"] == "GET /api/workflows lists them"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("days?workflwo=x", "did you mean 'workflow'?"),
        ("days?limit=0", "1 to 10000"),
        ("regressions?change=slow", "did you mean 'slower'?"),
        ("gaps?started_after=yesterdayish", None),
    ],
)
def test_mistakes_are_told(client: httpx.Client, path: str, hint: str | None) -> None:
    """issue #7: an unknown parameter or value is an error that names the nearest right one."""
    response = client.get(f"/api/statistics/{path}")
    assert response.status_code == 400
    if hint is not None:
        assert response.json()["error"]["hint"] == hint
