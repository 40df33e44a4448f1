"""Tenants of one collector: a store for each, chosen by the token, and no way from one into another."""

import base64
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.access.tokens import create_token, revoke_token
from stepscope_collector.config import StoreConfig
from stepscope_collector.present.rest.route import Route
from stepscope_collector.present.rest.routes import ROUTES
from stepscope_collector.receive.otlp_grpc import METHODS
from stepscope_collector.store.database import Database
from tests.integration.collector.process import Collector
from tests.integration.collector.tenancy import (
    OWN,
    SAME,
    TRACE,
    Somebody,
    clients,
    command,
    fill,
    one_span,
    secrets_of,
)

NOBODY = "numbat"
"""A name nobody has."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the collector that `everybody` asks."""
    return tmp_path_factory.mktemp("tenants") / "data"


@pytest.fixture(scope="module")
def secrets(data: Path) -> dict[str, str]:
    """The tokens of `everybody`."""
    return secrets_of(data)


@pytest.fixture(scope="module")
def collector(data: Path, secrets: dict[str, str]) -> Iterator[Collector]:
    """The collector that `everybody` asks."""
    with Collector(data) as running:
        running.may_mention = "info stepscope_collector.re"  # retention and remap tell of their end
        yield running


@pytest.fixture(scope="module")
def everybody(collector: Collector, secrets: dict[str, str]) -> Iterator[dict[str, Somebody]]:
    """Two tenants and the collector's own store, each with a history in the same form."""
    with clients(collector, secrets) as found:
        for who in found.values():
            fill(who)
        yield found


def path_of(route: Route, name: str, execution_id: str) -> str:
    """A path of the route that asks for what is called so."""
    values = {
        "id": execution_id,
        "name": "ours" if "/queries/" in route.path else f"{name}-flow",
        "workflow_id": f"{name}-flow",
        "user_id": f"{name}-user",
        "trace_id": f"{TRACE:032x}",
        "span_id": f"{1:016x}",
    }
    return re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), route.path)


def params_of(route: Route, name: str) -> list[dict[str, str]]:
    """Questions that a route takes: the plain one, and those that name something."""
    known = {param.name for param in route.params}
    if route.name == "compare_executions":
        return [{"left": SAME, "right": f"{name}-run"}]
    if route.name == "compare_cohorts":
        return [{"cohort": "status = failed", "against": f"version = {name}-1"}]
    words = {
        "workflow": f"{name}-flow", "user": f"{name}-user", "project": name, "step": f"{name}-step",
        "service": f"{name}-service", "filter": f'step.name = "{name}-step"',
        "columns": f"params.customer,attributes.{name}.key", "order": f"params.{name}",
    }  # fmt: skip
    named = {key: value for key, value in words.items() if key in known}
    found = [{}] if not named else [{}, named]
    if "include" in known:
        values = next(param.values for param in route.params if param.name == "include")
        found.append({"include": ",".join(values)})
    if "format" in known and "export" in route.name:
        kinds = next(param.values for param in route.params if param.name == "format")
        found += [{"format": kind} for kind in kinds]
    return found


READING = [route for route in ROUTES if route.method == "GET"]
TELLS_NOTHING = {
    "get_health", "get_ready", "get_openapi", "get_remap", "list_dialects", "get_doctor", "get_metrics",
    "plan_prune", "get_estimate", "get_statistics_regressions", "get_statistics_step_regressions",
    "get_statistics_gaps",
}  # fmt: skip
"""They name nothing that was sent, or nothing of histories as small as these."""
CHANGING = {"get_metrics", "get_doctor"}
"""Their numbers are others with every question."""


@pytest.mark.parametrize("route", READING, ids=lambda route: route.name)
def test_r103_no_reading_route_tells_a_tenant_of_another(
    everybody: dict[str, Somebody], route: Route
) -> None:
    """R103: two tokens, two tenants: no endpoint returns the other's row; every GET there is."""
    for who in everybody.values():
        others = [name for name in everybody if name != who.name]
        ids = (SAME, f"{who.name}-run") if "{id}" in route.path else (SAME,)
        found = b""
        for path in (path_of(route, who.name, each) for each in ids):
            for params in params_of(route, who.name):
                answer = who.web.get(path, params=params)
                assert answer.status_code < 500, (params, answer.text)
                found += plain(answer.content) + str(answer.headers.raw).encode()
        if who.name == OWN and route.name == "get_metrics":
            found = re.sub(rb'token="[^"]*"', b"", found)  # whom the process has let in
        assert [name for name in others if name.encode() in found] == []
        assert who.name.encode() in found or route.name in TELLS_NOTHING


@pytest.mark.parametrize(
    "route", [each for each in READING if each.name not in CHANGING], ids=lambda route: route.name
)
def test_r103_what_is_anothers_is_as_what_is_nobodys(
    everybody: dict[str, Somebody], route: Route
) -> None:
    """R103: error texts, hints and empty answers do not tell whether another tenant has such a thing."""
    zebra = everybody["zebra"]
    asked, nobody = (
        [
            zebra.web.get(path_of(route, name, f"{name}-run"), params=params)
            for params in params_of(route, name)
        ]
        for name in ("walrus", NOBODY)
    )
    for one, other in zip(asked, nobody, strict=True):
        assert one.status_code == other.status_code, one.text
        assert neutral(one, "walrus") == neutral(other, NOBODY)


def neutral(answer: httpx.Response, name: str) -> str:
    """The text of an answer without the name that was asked for and what differs with every answer."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
            return f"{sorted((each.filename, each.file_size) for each in file.infolist())}"
    text = re.sub(r'"(elapsed_ms|[a-z_]*_age_s)":[0-9.]+', "", answer.text)
    return text.replace(name, "*")


def plain(content: bytes) -> bytes:
    """What a file says, unpacked."""
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return b"".join(plain(file.read(each)) for each in file.namelist())
    if content.startswith(b"PAR1"):
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(content)
            file.flush()
            with duckdb.connect() as connection:
                return str(connection.execute(f"from '{file.name}'").fetchall()).encode()
    return content


def test_the_check_sees_into_packed_files() -> None:
    """ours: a check that looks at compressed bytes would never find anything."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file, duckdb.connect() as connection:
        with tempfile.NamedTemporaryFile(suffix=".parquet") as table:
            connection.execute(f"copy (select repeat('walrus', 100) as x) to '{table.name}'")
            file.writestr("x.parquet", Path(table.name).read_bytes())
    assert b"walruswalrus" in plain(held.getvalue())


def test_r103_raw_sql_sees_one_store(everybody: dict[str, Somebody]) -> None:
    """R103: raw SQL: every table, view and function that lists something, in every format."""
    for who in everybody.values():
        others = [name for name in everybody if name != who.name]
        views = who.rows(
            "select distinct schema_name, name from (select schema_name, view_name as name from "
            "duckdb_views() where not internal union all select schema_name, table_name from duckdb_tables()) "
            "order by all"
        )
        assert len(views) > 60
        statements = [f'from "{schema}"."{view}"' for schema, view in views]
        listing = [
            "duckdb_databases()", "duckdb_settings()", "duckdb_columns()", "duckdb_temporary_files()",
            "duckdb_memory()", "duckdb_views()", "pragma_database_size()", "information_schema.tables",
            "pragma_storage_info('stored.spans')", "duckdb_logs", "duckdb_connections()",
        ]  # fmt: skip
        found, answered = "", 0
        for statement in [*statements, *(f"from {each}" for each in listing)]:
            answer = who.sql(statement)
            answered += answer.status_code == 200
            found += answer.text + str(answer.headers.raw)
        for form in ("csv", "ndjson", "arrow"):
            question = {"sql": "from executions"}
            asked = who.web.post("/api/sql", params={"format": form}, json=question)
            found += asked.content.decode("utf-8", "replace")
        assert answered > 60
        assert [name for name in others if name in found] == []
        assert found.count(who.name) > 100


def test_r103_no_statement_reaches_the_file_of_another(
    everybody: dict[str, Somebody], data: Path
) -> None:
    """R103: DuckDB's ways to other files and databases, attach among them, by a relative and the full path."""
    folder = data / "tenants" / "walrus"
    paths = [
        folder / "stepscope.duckdb",
        Path("../walrus/stepscope.duckdb"),
        data / "stepscope.duckdb",
    ]
    assert paths[0].is_file()
    zebra = everybody["zebra"]
    for path in [*paths, data / "tokens.json"]:
        for statement in (
            "attach '@' as other", "attach '@' as other (read_only)", "attach if not exists '@'",
            "attach database '@' (type duckdb)", "from '@'", 'from "@"', "from read_blob('@')",
            "from read_text('@')", "from query_table('@')", "copy (select 1) to '@'",
            "copy executions from '@'", "from glob('@*')", "import database '@'",
            "export database '@'", "use walrus", "from walrus.main.executions",
            "from stepscope_walrus.executions", "call duckdb_attach('@')", "load '@'",
            "select * from read_duckdb('@')", "create table x as from '@'",
            "select content from read_text(['@'])", "detach stepscope", "from parquet_scan('@')",
        ):  # fmt: skip
            answer = zebra.sql(statement.replace("@", str(path)))
            assert answer.status_code == 400, (statement, answer.text)
            told = answer.text.replace(str(path), "").replace("walrus.main", "")
            assert "walrus-" not in told, told
    assert zebra.rows("select count(*) from duckdb_databases() where path like '%walrus%'") == [[0]]


def test_r103_mcp_tells_of_one_store(everybody: dict[str, Somebody]) -> None:
    """R103: every tool that /mcp lists, the saved query among them, asked for what is the other's."""
    for who, other in (("zebra", "walrus"), ("walrus", "zebra")):
        me = everybody[who]
        listed = me.rpc("tools/list", {})
        assert f"{who}-description" in listed
        assert other not in listed
        tools = json.loads(listed)["result"]["tools"]
        assert len(tools) > 10
        told = ""
        for tool in tools:
            for name in (who, other):
                answer = me.tool(tool["name"], arguments_of(tool["inputSchema"], name))
                told += (
                    answer
                    if name == who
                    else re.sub(rf"{other}-(run|flow|step|user|1)\b", "", answer)
                )
        assert other not in told
        assert told.count(who) > 100


def arguments_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """What a tool has to be told."""
    values = {
        "sql": f"select * from executions where workflow_name = '{name}-flow'",
        "cohort": "status = failed", "against": f"version = {name}-1", "text": f"{name}-message",
        "left": SAME, "right": f"{name}-run", "filter": f'workflow = "{name}-flow"',
        "trace_id": f"{TRACE:032x}", "span_id": f"{1:016x}", "view": "executions",
    }  # fmt: skip
    found = {}
    for key in schema["properties"]:
        if key in values:
            found[key] = values[key]
        elif key.endswith(("execution_id", "handle_id")) or key == "id":
            found[key] = f"{name}-run"
        elif key.startswith("workflow"):
            found[key] = f"{name}-flow"
    return found


CHANGING_ROUTES = [route for route in ROUTES if route.method != "GET" and route.name != "run_sql"]


def test_r103_nothing_a_tenant_changes_is_changed_for_another(
    everybody: dict[str, Somebody], collector: Collector
) -> None:
    """R103: every route that changes something, told to do so with what is the other's, admin tokens and all."""
    secret = create_token(collector.data / "tokens.json", "bull", ("admin",), tenant="okapi")
    with clients(collector, {"okapi": secret}) as found:
        fill(found["okapi"])
        break_in(found["okapi"], everybody["walrus"], everybody[OWN])


def break_in(okapi: Somebody, walrus: Somebody, own: Somebody) -> None:
    """Change all that can be changed, and see that others have what they had."""

    def held(who: Somebody) -> str:
        counts = who.rows("select count(*), sum(length(body)) from stored.log_records")
        queries = who.web.get("/api/queries").text
        export = who.web.get("/api/export", params={"format": "json"}).text
        return f"{counts} {queries} {export} {who.web.get('/api/admin/remap').text}"

    before = held(walrus), held(own)
    assert before[0].count("walrus") > 50
    corrected = base64.b64encode(one_span("okapi-corrected").SerializeToString()).decode()
    posted: dict[str, Any] = {
        "post_execution": {
            "id": SAME,
            "workflowId": "okapi-flow",
            "workflowName": "okapi-flow",
            "status": "success",
            "startedAt": "2026-03-01T10:00:00",
            "completedAt": "2026-03-01T10:00:02",
        },
        "save_query": {"sql": "select 'taken over'"},
        "import_request": {"signal": "traces", "source": "a file", "payload": corrected},
        "correct_spans": {"payload": corrected},
    }
    asked = {}
    for route in CHANGING_ROUTES:
        for execution_id in ("walrus-run", SAME):
            path = path_of(route, "walrus", execution_id)
            params = {"max_age": "1s"} if route.name == "prune" else {}
            body = {"json": posted.get(route.name, {})} if route.method == "POST" else {}
            answer = okapi.web.request(route.method, path, params=params, **body)
            assert answer.status_code in {200, 404, 409}, (route.name, answer.text)
            if route.name == "make_backup":
                check_backup(answer.content)
            else:
                assert "walrus-value" not in answer.text
            asked[route.name] = answer.status_code
    assert len(asked) == len(CHANGING_ROUTES) > 15
    assert (held(walrus), held(own)) == before
    assert okapi.rows(f"select count(*) from executions where execution_id = '{SAME}'") == [[0]]


def check_backup(content: bytes) -> None:
    """A copy of okapi's history, and of nobody else's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.duckdb"
        path.write_bytes(content)
        with Database.open(path, StoreConfig(), read_only=True) as copy, copy.read() as connection:
            rows = connection.execute("select workflow_name, count(*) from executions group by all")
            names = {name for name, _ in rows.fetchall()}
    assert names <= {"okapi-flow", "okapi-over-grpc", "", None}


def test_r103_doctor_and_metrics_of_a_tenant_are_its_own(everybody: dict[str, Somebody]) -> None:
    """R103: per tenant, nothing of the process and nothing of another: no token names, ports or totals."""
    zebra = everybody["zebra"]
    doctor = zebra.web.get("/api/doctor").json()
    assert {"pid", "decoder", "profiles", "tee", "needs_token"} & set(doctor) == set()
    rows = doctor["ingest"]["rows"]
    assert 0 < rows["traces"]["received"] < 60
    metrics = zebra.web.get("/metrics").text
    assert "stepscope_received_rows_total" in metrics
    assert "token=" not in metrics
    assert "otelcol_process_uptime " not in metrics
    own = everybody[OWN].web.get("/metrics").text
    assert 'token="token-zebra"' in own
    spans = [line for line in own.splitlines() if line.startswith("stepscope_received_rows_total")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in spans) < 60


def test_r103_a_token_of_a_tenant_can_no_more_than_its_scope(tmp_path: Path) -> None:
    """R103, issue #4: ingest tokens of a tenant write and see nothing; revoked ones are as unknown ones."""
    data = tmp_path / "data"
    path = data / "tokens.json"
    secrets = {
        "in": create_token(path, "in", ("ingest",), tenant="zebra"),
        "out": create_token(path, "out", ("read",), tenant="zebra"),
        "gone": create_token(path, "gone", ("admin",), tenant="walrus"),
    }
    revoke_token(path, "gone")
    with (
        Collector(data, mcp_allow_delete="true") as collector,
        clients(collector, secrets) as found,
    ):
        sender, reader, gone = found["in"], found["out"], found["gone"]
        for route in ROUTES:
            if route.path in {"/healthz", "/readyz"}:
                continue
            at = path_of(route, "zebra", "zebra-run")
            refused = gone.web.request(route.method, at)
            assert (refused.status_code, refused.json()["error"]["message"]) == (
                401,
                "unauthenticated",
            )
            if route.name != "post_execution":
                assert sender.web.request(route.method, at).status_code == 403
        assert gone.otlp.post("/v1/traces", json={}).status_code == 401
        with pytest.raises(grpc.RpcError) as raised:
            gone.export(next(iter(METHODS)), ExportTraceServiceRequest())
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert not (data / "tenants" / "walrus").exists()
        assert reader.otlp.post("/v1/traces", json={}).status_code == 403
        assert reader.web.delete("/api/executions/x").status_code == 403
        # a tenant whose first token is made while the server runs
        secrets["new"] = create_token(path, "new", ("admin",), tenant="gnu")
        with clients(collector, secrets) as again:
            fill(again["new"])
            assert again["new"].rows(
                "select count(*) from executions where workflow_name = 'new-flow'"
            ) == [[3]]
            assert again["out"].rows("select count(*) from executions") == [[0]]
            # a tool that deletes asks the gate again, which leads to the same store
            deleting = ("delete_execution", {"handle_id": "new-good"})
            assert "permission_denied" in again["out"].tool(*deleting)
            assert '"isError":true' not in again["new"].tool(*deleting)
            assert again["new"].rows(
                "select count(*) from executions where workflow_name = 'new-flow'"
            ) == [[2]]
        assert (data / "tenants" / "gnu").stat().st_mode & 0o777 == 0o700
        at = ("--server", f"http://{collector.endpoints.web}")
        assert "new-flow" in command("executions", *at, token=secrets["new"])
        assert "new-flow" not in command("executions", "--data", data)
    assert "new-flow" in command("executions", "--data", data / "tenants" / "gnu")


def test_r103_the_command_makes_tokens_of_tenants(tmp_path: Path) -> None:
    """R103: `stepscope token create --tenant`; a name that would be another place is refused."""
    make = ("token", "create", "--data", tmp_path, "--scope", "read")
    assert "stepscope_" in command(*make, "--name", "own")
    assert "TENANT" not in command("token", "list", "--data", tmp_path)
    assert "stepscope_" in command(*make, "--name", "theirs", "--tenant", "acme-1")
    listed = json.loads(command("token", "list", "--data", tmp_path, "--format", "json"))
    assert [(each["name"], each["tenant"]) for each in listed] == [
        ("own", None),
        ("theirs", "acme-1"),
    ]
    assert "TENANT" in command("token", "list", "--data", tmp_path)
    refused = command(*make, "--name", "up", "--tenant", "../up")
    assert "'../up' cannot name a tenant" in refused
    assert "Traceback" not in refused


def test_r103_both_histories_are_there_after_a_kill(tmp_path: Path) -> None:
    """R103: what a tenant was told is stored is there after kill -9, and a tenant whose file cannot be opened
    concerns nobody else."""
    data = tmp_path / "data"
    secrets = secrets_of(data)
    flows = "select workflow_name, count(*) from executions where workflow_name like '%-flow' group by 1"
    collector = Collector(data)
    with clients(collector, secrets) as found:
        for who in found.values():
            fill(who)
    collector.kill()
    with Collector(data) as again, clients(again, secrets) as found:
        for who in found.values():
            assert who.rows(flows) == [[f"{who.name}-flow", 3]]
            assert who.rows("select count(*) from stored.log_records") == [[5]]
    for name, at in {
        "zebra": data / "tenants/zebra",
        "walrus": data / "tenants/walrus",
        OWN: data,
    }.items():
        with (
            Database.open(at / "stepscope.duckdb", StoreConfig(), read_only=True) as left,
            left.read() as connection,
        ):
            assert connection.execute(flows).fetchall() == [(f"{name}-flow", 3)]
    file = data / "tenants" / "zebra" / "stepscope.duckdb"
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    third = Collector(data)
    with clients(third, secrets) as found:
        told = found["zebra"].web.get("/api/executions")
        assert told.status_code == 503
        assert told.headers["retry-after"] == "1"
        message = told.json()["error"]["message"]
        assert message == "the store of this tenant cannot be opened; the collector's log says why"
        assert found["zebra"].otlp.post("/v1/traces", json={}).status_code == 503
        with pytest.raises(grpc.RpcError) as raised:
            found["zebra"].export(next(iter(METHODS)), ExportTraceServiceRequest())
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert found["walrus"].rows(flows) == [["walrus-flow", 3]]
    assert third.terminate() == 0
    assert "the store of a tenant cannot be opened" in third.said()
