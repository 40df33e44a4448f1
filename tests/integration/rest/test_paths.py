"""Ids of senders in paths of the read API."""

from urllib.parse import quote

import httpx
import pytest

from stepscope_collector.access.tokens import Scope
from stepscope_collector.present.rest.app import need_of
from tests.integration.rest.conftest import serving
from tests.unit.collector.query.history import NOW_NS, SECOND, add_execution, open_memory

IDS = ["ns/run-1", "../..", "a/logs", "%2F", "100%", "שלום/x?y=1&z#", "a b+c", "/", ";a=b"]


def test_an_id_may_hold_any_sign() -> None:
    """issue #7: engines name executions `namespace/name` and `owner/repository`, too."""
    with open_memory() as database:
        for number, execution_id in enumerate(IDS):
            add_execution(
                database.writer(), execution_id, started_unix_nano=NOW_NS + number * SECOND,
                final_end_unix_nano=NOW_NS + (number + 1) * SECOND, status="success",
            )  # fmt: skip
        with serving(database) as client:
            base = client.base_url
            for execution_id in IDS:
                for further in ("", "/waits", "/logs", "/tree"):
                    raw = f"/api/executions/{quote(execution_id, safe='')}{further}".encode()
                    url = httpx.URL(base).copy_with(raw_path=raw)
                    answer = client.get(url)
                    assert answer.status_code == 200, (execution_id, further, answer.text)
                    if not further:
                        assert answer.json()["execution"]["execution_id"] == execution_id


@pytest.mark.parametrize(
    ("method", "sent", "status", "need"),
    [
        ("POST", "/api%2Fsql", 404, "read"),
        ("GET", "/%61pi/executions", 200, "read"),
        ("POST", "/api/%73ql", 415, "read"),
        ("GET", "/api/executions/a%2Fb", 404, "read"),
        ("GET", "/api%2Fexecutions", 404, "read"),
    ],
)
def test_a_path_in_another_spelling_leads_to_the_same(
    client: httpx.Client, method: str, sent: str, status: int, need: Scope
) -> None:
    """ours: what decides on rights reads the decoded path, and never a lesser right than the route."""
    url = client.base_url.copy_with(raw_path=sent.encode())
    assert client.request(method, url).status_code == status
    assert need_of(method, httpx.URL(url).path) == need
