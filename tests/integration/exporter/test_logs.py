"""Logs over the network."""

import os
import subprocess
import sys

from tests.integration.exporter.receiver import attributes, running_receiver

PROGRAM = """
import logging, stepscope
logging.basicConfig(level=logging.INFO)
stepscope.configure()
@stepscope.workflow
def work():
    for n in range(3):
        logging.info("line %s", n)
work()
"""


def test_log_records_arrive_linked_to_their_execution():
    """issue #3: as OTLP logs linked to their step."""
    with running_receiver() as receiver:
        subprocess.run(
            [sys.executable, "-c", PROGRAM], check=True, timeout=30, capture_output=True,
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
        )  # fmt: skip
        records = [
            record
            for request in receiver.log_requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        span = receiver.spans[-1]
    assert [record.body.string_value for record in records] == ["line 0", "line 1", "line 2"]
    assert {record.span_id for record in records} == {span.span_id}
    assert [attributes(record)["stepscope.log.sequence"] for record in records] == [0, 1, 2]
