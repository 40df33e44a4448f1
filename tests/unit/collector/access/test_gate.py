"""Who is let in, and that a change of the file counts at once."""

import base64
import logging
from datetime import UTC, datetime, timedelta

import pytest

from stepscope_collector.access.gate import Gate
from stepscope_collector.access.tokens import SCOPES, create_token, read_tokens, revoke_token
from stepscope_collector.errors import ConfigError, PermissionDenied, Unauthenticated


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def counted():
    return []


@pytest.fixture
def gate(path, counted):
    return Gate(path, lambda *seen: counted.append(seen))


def bearer(secret):
    return [f"Bearer {secret}"]


def test_without_any_token_everybody_comes_in(gate, counted):
    """issue #4: loopback without tokens configured stays open."""
    assert not gate.is_closed
    assert gate.admit([], "ingest", "grpc").name == ""
    assert gate.admit(bearer("nonsense"), "admin", "web").name == ""
    assert counted == []


def test_the_first_token_closes_a_running_gate(gate, path, counted):
    """issue #4: works while the server runs."""
    assert gate.admit([], "read", "web").name == ""
    secret = create_token(path, "ro", ("read",))
    with pytest.raises(Unauthenticated):
        gate.admit([], "read", "web")
    assert gate.admit(bearer(secret), "read", "web").name == "ro"
    assert gate.is_closed
    assert counted == [("denied", "web", "missing"), ("admitted", "web", "ro")]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("wanted", [*SCOPES, None])
def test_a_token_allows_its_scope_and_admin_all(gate, path, scope, wanted):
    """issue #4: scopes ingest, read, admin."""
    secret = create_token(path, "one", (scope,))
    if wanted in {scope, None} or scope == "admin":
        assert gate.admit(bearer(secret), wanted, "web").name == "one"
    else:
        with pytest.raises(PermissionDenied, match=f"has the scope {scope}; this needs {wanted}"):
            gate.admit(bearer(secret), wanted, "web")


def test_every_refusal_without_an_active_token_says_the_same(gate, path, counted):
    """issue #4: an attacker without token learns no more than unauthenticated."""
    create_token(path, "ci", ("ingest",))
    gone = create_token(path, "gone", ("ingest",))
    revoke_token(path, "gone")
    soon = create_token(path, "soon", ("ingest",), datetime.now(UTC) + timedelta(days=1))
    text = path.read_text().replace(f"{read_tokens(path)[2].expires_at:%Y-%m-%d}", "2020-01-01")
    path.write_text(text)
    said = set()
    for values in ([], ["x"], bearer("stepscope_" + "0" * 48), bearer(gone), bearer(soon)):
        with pytest.raises(Unauthenticated) as caught:
            gate.admit(values, "ingest", "grpc")
        said.add((caught.value.message, caught.value.hint))
    assert said == {("unauthenticated", None)}
    assert [reason for _, _, reason in counted] == [
        "missing",
        "malformed",
        "unknown",
        "revoked",
        "expired",
    ]


def test_a_revoked_token_ends_with_the_next_request(gate, path):
    """issue #4: revoked by stepscope token, while the server runs."""
    secret = create_token(path, "ci", ("ingest",))
    assert gate.admit(bearer(secret), "ingest", "grpc").name == "ci"
    revoke_token(path, "ci")
    with pytest.raises(Unauthenticated):
        gate.admit(bearer(secret), "ingest", "grpc")
    assert gate.is_closed


def test_the_user_of_basic_auth_is_the_name_of_the_token(gate, path):
    """issue #4: user = name, password = token."""
    secret = create_token(path, "ci", ("ingest",))
    create_token(path, "other", ("ingest",))

    def basic(user):
        return ["Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()]

    assert gate.admit(basic("ci"), "ingest", "http").name == "ci"
    for user in ("other", "", "CI", "ü"):
        with pytest.raises(Unauthenticated):
            gate.admit(basic(user), "ingest", "http")


@pytest.mark.parametrize("text", [None, "", "{", '{"version": 1, "tokens": []}'])
def test_a_gate_that_was_closed_stays_closed_whatever_becomes_of_the_file(gate, path, text, caplog):
    """ours: a mistake with the file must not open the collector."""
    secret = create_token(path, "ci", ("ingest",))
    assert gate.admit(bearer(secret), "ingest", "grpc").name == "ci"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                gate.admit([], "ingest", "grpc")
    assert len(caplog.records) == 1
    assert gate.admit(bearer(secret), "ingest", "grpc").name == "ci"


def test_a_gate_is_not_made_over_a_broken_file(path):
    """ours: better not to start than to start open."""
    path.write_text("{")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is no file of tokens"):
        Gate(path)


def test_commands_of_the_same_user_have_a_token_that_ends_with_the_process(gate, path):
    """ours: who can read the data directory can read the history anyway."""
    create_token(path, "ci", ("ingest",))
    assert gate.admit(bearer(gate.local_secret), "admin", "web").name == "local"
    with pytest.raises(Unauthenticated):
        Gate(path).admit(bearer(gate.local_secret), "admin", "web")


def test_the_hash_of_a_token_is_no_token(gate, path):
    """issue #4: who reads the file cannot come in with it."""
    create_token(path, "ci", ("ingest",))
    with pytest.raises(Unauthenticated):
        gate.admit(bearer(read_tokens(path)[0].sha256), "ingest", "grpc")


def test_r103_the_token_says_whose_store_it_is(gate, path):
    """R103, R136: tenant and user come from the token alone; tenants with an active one are opened at the start."""
    own = create_token(path, "own", ("read",))
    theirs = create_token(path, "theirs", ("read",), tenant="acme")
    users = create_token(path, "users", ("read",), tenant="acme", user="alice")
    create_token(path, "gone", ("read",), tenant="gone")
    create_token(path, "more", ("ingest",), tenant="acme")
    revoke_token(path, "gone")
    assert gate.admit(bearer(own), "read", "web") == ("own", None, None)
    assert gate.admit(bearer(theirs), "read", "web") == ("theirs", "acme", None)
    assert gate.admit(bearer(users), "read", "web") == ("users", "acme", "alice")
    assert gate.admit(bearer(gate.local_secret), "admin", "web")[1:] == (None, None)
    assert gate.tenants() == ("acme",)
