"""A collector whose executions may log so much: what the sender, REST, commands, SQL and MCP say (R090)."""

import json

import httpx
import pytest

from tests.integration.cli import history
from tests.integration.cli.conftest import stepscope
from tests.integration.collector.process import Collector

pytestmark = pytest.mark.e2e


def send(collector, bodies):
    """Log records of one execution over OTLP/HTTP; the answer."""
    records = [history.log(0xA1, "exec-a1-ok", 2, n, body) for n, body in enumerate(bodies)]
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    answer = httpx.post(
        f"http://{collector.endpoints.otlp_http}/v1/logs", json=document, timeout=30
    )
    assert answer.status_code == 200
    return answer.json()


def test_the_sender_and_every_surface_say_how_many_log_records_were_refused(tmp_path):
    """R090: a configurable limit of lines per execution; `logs_dropped` is shown."""
    with Collector(tmp_path / "data", limits_execution_log_records="3") as collector:
        history.send_spans(collector.endpoints.otlp_http, history.spans())
        assert not send(collector, ["a", "b"]).get("partialSuccess")
        told = send(collector, ["c", "d", "e"])["partialSuccess"]
        assert int(told["rejectedLogRecords"]) == 2
        assert "limits.execution_log_records" in told["errorMessage"]
        with httpx.Client(base_url=f"http://{collector.endpoints.web}", timeout=30) as web:
            whole = web.get("/api/executions/exec-a1-ok").json()
            assert whole["logs_dropped"] == 2
            assert web.get("/api/executions/exec-b2-failed").json()["logs_dropped"] == 0
            logs = web.get("/api/executions/exec-a1-ok/logs").json()
            assert {row["body"] for row in logs["logs"]} == {"a", "b", "c"}
            assert logs["logs_dropped"] == 2
        data = ("--data", collector.data)
        assert "2 more log records were refused" in stepscope("show", "exec-a1-ok", *data).out
        assert "2 more log records were refused" in stepscope("logs", "exec-a1-ok", *data).err
        rows = stepscope("sql", "from log_drops", "--format", "json", *data)
        ((row),) = json.loads(rows.out)
        assert (row["execution_id"], row["logs_dropped"]) == ("exec-a1-ok", 2)
        report = stepscope("doctor", "--format", "json", *data)
        assert '"rejected": 2' in report.out
