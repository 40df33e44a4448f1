"""Which gRPC server a collector uses, and that it says so."""

import grpc
import pytest

from stepscope_collector.config.tree import OtlpConfig
from stepscope_collector.receive.grpc_servers import server_of
from stepscope_collector.receive.otlp_grpc import METHODS
from tests.integration.collector.process import Collector, stored
from tests.integration.collector.test_decoder import payload


@pytest.mark.parametrize("wanted", ["auto", "grpcio"])
def test_the_server_in_use_is_said_and_its_spans_are_stored(tmp_path, wanted):
    """issue #6: as with the decoder: one switch chooses, `stepscope doctor` and the log say which."""
    used = server_of(OtlpConfig(grpc_server=wanted))
    collector = Collector(tmp_path / "data", otlp_grpc_server=wanted, log_level="debug")
    collector.may_say = ""  # anything
    with collector:
        with grpc.insecure_channel(collector.endpoints.otlp_grpc) as channel:
            export = channel.unary_unary(next(iter(METHODS)))
            assert export(payload(), timeout=30) == b""
        report = collector.doctor()
        assert (report["grpc_server"], report["grpc_server_reason"]) == used
        assert f"server={used.server!r}" in collector.said()
    with stored(tmp_path / "data") as history:
        assert history.execute("select name from spans").fetchall() == [("whole",)]
