"""The collector's own counts."""

from concurrent.futures import ThreadPoolExecutor

from stepscope_collector.telemetry import Telemetry


def test_a_snapshot_says_everything_in_plain_data():
    """design, section 4: account for what came in, at any moment."""
    telemetry = Telemetry()
    assert telemetry.snapshot() == {"rows": {}, "refused_requests": [], "commits": {}}
    telemetry.count_rows("traces", received=5, rejected=1)
    telemetry.count_rows("traces", stored=3, duplicate=1)
    telemetry.count_rows("logs", received=2, failed=2)
    telemetry.count_refused("traces", "overloaded", 10)
    telemetry.count_refused("traces", "overloaded", 20)
    telemetry.count_refused("logs", "payload_undecodable", 7)
    telemetry.count_commit(requests=2, payload_bytes=100, elapsed_ns=5)
    telemetry.count_commit(requests=1, payload_bytes=50, elapsed_ns=4)
    assert telemetry.snapshot() == {
        "rows": {
            "logs": {"received": 2, "stored": 0, "duplicate": 0, "rejected": 0, "failed": 2},
            "traces": {"received": 5, "stored": 3, "duplicate": 1, "rejected": 1, "failed": 0},
        },
        "refused_requests": [
            {"signal": "logs", "reason": "payload_undecodable", "requests": 1, "payload_bytes": 7},
            {"signal": "traces", "reason": "overloaded", "requests": 2, "payload_bytes": 30},
        ],
        "commits": {"commits": 2, "requests": 3, "payload_bytes": 150, "elapsed_ns": 9},
    }


def test_threads_lose_no_count():
    """ours: every method may be called from any thread."""
    telemetry = Telemetry()

    def count(_):
        for _ in range(2000):
            telemetry.count_rows("traces", received=1, stored=1)
            telemetry.count_refused("logs", "overloaded", 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    found = telemetry.snapshot()
    assert found["rows"]["traces"]["stored"] == 16_000
    assert found["refused_requests"][0]["payload_bytes"] == 32_000
