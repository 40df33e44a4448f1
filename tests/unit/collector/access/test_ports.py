"""Which ports may be open without authentication."""

import logging

import pytest

from stepscope_collector.access.ports import check_ports, is_loopback
from stepscope_collector.config.security import AuthConfig, TlsConfig
from stepscope_collector.config.tree import OtlpConfig, Settings, WebConfig
from stepscope_collector.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_known(host):
    """issue #4: anything but loopback needs authentication."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "10.0.0.1", "192.0.2.1", "2001:db8::1", "fe80::1%lo", "no-such.invalid"],
)
def test_everything_else_is_not_loopback(host):
    """ours: in doubt a host is reached from elsewhere."""
    assert not is_loopback(host)


BEYOND = [
    {"otlp": OtlpConfig(grpc="0.0.0.0:4317")},
    {"otlp": OtlpConfig(http="[::]:4318")},
    {"web": WebConfig(listen="192.0.2.1:4319")},
]


@pytest.mark.parametrize("port", BEYOND)
def test_a_port_beyond_loopback_wants_authentication_and_says_how(port):
    """issue #4: refuses to start without authentication unless explicitly allowed."""
    with pytest.raises(ConfigError, match="and there is no authentication") as caught:
        check_ports(Settings(**port), has_tokens=False)
    for remedy in ("stepscope token create", "tls.client_ca", "127.0.0.1", "auth.allow_anonymous"):
        assert remedy in caught.value.hint
    check_ports(Settings(**port), has_tokens=True)
    check_ports(Settings(**port, tls=TlsConfig(client_ca="ca.pem")), has_tokens=False)
    check_ports(Settings(**port, auth=AuthConfig(allow_anonymous=True)), has_tokens=False)


def test_loopback_needs_nothing(caplog):
    """issue #4: loopback without tokens stays open as it was."""
    check_ports(Settings(), has_tokens=False)
    check_ports(Settings(), has_tokens=True)
    assert caplog.records == []


def test_tokens_in_plain_text_are_warned_of(caplog):
    """issue #4: tokens and plain text beyond loopback: warn."""
    beyond = Settings(otlp=OtlpConfig(grpc="0.0.0.0:4317"))
    secured = Settings(otlp=beyond.otlp, tls=TlsConfig(cert="c.pem", key="k.pem"))
    with caplog.at_level(logging.WARNING):
        check_ports(secured, has_tokens=True)
        assert caplog.records == []
        check_ports(beyond, has_tokens=True)
        check_ports(
            Settings(otlp=beyond.otlp, auth=AuthConfig(allow_anonymous=True)), has_tokens=False
        )
    assert [record.message for record in caplog.records] == [
        "tokens cross the network in plain text; set tls.cert",
        "everybody may write and read, as auth.allow_anonymous says",
    ]
