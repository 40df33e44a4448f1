"""Sends attacks to a running collector: refused or bounded, and it answers and is the same after each."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from tests.integration.cli import history
from tests.integration.collector.process import Collector
from tests.integration.rest.attacks import BOUNDED, REFUSED, TOLD

pytestmark = pytest.mark.e2e

SECRET = "s3cr3t-of-the-t3st"
MAX_RESIDENT_BYTES = 1500 * 2**20
FACTS = """
    select (select count(*) from executions), (select count(*) from duckdb_tables()),
        (select count(*) from duckdb_views()), (select string_agg(database_name) from duckdb_databases()),
        (select count(*) from duckdb_functions()), (select count(*) from duckdb_schemas()),
        (select md5(string_agg(name || '=' || value, ',' order by name)) from duckdb_settings()
            where name not like '%profil%')
"""


class Target:
    """A collector under attack."""

    def __init__(self, collector: Collector, client: httpx.Client) -> None:
        self.collector = collector
        self.client = client
        self.facts = self.ask(FACTS).json()["rows"]
        self.files = self.list_files()

    def ask(self, statement: str) -> httpx.Response:
        return self.client.post("/api/sql", json={"sql": statement})

    def list_files(self) -> set[str]:
        data = self.collector.data
        return {path.name for path in data.iterdir() if not path.name.startswith("stepscope.")}

    def check(self) -> None:
        """It answers, and nothing has changed."""
        assert self.ask(FACTS).json()["rows"] == self.facts
        assert self.list_files() == self.files

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.collector.process.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    data = tmp_path_factory.mktemp("attacked") / "data"
    data.mkdir(mode=0o700)
    other = duckdb.connect(str(data / "other.duckdb"))
    other.execute(f"create table t as select '{SECRET}' as secret")
    other.close()
    (data / "other.csv").write_text(f"secret\n{SECRET}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_OF_THE_TEST", SECRET)
        collector = Collector(
            data,
            sql_timeout_s="1s",
            store_memory_limit_bytes="256MiB",
            store_temp_limit_bytes="64MiB",
        )
    try:
        history.send_spans(collector.endpoints.otlp_http, history.spans())
        with httpx.Client(base_url=f"http://{collector.endpoints.web}", timeout=50) as client:
            yield Target(collector, client)
        assert collector.terminate() == 0
    finally:
        collector.kill()


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED)
def test_it_is_refused(target: Target, statement: str) -> None:
    """issue #7: refused, and the server answers after; R103: raw SQL sees the views and nothing else."""
    answer = target.ask(statement)
    assert answer.status_code == 400, answer.text[:300]
    assert answer.json()["error"]["code"] == "query_refused"
    assert SECRET not in answer.text
    target.check()


@pytest.mark.parametrize("statement", BOUNDED.values(), ids=BOUNDED)
def test_it_is_bounded(target: Target, statement: str) -> None:
    """issue #7: bounded in time, memory and rows, and the server answers after."""
    answer = target.ask(statement)
    if answer.status_code == 200:
        assert answer.json()["is_truncated"], answer.text[:300]
    else:
        assert answer.json()["error"]["code"] in {"query_timeout", "query_refused"}
    target.check()
    assert target.peak_bytes() < MAX_RESIDENT_BYTES


@pytest.mark.parametrize("statement", TOLD.values(), ids=TOLD)
def test_the_catalogue_tells_of_this_database_only(target: Target, statement: str) -> None:
    """issue #7: catalogue snooping, read of other databases."""
    answer = target.ask(statement)
    assert answer.status_code == 200, answer.text[:300]
    assert SECRET not in answer.text
    assert "other.duckdb" not in answer.text
    target.check()


def test_there_are_enough_attacks() -> None:
    """issue #7: at least 60 attacks."""
    assert len({*REFUSED.values(), *BOUNDED.values(), *TOLD.values()}) >= 160
