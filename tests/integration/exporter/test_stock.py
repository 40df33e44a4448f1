"""issue #3: the stock exporters that OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER name."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.integration.exporter.receiver import attributes, running_receiver

PROGRAM = """
import logging, sys
import stepscope
stepscope.configure(logs="warning", live_delay_s=0)
print(stepscope.status().mode, file=sys.stderr)
with stepscope.workflow("w"), stepscope.step("s"):
    logging.getLogger("app").warning("line")
"""
OTHER = """
import os, threading
from opentelemetry.sdk.trace.export import SpanExporter
class Broken(SpanExporter):
    def __init__(self): raise RuntimeError("no licence")
class Silent(SpanExporter):
    def export(self, spans):
        with open(os.environ["SEEN"], "a") as file:
            file.write("".join(span.name for span in spans))
        threading.Event().wait()
    def shutdown(self): threading.Event().wait()
"""


@pytest.fixture
def other(tmp_path):
    """Variables that bring two more exporters by entry point: one breaks, one never returns."""
    (tmp_path / "other.py").write_text(OTHER)
    info = tmp_path / "other-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_traces_exporter]\nbroken = other:Broken\nsilent = other:Silent\n"
    )
    return {"PYTHONPATH": str(tmp_path), "SEEN": str(tmp_path / "seen")}


def run(program=PROGRAM, **variables):
    """(documents on standard output, lines on standard error, what a collector got)."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith("OTEL_")}
    with running_receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True,
            timeout=60, check=False,
            env={**kept, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **variables},
        )  # fmt: skip
        sent = sorted(span.name for span in receiver.spans), len(receiver.log_requests)
        roles = {attributes(span)["stepscope.span.role"] for span in receiver.spans}
    assert done.returncode == 0, done.stderr
    assert roles <= {"execution", "step"}
    return documents(done.stdout), done.stderr.splitlines(), sent


def documents(text):
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


@pytest.mark.parametrize(
    ("traces", "logs", "mode", "printed", "lines", "sent"),
    [
        ("otlp", "otlp", "sender", [], 0, (["s", "w"], 1)),
        ("console", "", "provider", ["s", "w"], 0, ([], 0)),
        ("console", "console", "provider", ["s", "w"], 1, ([], 0)),
        ("console", "otlp", "provider", ["s", "w"], 0, ([], 1)),
        ("OTLP, console", "otlp,console", "sender", ["s", "w"], 1, (["s", "w"], 1)),
        ("otlp", "console", "sender", [], 1, (["s", "w"], 0)),
        ("otlp_proto_grpc", "none", "provider", [], 0, (["s", "w"], 0)),
        ("none", "console", "disabled", [], 0, ([], 0)),
        ("none,console", "none", "provider", ["s", "w"], 0, ([], 0)),
    ],
)  # fmt: skip
def test_the_exporters_that_are_named_get_spans_and_logs(traces, logs, mode, printed, lines, sent):
    """OTel: OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER, lists of exporters."""
    found, errors, got = run(OTEL_TRACES_EXPORTER=traces, OTEL_LOGS_EXPORTER=logs)
    spans = [each for each in found if "body" not in each]
    bodies = [each for each in found if "body" in each]
    assert errors == [mode, "line"]
    assert sorted(span["name"] for span in spans) == printed
    assert got == sent
    assert [body["body"] for body in bodies] == ["line"] * lines
    if lines and spans:
        step = next(span for span in spans if span["name"] == "s")
        assert bodies[0]["span_id"] == step["context"]["span_id"]
        assert bodies[0]["attributes"]["stepscope.log.sequence"] == 0


@pytest.mark.parametrize("variable", ["OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"])
def test_an_unknown_exporter_costs_a_warning_and_the_default_is_used(variable):
    """issue #3: never in the way; a variable that cannot work is replaced by its default."""
    _, errors, sent = run(**{variable: "jeager"})
    assert errors[0].startswith(
        f"stepscope: {variable}: exporter jeager is unknown and left out; known are otlp, none, console"
    )
    assert errors[1:] == ["sender", "line"]
    assert sent == (["s", "w"], 1)


def test_an_exporter_that_breaks_or_never_returns_is_not_in_the_way(other):
    """issue #3: never in the way; any registered entry point, whatever it does."""
    _, errors, sent = run(OTEL_TRACES_EXPORTER="otlp,broken,silent", **other)
    assert errors == [
        "stepscope: OTEL_TRACES_EXPORTER: exporter broken cannot be used and is left out "
        "(RuntimeError: no licence)",
        "sender",
        "line",
    ]
    assert sent == (["s", "w"], 1)
    assert pathlib.Path(other["SEEN"]).read_text(encoding="utf-8") == "sw"


def test_a_configure_that_comes_later_changes_the_exporters():
    """ours: configure may be called again; a tracer provider cannot be replaced."""
    program = f"""
import os
{PROGRAM}
assert stepscope.flush()
os.environ["OTEL_TRACES_EXPORTER"] = "otlp"
{PROGRAM.replace('"w"', '"second"')}
"""
    found, errors, sent = run(program, OTEL_TRACES_EXPORTER="console")
    assert [span["name"] for span in found] == ["s", "w"]
    assert errors == ["provider", "line", "sender", "line"]
    assert sent == (["s", "second"], 1)


def test_without_the_sdk_the_warning_says_what_is_missing():
    """issue #3: needs opentelemetry-sdk; the program goes on."""
    program = f"""
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "opentelemetry.sdk" else find(name, *more)
{PROGRAM}
"""
    found, errors, sent = run(program, OTEL_TRACES_EXPORTER="console")
    assert (found, sent, errors[1:]) == ([], ([], 0), ["no-sdk", "line"])
    assert "the OpenTelemetry SDK is missing; install stepscope[otlp-grpc]" in errors[0]
