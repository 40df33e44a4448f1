"""What belongs to one history, put together."""

from pathlib import Path
from threading import Event

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from stepscope_collector import upkeep
from stepscope_collector.config import Settings
from stepscope_collector.config.tree import DataConfig, IngestConfig
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.one_store import OneStore
from stepscope_collector.store import commit, headroom
from stepscope_collector.store.database import Database
from stepscope_collector.store.engine import Connection
from tests.strategies.workflows import execution, request

WAIT_S = 30


def test_the_file_is_opened_anew_after_so_many_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #6: memory stays flat over an hour; and all that was sent is there."""
    monkeypatch.setattr(commit, "_RENEW_ROWS", 2)
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.01)
    monkeypatch.setattr(upkeep, "_RENEW_AGAIN_S", 0.01)
    is_renewed, renew = Event(), Database.renew

    def noted(database: Database) -> object:
        connection = renew(database)
        if connection is not None:
            is_renewed.set()
        return connection

    monkeypatch.setattr(Database, "renew", noted)
    store = OneStore.open(Settings(data=DataConfig(tmp_path)), compile_profiles(load_shipped()))
    try:
        for number in range(6):
            name = f"{number}"
            payload = request([execution(name, f"E{name}", trace=name)]).SerializeToString()
            store.grpc.submit("traces", payload, "protobuf").result(WAIT_S)
            assert number < 1 or is_renewed.wait(WAIT_S)
        assert store.ingest.has_unfolded is False
        with store.database.read() as connection:
            assert connection.execute("select count(*) from executions").fetchall() == [(6,)]
    finally:
        store.close(WAIT_S)
        store.database.close()


def test_the_writer_has_the_engine_let_go_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue #6: memory at full load; the writer does it between commits, on its own connection."""
    monkeypatch.setattr(headroom, "_ROWS", 1)
    monkeypatch.setattr(headroom, "_PART", 1.0)  # there is never as much room
    is_made = Event()
    written: list[int] = []
    look, count = headroom.Headroom._look, headroom.Headroom.written

    def looked(of: headroom.Headroom, connection: Connection) -> None:
        assert connection is store.database.writer()
        look(of, connection)
        is_made.set()

    def counted(of: headroom.Headroom, rows: int) -> None:
        written.append(rows)
        count(of, rows)

    monkeypatch.setattr(headroom.Headroom, "_look", looked)
    monkeypatch.setattr(headroom.Headroom, "written", counted)
    store = OneStore.open(Settings(data=DataConfig(tmp_path)), compile_profiles(load_shipped()))
    try:
        log = ExportLogsServiceRequest()
        log.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=1)
        log.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=2)
        store.grpc.submit("logs", log.SerializeToString(), "protobuf").result(WAIT_S)
        for number in range(100):  # until nobody asks just then
            name = f"{number}"
            payload = request([execution(name, f"E{name}", trace=name)]).SerializeToString()
            store.grpc.submit("traces", payload, "protobuf").result(WAIT_S)
            if is_made.wait(0.1):
                break
        assert is_made.is_set()
        with store.database.read() as connection:  # after all commits
            ((spans,),) = connection.execute("select count(*) from stored.spans").fetchall()
    finally:
        store.close(WAIT_S)
        store.database.close()
    assert spans == number + 1
    assert sum(written) == spans + 2


@pytest.mark.parametrize("backlog", [True, False])
def test_neither_answers_nor_questions_wait_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, backlog: bool
) -> None:
    """ours: it is a matter of the engine, after everything that somebody waits for."""
    is_asked = Event()
    waited: list[bool] = []

    def counted(_: headroom.Headroom, rows: int) -> None:
        assert rows == 1
        waited.append(is_asked.wait(WAIT_S / 3))

    monkeypatch.setattr(headroom.Headroom, "written", counted)
    settings = Settings(data=DataConfig(tmp_path), ingest=IngestConfig(backlog=backlog))
    store = OneStore.open(settings, compile_profiles(load_shipped()))
    try:
        payload = request([execution("1", "E1", trace="1")]).SerializeToString()
        store.grpc.submit("traces", payload, "protobuf").result(WAIT_S)
        with store.database.read() as connection:
            assert connection.execute("select count(*) from executions").fetchall() == [(1,)]
        is_asked.set()
    finally:
        store.close(WAIT_S)
        store.database.close()
    assert waited == [True]
