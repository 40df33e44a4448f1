"""A test suite of an application, run by pytest with a plugin that traces it."""

import os

import pytest

TRIED = []


def test_ok():
    pass


@pytest.mark.parametrize("number", [1, 2])
def test_param(number):
    assert number


@pytest.mark.flaky(reruns=2)
def test_flaky():
    TRIED.append(1)
    assert len(TRIED) == 3


if "WITH_FAILURES" in os.environ:

    def test_fails():
        raise AssertionError("no")

    @pytest.mark.skip
    def test_skipped():
        pass
