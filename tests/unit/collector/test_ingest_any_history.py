"""Random histories through the whole write path, cut by restarts: the outcome is the same."""

import random
import tempfile
from concurrent.futures import wait
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.config import StoreConfig
from stepscope_collector.store.database import Database
from tests.strategies.recount import NOT_DERIVED, NOT_OPEN, NOT_RECOUNTED
from tests.strategies.workflows import History, history
from tests.unit.collector.store.test_any_history import forest, parted
from tests.unit.collector.taking import WAIT_S, payload, taking


def tables(store):
    """All but the signs of life: they are cut at the time of the commit, which differs."""
    found = store.tables()
    for row in (*found["executions"], *found["open_spans"]):
        del row["last_seen_unix_nano"]
    return found


@settings(max_examples=max(3, settings.default.max_examples // 12))
@given(seed=st.integers(0, 2**32))
def test_restarts_and_groups_do_not_matter(seed):
    """issue #2: the same in any number of requests, commits and lives of the process."""
    rng = random.Random(seed)
    sent = forest(rng)
    with history() as once:
        once.write(sent)
        expected = tables(once)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stepscope.duckdb"
        parts = list(parted(rng, sent))
        while parts:
            life = parts[: rng.randint(1, 6)]
            parts = parts[len(life) :]
            with taking(path) as take:
                futures = [
                    take.ingest.submit("traces", payload(*each), "protobuf")
                    for group in life
                    for each in group
                ]
                assert not wait(futures, WAIT_S).not_done
                assert sum(future.result().rejected for future in futures) == 0
                take.counts()
        with Database.open(path, StoreConfig()) as database:
            store = History(database)
            assert tables(store) == expected
            assert store.rows(NOT_RECOUNTED) == []
            assert store.rows(NOT_OPEN) == []
            assert store.rows(NOT_DERIVED) == []
