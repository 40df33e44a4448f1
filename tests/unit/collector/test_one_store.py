"""What belongs to one history, put together."""

from pathlib import Path
from threading import Event

import pytest

from stepscope_collector import upkeep
from stepscope_collector.config import Settings
from stepscope_collector.config.tree import DataConfig
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
    """issue #6: memory at full load; the writer asks for it between commits, on its own connection."""
    monkeypatch.setattr(headroom, "_ROWS", 1)
    monkeypatch.setattr(headroom, "_PART", 1.0)  # there is never as much room
    looks: list[object] = []
    look = headroom.Headroom._look

    def noted(of: headroom.Headroom, connection: Connection) -> None:
        look(of, connection)
        looks.append(connection)

    monkeypatch.setattr(headroom.Headroom, "_look", noted)
    store = OneStore.open(Settings(data=DataConfig(tmp_path)), compile_profiles(load_shipped()))
    try:
        payload = request([execution("1", "E1", trace="1")]).SerializeToString()
        store.grpc.submit("traces", payload, "protobuf").result(WAIT_S)
        with store.database.read() as connection:  # after the commit
            assert connection.execute("select count(*) from executions").fetchall() == [(1,)]
        assert looks == [store.database.writer()]
    finally:
        store.close(WAIT_S)
        store.database.close()
