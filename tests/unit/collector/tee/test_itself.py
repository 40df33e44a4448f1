"""A collector never sends to itself."""

import socket

import pytest

from stepscope_collector.config import Target
from stepscope_collector.errors import ConfigError
from stepscope_collector.tee.itself import instance_id, refuse_itself

OWN = ("127.0.0.1:4317", "[::1]:4318", "0.0.0.0:4319")


def own_address():
    """An address of this machine that is not loopback; loopback where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:4317", "http://localhost:4317", "https://LOCALHOST:4317/path",
        "http://0.0.0.0:4317", "http://[::ffff:127.0.0.1]:4317", "http://[::1]:4318",
        "http://[::]:4318", "http://127.0.0.1:4319", "http://127.0.0.77:4319",
        f"http://{own_address()}:4319", f"http://{socket.gethostname()}:4319",
    ],
)  # fmt: skip
def test_its_own_ports_are_known_under_every_name(endpoint):
    """issue #4: own endpoints, localhost aliases and addresses of this machine included."""
    try:
        socket.getaddrinfo(endpoint.partition("//")[2].rpartition(":")[0].strip("[]"), 1)
    except OSError:
        pytest.fail("a name of this machine is not known here")
    with pytest.raises(ConfigError, match="is this collector itself"):
        refuse_itself([Target("other", "http://192.0.2.1:1"), Target("x", endpoint)], OWN)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:4320", "http://192.0.2.1:4317", "http://192.0.2.1:4319",
        "http://127.0.0.2:4317", "http://[::1]:4317", "http://no.such.name.invalid:4319",
    ],
)  # fmt: skip
def test_other_places_are_not_taken_for_itself(endpoint):
    """ours: a second collector on the same machine is fine."""
    refuse_itself([Target("x", endpoint)], OWN)


def test_a_port_that_is_left_out_is_that_of_the_scheme():
    """RFC 3986: http is 80, https is 443."""
    for scheme, port in (("http", 80), ("https", 443)):
        with pytest.raises(ConfigError):
            refuse_itself([Target("x", f"{scheme}://127.0.0.1")], [f"127.0.0.1:{port}"])


def test_the_id_is_made_once(tmp_path):
    """ours: what waits at others from before a restart is known when it comes back."""
    made = instance_id(tmp_path / "tee")
    assert len(made) == 32
    assert instance_id(tmp_path / "tee") == made
    assert instance_id(tmp_path / "other") != made
