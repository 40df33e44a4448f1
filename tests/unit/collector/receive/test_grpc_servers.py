"""Which server speaks gRPC."""

import pytest

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.decode.native import InUse
from stepscope_collector.errors import ConfigError
from stepscope_collector.receive import grpc_servers
from stepscope_collector.receive.grpc_servers import server_of


@pytest.mark.parametrize("is_there", [True, False])
def test_the_native_server_is_used_where_it_is_there(
    monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """issue #6: a fallback where no wheel or compiler exists."""
    found = InUse("native" if is_there else "python", "why")
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: found)
    assert server_of(OtlpConfig()) == ("native" if is_there else "grpcio", "why")
    assert server_of(OtlpConfig(grpc_server="grpcio")) == ("grpcio", "otlp.grpc_server=grpcio")


def test_a_server_that_is_asked_for_by_name_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """issue #6: the setting, why not, and what to do."""
    native = OtlpConfig(grpc_server="native")
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: InUse("native", "why"))
    assert server_of(native).server == "native"
    monkeypatch.setattr(grpc_servers, "in_use", lambda _: InUse("python", "it is not installed"))
    with pytest.raises(
        ConfigError, match=r"cannot be: it is not installed; .* otlp.grpc_server=auto"
    ):
        server_of(native)
