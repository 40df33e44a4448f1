"""SIGHUP reads profiles again while requests come in."""

import json
import signal
import threading
import urllib.request

import pytest

from stepscope_collector.cli.server import wait_for
from tests.integration.collector.process import Collector, stored

pytestmark = pytest.mark.e2e

WAIT_S = 40
SENDERS = 4
PROFILE = """
name = "shop"
description = "our shop"
priority = 70
detect = "scope_name = 'shop' and attr('{key}') is not null"
[[rules]]
name = "sale"
when = "true"
role = "execution"
execution_id = "attr('sale')"
workflow_name = "'{name}'"
"""


def request(number: int) -> bytes:
    """One request with one span, which carries what either profile looks for."""
    attributes = [
        {"key": key, "value": {"stringValue": f"sale-{number}"}} for key in ("sale", "Sale.Other")
    ]
    span = {
        "traceId": f"{number + 1:032x}", "spanId": f"{number + 1:016x}", "name": "sale", "kind": 1,
        "startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": "1795000001000000000",
        "attributes": attributes,
    }  # fmt: skip
    scope = {"scope": {"name": "shop"}, "spans": [span]}
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]}).encode()


class Senders:
    """Threads that send one request after the other, and know which were answered when."""

    def __init__(self, http: str) -> None:
        self.url = f"http://{http}/v1/traces"
        self.is_over = threading.Event()
        self.answered: list[int] = []
        self.failed: list[str] = []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def run(self, sender: int) -> None:
        number = sender
        while not self.is_over.is_set():
            self.send(number)
            number += SENDERS

    def send(self, number: int) -> None:
        asked = urllib.request.Request(
            self.url, request(number), {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
                if json.loads(answer.read() or b"{}").get("partialSuccess"):
                    self.failed.append(f"{number} partly")
        except OSError as error:
            self.failed.append(f"{number}: {error}")
        self.answered.append(number)

    def more(self, count: int) -> None:
        """Wait for so many answers more."""
        goal = len(self.answered) + count
        assert wait_for(lambda: len(self.answered) >= goal or None, WAIT_S)

    def end(self) -> None:
        self.is_over.set()
        for thread in self.threads:
            thread.join(WAIT_S)


def test_profiles_change_under_load_and_nothing_is_lost(tmp_path):
    """issue #5: users' own files, reloaded on SIGHUP; requests see the old set or the new one."""
    data = tmp_path / "data"
    folder = tmp_path / "mine"
    folder.mkdir()
    collector = Collector(data, profiles_dir=str(folder))
    assert collector.doctor()["profiles"]["own"] == []
    senders = Senders(collector.endpoints.otlp_http)

    def hang_up(*, name=None, error=None):
        """SIGHUP; wait until it says so, with requests before and after."""
        senders.more(20)
        before = collector.doctor()["profiles"]
        collector.process.send_signal(signal.SIGHUP)

        def reloaded():
            now = collector.doctor()["profiles"]
            return now if now != before else None

        told = wait_for(reloaded, WAIT_S)
        assert told is not None
        assert (error is None) == ("error" not in told)
        assert error is None or error in told["error"]
        senders.more(20)
        first = max(senders.answered) + SENDERS * 2  # begun after the reload, whoever sends it
        senders.more(SENDERS * 8)
        return first, max(senders.answered)

    path = folder / "shop.toml"
    path.write_text(PROFILE.format(name="one", key="sale"))
    one = hang_up()
    path.write_text(PROFILE.format(name="bad", key="sale").replace("scope_name", "scope_nam"))
    bad = hang_up(error="unknown column 'scope_nam'")
    path.write_text(PROFILE.format(name="two", key="Sale.Other"))
    two = hang_up()
    path.unlink()
    none = hang_up()
    senders.end()
    assert senders.failed == []
    assert collector.terminate() == 0
    lines = [line for line in collector.said().splitlines() if " info " not in line]
    assert len(lines) == 1, lines
    assert "profiles not read again, those before stay" in lines[0]
    with stored(data) as history:
        found = dict(
            history.execute(
                "select cast('0x' || trace_id as ubigint) - 1, "
                "case dialect when 'otel' then 'none' else workflow_name end "
                "from executions"
            ).fetchall()
        )
    assert sorted(found) == sorted(senders.answered)
    for (first, last), name in ((one, "one"), (bad, "one"), (two, "two"), (none, "none")):
        seen = {found[number] for number in range(first, last + 1) if number in found}
        assert seen == {name}
