"""kill -9 while retention removes and the file is compacted: nothing else is lost, nothing comes back."""

import os
import random
import threading
import urllib.error
import urllib.request

import pytest

from tests.faults.load import BATCHES_PER_EXECUTION, check_whole
from tests.faults.test_kill import PROMISED, ask
from tests.integration.collector.process import Collector
from tests.strategies.workflows import execution, request, step

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20" if os.environ.get("CI") else "4"))
WAIT_S = 60
FLAGS = {
    "retention_rules": "workflow=old max_age=1s",
    "retention_interval_s": "100ms",
    "store_checkpoint_threshold_bytes": "1MiB",
}

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


class Pressure:
    """Sends executions that are old already, and has the file compacted again and again."""

    def __init__(self, collector):
        self._url = collector.endpoints
        self._is_ending = threading.Event()
        self.compactions = 0
        self.sent = 0
        self._threads = [threading.Thread(target=run) for run in (self._send, self._compact)]
        for thread in self._threads:
            thread.start()

    def _send(self):
        while not self._is_ending.is_set():
            name = f"old{random.getrandbits(64):x}"
            spans = [execution("old", name, trace=name, start=-(10**9), end=-(10**9) + 5)]
            spans += [
                step(f"99/{n}/0", name, trace=name, parent="old", start=-(10**9), end=-(10**9) + n)
                for n in range(20)
            ]
            body = request(spans).SerializeToString()
            self._post(f"http://{self._url.otlp_http}/v1/traces", body, "application/x-protobuf")
            self.sent += 1

    def _compact(self):
        while not self._is_ending.is_set():
            self._post(f"http://{self._url.web}/api/admin/compact", b"{}", "application/json")
            self.compactions += 1

    def _post(self, url, body, media):
        asked = urllib.request.Request(url, body, {"content-type": media})
        try:
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
                answer.read()
        except urllib.error.HTTPError as error:  # busy; the next one will do
            error.close()
        except OSError:  # killed
            self._is_ending.set()

    def end(self):
        """The collector is gone, or is to be left alone."""
        self._is_ending.set()
        for thread in self._threads:
            thread.join(WAIT_S)


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_pruning_and_compaction_lose_nothing_when_killed(tmp_path, load):
    """issue #7: kill -9 in the middle of pruning and compaction loses nothing else."""
    rng = random.Random(7)
    data = tmp_path / "data"
    compactions = sent = 0
    for _ in range(ROUNDS):
        promised = load.acknowledged()
        collector = Collector(data, **FLAGS)
        try:
            found = ask(collector, PROMISED, acknowledged=promised)
            assert found == [
                (sender, 6 * n, 6 * n, n) for sender, n in enumerate(promised) if n
            ]  # fmt: skip
            load.resume(collector.endpoints)
            pressure = Pressure(collector)
            load.wait_for_more(promised, WAIT_S)
            threading.Event().wait(rng.uniform(0.5, 3))
        finally:
            collector.kill()
        pressure.end()
        compactions += pressure.compactions
        sent += pressure.sent
    assert compactions > 0
    assert sent > 0
    with Collector(data, **FLAGS) as collector:
        collector.may_mention = "history pruned"
        load.resume(collector.endpoints)
        load.end(WAIT_S)
        pruned = collector.ask("POST", "/api/admin/prune")["prune"]
        assert pruned["used_bytes"] > 0
        assert ask(collector, "select count(*) from executions where workflow_id = 'old'") == [(0,)]
        compacted = collector.ask("POST", "/api/admin/compact")["compaction"]
        assert compacted["after_bytes"] <= compacted["before_bytes"]
        collector.may_mention = "info"
    assert min(load.acknowledged()) >= BATCHES_PER_EXECUTION
    check_whole(data, load)
