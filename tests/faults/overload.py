"""Overload of a real collector: three times the load it can take, for minutes.

First the clients find out how much it takes. Then they send three times as many requests per
second, those that were refused included, which come again when the server says. At the end they
send what they still hold. Prints figures as JSON; exit code 1 when a promise was broken.

    python -m tests.faults.overload [MINUTES]
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from tests.faults.clients import Clients
from tests.faults.held import EXECUTIONS, ROWS, Requests, signal_of
from tests.integration.collector.process import Collector, stored

__all__ = ["overload"]

_TIMES: Final = 3
_CLIENTS: Final = 96
_FEW_CLIENTS: Final = 16
_CALIBRATION_S: Final = 5.0
_WARM_UP_S: Final = 2.0
_MIB: Final = 1 << 20
FLAGS: Final = {
    # so little that the budget ends before the patience of clients does
    "limits_max_payload_bytes": "1MiB",
    "limits_max_inflight_bytes": "8MiB",
    # so little that ten minutes are enough to reach it
    "store_memory_limit_bytes": "256MiB",
}
_ANYTHING_ELSE_BYTES: Final = 512 * _MIB
"""Resident beside the engine's memory: code, threads, 8 MiB of requests and what is decoded of them."""
_LONG_S: Final = 240
_FLAT_BYTES: Final = 64 * _MIB
"""By how much the median of a tenth of a long run may be above that of its third tenth."""


@dataclass
class Memory:
    """Resident memory of a process, looked at each second."""

    pid: int
    seen: list[int] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def now(self) -> int:
        """Bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def _look(self) -> None:
        while not self._is_over.wait(1.0):
            self.seen.append(self.now())

    def stop(self) -> list[int]:
        """What was seen."""
        self._is_over.set()
        self._thread.join()
        return self.seen


def overload(data: Path, seconds: float) -> dict[str, Any]:
    """Figures of one run; AssertionError when a promise was broken.

    Args:
        data: data directory, which is not there yet.
        seconds: of overload.
    """
    requests = Requests.made(int(10_000 + seconds * 2_000))
    with Collector(data, **FLAGS) as collector:
        clients = Clients(collector.endpoints, requests, _CLIENTS)
        try:
            found = _run(collector, clients, seconds)
        finally:
            clients.give_up()
    found["rows"] = _check_stored(data, clients.accepted)
    found["database_mib"] = round((data / "stepscope.duckdb").stat().st_size / _MIB)
    return found


def _run(collector: Collector, clients: Clients, seconds: float) -> dict[str, Any]:
    capacity = _capacity(clients, seconds)
    log = clients.log
    log.answers_s.clear()
    before = log.accepted.total(), log.refused.total()
    memory = Memory(collector.process.pid)
    began = time.monotonic()
    clients.start(capacity * _TIMES, _CLIENTS)
    threading.Event().wait(seconds)
    elapsed_s = time.monotonic() - began
    seen = memory.stop()
    accepted, refused = log.accepted.total() - before[0], log.refused.total() - before[1]
    held = log.most_held
    began = time.monotonic()
    clients.finish(60 + seconds)
    drained_s = time.monotonic() - began
    counted = _counted(collector)
    answers = statistics.quantiles(log.answers_s, n=100)
    found = {
        "seconds": round(elapsed_s),
        "requests_per_s": {
            "capacity": round(capacity, 1),
            "sent": round((accepted + refused) / elapsed_s, 1),
            "accepted": round(accepted / elapsed_s, 1),
            "refused": round(refused / elapsed_s, 1),
        },
        "rows_per_request": ROWS,
        "answer_s": {
            "p50": round(answers[49], 2),
            "p99": round(answers[98], 2),
            "max": round(max(log.answers_s), 2),
        },
        "requests": {
            "accepted": log.accepted.total(),
            "refused": log.refused.total(),
            "unanswered": len(log.unanswered),
            "lost": len(log.lost),
            "held_at_most": held,
        },
        "after_the_load_s": round(drained_s, 1),
        "memory_mib": {
            "start": round(seen[0] / _MIB),
            "tenths": [round(each / _MIB) for each in _tenths(seen)],
            "highest": round(max(seen) / _MIB),
        },
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    assert log.lost == []
    assert log.unanswered == []
    assert log.refused.total() > 0
    assert counted == _expected(clients)
    assert max(seen) <= 256 * _MIB + _ANYTHING_ELSE_BYTES
    for signal, counts in collector.doctor()["ingest"]["rows"].items():
        rows = ROWS * sum(n for (_, each), n in log.accepted.items() if each == signal)
        assert counts["stored"] == rows
        assert {counts[name] for name in ("duplicate", "rejected", "failed", "waiting")} == {0}
    if seconds >= _LONG_S:  # before that the database engine still fills what it may have
        assert found["requests_per_s"]["sent"] >= 2 * found["requests_per_s"]["accepted"]
        tenths = _tenths(seen)
        assert max(tenths[3:]) <= tenths[2] + _FLAT_BYTES
    return found


def _capacity(clients: Clients, seconds: float) -> float:
    """Requests per second that are accepted from clients that are few enough not to be refused."""
    clients.start(None, _FEW_CLIENTS)
    threading.Event().wait(_WARM_UP_S)
    before = clients.log.accepted.total()
    began = time.monotonic()
    threading.Event().wait(min(_CALIBRATION_S, seconds / 4))
    return (clients.log.accepted.total() - before) / (time.monotonic() - began)


def _tenths(seen: list[int]) -> list[float]:
    """The median of each tenth of the time."""
    size = max(1, len(seen) // 10)
    return [statistics.median(seen[at : at + size]) for at in range(0, len(seen), size)]


def _counted(collector: Collector) -> dict[tuple[str, ...], int]:
    """What the server says of requests: (signal, transport, outcome, reason) → count."""
    url = f"http://{collector.endpoints.web}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        tuple(sample.labels[key] for key in ("signal", "transport", "outcome", "reason")): int(
            sample.value
        )
        for family in families
        for sample in family.samples
        if sample.name == "stepscope_requests_total"
    }


def _expected(clients: Clients) -> dict[tuple[str, ...], int]:
    """The same, as the clients have seen it."""
    log = clients.log
    return {
        (signal, transport, outcome, reason): count
        for outcome, reason, counts in (
            ("accepted", "", log.accepted),
            ("refused", "overloaded", log.refused),
        )
        for (transport, signal), count in counts.items()
    }


_TRACES: Final = """
select
    ('0x' || left(replace(trace_id::varchar, '-', ''), 16))::ubigint as number,
    count(*) as rows, count(distinct span_id) as different
from stored.spans
group by number
"""
_LOGS: Final = """
select ('0x' || left(body, 16))::ubigint as number, count(*) as rows, count(distinct body) as different
from stored.log_records
group by number
"""
_METRICS: Final = """
select
    ('0x' || name)::ubigint as number, count(*) as rows,
    count(distinct time_unix_nano) as different
from stored.metric_points
group by number
"""


def _check_stored(data: Path, accepted: set[int]) -> dict[str, int]:
    """Every row of every accepted request is there once, and no other; how many there are."""
    stored_rows: dict[str, int] = {}
    with stored(data) as connection:
        for signal, question in (("traces", _TRACES), ("logs", _LOGS), ("metrics", _METRICS)):
            found = connection.execute(question).fetchall()
            expected = {number for number in accepted if signal_of(number) == signal}
            assert {number for number, _, _ in found} == expected
            assert {(rows, different) for _, rows, different in found} <= {(ROWS, ROWS)}
            stored_rows[signal] = ROWS * len(found)
        executions = stored_rows["traces"] // ROWS * EXECUTIONS
        assert connection.execute(
            "select count(*), count(distinct execution_id), sum(span_count) from stored.executions"
        ).fetchall() == [(executions, executions, stored_rows["traces"])]
    return stored_rows


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("minutes", type=float, nargs="?", default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        overload(Path(directory) / "data", arguments.minutes * 60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
