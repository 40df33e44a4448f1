"""The collector's log lines as OTLP, and what is kept of them while nobody takes them."""

import logging
import sys

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stepscope_collector.tee.own_logs import LogBuffer, encode_logs


def line(message, level=logging.INFO, **fields):
    made = logging.LogRecord("a.b", level, "f.py", 1, message, (), None)
    vars(made).update(fields)
    return made


def test_a_line_becomes_a_log_record():
    """OTLP logs data model: severity, body, attributes, the logger as scope, an exception."""
    try:
        raise ValueError("odd \udcff")
    except ValueError:
        failed = line("failed", logging.ERROR)
        failed.exc_info = sys.exc_info()
    lines = [line("at %s", rows=3, who="x"), failed, line("last \udc80", 5)]
    lines[0].args = ("once",)
    payload = encode_logs(lines, instance="i")
    (resource,) = ExportLogsServiceRequest.FromString(payload).resource_logs
    assert resource.resource.attributes[0].value.string_value == "stepscope-collector"
    (scope,) = resource.scope_logs
    assert scope.scope.name == "a.b"
    first, second, third = scope.log_records
    assert (first.severity_number, first.severity_text, first.body.string_value) == (
        9, "INFO", "at once",
    )  # fmt: skip
    assert first.time_unix_nano == round(lines[0].created * 1e9)
    assert {a.key: a.value.string_value for a in first.attributes} == {"rows": "3", "who": "x"}
    found = {a.key: a.value.string_value for a in second.attributes}
    assert (second.severity_number, found["exception.type"]) == (17, "ValueError")
    assert found["exception.message"] == "odd ?"
    assert "Traceback" in found["exception.stacktrace"]
    assert (third.severity_number, third.body.string_value) == (5, "last ?")


def test_the_newest_lines_are_kept_in_order():
    """ours: an endpoint that is away costs little memory."""
    buffer = LogBuffer()
    for number in range(2100):
        buffer.handle(line(str(number)))
    taken = buffer.take()
    assert [one.getMessage() for one in taken] == [str(n) for n in range(100, 2100)]
    assert buffer.take() == []
    for number in (2100, 2101):
        buffer.handle(line(str(number)))
    buffer.give_back(taken)
    assert [one.getMessage() for one in buffer.take()] == [str(n) for n in range(102, 2102)]
