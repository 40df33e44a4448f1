"""Over the network: protocols, other instrumentations, existing providers, many threads."""

import gzip
import http.server
import os
import subprocess
import sys
import threading

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from stepscope.otlp import SpanExporter
from tests.integration.exporter.receiver import attributes, running_receiver


def run(program, **variables):
    kept = {key: text for key, text in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env={**kept, **variables},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def finals(receiver):
    found = [(span, attributes(span)) for span in receiver.spans]
    return [(span, a) for span, a in found if "stepscope.live.phase" not in a]


@pytest.fixture
def http_receiver():
    """(address, list of (path, headers, body)); answers with the status it is told."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), body))
            status, extra = self.server.answers.pop(0) if self.server.answers else (200, {})
            self.send_response(status)
            for name, text in extra.items():
                self.send_header(name, text)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, got
    server.shutdown()
    thread.join()
    server.server_close()


WORK = """
import stepscope
stepscope.configure(**{options})
with stepscope.workflow("w"):
    for n in range(3):
        with stepscope.step("s"): pass
stepscope.shutdown()
print(stepscope.status().counters.sent)
"""


def spans_of(body):
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span.name for r in request.resource_spans for scope in r.scope_spans for span in scope.spans
    ]  # fmt: skip


def test_http_with_gzip_and_headers(http_receiver):
    """OTLP/HTTP: path, content type, encoding and headers."""
    server, got = http_receiver
    endpoint = f"http://127.0.0.1:{server.server_port}"
    options = {"endpoint": endpoint, "protocol": "http/protobuf", "compression": "gzip"}
    run(WORK.format(options={**options, "headers": {"Authorization": "Bearer x"}}))
    path, headers, body = got[0]
    assert path == "/v1/traces"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert headers["Authorization"] == "Bearer x"
    assert spans_of(gzip.decompress(body)) == ["s", "s", "s", "w"]


def test_http_retries_when_asked_to_and_only_then(http_receiver):
    """OTLP/HTTP: 503 with Retry-After is tried again, 400 is not."""
    server, got = http_receiver
    endpoint = f"http://127.0.0.1:{server.server_port}"
    server.answers = [(503, {"Retry-After": "0"})]
    program = WORK.replace("stepscope.shutdown()", "stepscope.flush(10)")
    done = run(program.format(options={"endpoint": endpoint, "protocol": "http/protobuf"}))
    assert len(got) == 2
    assert got[0][2] == got[1][2]
    assert done.stdout == "4\n"
    server.answers = [(400, {})]
    done = run(program.format(options={"endpoint": endpoint, "protocol": "http/protobuf"}))
    assert len(got) == 3
    assert done.stdout == "0\n"
    assert "refused 4 spans (HTTP 400" in done.stderr


def test_spans_of_other_instrumentations_are_operations_under_the_step():
    """issue #3: works beside other instrumentations."""
    program = """
import stepscope
from opentelemetry import trace
stepscope.configure(service_name="shop")
tracer = trace.get_tracer("http.client", "1.0")
with stepscope.workflow("w"), stepscope.step("s"):
    with tracer.start_as_current_span("GET /") as span:
        with stepscope.step("inner"):
            trace.get_current_span().set_attribute("db.rows", 3)
"""
    with running_receiver() as receiver:
        run(program, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
        found = {span.name: (span, a) for span, a in finals(receiver)}
        resources = {
            pair.value.string_value
            for request in receiver.requests for r in request.resource_spans
            for pair in r.resource.attributes if pair.key == "service.name"
        }  # fmt: skip
    assert found["GET /"][0].parent_span_id == found["s"][0].span_id
    assert found["inner"][0].parent_span_id == found["GET /"][0].span_id
    assert found["inner"][1]["db.rows"] == 3
    assert len({span.trace_id for span, _ in found.values()}) == 1
    assert receiver.scopes() == {"stepscope", "http.client"}
    assert resources == {"shop"}


def test_an_existing_provider_is_used():
    """issue #3: honours an existing TracerProvider; its sampling and exporter are the user's."""
    program = """
import stepscope
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
stepscope.configure("http://127.0.0.1:1")
try:
    with stepscope.workflow("w"), stepscope.step("s") as s:
        s.set_output([1])
        raise ValueError("x")
except ValueError:
    pass
assert stepscope.status().mode == "provider"
step, execution = memory.get_finished_spans()
assert execution.instrumentation_scope.name == "stepscope"
assert step.parent.span_id == execution.context.span_id
assert step.attributes["stepscope.output"] == "[1]"
assert step.status.description == "x"
assert [event.name for event in step.events] == ["exception"]
stepscope.configure("http://127.0.0.1:1", use_existing_provider=False, flush_timeout_s=0)
assert stepscope.status().mode == "sender"
"""
    run(program)


@pytest.mark.parametrize(
    ("variables", "spans", "logs"),
    [
        ({}, ["s", "w"], 1),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, ["s", "w"], 1),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, [], 0),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, [], 0),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1"}, ["s", "w"], 1),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3"}, ["s", "w"], 1),
        ({"OTEL_TRACES_EXPORTER": "none"}, [], 0),
        ({"OTEL_LOGS_EXPORTER": "none"}, ["s", "w"], 0),
    ],
)
def test_variables_of_the_sdk_count(variables, spans, logs):
    """issue #3: honours all standard OTEL_* variables: samplers, limits, exporters."""
    program = """
import logging, stepscope
stepscope.configure()
with stepscope.workflow("w"), stepscope.step("s") as s:
    logging.getLogger("x").warning("line")
    stepscope.annotate(a=1, b=2, c=3, d=4)
"""
    with running_receiver() as receiver:
        run(program, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **variables)
        found = finals(receiver)
        assert len(receiver.log_requests) == logs
    assert [span.name for span, _ in found] == spans
    if "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in variables:
        assert {len(a) for _, a in found} == {3}


def test_over_grpc_a_bad_header_is_left_out_and_logs_have_their_own_server():
    """issue #3: never in the way; one bad header made gRPC refuse every request."""
    program = """
import logging, stepscope
stepscope.configure()
with stepscope.workflow("w"):
    logging.getLogger("x").warning("line")
"""
    with running_receiver() as receiver, running_receiver() as for_logs:
        done = run(
            program,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=for_logs.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS="bad name=1,x=%0A,tenant=a",
        )
        assert [span.name for span, _ in finals(receiver)] == ["w"]
        assert (len(receiver.log_requests), len(for_logs.log_requests)) == (0, 1)
        assert for_logs.requests == []
        assert {(m.get("tenant"), m.get("x")) for m in receiver.metadata} == {("a", None)}
    assert done.stderr.count("stepscope: ") == 1
    assert "OTEL_EXPORTER_OTLP_HEADERS has what gRPC cannot send" in done.stderr


def test_threads_and_tasks_keep_the_right_parents():
    """issue #3: steps from 32 threads and 1,000 concurrent tasks keep the right parents."""
    program = """
import asyncio, threading
import stepscope
stepscope.configure()
@stepscope.step
def inner(key): stepscope.annotate(key=key)
@stepscope.step
async def task(key):
    await asyncio.sleep(0.001)
    inner(key)
    await asyncio.sleep(0)
    stepscope.annotate(key=key)
@stepscope.workflow
def in_thread(key):
    stepscope.annotate(key=key)
    for _ in range(50): inner(key)
@stepscope.workflow
async def tasks():
    await asyncio.gather(*(task(f"t{n}") for n in range(1000)))
threads = [threading.Thread(target=in_thread, args=(f"w{n}",)) for n in range(32)]
for t in threads: t.start()
for t in threads: t.join()
asyncio.run(tasks())
stepscope.flush(30)
"""
    with running_receiver() as receiver:
        run(program, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
        spans = finals(receiver)
    by_id = {span.span_id: (span, a) for span, a in spans}
    assert len(spans) == 32 * 51 + 1 + 2000
    wrong = [
        a for span, a in spans
        if span.name == "inner" and by_id[span.parent_span_id][1]["key"] != a["key"]
    ]  # fmt: skip
    assert wrong == []
    indexes = [a["stepscope.step.index"] for _, a in spans if str(a.get("key", "")).startswith("t")]
    assert sorted(indexes) == list(range(2000))


CANARY = "canary-7f3a"


def test_no_secret_is_sent_spooled_or_logged(tmp_path):
    """issue #3, R057: a canary test that finds no secret in the bytes sent, spooled or logged."""
    program = """
import logging, os, stepscope
C = os.environ["CANARY"]  # no literal: lines of source are part of a stack
logging.basicConfig(level=logging.DEBUG)
stepscope.configure(headers={"authorization": "Bearer " + C})
@stepscope.step
def call(url, password, options, *rest, **named):
    logging.getLogger("app").info("login", extra={"api_key": C})
    stepscope.annotate(session_token=C, nested={"cookie": C})
    stepscope.current_step().set_output({"secret": C})
    raise RuntimeError("failed: password=" + C + " token: " + C)
@stepscope.workflow(trigger="webhook", trigger_data={"headers": {"Authorization": C}})
def work(client_secret=C):
    call(f"https://u:{C}@host/?token={C}", C, {"private_key": C},
         {"apiKey": C}, access_token=C)
try:
    work()
except RuntimeError:
    pass
"""
    with running_receiver() as receiver:
        done = run(program, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, CANARY=CANARY)
        sent = b"".join(r.SerializeToString() for r in [*receiver.requests, *receiver.log_requests])
        assert len(finals(receiver)) == 2
    assert b"[redacted]" in sent
    assert CANARY.encode() not in sent
    done_down = run(
        program,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        CANARY=CANARY,
        STEPSCOPE_SPOOL_DIR=str(tmp_path),
    )
    spooled = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"[redacted]" in spooled
    assert CANARY.encode() not in spooled
    for text in (done.stderr, done_down.stderr):
        assert CANARY not in text


def test_our_exporter_serves_any_provider():
    """issue #3: usable alone with any provider; partial_success is surfaced."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    with running_receiver() as receiver:
        exporter = SpanExporter(receiver.endpoint)
        provider = TracerProvider(resource=Resource({"service.name": "plain"}))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("anyone")
        for number in range(1000):
            with tracer.start_as_current_span(f"span {number}"):
                pass
        assert provider.force_flush()
        assert exporter.counters.sent == 1000
        answer = trace_service_pb2.ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = 1
        receiver.answer = lambda _: answer
        with tracer.start_as_current_span("rejected"):
            pass
        provider.shutdown()
        assert exporter.counters.rejected == 1
        assert [span.name for span in receiver.spans][:1000] == [f"span {n}" for n in range(1000)]
