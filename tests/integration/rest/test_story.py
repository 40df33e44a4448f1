"""What the read API tells of one execution beside its steps."""

from typing import Any

import httpx
import pytest


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("number", range(12))
def test_the_parts_of_the_time_sum_to_the_duration(client: httpx.Client, number: int) -> None:
    """R153: waits and critical path of one execution, as the document tells them."""
    path = f"/api/executions/whole-{number}"
    schemas = get(client, "/openapi.json")["components"]["schemas"]
    duration = get(client, path)["execution"]["duration_ns"]
    answers = get(client, f"{path}/waits")
    waits, whole = answers["waits"], get(client, f"{path}/critical-path")
    assert set(waits) == set(schemas["Waits"]["properties"])
    parts = ("self_ns", "child_ns", "queue_ns", "back_off_ns", "gap_ns")
    assert sum(int(waits[part]) for part in parts) == int(waits["total_ns"]) == int(duration)
    critical = whole["critical_path"]
    assert set(critical) == set(schemas["CriticalPath"]["properties"])
    assert sum(int(critical[part]) for part in parts) == int(duration)
    assert sum(int(row["duration_ns"]) for row in whole["segments"]) == int(duration)
    ids = {row["step_id"] for row in get(client, path, include="steps")["steps"]}
    assert {row["step_id"] for row in answers["steps"]} <= ids
    assert {row["step_id"] for row in whole["slacks"]} <= ids
    for name, rows in (("StepWaits", answers["steps"]), ("Slack", whole["slacks"])):
        assert all(set(row) == set(schemas[name]["properties"]) for row in rows)


@pytest.mark.parametrize(
    "what", ["tree", "waits", "critical-path", "estimate", "last-success", "payloads"]
)
def test_of_nobody_nothing_is_told(client: httpx.Client, what: str) -> None:
    """issue #7: no such execution is a 404 with a hint."""
    response = client.get(f"/api/executions/nobody/{what}")
    assert response.status_code == 404
    assert response.json()["error"]["hint"] == "GET /api/executions lists them"


def test_two_executions_are_compared(client: httpx.Client) -> None:
    """R152: the document is about these answers."""
    schemas = get(client, "/openapi.json")["components"]["schemas"]
    found = get(client, "/api/compare", left="whole-1", right="whole-3")
    assert found["left"]["execution_id"] == "whole-1"
    for name, rows in (("StepComparison", found["steps"]), ("LineCounts", found["logs"])):
        assert rows
        assert all(set(row) == set(schemas[name]["properties"]) for row in rows)
    assert set(found["path"]) == set(schemas["PathComparison"]["properties"])
    assert client.get("/api/compare").json()["error"]["hint"] == "give right=ID"
    assert client.get("/api/compare?right=whole-1").status_code == 404


def test_the_last_success_and_the_time_left(client: httpx.Client) -> None:
    """R060: the document is about these answers."""
    schemas = get(client, "/openapi.json")["components"]["schemas"]
    estimate = get(client, "/api/executions/whole-4/estimate")["estimate"]
    assert set(estimate) == set(schemas["Estimate"]["properties"])
    assert (estimate["reason"], estimate["left_p50_ns"]) == ("it does not go on", None)
    success = get(client, "/api/executions/whole-4/last-success")["execution"]
    assert (success["execution_id"], success["status"]) == ("whole-2", "success")
    assert client.get("/api/executions/whole-3/last-success").status_code == 404


def test_two_cohorts_are_compared(client: httpx.Client) -> None:
    """R153: the document is about these answers."""
    schemas = get(client, "/openapi.json")["components"]["schemas"]
    found = get(client, "/api/cohorts", workflow="etl", status="failed,success", min_count=1)
    assert set(found["cohorts"]) == set(schemas["Cohorts"]["properties"])
    assert found["cohorts"]["cohort"] == "status in (failed, timed_out)"
    assert found["lifts"]
    assert set(found["lifts"][0]) == set(schemas["Lift"]["properties"])
    assert client.get("/api/cohorts?min_count=0").status_code == 400
    assert client.get("/api/cohorts?cohort=x").status_code == 400


def test_one_call_has_all_the_details(client: httpx.Client) -> None:
    """R129: execution, steps, attempts, errors, and how new what is known is."""
    whole = get(client, "/api/executions/whole-1", include="steps,attempts")
    assert {"status", "error_type", "last_seen_at", "updated_at"} <= set(whole["execution"])
    assert {row["step_id"] for row in whole["steps"]} == {
        row["step_id"] for row in whole["attempts"]
    }
    assert "error_step" in whole
