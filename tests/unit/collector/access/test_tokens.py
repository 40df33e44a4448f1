"""The file of tokens: what is in it, and what happens when it is not as it should be."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from stepscope_collector.access.tokens import (
    PREFIX,
    create_token,
    hash_of,
    read_tokens,
    revoke_token,
)
from stepscope_collector.errors import BadRequest, ConfigError, NotFound

NOW = datetime.now(UTC)


def test_a_token_is_recognizable_and_only_its_hash_is_in_the_file(tmp_path):
    """issue #4: hashed at rest, 0600."""
    path = tmp_path / "data" / "tokens.json"
    secret = create_token(path, "ci", ("ingest",))
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 48
    text = path.read_text()
    assert secret not in text
    assert secret.removeprefix(PREFIX) not in text
    assert json.loads(text)["tokens"][0]["sha256"] == hash_of(secret)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["tokens.json"]


def test_tokens_read_are_those_made(tmp_path):
    """issue #4: stepscope token create, list, revoke."""
    path = tmp_path / "tokens.json"
    create_token(path, "ci", ("ingest",))
    create_token(path, "both", ("ingest", "read"), NOW + timedelta(hours=1))
    revoke_token(path, "ci")
    ci, both = read_tokens(path)
    assert (ci.name, ci.scopes, ci.state(NOW)) == ("ci", ("ingest",), "revoked")
    assert (both.name, both.scopes, both.state(NOW)) == ("both", ("ingest", "read"), "active")
    assert both.state(NOW + timedelta(hours=2)) == "expired"
    assert (both.allows("read"), both.allows("admin")) == (True, False)


def test_admin_allows_everything(tmp_path):
    """issue #4: scopes ingest, read, admin."""
    create_token(tmp_path / "t", "root", ("admin",))
    (token,) = read_tokens(tmp_path / "t")
    assert all(token.allows(scope) for scope in ("ingest", "read", "admin"))


def test_a_name_can_be_used_again_once_its_token_is_over(tmp_path):
    """ours: who rotates a token keeps its name in lists and metrics."""
    path = tmp_path / "tokens.json"
    first = create_token(path, "ci", ("ingest",))
    with pytest.raises(BadRequest, match="there is a token named 'ci'"):
        create_token(path, "ci", ("ingest",))
    revoke_token(path, "ci")
    second = create_token(path, "ci", ("ingest",))
    assert [token.sha256 for token in read_tokens(path)] == [hash_of(second)] != [hash_of(first)]


@pytest.mark.parametrize("name", ["", "local", "a b", "a:b", "-a", "a" * 65, "ü", "a\n"])
def test_some_texts_cannot_name_a_token(tmp_path, name):
    """ours: a colon ends the user of basic auth; the name stands in logs and metrics."""
    with pytest.raises(BadRequest, match="cannot name a token"):
        create_token(tmp_path / "t", name, ("read",))
    assert not (tmp_path / "t").exists()


def test_a_token_of_the_past_is_refused(tmp_path):
    """ours: a slip must not make a token that never works."""
    with pytest.raises(BadRequest, match="is of no use"):
        create_token(tmp_path / "t", "ci", ("read",), NOW - timedelta(seconds=1))


def test_only_what_is_active_can_be_revoked(tmp_path):
    """ours: a slip in the name is told."""
    create_token(tmp_path / "t", "ci", ("read",))
    with pytest.raises(NotFound, match="there is no token named 'c1' to revoke"):
        revoke_token(tmp_path / "t", "c1")
    revoke_token(tmp_path / "t", "ci")
    with pytest.raises(NotFound):
        revoke_token(tmp_path / "t", "ci")


def test_tokens_made_at_the_same_time_are_all_there(tmp_path):
    """issue #4: works while the server runs: nobody's change is lost."""
    path = tmp_path / "tokens.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: create_token(path, f"t{n}", ("read",)), range(24)))
    assert {token.name for token in read_tokens(path)} == {f"t{n}" for n in range(24)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tokens.json"]


def test_no_file_means_no_tokens(tmp_path):
    """issue #4: loopback without tokens stays open."""
    assert read_tokens(tmp_path / "none") == ()


GOOD = {
    "name": "a",
    "scopes": ["read"],
    "sha256": "0" * 64,
    "created_at": "2026-01-01T00:00:00+00:00",
    "expires_at": None,
    "revoked_at": None,
}


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": None},
        {"sha256": "x"},
        {"sha256": None},
        {"created_at": None},
        {"tenant": "../up"},
        {"tenant": ""},
        {"tenant": 7},
        {"user": ""},
        {"user": ["alice"]},
        {"user": "alice", "scopes": ["read", "admin"]},
        {"user": "alice", "scopes": ["ingest"]},
        {"expires_at": "tomorrow"},
        {"expires_at": "2026-01-01T00:00:00"},
    ],
)
def test_a_file_that_is_not_whole_is_refused_and_not_half_believed(tmp_path, change):
    """ours: an entry without its expiry would count for ever."""
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps({"version": 1, "tokens": [GOOD | change]}))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is no file of tokens"):
        read_tokens(path)
    path.write_text(json.dumps({"version": 1, "tokens": [GOOD]}))
    assert read_tokens(path)[0].name == "a"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"version": 1}', "\xff"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    """ours: a server with unreadable tokens must not start open."""
    path = tmp_path / "tokens.json"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is no file of tokens"):
        read_tokens(path)


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    """ours: a newer version may mean more by a token."""
    path = tmp_path / "tokens.json"
    path.write_text('{"version": 3, "tokens": []}')
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="was written by a newer version"):
        read_tokens(path)


def test_a_file_others_can_write_is_refused(tmp_path):
    """ours: whoever writes it can let himself in."""
    path = tmp_path / "tokens.json"
    create_token(path, "ci", ("read",))
    path.chmod(0o620)
    with pytest.raises(ConfigError, match="can be written by others") as caught:
        read_tokens(path)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_file_that_cannot_be_read_or_made_is_told(tmp_path):
    """ours: no traceback at users."""
    (tmp_path / "tokens.json").mkdir()
    with pytest.raises(ConfigError, match=r"tokens in .* cannot be read: Is a directory"):
        read_tokens(tmp_path / "tokens.json")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="tokens cannot be kept in"):
        create_token(tmp_path / "file" / "tokens.json", "ci", ("read",))


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of POSIX")
def test_a_change_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """ours: atomic replace."""
    path = tmp_path / "tokens.json"
    create_token(path, "ci", ("read",))
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", _full_disk)
    with pytest.raises(ConfigError, match="No space left"):
        create_token(path, "more", ("read",))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["tokens.json"]


def _full_disk(_):
    raise OSError(28, "No space left on device")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_token_that_root_makes_can_be_read_by_the_owner_of_the_directory(tmp_path):
    """ours: under systemd the server has a user of its own, and root makes its tokens."""
    os.chown(tmp_path, 10001, 10002)
    create_token(tmp_path / "tokens.json", "ci", ("read",))
    found = (tmp_path / "tokens.json").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (10001, 10002, 0o600)


@pytest.mark.parametrize(
    "name",
    ["", "..", ".", "a/b", "/etc", "a\\b", "A", "ü", "a\n", "a.b", "-a", "_a", "a" * 64, "a\0"],
)
def test_r103_some_texts_cannot_name_a_tenant(tmp_path, name):
    """R103: a tenant's name becomes a folder; no way out of the data directory, and no two names for one."""
    with pytest.raises(BadRequest, match="cannot name a tenant"):
        create_token(tmp_path / "t", "ci", ("read",), tenant=name)
    assert not (tmp_path / "t").exists()


def test_r103_a_file_with_tenants_is_refused_by_versions_that_know_none(tmp_path):
    """R103: version 1 reads a token without its tenant, and would let it into the collector's own store."""
    path = tmp_path / "tokens.json"
    create_token(path, "own", ("read",))
    assert json.loads(path.read_text())["version"] == 1
    create_token(path, "theirs", ("read",), tenant="acme")
    assert json.loads(path.read_text())["version"] == 2
    assert [token.tenant for token in read_tokens(path)] == [None, "acme"]


@pytest.mark.parametrize("user", ["", "a\nb", "a\0", "x" * 257])
def test_r136_some_texts_cannot_be_the_user_of_a_token(tmp_path, user):
    """R136: a user is a text that lists and tables can show."""
    with pytest.raises(BadRequest, match="cannot be the user of a token"):
        create_token(tmp_path / "t", "ci", ("read",), user=user)


@pytest.mark.parametrize("scopes", [("ingest",), ("admin",), ("ingest", "read"), ("read", "admin")])
def test_r136_a_token_of_a_user_only_reads(tmp_path, scopes):
    """R136: what sends could say that it is anybody; what deletes would delete of others."""
    with pytest.raises(BadRequest, match="such a token only reads"):
        create_token(tmp_path / "t", "ci", scopes, user="alice")
    create_token(tmp_path / "t", "ci", ("read",), user="Zoë Q. <z@example.com>")
    assert read_tokens(tmp_path / "t")[0].user == "Zoë Q. <z@example.com>"
    assert json.loads((tmp_path / "t").read_text())["version"] == 2
