"""Files over the read API on a real port."""

import io
import json
import zipfile

import httpx
import pytest

from stepscope_collector.query.export import FORMS
from stepscope_collector.store import Database
from tests.integration.rest.conftest import serving
from tests.unit.collector.query.history import add_execution, open_memory


def test_executions_are_downloaded_in_every_form(client: httpx.Client) -> None:
    """issue #7: GET /api/export, streamed, with the filters of the lists."""
    for name, form in FORMS.items():
        one = {"id": "late"} if name == "html" else {}  # which holds one execution
        answer = client.get("/api/export", params={"format": name, **one})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == form.media_type
        assert f'filename="executions{form.suffix}"' in answer.headers["content-disposition"]
        assert answer.content
    listed = client.get("/api/executions", params={"workflow": "etl", "limit": 1000}).json()
    chosen = client.get("/api/export", params={"workflow": "etl", "table": "executions"}).json()
    ids = {row["execution_id"] for row in listed["executions"]}
    assert {row["execution_id"] for row in chosen} == ids


def test_one_execution_is_downloaded_by_its_id(client: httpx.Client) -> None:
    """R094: export run <id>."""
    answer = client.get("/api/executions/late/export")
    assert 'filename="late.json"' in answer.headers["content-disposition"]
    (document,) = answer.json()
    assert [each["body"] for each in document["logs"]] == [f"line {n}" for n in range(5)]
    bundle = client.get("/api/executions/late/export", params={"format": "bundle"}).content
    with zipfile.ZipFile(io.BytesIO(bundle)) as file:
        manifest = json.loads(file.read("manifest.json"))
    assert (manifest["format"], manifest["format_version"]) == ("stepscope-bundle", 1)
    assert manifest["counts"]["log_records"] == 5
    both = client.get("/api/export", params={"id": "late,whole-1", "table": "executions"}).json()
    assert {row["execution_id"] for row in both} == {"late", "whole-1"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=a%2Cb", ["a,b"]),
        ("id=a&id=b", ["a", "b"]),
        ("id=a%2Cb&id=c%20%2F%3F", ["a,b", "c /?"]),
        ("id=b%2Ca", ["a", "b"]),  # nobody has the id `b,a`
        ("id=a%2Cb&id=a&id=a", ["a", "a,b"]),
    ],
)
def test_ids_with_commas_are_exported_with_others(query: str, found: list[str]) -> None:
    """issue #7: an id is any text; given once for each, and with commas between those that hold none."""
    with open_memory() as database:
        for each in ("a", "b", "a,b", "c /?"):
            add_execution(database.writer(), each)
        with serving(database) as client:
            rows = client.get(f"/api/export?table=executions&{query}").json()
            assert sorted(row["execution_id"] for row in rows) == found
            missing = client.get("/api/export?id=a&id=nobody,here")
            assert (missing.status_code, "'nobody'" in missing.text) == (404, True)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/export?format=excel", 400, "excel"),
        ("/api/export?format=otlp&table=steps", 400, "holds whole executions"),
        ("/api/export?stauts=failed", 400, "stauts"),
        ("/api/export?status=faild", 400, "faild"),
        ("/api/export?id=nobody", 404, "nobody"),
        ("/api/executions/nobody/export", 404, "nobody"),
    ],
)
def test_slips_are_answered_before_the_file_begins(
    client: httpx.Client, path: str, status: int, message: str
) -> None:
    """issue #7: unknown things are errors that name the nearest right one; R016: 404."""
    answer = client.get(path)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_who_goes_away_leaves_no_connection_in_use(client: httpx.Client, history: Database) -> None:
    """ours: an export that nobody reads to the end gives its snapshot back."""
    for _ in range(20):
        with client.stream("GET", "/api/export?format=ndjson") as answer:
            assert answer.status_code == 200
    assert client.get("/api/executions?limit=1").status_code == 200
    history.wait_until_idle(10)
    assert history.is_idle
