"""From arguments and `OTEL_*` variables to an endpoint."""

import os
import subprocess
import sys

import pytest

import stepscope
from stepscope._endpoint import make_limits, resolve
from stepscope._settings import Settings

E = "OTEL_EXPORTER_OTLP_"


@pytest.mark.parametrize(
    ("environ", "arguments", "expected"),
    [
        ({}, {}, ("http://127.0.0.1:4317", "grpc")),
        ({}, {"protocol": "http/protobuf"}, ("http://127.0.0.1:4318", "http/protobuf")),
        ({}, {"endpoint": "http://c:4318"}, ("http://c:4318", "http/protobuf")),
        ({}, {"endpoint": "c:4317"}, ("http://c:4317", "grpc")),
        ({E + "ENDPOINT": "http://a:1"}, {}, ("http://a:1", "grpc")),
        ({E + "ENDPOINT": "http://a:1"}, {"endpoint": "http://b:2"}, ("http://b:2", "grpc")),
        ({E + "ENDPOINT": "http://a:1", E + "TRACES_ENDPOINT": "http://t:2"}, {}, ("http://t:2", "grpc")),
        ({E + "PROTOCOL": "http/protobuf"}, {}, ("http://127.0.0.1:4318", "http/protobuf")),
        ({E + "PROTOCOL": "http/protobuf"}, {"protocol": "grpc"}, ("http://127.0.0.1:4317", "grpc")),
        ({E + "TRACES_PROTOCOL": "grpc", E + "PROTOCOL": "http/protobuf"}, {}, ("http://127.0.0.1:4317", "grpc")),
    ],
)  # fmt: skip
def test_arguments_go_before_variables_and_those_before_defaults(environ, arguments, expected):
    """issue #2: arguments over OTEL_* over defaults."""
    found = resolve(environ, arguments.get("endpoint"), arguments.get("protocol"), None, None)
    assert (found.url, found.protocol) == expected


def test_everything_else_comes_from_the_standard_variables(tmp_path):
    """issue #3: honours all standard OTEL_* variables of the exporter."""
    (tmp_path / "ca.pem").write_bytes(b"ca")
    found = resolve(
        {
            E + "HEADERS": "Api-Key=a%20b, x = 1,",
            E + "TIMEOUT": "3",
            E + "COMPRESSION": "gzip",
            E + "CERTIFICATE": str(tmp_path / "ca.pem"),
            E + "TRACES_ENDPOINT": "https://t:1/custom/path",
            E + "PROTOCOL": "http/protobuf",
        },
        None, None, {"X": "2"}, None,
    )  # fmt: skip
    assert found.headers == {"api-key": "a b", "X": "2"}
    assert (found.timeout_s, found.is_compressed, found.is_insecure) == (3.0, True, False)
    assert found.certificate == b"ca"
    assert found.paths == {"traces": "https://t:1/custom/path", "logs": "https://t:1/v1/logs"}


@pytest.mark.parametrize(
    ("environ", "logs"),
    [
        ({"ENDPOINT": "http://a:1"}, None),
        ({"TRACES_ENDPOINT": "http://t:2/v1/traces"}, "http://t:2/v1/logs"),
        ({"TRACES_ENDPOINT": "http://t:2/x/v1/traces"}, "http://t:2/x/v1/logs"),
        ({"TRACES_ENDPOINT": "http://t:2/v1/traces", "ENDPOINT": "http://a:1/"}, "http://a:1/v1/logs"),
        ({"ENDPOINT": "http://a:1", "LOGS_ENDPOINT": "http://l:3/in"}, "http://l:3/in"),
        ({"TRACES_ENDPOINT": "http://t:2/v1/traces", "LOGS_ENDPOINT": "http://l:3/in"}, "http://l:3/in"),
    ],
)  # fmt: skip
def test_logs_have_an_address_of_their_own_over_http(environ, logs):
    """issue #3: all standard OTEL_* variables; logs went to …/v1/traces/v1/logs."""
    given = {E + name: text for name, text in environ.items()}
    given[E + "PROTOCOL"] = "http/protobuf"
    assert resolve(given, None, None, None, None).paths.get("logs") == logs
    assert resolve(given, "http://mine:4", None, None, None).paths == {}


def test_over_grpc_logs_go_where_their_variable_says(caplog):
    """issue #3: all standard OTEL_* variables; over gRPC logs went with the traces."""
    given = {E + "TRACES_ENDPOINT": "https://t:1", E + "LOGS_ENDPOINT": "l:2"}
    assert resolve(given, None, "grpc", None, None).paths == {
        "traces": "https://t:1",
        "logs": "http://l:2",
    }
    given = {E + "ENDPOINT": "http://a:1", E + "LOGS_ENDPOINT": "http://l:x"}
    assert resolve(given, None, "grpc", None, None).paths == {}
    assert "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://l:x is no http" in caplog.text


@pytest.mark.parametrize(
    ("protocol", "text", "kept", "told"),
    [
        ("grpc", "bad name=1,b=2", {"b": "2"}, "the name of header 1"),
        ("grpc", "Authorization: Bearer c2VjcmV0=,b=2", {"b": "2"}, "the name of header 1"),
        ("grpc", "secret,b=2", {"b": "2"}, "the name of header 1"),
        ("grpc", "a=x%0Asecret,b=2", {"b": "2"}, "the value of a"),
        ("grpc", "a=%C3%A9secret,b=2", {"b": "2"}, "the value of a"),
        ("grpc", "a-bin=secret,b=2", {"b": "2"}, "a-bin (binary)"),
        ("http/protobuf", "bad name=1,b=2", {"b": "2"}, "the name of header 1"),
        ("http/protobuf", "a=x%0D%0Asecret,b=2", {"b": "2"}, "the value of a"),
        ("http/protobuf", "a=%E2%82%ACsecret,b=2", {"b": "2"}, "the value of a"),
        ("http/protobuf", "a-bin=x,b=2", {"a-bin": "x", "b": "2"}, ""),
    ],
)
@pytest.mark.parametrize("variable", ["HEADERS", "TRACES_HEADERS"])
def test_a_header_that_cannot_be_sent_is_left_out_alone(
    protocol, text, kept, told, variable, caplog
):
    """issue #3: never in the way; one bad header made gRPC refuse every request."""
    found = resolve({E + variable: text}, None, protocol, None, None)
    assert found.headers == kept
    assert len(caplog.records) == (1 if told else 0)
    assert told in caplog.text
    assert not told or E + variable in caplog.text
    assert "secret" not in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_a_header_in_an_argument_is_looked_at_too(caplog):
    """issue #3: never in the way; a token read from a file ends with a line feed."""
    found = resolve({}, None, "grpc", {"Authorization": "Bearer x\n", "Tenant": "a"}, None)
    assert found.headers == {"Tenant": "a"}
    assert "headers= has what gRPC cannot send: the value of authorization" in caplog.text


@pytest.mark.parametrize("address", ["ftp://x", "http://", "http://x:abc", "http://x:0"])
def test_a_variable_that_cannot_work_is_warned_about_and_ends_no_program(address, caplog):
    """issue #3: never in the way; arguments are refused, variables are not the program's."""
    found = resolve({E + "ENDPOINT": address}, None, "grpc", None, None)
    assert (found.url, found.paths) == ("http://127.0.0.1:4317", {})
    assert "is no http:// or https:// address" in caplog.text


def test_numbers_that_are_none_are_replaced():
    """issue #3: never in the way."""
    where = resolve({E + "TIMEOUT": "inf"}, None, None, None, None)
    names = ("MAX_QUEUE_SIZE", "SCHEDULE_DELAY", "MAX_EXPORT_BATCH_SIZE")
    limits = make_limits(
        {f"OTEL_BSP_{name}": text for name, text in zip(names, ("-1", "nan", "inf"), strict=True)},
        Settings(), where,
    )  # fmt: skip
    assert limits == make_limits({}, Settings(), where)


def test_nonsense_is_refused_or_replaced(caplog, tmp_path):
    """ours: arguments are refused, variables are warned about."""
    for endpoint in ("ftp://x", "http://"):
        with pytest.raises(stepscope.MisuseError):
            resolve({}, endpoint, None, None, None)
    found = resolve(
        {E + "PROTOCOL": "http/json", E + "TIMEOUT": "x", E + "CERTIFICATE": str(tmp_path / "no")},
        None, None, None, None,
    )  # fmt: skip
    assert found.protocol == "http/protobuf"
    assert found.timeout_s == 10.0
    assert found.certificate is None
    assert "http/json is unknown" in caplog.text
    assert "cannot be read" in caplog.text


def test_the_batch_variables_bound_the_queue():
    """OTel: OTEL_BSP_* variables."""
    where = resolve({}, None, None, None, None)
    limits = make_limits(
        {"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"},
        Settings(flush_timeout_s=1), where,
    )  # fmt: skip
    assert (limits.queue_items, limits.delay_s, limits.batch_items, limits.flush_timeout_s) == (
        10,
        0.1,
        5,
        1,
    )


def test_logs_have_bounds_of_their_own():
    """OTel: OTEL_BLRP_* and OTEL_BSP_EXPORT_TIMEOUT; those of spans stand in."""
    where = resolve({}, None, None, None, None)
    given = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "10",
        "OTEL_BSP_EXPORT_TIMEOUT": "3000",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
    }
    spans = make_limits(given, Settings(), where)
    assert spans.timeout_s == 3.0
    assert make_limits(given, Settings(), where, "logs") == spans
    given |= {
        "OTEL_BLRP_MAX_QUEUE_SIZE": "20",
        "OTEL_BLRP_EXPORT_TIMEOUT": "30000",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "0.5",
    }
    assert make_limits(given, Settings(), where) == spans
    logs = make_limits(given, Settings(), where, "logs")
    assert (logs.queue_items, logs.timeout_s, logs.delay_s, logs.batch_items) == (20, 10.0, 0.2, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"redact": "token"},
        {"payload_limit_bytes": -1},
        {"flush_timeout_s": -1},
        {"endpoint": "nope://"},
    ],
)
def test_configure_refuses_what_cannot_work(options):
    """brief: misuse may raise where it is written."""
    with pytest.raises(stepscope.MisuseError):
        stepscope.configure(**options)
    stepscope.shutdown()


def test_a_limit_that_the_sdk_refuses_ends_no_program():
    """issue #3: never in the way; the SDK raises for it when it is imported."""
    program = "import stepscope; stepscope.configure(); print(stepscope.status().mode)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "abc"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "off\n")
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be a non-negative integer" in done.stderr
