"""Endpoints that the collector sends to: `[tee]`, `[[tee.to]]` and `[telemetry]`."""

import pytest

from stepscope_collector.config import load
from stepscope_collector.errors import ConfigError

URL = "http://10.0.0.1:4317"


def read(tmp_path, text="", environ=None, **flags):
    file = tmp_path / "stepscope.toml"
    file.write_text(text, "utf-8")
    environ = {"HOME": str(tmp_path), **(environ or {})}
    return load(config_file=file, environ=environ, cwd=tmp_path, flags=flags)


def targets(tmp_path, text="", environ=None, **flags):
    return read(tmp_path, text, environ, **flags).settings.tee.targets()


def test_without_an_endpoint_nothing_is_sent(tmp_path):
    """issue #4: a tee costs nothing when none is set up."""
    settings = read(tmp_path, "[tee]\ncompression = 'none'").settings
    assert settings.tee.targets() == ()
    assert settings.telemetry.target() is None


def test_one_endpoint_is_set_up_by_a_variable_alone(tmp_path):
    """issue #4: env-variable fallback for one endpoint."""
    (target,) = targets(
        tmp_path,
        environ={
            "STEPSCOPE_TEE_ENDPOINT": URL + "/",
            "STEPSCOPE_TEE_HEADERS": "Authorization=Bearer%20a%2Cb, x-tenant = t1",
            "STEPSCOPE_TEE_SIGNALS": "logs,traces",
        },
    )
    assert (target.name, target.endpoint, target.protocol) == ("tee", URL, "grpc")
    assert target.headers == (("authorization", "Bearer a,b"), ("x-tenant", "t1"))
    assert target.signals == ("traces", "logs")


def test_tables_take_from_the_section_what_they_do_not_say(tmp_path):
    """issue #4: several endpoints; relative paths start at the file."""
    text = f"""
    [tee]
    endpoint = "{URL}"
    timeout_s = 3
    headers = {{ X-A = "1" }}
    [[tee.to]]
    endpoint = "https://mirror.example.com"
    ca_file = "ca.pem"
    headers = {{}}
    [[tee.to]]
    name = "third"
    endpoint = "http://[::1]:4318/otlp"
    protocol = "http"
    compression = "none"
    signals = ["metrics"]
    max_batch_bytes = 0
    """
    first, second, third = targets(tmp_path, text, environ={"STEPSCOPE_TEE_TIMEOUT_S": "4"})
    assert [each.name for each in (first, second, third)] == ["tee", "mirror.example.com", "third"]
    assert [each.timeout_s for each in (first, second, third)] == [4, 4, 4]
    assert (first.headers, second.headers, third.headers) == (
        (("x-a", "1"),), (), (("x-a", "1"),),
    )  # fmt: skip
    assert second.ca_file == str(tmp_path / "ca.pem")
    assert (third.protocol, third.compression) == ("http", "none")
    assert (third.signals, third.max_batch_bytes) == (("metrics",), 0)


def test_the_export_of_metrics_has_settings_of_its_own(tmp_path):
    """issue #4: the collector can export its own telemetry."""
    settings = read(tmp_path, f'[telemetry]\nendpoint = "{URL}"\ninterval_s = 5').settings
    target = settings.telemetry.target()
    assert (target.name, target.endpoint, settings.telemetry.interval_s) == ("telemetry", URL, 5)
    assert settings.tee.targets() == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tee]\nto = 3", "tee.to in .* is 3, not tables"),
        ("[tee]\nto = [3]", "not tables; write"),
        ("[[tee.to]]\nname = 'x'", "has no endpoint"),
        ("[[tee.to]]\nendpoint = 'ftp://x'", "tee.to.endpoint in .* is 'ftp://x', not a URL"),
        ("[[tee.to]]\nendpont = 'http://x'", "unknown key 'tee.to.endpont'"),
        ("[[tee.to]]\nname = ''\nendpoint = 'http://x'", "unknown key 'tee.to.name'"),
        (f"[[tee.to]]\nendpoint = '{URL}'\n" * 2, "two endpoints of the tee are named '10.0.0.1:4317'"),
        (
            f"[tee]\nendpoint = '{URL}'\n[[tee.to]]\nname = 'tee'\nendpoint = '{URL}'",
            "two endpoints of the tee are named 'tee'",
        ),
        (f"[[tee.to]]\nendpoint = '{URL}'\ncert_file = 'a'", "one of cert_file and key_file"),
        ("[telemetry]\nkey_file = 'a'", "telemetry has one of cert_file and key_file"),
        ("[tee]\nendpoint = 4317", "is 4317, not a URL"),
        ("[tee]\nendpoint = 'localhost:4317'", "not a URL; write http://HOST:PORT"),
        ("[tee]\nendpoint = 'http://:4317'", "not a URL"),
        ("[tee]\nendpoint = 'http://x:0'", "not a URL"),
        ("[tee]\nendpoint = 'http://x:99999'", "not a URL"),
        ("[tee]\nendpoint = 'http://u:p@x'", "has a user, query or fragment"),
        ("[tee]\nheaders = 'a'", "has a header without value"),
        ("[tee]\nheaders = 1", "is no table of headers"),
        ("[tee]\nheaders = { a = 1 }", "is no table of headers"),
        ('[tee]\nheaders = { a = "x\\ny" }', "HTTP cannot carry"),
        ('[tee]\nheaders = { "a b" = "x" }', "HTTP cannot carry"),
        ("[tee]\nsignals = []", "write traces,logs,metrics or some of them"),
        ("[tee]\nsignals = ['spans']", "write traces,logs,metrics or some of them"),
        ("[tee]\nprotocol = 'http/json'", "grpc"),
    ],
)  # fmt: skip
def test_a_mistake_says_where_it_stands_and_what_would_be_right(tmp_path, text, message):
    """ours: a wrong value never starts the server."""
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)
