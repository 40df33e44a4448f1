"""kill -9 of the collector under load: what it has acknowledged is there, once, without repair."""

import json
import os
import random
import subprocess
import sys
import threading
import urllib.request

import pytest

from stepscope_collector.cli.server import wait_for
from tests.faults.load import BATCHES_PER_EXECUTION, check_whole
from tests.integration.collector.process import ANY_PORTS, Collector

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20" if os.environ.get("CI") else "4"))
WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

PROMISED = """
select
    split_part(name, '/', 1)::integer as sender,
    count(*) as rows, count(distinct span_id) as spans,
    count(distinct (split_part(name, '/', 2), split_part(name, '/', 3))) as batches
from spans
where live_phase is null and scope_name = 'stepscope' and role = 'step'
    and split_part(name, '/', 2)::integer * 4 + split_part(name, '/', 3)::integer
        < list_extract($acknowledged, split_part(name, '/', 1)::integer + 1)
group by sender order by sender
"""


def ask(collector, sql, **params):
    body = json.dumps({"sql": sql, "params": params}).encode()
    question = urllib.request.Request(
        f"http://{collector.endpoints.web}/api/sql", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(question, timeout=WAIT_S) as answer:
        return [tuple(row) for row in json.loads(answer.read())["rows"]]


def kill_while_starting(data, after_s):
    """A collector that is killed before anybody knows whether it was ready."""
    ports = [word for pair in ANY_PORTS.items() for word in pair]
    process = subprocess.Popen(
        [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *ports],
        stdout=subprocess.DEVNULL,
    )
    threading.Event().wait(after_s)
    process.kill()
    process.wait(WAIT_S)


@pytest.mark.timeout(60 + 30 * ROUNDS)
def test_what_was_acknowledged_survives_kill_9_at_any_moment(tmp_path, load):
    """issue #2, R024, R042: kill -9 under load, 20 times: every acknowledged span is there after restart, none
    twice; restart needs no repair."""
    rng = random.Random(20)
    data = tmp_path / "data"
    for number in range(ROUNDS):
        if number and rng.random() < 0.2:
            kill_while_starting(data, rng.uniform(0.2, 2))
        promised = load.acknowledged()
        # with a small log, checkpoints are among the moments
        small = {"store_checkpoint_threshold_bytes": "1MiB"} if number % 2 else {}
        collector = Collector(data, **small)
        try:
            found = ask(collector, PROMISED, acknowledged=promised)
            assert found == [
                (sender, 6 * n, 6 * n, n) for sender, n in enumerate(promised) if n
            ]  # fmt: skip
            load.resume(collector.endpoints)
            load.wait_for_more(promised, WAIT_S)
            threading.Event().wait(rng.uniform(0, 1.5))
        finally:
            collector.kill()
        assert collector.unusual() == []
    with Collector(data) as collector:
        load.resume(collector.endpoints)
        load.end(WAIT_S)
    assert min(load.acknowledged()) >= BATCHES_PER_EXECUTION
    check_whole(data, load)


@pytest.mark.timeout(120)
def test_sigterm_under_load_drains_and_leaves_no_log(tmp_path, load):
    """issue #2: SIGTERM drains and checkpoints."""
    data = tmp_path / "data"
    for _ in range(2):
        collector = Collector(data)
        before = load.acknowledged()
        load.resume(collector.endpoints)
        for _ in range(5):
            load.wait_for_more(load.acknowledged(), WAIT_S)
        assert load.acknowledged() != before
        assert collector.terminate() == 0
        assert collector.unusual() == []
        assert [path.name for path in data.iterdir()] == ["stepscope.duckdb"]
    with Collector(data) as collector:
        load.resume(collector.endpoints)
        load.end(WAIT_S)
        # nobody had to ask again for what was committed
        rows = collector.doctor()["ingest"]["rows"]
    assert [(signal, counts["duplicate"]) for signal, counts in rows.items()] == [
        ("logs", 0),
        ("metrics", 0),
        ("traces", 0),
    ]
    check_whole(data, load)


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path, load):
    """issue #2: file locked by PID."""
    data = tmp_path / "data"
    with Collector(data) as collector:
        load.resume(collector.endpoints)
        load.wait_for_more(load.acknowledged(), WAIT_S)
        ports = [word for pair in ANY_PORTS.items() for word in pair]
        second = subprocess.run(
            [sys.executable, "-m", "stepscope_collector", "serve", "--data", str(data), *ports],
            capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
        assert (second.returncode, second.stdout) == (4, "")
        pid = collector.process.pid
        assert f"in use by process {pid}\n" in second.stderr
        assert "hint: ask the server that runs there, or stop that process first" in second.stderr
        assert "Traceback" not in second.stderr
        load.wait_for_more(load.acknowledged(), WAIT_S)
        load.end(WAIT_S)
    check_whole(data, load)
    assert wait_for(lambda: None if (data / "endpoints.json").exists() else True, 1)
