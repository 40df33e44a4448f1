"""What the server says on stderr."""

import json
import logging
import re

import pytest

from stepscope_collector.cli.log_lines import log_to_stderr


@pytest.fixture
def restored():
    """Leaves the logging of the tests as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    for name in ("uvicorn", "asyncio", "grpc"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_an_event_is_one_line_with_its_fields(restored, capsys):
    """docs/conventions.md: an event name plus fields."""
    log_to_stderr("info")
    logger = logging.getLogger("stepscope_collector.test")
    logger.warning("commit refused", extra={"code": "x y", "rows": 3})
    logger.debug("not shown")
    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning stepscope_collector\.test: "
        r"commit refused code='x y' rows=3\n",
        line,
    )


def test_the_level_is_the_setting_and_libraries_are_quiet_but_at_debug(restored, capsys):
    """setting log.level."""
    log_to_stderr("info")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("stepscope_collector").info("ours")
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == ["ours"]
    log_to_stderr("error")
    logging.getLogger("stepscope_collector").warning("ours")
    assert capsys.readouterr().err == ""


def test_an_exception_is_followed_by_its_traceback(restored, capsys):
    """ours: a log without the place of a bug is no help."""
    log_to_stderr("info")
    try:
        raise ValueError("bad")
    except ValueError as error:
        logging.getLogger("x").error("request failed", exc_info=error)  # noqa: TRY400 as the API does
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(" error x: request failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: bad"


def test_json_is_one_object_per_line_with_everything_in_it(restored, capsys):
    """issue #4: JSON logs option."""
    log_to_stderr("info", "json")
    logger = logging.getLogger("x")
    logger.warning("two\nlines", extra={"rows": 3, "time": "mine", "path": object, "odd": "\ud800"})
    try:
        raise ValueError("bad")
    except ValueError as error:
        logger.error("request failed", exc_info=error)  # noqa: TRY400 as the API does
    lines = capsys.readouterr().err.splitlines()
    first, second = map(json.loads, lines)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "warning",
        "logger": "x",
        "message": "two\nlines",
        "fields": {"rows": 3, "time": "mine", "path": "<class 'object'>", "odd": "?"},
    }
    assert second["traceback"].endswith("ValueError: bad")
