"""A server that runs and the file itself give the same answers."""

import shutil

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli.conftest import stepscope

pytestmark = pytest.mark.e2e

QUESTIONS = [
    ["executions"],
    ["executions", "--format", "json"],
    ["executions", "--format", "ndjson", "--status", "error"],
    ["executions", "--format", "csv", "--workflow", "nobody"],
    ["executions", "--order", "-duration", "--limit", "2"],
    ["executions", "--statuss", "x"],
    ["executions", "--status", "faild"],
    ["show", "exec-a1"],
    ["show", "exec-a1-ok", "--logs", "--format", "json"],
    ["show", "exec-b2-failed", "--full"],
    ["show", "exec-a1", "--waits", "--critical-path"],
    ["compare", "exec-b2", "exec-a1"],
    ["compare", "exec-d4"],
    ["cohorts", "--min-count", "1", "--format", "json"],
    ["cohorts", "--cohort", "statuss = failed"],
    ["show", "exec-d4"],
    ["show", "exec"],
    ["show", "nobody"],
    ["logs", "exec-a1", "--tail", "2"],
    ["logs", "exec-a1", "--after", "0", "--format", "ndjson"],
    ["stats"],
    ["stats", "--steps", "--format", "csv"],
    ["stats", "--workflow", "etl", "--format", "json"],
    ["stats", "step-days", "--workflow", "etl"],
    ["stats", "clusters", "--format", "json"],
    ["stats", "retries", "--format", "csv"],
    ["stats", "clusters", "--user", "ann"],
    ["sql", "select execution_id, started_at, duration_ns from executions order by all"],
    ["sql", "select 1 as a, null as b, 'x' as a", "--format", "json"],
    ["sql", "select status, tags from executions order by all", "--format", "ndjson"],
    ["sql", "select * from workflow_stats order by 1", "--format", "csv"],
    ["sql", "select range as n from range(5)", "--max-rows", "3"],
    ["sql", "select $name as n, $k + 1 as k", "-p", "name=x y", "-p", "k=41"],
    ["sql", "select nothing from executions"],
    ["sql", "drop table stored.spans"],
]


@pytest.mark.timeout(240)
def test_every_command_answers_the_same_with_and_without_a_server(stored, tmp_path):
    """issue #2: the CLI asks a running server and opens the file itself when none runs."""
    data = tmp_path / "copy"
    shutil.copytree(stored, data)
    with run_server(data, tmp_path / "log") as endpoints:
        by_server = [stepscope(*question, "--data", data) for question in QUESTIONS]
        url = f"http://{endpoints.web}"
        by_name = [stepscope(*question, "--server", url) for question in QUESTIONS[:3]]
        asked = stepscope("doctor", "--data", data, "--format", "json").out
    by_file = [stepscope(*question, "--data", data) for question in QUESTIONS]
    for question, server, file in zip(QUESTIONS, by_server, by_file, strict=True):
        assert (question, server.code, server.out) == (question, file.code, file.out)
        # What is said beside the result may name the time it took.
        assert ("ms" in server.err) or server.err == file.err
    assert [(r.code, r.out) for r in by_name] == [(r.code, r.out) for r in by_server[:3]]
    assert f'"asked": "{url}"' in asked
    codes = {result.code for result in by_server}
    assert codes == {0, 2, 7}
    assert all(result.out for result in by_server if result.code == 0)
