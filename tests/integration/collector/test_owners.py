"""Tokens of users within one store: each shows its own executions, public ones, and what is below them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stepscope_collector.access.tokens import create_token
from stepscope_collector.present.rest.routes import ROUTES
from stepscope_collector.receive.otlp_grpc import METHODS
from tests.integration.cli.history import STACK, execution, log, step
from tests.integration.collector.process import Collector
from tests.integration.collector.tenancy import ACCEPT, Somebody, clients, command

PUBLIC = "shared flow"
TREE: dict[str, tuple[str | None, str | None, str | None]] = {
    "alice-run": ("alice", None, None),
    "alice-child": (None, "alice-run", None),
    "alice-grandchild": ("bob", "alice-child", None),
    "alice-orphan": (None, "never-received", "alice-run"),
    "bob-run": ("bob", None, None),
    "bob-child": (None, "bob-run", "bob-run"),
    "bob-alice": ("alice", "bob-child", "bob-run"),
    "bob-alice-leaf": (None, "bob-alice", None),
    "public-run": ("bob", None, None),
    "public-child": ("dave", "public-run", None),
    "system-run": (None, None, None),
    "circle-1": (None, "circle-2", None),
    "circle-2": (None, "circle-1", None),
}
"""Execution → user, parent, root as the sender tells them."""
OF_ALICE = {
    "alice-run", "alice-child", "alice-grandchild", "alice-orphan", "bob-alice", "bob-alice-leaf",
}  # fmt: skip
OF_BOB = {
    "alice-grandchild", "bob-run", "bob-child", "bob-alice", "bob-alice-leaf",
}  # fmt: skip
OF_ALL = {"public-run", "public-child"}
SEES = {
    "alice": OF_ALICE | OF_ALL,
    "bob": OF_BOB | OF_ALL,
    "carol": OF_ALL,
    "system": set(TREE),
}
"""Token → what it shows."""
USERS = ("alice", "bob", "carol")
OF_ONE = (
    "", "/logs", "/logs/stream", "/tree", "/waits", "/critical-path", "/payloads", "/graph",
    "?include=steps,attempts,logs,payloads,children",
)  # fmt: skip
ALLOWED = {
    "list_executions", "get_execution", "get_logs", "follow_logs", "get_tree", "get_waits",
    "get_critical_path", "get_payloads", "get_graph", "compare_executions", "get_health", "get_ready", "get_openapi",
}  # fmt: skip
"""Routes that answer a token of a user; what is not here has to refuse."""


def secret_of(execution_id: str) -> str:
    """What stands in everything that was sent of an execution, and nowhere else."""
    return f"<{execution_id}>"


def history() -> dict[str, list[dict[str, Any]]]:
    """Spans and log records: one trace for each execution, but for those of bob, which share one."""
    spans, logs = [], []
    for number, (execution_id, (user, parent, root)) in enumerate(TREE.items()):
        trace = 0xB0B if execution_id.startswith("bob") else 0xA000 + number
        secret, at = secret_of(execution_id), 1000 * number
        told = {"enduser__id": user, "stepscope__execution__parent_id": parent,
                "stepscope__execution__root_id": root}  # fmt: skip
        bad = (f"Error{secret}", f"message {secret}")
        workflow = PUBLIC if execution_id == "public-run" else f"flow {secret}"
        spans += [
            execution(
                trace, execution_id, workflow, at, at + 900, number=10 * number + 1,
                stepscope__input=json.dumps({"order": number, "word": secret}), error=bad, stack=f"{STACK} {secret}",
                **{key: value for key, value in told.items() if value is not None},
            ),
            step(
                trace, execution_id, 10 * number + 2, f"step {secret}", at, at + 500, parent=10 * number + 1,
                error=bad, stepscope__output=json.dumps(secret),
            ),
        ]  # fmt: skip
        logs += [log(trace, execution_id, 10 * number + 2, at + 100, f"line {secret}")]
    scope = {"name": "stepscope", "version": "0.1.0"}
    return {
        "traces": [{"resourceSpans": [{"scopeSpans": [{"scope": scope, "spans": spans}]}]}],
        "logs": [{"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory."""
    return tmp_path_factory.mktemp("owners") / "data"


@pytest.fixture(scope="module")
def secrets(data: Path) -> dict[str, str]:
    """The tokens by name."""
    path = data / "tokens.json"
    return {
        **{user: create_token(path, f"of-{user}", ("read",), user=user) for user in USERS},
        "system": create_token(path, "system", ("read",)),
        "sender": create_token(path, "sender", ("ingest",)),
        "elsewhere": create_token(path, "elsewhere", ("read",), tenant="acme", user="alice"),
        "acme": create_token(path, "acme", ("ingest", "read"), tenant="acme"),
    }


@pytest.fixture(scope="module")
def collector(data: Path, secrets: dict[str, str]) -> Iterator[Collector]:
    """The collector."""
    with Collector(data, auth_public_workflows=f"another, {PUBLIC}") as running:
        yield running


@pytest.fixture(scope="module")
def everybody(collector: Collector, secrets: dict[str, str]) -> Iterator[dict[str, Somebody]]:
    """Everybody who has a token, and the history."""
    with clients(collector, secrets) as found:
        for signal, requests in history().items():
            for request in requests:
                assert found["sender"].send(signal, request).status_code == 200
        yield found


def hidden_from(name: str, text: str) -> list[str]:
    """Executions that the answer tells of and the token does not show."""
    return [each for each in TREE if each not in SEES[name] and secret_of(each) in text]


def listed(who: Somebody, **params: Any) -> set[str]:
    """The ids on all pages of a list."""
    found: list[str] = []
    cursor = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = who.web.get("/api/executions", params={"limit": 3, **params, **more})
        assert answer.status_code == 200, answer.text
        assert who.name not in SEES or hidden_from(who.name, answer.text) == []
        found += [row["execution_id"] for row in answer.json()["executions"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            assert len(found) == len(set(found))
            return set(found)


@pytest.mark.parametrize("name", SEES)
def test_r136_lists_show_what_a_token_may_see(everybody: dict[str, Somebody], name: str) -> None:
    """R136: owner, other, public, system, child: in every order, on every page, with filters and counts."""
    who, sees = everybody[name], SEES[name]
    assert listed(who) == sees
    for order in ("started_at", "duration", "user", "-params.order", "spans", "-id"):
        assert listed(who, order=order) == sees
    assert listed(who, filter="user = bob or not user = bob") == sees
    assert listed(who, filter='status = failed or id = "bob-run"') == sees
    assert listed(who, user="bob") == {each for each in sees if TREE[each][0] == "bob"}
    assert listed(who, parent="bob-run") == {"bob-child"} & sees
    assert listed(who, filter='step = "step <bob-run>" or log ~ "<bob-run>"') == {"bob-run"} & sees
    assert listed(who, filter="text ~ secret or input ~ system-run") == {"system-run"} & sees
    assert listed(who, started_after="2026-01-01T00:00:00Z") == sees
    assert listed(who, filter="error ~ bob", started_after="2026-01-01") <= sees
    assert listed(who, columns="params.word,attributes.x,workflow,user") == sees
    counts = who.web.get("/api/executions", params={"include": "counts"}).json()["counts"]
    assert {row["status"]: row["count"] for row in counts} == {"failed": len(sees)}


@pytest.mark.parametrize("name", SEES)
def test_r136_one_execution_is_there_or_as_if_it_were_not(
    everybody: dict[str, Somebody], name: str
) -> None:
    """R136: an execution that a token does not show gets the 404 of an id that nobody has, in every part."""
    who = everybody[name]
    nobodys = {}
    for further in OF_ONE:
        answer = who.web.get(f"/api/executions/nobody{further}")
        assert answer.status_code == 404
        nobodys[further] = answer.text
    for execution_id in TREE:
        for further in OF_ONE:
            answer = who.web.get(f"/api/executions/{execution_id}{further}")
            assert answer.status_code == (200 if execution_id in SEES[name] else 404)
            assert hidden_from(name, answer.text) == []
            if execution_id in SEES[name]:
                if further.startswith(("?", "/logs", "/payloads", "/tree")):
                    assert secret_of(execution_id) in answer.text
                continue
            assert answer.text.replace(execution_id, "nobody") == nobodys[further]
    whole = {
        left: who.web.get("/api/compare", params={"left": left, "right": "public-run"})
        for left in TREE
    }
    for left, answer in whole.items():
        assert answer.status_code == (200 if left in SEES[name] else 404), answer.text
        assert hidden_from(name, answer.text) == []


def test_r136_a_tree_begins_with_the_first_that_is_seen(everybody: dict[str, Somebody]) -> None:
    """R136: children inherit, parents do not: alice sees her part of bob's tree, and bob all of it."""

    def tree(name: str, execution_id: str) -> list[tuple[str, int]]:
        rows = everybody[name].web.get(f"/api/executions/{execution_id}/tree").json()["tree"]
        return [(row["execution_id"], row["depth"]) for row in rows]

    assert tree("alice", "bob-alice-leaf") == [("bob-alice", 0), ("bob-alice-leaf", 1)]
    whole = [("bob-run", 0), ("bob-child", 1), ("bob-alice", 2), ("bob-alice-leaf", 3)]
    assert tree("bob", "bob-alice-leaf") == tree("system", "bob-alice") == whole
    assert tree("bob", "alice-grandchild") == [("alice-grandchild", 0)]
    assert tree("carol", "public-child") == [("public-run", 0), ("public-child", 1)]


def test_r136_the_id_of_a_trace_leads_to_the_first_that_is_seen(
    everybody: dict[str, Somebody],
) -> None:
    """R136: a trace holds executions of several users."""
    trace = f"{0xB0B:032x}"

    def first(name: str) -> Any:
        answer = everybody[name].web.get(f"/api/executions/{trace}")
        return answer.json()["execution"]["execution_id"] if answer.status_code == 200 else None

    assert [first(name) for name in SEES] == ["bob-alice", "bob-run", None, "bob-run"]


def test_r136_what_tells_of_others_is_refused(everybody: dict[str, Somebody]) -> None:
    """R136: deny by default: every route that is not known to be safe answers a token of a user 403."""
    values = {"id": "alice-run", "trace_id": f"{0xA000:032x}", "span_id": f"{1:016x}"}
    for name in USERS:
        who = everybody[name]
        answered = set()
        for route in ROUTES:
            path = route.path
            for key in ("id", "name", "workflow_id", "user_id", "trace_id", "span_id"):
                path = path.replace(f"{{{key}}}", quote(values.get(key, "alice")))
            params = {"left": "public-run", "right": "public-child"} if "compare" in path else {}
            body = {"json": {"sql": "from executions"}} if route.method == "POST" else {}
            answer = who.web.request(route.method, path, params=params, **body)  # type: ignore[arg-type]
            assert hidden_from(name, answer.text) == []
            if answer.status_code != 403:
                answered.add(route.name)
        assert answered == ALLOWED, answered ^ ALLOWED
        ping = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        assert who.web.post("/mcp", json=ping, headers=ACCEPT).status_code == 403
        for params in (
            {"filter": "never_succeeded_later"},
            {"filter": "not (never_succeeded_later or status = failed)"},
            {"workflowId": PUBLIC},
        ):
            assert who.web.get("/api/executions", params=params).status_code == 403
        assert who.web.get("/api/compare", params={"right": "public-run"}).status_code == 403
        assert who.otlp.post("/v1/traces", json={}).status_code == 403
        with pytest.raises(grpc.RpcError) as raised:
            who.export(next(iter(METHODS)), ExportTraceServiceRequest())
        assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_r136_ingest_tokens_are_write_only(everybody: dict[str, Somebody]) -> None:
    """R136: who sends sees nothing, not even what was sent with the same token."""
    sender = everybody["sender"]
    for route in ROUTES:
        if route.name in {"get_health", "get_ready", "post_execution"}:
            continue
        path = route.path.replace("{id}", "alice-run")
        assert sender.web.request(route.method, path).status_code == 403
    assert sender.web.post("/mcp", json={}, headers=ACCEPT).status_code == 403
    assert sender.send("traces", {}).status_code == 200


def test_r136_a_user_of_a_tenant_sees_a_part_of_its_store(everybody: dict[str, Somebody]) -> None:
    """R136, R103: tenant and user together: the part of that store, and nothing of another."""
    sent = [
        execution(0xC1, "acme-alice", "flow", 0, 900, enduser__id="alice"),
        execution(0xC2, "acme-bob", "flow", 0, 900, enduser__id="bob"),
    ]
    request = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "stepscope"}, "spans": sent}]}]}
    assert everybody["acme"].send("traces", request).status_code == 200
    assert listed(everybody["acme"]) == {"acme-alice", "acme-bob"}
    assert listed(everybody["elsewhere"]) == {"acme-alice"}
    assert everybody["elsewhere"].web.get("/api/executions/alice-run").status_code == 404
    assert everybody["alice"].web.get("/api/executions/acme-alice").status_code == 404


def test_r136_commands_ask_with_tokens_of_users(
    collector: Collector, everybody: dict[str, Somebody], secrets: dict[str, str]
) -> None:
    """R136: `stepscope executions` and `show` work with such a token, and say what it does not show."""
    at = ("--server", f"http://{collector.endpoints.web}")
    told = command("executions", *at, token=secrets["carol"])
    assert "public-run" in told
    assert "bob-run" not in told
    assert "public-run" in command("show", "public-run", *at, token=secrets["carol"])
    missing = command("show", "bob-run", *at, token=secrets["carol"])
    assert "no execution with the id 'bob-run'" in missing
    assert "a token of a user shows" in command("sql", "select 1", *at, token=secrets["carol"])


def test_r136_the_command_makes_tokens_of_users(tmp_path: Path) -> None:
    """R136: `stepscope token create --scope read --user`; such a token can do nothing but read."""
    make = ("token", "create", "--data", tmp_path, "--user", "alice", "--name", "a")
    assert "such a token only reads" in command(*make, "--scope", "ingest")
    assert "such a token only reads" in command(*make, "--scope", "read", "--scope", "admin")
    assert "stepscope_" in command(*make, "--scope", "read")
    (listed_token,) = json.loads(command("token", "list", "--data", tmp_path, "--format", "json"))
    assert (listed_token["user"], listed_token["tenant"]) == ("alice", None)
    assert "USER" in command("token", "list", "--data", tmp_path)
    assert json.loads((tmp_path / "tokens.json").read_text())["version"] == 2
