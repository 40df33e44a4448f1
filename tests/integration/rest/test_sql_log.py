"""Statements of users are counted, and slow ones stand in the log without their secrets."""

import logging

import pytest

from stepscope_collector.config import SqlConfig
from stepscope_collector.telemetry import Telemetry
from tests.integration.rest.conftest import serving

LOGGER = "stepscope_collector.present.rest.sql_log"


def seen(telemetry):
    """Outcome → statements."""
    readings = {reading.metric.name: reading.samples for reading in telemetry.read()}
    return {s.labels[0]: s.value.count for s in readings["stepscope_sql_duration_seconds"]}


def test_a_slow_statement_is_logged_without_the_values_of_its_parameters(history, caplog):
    """issue #4, R112: slow-query log; statement, time, rows, who."""
    telemetry = Telemetry()
    question = {
        "sql": "select\n  n from range($many) as t(n) where 'hidden' != $secret",
        "params": {"secret": "hunter2", "many": 7},
    }
    with (
        caplog.at_level(logging.WARNING, LOGGER),
        serving(history, SqlConfig(slow_s=1e-9), telemetry) as client,
    ):
        for form in ("json", "ndjson", "csv"):
            assert client.post(f"/api/sql?format={form}", json=question).status_code == 200
        assert client.post("/api/sql", json={"sql": "select no_such"}).status_code == 400
    slow = [record for record in caplog.records if record.name == LOGGER]
    assert [(r.rows, r.outcome, r.who) for r in slow] == [
        (7, "ok", "127.0.0.1"), (7, "ok", "127.0.0.1"), (7, "ok", "127.0.0.1"),
        (0, "query_refused", "127.0.0.1"),
    ]  # fmt: skip
    assert slow[0].sql == "select n from range($many) as t(n) where 'hidden' != $secret"
    assert (slow[0].params, slow[0].message) == ("many,secret", "slow statement")
    assert slow[0].s >= 0
    assert "hunter2" not in repr([vars(record) for record in slow])
    assert seen(telemetry) == {"ok": 3, "query_refused": 1}


@pytest.mark.parametrize("slow_s", [0, 1000])
def test_a_quick_statement_is_counted_and_not_logged(history, caplog, slow_s):
    """issue #4: slow-query log; 0 switches it off."""
    telemetry = Telemetry()
    with (
        caplog.at_level(logging.WARNING, LOGGER),
        serving(history, SqlConfig(slow_s=slow_s), telemetry) as client,
    ):
        assert client.post("/api/sql", json={"sql": "select 1 as x"}).status_code == 200
    assert [record for record in caplog.records if record.name == LOGGER] == []
    assert seen(telemetry) == {"ok": 1}
