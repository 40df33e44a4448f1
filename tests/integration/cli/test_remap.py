"""`stepscope remap`, as the command it is."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.cli.server import run_server, wait_for
from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from tests.integration.cli.conftest import stepscope
from tests.integration.collector.process import Collector

CAPTURE = Path(__file__).parents[2] / "captures" / "dbos.success.json"
COPIES = 1500
WAIT_S = 60
NOW = datetime(2026, 12, 1, tzinfo=UTC)
BY_DIALECT = (
    "select dialect, status, count(*) as executions, sum(attempt_count) as steps "
    "from executions group by all order by all"
)


def copies(count):
    """A workflow of DBOS with two steps, so many times, as one request."""
    whole = ExportTraceServiceRequest()
    text = CAPTURE.read_text(encoding="utf-8")
    for number in range(count):
        trace_id = f"a9d2eccc0dcf59d5{number:016x}"
        one = text.replace("a9d2eccc0dcf59d51031b5728f1b02b6", trace_id)
        one = one.replace("order-1001", f"order-{number}")
        whole.MergeFrom(to_message("traces", one.encode())[0])
    return whole


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A history that a collector which knew no engines has written."""
    data = tmp_path_factory.mktemp("written")
    mapping = compile_profiles([p for p in load_shipped() if p.name in ("stepscope", "otel")])
    with Database.open(data / "stepscope.duckdb", StoreConfig()) as database:
        group = group_of([decode_spans(copies(COPIES), mapping.plan)], [], [], NewDimensions())
        now_ns = int(NOW.timestamp()) * 10**9
        Committer(database.writer(), mapping).commit(group, NOW.replace(tzinfo=None), now_ns)
    return data


@pytest.fixture
def data(written, tmp_path):
    return shutil.copytree(written, tmp_path / "data")


def told(collector):
    return collector.ask("GET", "/api/admin/remap")["remap"]


def by_dialect(data):
    result = stepscope("sql", BY_DIALECT, "--data", data, "--format", "csv")
    assert result.code == 0, result.err
    return result.out.splitlines()[1:]


def test_a_file_is_mapped_anew_without_a_server(data):
    """issue #5: remap [--since] [--dialect]; progress; what it did."""
    assert by_dialect(data) == [f"otel,success,{COPIES},{2 * COPIES}"]
    assert "no remap was ever asked for" in stepscope("remap", "--status", "--data", data).err
    later = stepscope("remap", "--since", "2030-01-01", "--data", data)
    assert "0 of 0 traces" in later.out
    done = stepscope("remap", "--dialect", "dbos", "--data", data, "--format", "json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["state"], told["remapped_count"], told["failed_count"]) == ("finished", COPIES, 0)
    assert told["span_count"] == 3 * COPIES
    assert by_dialect(data) == [f"dbos,success,{COPIES},{2 * COPIES}"]
    status = stepscope("remap", "--status", "--data", data)
    assert status.out.startswith("remap of dialect dbos finished: ")


def test_slips_are_told(data):
    """R-errors: what was wrong, the value, the remedy."""
    result = stepscope("remap", "--dialect", "dbis", "--data", data)
    assert result.code == 2
    assert "dialect='dbis' is no profile" in result.err
    assert "did you mean dbos?" in result.err
    assert stepscope("remap", "--stop", "--since", "1h", "--data", data).code == 2
    assert stepscope("remap", "--since", "yesterday-ish", "--data", data).code == 2


def test_a_server_goes_on_after_a_kill(data):
    """issue #5: online, resumable: kill -9 in the middle, the next process goes on by itself."""
    collector = Collector(data)
    begun = collector.ask("POST", "/api/admin/remap")["remap"]
    assert (begun["state"], begun["trace_count"]) == ("running", COPIES)
    wait_for(lambda: told(collector)["done_count"] or None, WAIT_S)
    collector.kill()
    with Collector(data) as collector:
        collector.may_mention = "remap finished"
        done = wait_for(
            lambda: None if told(collector)["state"] == "running" else told(collector), WAIT_S
        )
        assert (done["state"], done["asked_at"]) == ("finished", begun["asked_at"])
        assert (done["done_count"], done["failed_count"]) == (COPIES, 0)
        assert by_dialect(data) == [f"dbos,success,{COPIES},{2 * COPIES}"]
        assert collector.ask("DELETE", "/api/admin/remap")["remap"] == done


def test_the_command_waits_for_the_server(data, tmp_path):
    """issue #5: with progress; the server goes on receiving meanwhile."""
    with run_server(data, tmp_path / "log"):
        done = stepscope("remap", "--data", data)
        assert done.code == 0, done.err
        assert done.out == (
            f"remap finished: {COPIES} of {COPIES} traces, {COPIES} mapped anew "
            f"with {3 * COPIES} spans\n"
        )
        assert by_dialect(data) == [f"dbos,success,{COPIES},{2 * COPIES}"]
