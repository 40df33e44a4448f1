"""Log records inside executions."""

import asyncio
import logging
import subprocess
import sys

import pytest
import structlog
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

import stepscope
from stepscope import testing
from stepscope._logs import LogEncoder, LogLine, severity
from stepscope._sender import Limits
from stepscope.integrations import structlog as structlog_hook


@pytest.fixture
def recorded():
    with testing.capture() as recorded:
        yield recorded


@pytest.fixture
def logger():
    logger = logging.getLogger("shop")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.setLevel(logging.NOTSET)


def test_records_are_numbered_and_linked_to_their_step(recorded, logger):
    """R065: sequence from 0 within the execution; brief: trace id and span id."""
    with stepscope.workflow("w") as execution:
        logger.info("start %s", 1)
        with stepscope.step("s"):
            logger.warning("inside", extra={"order": 7, "password": "x"})
        logger.debug("below the level")
        logger.critical("end")
    with stepscope.workflow("other"):
        logger.info("first again")
    lines = recorded.logs
    assert [line.body for line in lines] == ["start 1", "inside", "end", "first again"]
    assert [line.attributes["stepscope.log.sequence"] for line in lines] == [0, 1, 2, 0]
    assert {line.attributes["workflow.execution.id"] for line in lines[:3]} == {execution.id}
    step, root = recorded.step("s"), recorded.execution("w")
    ids = [f"{line.span_id:016x}" for line in lines[:3]]
    assert ids == [root.span_id, step.span_id, root.span_id]
    assert f"{lines[0].trace_id:032x}" == root.trace_id
    assert lines[1].attributes["order"] == 7
    assert lines[1].attributes["password"] == "[redacted]"
    assert [line.severity_text for line in lines] == ["INFO", "WARN", "FATAL", "INFO"]


def test_records_outside_executions_and_of_our_own_logger_are_left_alone(recorded, logger):
    """brief: log records inside an execution."""
    logger.error("outside")
    with stepscope.workflow("w"):
        logging.getLogger("stepscope").error("own")
    assert recorded.logs == []


def test_errors_carry_type_and_stack_and_no_secret(recorded, logger):
    """OTel: exception.* on log records; R057."""
    with stepscope.workflow("w"):
        try:
            raise ValueError("bad password=hunter2")
        except ValueError:
            logger.exception("failed with token=abcdef")
    line = recorded.logs[0]
    assert line.attributes["exception.type"] == "ValueError"
    assert "raise ValueError" in line.attributes["exception.stacktrace"]
    assert "hunter2" not in str(line)
    assert "abcdef" not in line.body


def test_a_record_that_cannot_be_formatted_changes_nothing(recorded, logger):
    """issue #3: nothing it does may raise into the watched program."""
    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    logger.addHandler(handler)
    logger.propagate = False
    with stepscope.workflow("w"):
        logger.info("%d", "no number")
    logger.removeHandler(handler)
    logger.propagate = True
    assert recorded.logs == []
    assert len(kept) == 1


def test_last_resort_and_basic_config_work_as_before():
    """issue #3: never in the way; no handler is added to the root logger."""
    program = """
import logging, stepscope
stepscope.configure("http://127.0.0.1:1")
with stepscope.workflow("w"):
    logging.getLogger("a").warning("last resort")
    logging.basicConfig(format="basic %(message)s", level=logging.INFO)
    logging.getLogger("a").info("config")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    lines = done.stderr.splitlines()
    assert lines[:2] == ["last resort", "basic config"]


def test_structlog_events_are_recorded_once(recorded, logger):
    """issue #3: structlog inside an execution, with or without the logging module below it."""
    printed = []
    plain = structlog.wrap_logger(
        structlog.PrintLogger(), wrapper_class=structlog.BoundLogger,
        processors=[
            structlog_hook.processor,
            lambda *a: printed.append(a[2]) or structlog.processors.JSONRenderer()(*a),
        ],
    )  # fmt: skip
    through = structlog.wrap_logger(
        logger, wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog_hook.processor, structlog.processors.JSONRenderer()],
    )  # fmt: skip

    async def work():
        async with stepscope.workflow("w"):
            plain.warning("paid", order=7, token="t")
            through.error("declined", order=8)
            try:
                raise KeyError("k")
            except KeyError as error:
                plain.error("broken", exc_info=error)
            logger.info("plain logging")

    asyncio.run(work())
    lines = recorded.logs
    assert [line.body for line in lines] == ["paid", "declined", "broken", "plain logging"]
    assert [line.severity_text for line in lines] == ["WARN", "ERROR", "ERROR", "INFO"]
    assert lines[0].attributes["order"] == 7
    assert lines[0].attributes["token"] == "[redacted]"
    assert lines[2].attributes["exception.type"] == "KeyError"
    assert printed[0] == {"order": 7, "token": "t", "event": "paid"}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (5, (5, "DEBUG")),
        (20, (9, "INFO")),
        (25, (13, "WARN")),
        (40, (17, "ERROR")),
        (50, (21, "FATAL")),
    ],
)
def test_levels_map_to_otlp_severities(level, expected):
    """OTLP: logs data model, severity numbers."""
    assert severity(level) == expected


def test_log_requests_decode():
    """OTLP: logs.proto LogRecord."""
    line = LogLine(5, 9, "INFO", "héllo", {"a": 1, "b": "x"}, 1 << 100, 7, "task.done")
    body, count = LogEncoder({"service.name": "s"}, ("stepscope", "1"))([line].pop, Limits())
    assert count == 1
    resource = ExportLogsServiceRequest.FromString(body).resource_logs[0]
    assert resource.resource.attributes[0].value.string_value == "s"
    assert resource.scope_logs[0].scope.name == "stepscope"
    record = resource.scope_logs[0].log_records[0]
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (5, 5)
    assert (record.severity_number, record.severity_text) == (9, "INFO")
    assert record.body.string_value == "héllo"
    assert {pair.key for pair in record.attributes} == {"a", "b"}
    assert record.trace_id == (1 << 100).to_bytes(16, "big")
    assert record.span_id == (7).to_bytes(8, "big")
    assert record.event_name == "task.done"
    assert record.flags == 1
