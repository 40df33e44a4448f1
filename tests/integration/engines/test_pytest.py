"""pytest with either plugin that traces it: what its tests did is what the history holds."""

import shutil
from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

SUITE = Path(__file__).parent / "suite" / "shop.py"
COMMAND = ["-m", "pytest", "-p", "no:cacheprovider", "."]
FAILED = 1
"""Exit code of a pytest run with tests that failed."""


def run(live, plugin, arguments, has_failed, **variables):
    """Run the suite in a folder of its own; the id of its execution, the newest one."""
    suite = live.folder / f"{plugin}-{has_failed}"
    suite.mkdir()
    shutil.copy(SUITE, suite / "test_shop.py")
    if has_failed:
        variables["WITH_FAILURES"] = "true"
    python = environment(plugin)
    before = {each["execution_id"] for each in live.sql("select execution_id from executions")}
    command = [*COMMAND[:-1], suite, *arguments]
    with live.running(python, *command, **variables) as program:
        program.finish(FAILED if has_failed else 0)
    after = {each["execution_id"] for each in live.sql("select execution_id from executions")}
    (found,) = after - before
    return found


def passed(prefix):
    """The tests that pass, one of them at its third try."""
    return [
        *(step(f"{prefix}{name}") for name in ("test_ok", "test_param[1]", "test_param[2]")),
        step(f"{prefix}test_flaky", "success", "failed", "failed", "success"),
    ]


@pytest.mark.parametrize("has_failed", [False, True])
def test_pytest_opentelemetry(live, has_failed):
    """issue #5: the run is the execution, tests are steps, one that was skipped looks like no result."""
    grpc = f"http://{live.endpoints.otlp_grpc}"
    found = run(
        live,
        "pytest-opentelemetry",
        ["--export-traces"],
        has_failed,
        OTEL_EXPORTER_OTLP_ENDPOINT=grpc,
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    prefix = f"pytest-opentelemetry-{has_failed}/test_shop.py::"
    others = [
        step(f"{prefix}test_fails", "failed", "failed"),
        step(f"{prefix}test_skipped", "unknown"),
    ]
    steps = [*passed(prefix), *(others if has_failed else [])]
    status = "failed" if has_failed else "success"
    live.assert_holds([execution("{id}", "test run", status, *steps)], {"id": found})


@pytest.mark.parametrize("has_failed", [False, True])
def test_pytest_otel(live, has_failed):
    """issue #5: a session is the execution, tests are steps, a test that is skipped has no span."""
    endpoint = f"http://{live.endpoints.otlp_http}"
    options = ["--otel-endpoint", endpoint, "--otel-exporter-protocol", "http/protobuf"]
    names = ["--otel-service-name", "shop", "--otel-session-name", "shop tests"]
    found = run(live, "pytest-otel", [*options, *names], has_failed)
    steps = [*passed(""), *([step("test_fails", "failed", "failed")] if has_failed else [])]
    status = "failed" if has_failed else "success"
    live.assert_holds([execution("{id}", "shop tests", status, *steps)], {"id": found})
