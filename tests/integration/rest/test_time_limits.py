"""Filters that look into everything, where time is short."""

import httpx
import pytest

from stepscope_collector.config import SqlConfig
from stepscope_collector.store import Database
from tests.integration.rest.conftest import serving

COSTLY = " or ".join(f'text ~ "nothing {number}"' for number in range(20))


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/api/executions", {"filter": COSTLY}),
        ("/api/executions", {"filter": COSTLY, "order": "params.customer"}),
        ("/api/stats", {"filter": COSTLY}),
        ("/api/stats", {"filter": COSTLY, "by": "step"}),
        ("/api/cohorts", {"cohort": COSTLY}),
        ("/api/cohorts", {"filter": COSTLY}),
    ],
)
def test_a_filter_over_its_time_ends_with_408(
    history: Database, path: str, given: dict[str, str]
) -> None:
    """issue #7: a filter that reads everything ends at sql.timeout_s, wherever it is asked."""
    with serving(history, SqlConfig(timeout_s=0.001)) as client:
        answer = client.get(path, params=given)
        assert answer.status_code == 408, answer.text
        assert answer.json()["error"]["code"] == "query_timeout"


def test_time_enough_gives_an_answer(client: httpx.Client) -> None:
    """ours: what the limit refuses is no other error."""
    for path in ("/api/executions", "/api/stats", "/api/cohorts"):
        assert client.get(path, params={"filter": 'text ~ "nothing"'}).status_code == 200
