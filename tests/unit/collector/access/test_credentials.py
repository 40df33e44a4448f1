"""What an Authorization header says, and what says nothing."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.access.credentials import Presented, read_authorization

SECRET = "stepscope_" + "0a" * 24


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("between", [" ", "   "])
@pytest.mark.parametrize("around", ["", " ", "\t "])
def test_bearer_is_read_in_any_case_and_with_any_spaces(scheme, between, around):
    """RFC 9110 11.1: schemes have no case, and spaces follow."""
    value = around + scheme + between + SECRET + around
    assert read_authorization([value]) == Presented(SECRET)


def test_basic_has_user_and_token():
    """issue #4: basic auth for OTLP clients that only know headers."""
    assert read_authorization([basic(f"ci:{SECRET}")]) == Presented(SECRET, "ci")
    assert read_authorization([basic(f"ci:{SECRET}").replace("Basic", "bASIC")]) is not None
    assert read_authorization([basic("ci:a:b")]) == Presented("a:b", "ci")


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        [SECRET],
        ["Bearer"],
        ["Bearer "],
        [f"Bearer\t{SECRET}"],
        [f"Bearer {SECRET} {SECRET}"],
        [f"Bearer {SECRET},Bearer {SECRET}"],
        [f"Bearer\xa0{SECRET}"],
        [f"Bearer {SECRET}\x00"],
        [f"Bearer {SECRET}ü"],
        [f"Bearer: {SECRET}"],
        [f"Token {SECRET}"],
        [f"Digest username={SECRET}"],
        [f"Bearer {SECRET}", f"Bearer {SECRET}"],
        ["Bearer x", f"Bearer {SECRET}"],
        ["Bearer " + "a" * 2000],
        ["Basic"],
        ["Basic !!!"],
        ["Basic " + base64.b64encode(b"no colon").decode()],
        ["Basic " + base64.b64encode(b"\xff:\xff").decode()],
        ["Basic " + base64.b64encode(b"a:b").decode() + "\n"],
    ],
)
def test_what_is_no_single_credential_is_none(values):
    """ours: two readings of one header are one too many."""
    assert read_authorization(values) is None


@given(st.lists(st.text(max_size=1100), max_size=3))
def test_any_text_ends_in_credentials_or_none(values):
    """ours: nobody without a token can make the server fail."""
    found = read_authorization(values)
    assert found is None or len(values) == 1
