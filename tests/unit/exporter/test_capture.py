"""Values to JSON text, limits and redaction."""

import dataclasses
import datetime
import decimal
import enum
import hashlib
import json
import pathlib
import uuid
from collections import OrderedDict, deque, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepscope
from stepscope import testing
from stepscope._capture import Capture
from stepscope._redact import MARKER, Redactor

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**12, 10**19)
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=40,
)


@given(VALUES, st.integers(min_value=0, max_value=400))
def test_payloads_are_valid_json_within_the_limit(value, limit):
    """R026: never invalid JSON, never a split code point, size and hash of the whole when cut."""
    whole = Capture(10_000_000).payload(value).text.encode()
    payload = Capture(limit).payload(value)
    json.loads(payload.text)
    data = payload.text.encode()
    if len(whole) <= limit:
        assert data == whole
        assert payload.size_bytes is None
    else:
        assert len(data) <= max(limit, 2)
        assert payload.size_bytes == len(whole)
        assert payload.sha256 == hashlib.sha256(whole).hexdigest()


def test_card_numbers_are_hidden_as_numbers_too():
    """R057: a number without quotes in JSON; times and ids of as many digits stay."""
    capture = Capture()
    card, time_ms, time_ns = 4539578763621486, 1763700000005, 1763700000000000007
    shown = json.loads(capture.payload({"ref": card, "ids": [card, -card], "at": time_ms}).text)
    assert shown == {"ref": MARKER, "ids": [MARKER, -card], "at": time_ms}
    assert capture.redactor.hidden.by_form == 2
    for step in range(20):
        for time in (time_ms + step, time_ns + step):
            assert json.loads(capture.payload([time]).text) == [time]
    assert json.loads(Capture(redactor=Redactor(is_on=False)).payload([card]).text) == [card]


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_texts_are_cut_between_code_points(text, limit):
    """R026: never a split code point."""
    cut = Capture(limit, Redactor(is_on=False)).text(text)
    assert len(cut.encode()) <= limit


def test_a_cut_payload_keeps_its_structure_when_it_can():
    """ours: a shortened document says more than a shortened text."""
    value = {"id": 7, "rows": list(range(100_000)), "note": "x" * 100_000}
    cut = json.loads(Capture(4096).payload(value).text)
    assert cut["id"] == 7
    assert cut["rows"][:3] == [0, 1, 2]
    assert cut["rows"][-1].endswith("more")


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Order:
    id: int
    password: str


class Strange:
    def __repr__(self):
        raise RuntimeError("never call me")

    __str__ = __repr__

    def __getattr__(self, name):
        raise ValueError(name)


class Broken(dict):
    def items(self):
        raise RuntimeError("broken")


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "red"),
        (Order(1, "s3cret"), {"id": 1, "password": MARKER}),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
        (decimal.Decimal("1.20"), "1.20"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1 << 70, str(1 << 70)),
        (Point(1, 2), {"x": 1, "y": 2}),
        ({1}, [1]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (ValueError("no"), "<builtins.ValueError>: no"),
        (b"ab", {"type": "bytes", "size": 2, "sha256": hashlib.sha256(b"ab").hexdigest()}),
        ({(1, 2): "k", None: 0, Colour.RED: 1}, {"(1, 2)": "k", "None": 0, "red": 1}),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (object, "<builtins.object>"),
        (len, "<builtins.len>"),
    ],
)  # fmt: skip
def test_known_types_have_a_form(value, expected):
    """ours: one form per type."""
    assert json.loads(Capture().payload(value).text) == expected


def test_strange_objects_are_named_and_never_run():
    """issue #3: never in the way; repr may be slow, fail or print secrets."""
    shown = json.loads(Capture().payload([Strange(), Broken(a=1)]).text)
    assert [text.rpartition(".")[2] for text in shown] == ["Strange>", "Broken>"]


def test_huge_integers_are_named_by_their_size():
    """ours: Python refuses to print them."""
    assert json.loads(Capture().payload(10**5000).text) == "<int of 16610 bits>"
    assert json.loads(Capture(content="shape").payload(10**5000).text)["type"] == "int"


def test_cycles_and_endless_depth_end():
    """issue #3: bounded."""
    cycle: list = []
    cycle.append(cycle)
    assert "…" in Capture().payload(cycle).text
    big = Capture().payload([[0] * 1000] * 1000)
    assert big.size_bytes < 3_000_000


@pytest.mark.parametrize(
    "key",
    "password PASSWORD db_password passwd pwd secret client-secret clientSecret token accessToken "
    "access_token authorization Authorization api_key apiKey API-KEY x-api-key cookie Set-Cookie "
    "private_key credentials sessionId card_number cvv jwt".split(),
)
def test_secret_keys_are_hidden(key):
    """R057: by key name, case-insensitive, nested."""
    text = Capture().payload({"a": [{key: "hunter2"}]}).text
    assert json.loads(text) == {"a": [{key: MARKER}]}


@pytest.mark.parametrize(
    "key",
    "max_tokens input_tokens tokens_used monkey keyboard passenger secretary author pin".split(),
)
def test_innocent_keys_are_kept(key):
    """ours: counts of tokens are not secrets."""
    assert json.loads(Capture().payload({key: 5}).text) == {key: 5}


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXRoaW5n"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"
SECRETS = [
    JWT, PEM, "AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9, "sk-" + "x" * 24,
    "Bearer abcdefgh12345678", "postgres://ada:hunter2@db/x", "https://h/?token=abcdef&x=1",
    "4111 1111 1111 1111", "5500005555555559",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_values_are_hidden_whatever_their_key(secret):
    """R057: JWT, PEM, cards and their like; the text around them stays."""
    text = Capture().payload({"note": f'before "{secret}" \\after', "n": [secret]}).text
    shown = json.loads(text)
    assert shown["note"].startswith('before "')
    assert shown["note"].endswith("after")
    for part in (
        "hunter2",
        "abcdefgh12345678",
        "abcdef&",
        "MIIE",
        "1111 1111",
        "55000055",
        JWT,
        "AKIA",
    ):
        assert part not in text
    assert MARKER in text
    assert MARKER in Capture().text(f"failed with {secret} here")


@given(st.text(), st.sampled_from(SECRETS), st.text())
def test_redaction_never_breaks_json(before, secret, after):
    """R026, R057: valid JSON whatever surrounds the secret."""
    json.loads(Capture().payload({"k": before + secret + after, before: 1}).text)


def test_messages_hide_what_they_assign():
    """R057: key names in free text."""
    shown = Capture().text("login failed: password=hunter2, api_key: 'abc def' user=ada")
    assert "hunter2" not in shown
    assert "abc def" not in shown
    assert "user=ada" in shown


def test_extra_keys_and_rules_of_the_user():
    """issue #3: custom callables; a rule that fails hides the value."""
    assert "42" not in Capture(redactor=Redactor(extra_keys=["loyaltyNumber"])).payload(
        {"loyalty_number": 42}
    ).text  # fmt: skip

    def rule(key, value):
        if key == "boom":
            raise ValueError
        return "masked" if key == "name" else value

    shown = Capture(redactor=Redactor(custom=rule)).payload({"name": "Ada", "boom": 1, "n": 2}).text
    assert json.loads(shown) == {"name": "masked", "boom": MARKER, "n": 2}
    assert json.loads(Capture(redactor=Redactor(is_on=False)).payload({"token": "t"}).text) == {
        "token": "t"
    }


def test_content_free_mode_shows_type_size_and_hash():
    """issue #3: a content-free mode."""
    shown = json.loads(Capture(content="shape").payload({"name": "Ada", "n": [1]}).text)
    assert shown["name"] == {"type": "str", "size": 3, "sha256": hashlib.sha256(b"Ada").hexdigest()}
    assert shown["n"][0]["type"] == "int"
    assert "Ada" not in Capture(content="shape").text("Ada failed")


@pytest.mark.parametrize(
    "unit", ["x", "a-", "token", "1 ", "eyJ", "://", "=", "password=", '"', "\\", "\ud800"]
)
def test_no_text_takes_long_to_clean(unit):
    """issue #3: never slow; a quadratic pattern would run into the test's timeout."""
    text = unit * (2_000_000 // len(unit))
    Capture().text(text)
    payload = Capture().payload({"text": text, "again": [text] * 10})
    assert len(payload.text.encode()) <= 65536
    assert (payload.size_bytes or 0) <= 40 << 20


def test_words_around_a_secret_do_not_hide_it():
    """R057: hints are found in any case."""
    for text in (
        "BEARER abcdefgh12345",
        "x Basic YWRhOmh1bnRlcjI=",
        "?API_KEY=abc123456",
        "PASSWORD=abc123456",
    ):
        assert "abc" not in Capture().payload(text).text.lower().replace("[redacted]", "")
        assert "YWRh" not in Capture().payload(text).text


def test_what_was_hidden_is_counted_by_reason():
    """R057: redaction counters visible."""
    redactor = Redactor(custom=lambda key, value: "…" if key == "email" else value)
    capture = Capture(redactor=redactor)
    capture.payload({"password": "x", "deep": {"token": "y"}, "email": "a@b.c", "n": 1})
    assert (redactor.hidden.by_key, redactor.hidden.by_rule, redactor.hidden.by_form) == (2, 1, 0)
    capture.payload({"note": "Bearer abcdefgh12345678"})
    redactor.clean_text("failed: password=hunter2 at host")
    assert (redactor.hidden.by_key, redactor.hidden.by_rule, redactor.hidden.by_form) == (2, 1, 2)
    redactor.clean_text("nothing to see")
    assert redactor.hidden.by_form == 2


def test_the_status_tells_what_was_hidden():
    """R057: redaction counters visible, by `stepscope.status()`."""
    with testing.capture(), stepscope.workflow("w"):
        before = stepscope.status().hidden.by_key
        stepscope.annotate(api_key="k")
        assert stepscope.status().hidden.by_key == before + 1
