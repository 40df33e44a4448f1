"""Imports without a server leave the file as a server would."""

from stepscope_collector.cli.import_file import taking
from stepscope_collector.config import StoreConfig, load
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.importing.cut import cut
from stepscope_collector.store import large_traces
from stepscope_collector.store.database import Database
from tests.unit.collector.portable.store import CAPTURES, store

STEPS = "select execution_id, step_id, status from steps order by all"


def test_large_traces_are_folded_when_the_import_ends(tmp_path, monkeypatch):
    """issue #7: the same path as all data; no server is there that would fold them later."""
    request = to_message("traces", (CAPTURES / "dbos.child.json").read_bytes())[0]
    with store() as whole:
        whole.take("traces", request)
        expected = whole.rows(STEPS)
    assert expected
    monkeypatch.setattr(large_traces, "LARGE_SPANS", 0)
    monkeypatch.setattr("stepscope_collector.importing.cut._ROWS", 2)
    settings = load(flags={"data.dir": str(tmp_path)}).settings
    parts = list(cut("traces", request))
    assert len(parts) > 1
    with taking(settings) as file:
        for part in parts:
            file.take("traces", part.SerializeToString(), "x", ())
    with (
        Database.open(settings.data.database_path, StoreConfig(), read_only=True) as database,
        database.read() as connection,
    ):
        assert connection.execute(STEPS).fetchall() == expected
        assert connection.execute("select * from stored.unfolded_traces").fetchall() == []
