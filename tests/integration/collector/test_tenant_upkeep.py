"""What goes on by itself goes on in the store of each tenant, too."""

import signal
from pathlib import Path
from typing import Any

from stepscope_collector.access.tokens import create_token
from stepscope_collector.cli.server import wait_for
from tests.integration.cli.history import span
from tests.integration.collector.process import Collector
from tests.integration.collector.tenancy import OWN, Somebody, clients, fill, secrets_of

WAIT_S = 30
PROFILE = """
name = "{name}"
description = "ours"
priority = 70
detect = "scope_name = 'shop'"
[[rules]]
name = "all"
when = "true"
role = "execution"
execution_id = "attr('sale')"
workflow_name = "'{name}'"
"""


def test_r103_retention_goes_on_in_every_store(tmp_path: Path) -> None:
    """R103: each store has a retention of its own; what is due in one goes without anybody asking there."""
    data = tmp_path / "data"
    secrets = secrets_of(data)
    with Collector(data) as collector, clients(collector, secrets) as found:
        for who in found.values():
            fill(who)
    flags = {"retention_max_age_s": "1d", "retention_interval_s": "1"}
    gone = "select count(*) = 0 from stored.executions where workflow_name is not null"
    with Collector(data, **flags) as collector, clients(collector, secrets) as found:
        collector.may_mention = "info stepscope_collector.retention"
        for who in found.values():
            assert wait_for(lambda who=who: who.rows(gone)[0][0] or None, WAIT_S)
            assert who.web.get("/api/doctor").json()["retention"]


def test_r103_profiles_read_again_count_for_every_tenant(tmp_path: Path) -> None:
    """R103, issue #5: SIGHUP; those that are open and those that are opened later map as the files say."""
    data, folder = tmp_path / "data", tmp_path / "mine"
    folder.mkdir()
    secrets = secrets_of(data)
    with Collector(data, profiles_dir=str(folder)) as collector:
        collector.may_mention = " info "
        with clients(collector, secrets) as found:
            own = found[OWN]
            assert found["zebra"].rows("select 1") == [[1]]
            (folder / "mine.toml").write_text(PROFILE.format(name="mine"))
            collector.process.send_signal(signal.SIGHUP)

            def is_read() -> Any:
                return own.web.get("/api/doctor").json()["profiles"]["own"] or None

            assert wait_for(is_read, WAIT_S) == ["mine"]
            path = data / "tokens.json"
            secrets["gnu"] = create_token(path, "late", ("admin",), tenant="gnu")
            with clients(collector, secrets) as again:
                for name in ("zebra", "gnu", OWN):
                    assert sold(again[name]) == [["sale-1", "mine"]]
            told = own.web.get("/api/doctor").json()["tenants"]
            assert told == {"open": 3, "opening": 0, "failed": 0}
            assert "tenants" not in found["zebra"].web.get("/api/doctor").json()


def sold(who: Somebody) -> list[list[Any]]:
    """The executions of a store, after a span that only the profile understands."""
    sale = span(0x5A1E, 1, 0, "sale", 0, 10, sale="sale-1")
    request = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "shop"}, "spans": [sale]}]}]}
    assert who.send("traces", request).status_code == 200
    return who.rows("select execution_id, workflow_name from executions")
