"""Groups of many spans are stored as whole row groups of DuckDB, wherever their requests begin and end."""

import threading
from concurrent.futures import wait

import duckdb
import pytest

from stepscope_collector.config import IngestConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.engine import ROW_GROUP_ROWS
from stepscope_collector.store.mark import log_path
from tests.strategies.workflows import span
from tests.unit.collector.taking import WAIT_S, payload, taking

EACH = 2000
COUNT = ROW_GROUP_ROWS // EACH + 2
"""Requests: more than a row group, and their sum is none."""
ONE = IngestConfig(group_max_wait_ms=60_000, group_max_rows=ROW_GROUP_ROWS)
"""A row group in each commit, however long it takes."""


def payloads(**attributes: str) -> list[bytes]:
    return [
        payload(
            *(
                span(
                    f"{n}/{i}",
                    trace=f"t{n}",
                    scope="stepscope" if attributes else "x",
                    start=n * EACH + i,
                    attributes=attributes,
                )
                for i in range(EACH)
            )
        )
        for n in range(COUNT)
    ]


@pytest.fixture(scope="module")
def sent() -> list[bytes]:
    return payloads()


def row_groups(path) -> list[int]:
    """Rows of each row group of the spans in the closed file, in order."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select row_group_id, sum(count) from pragma_storage_info('stored.spans') "
            "where column_name = 'span_id' and segment_type <> 'VALIDITY' group by all order by all"
        ).fetchall()
    return [int(rows) for _, rows in found]


def test_requests_are_cut_where_a_row_group_ends(tmp_path, sent):
    """issue #6: a row group that is whole goes to the file at once, without the log."""
    path = tmp_path / "stepscope.duckdb"
    with taking(path, config=ONE) as take:
        with take.held():
            (before,) = take.rows("select count(*) from stored.spans")[0]
            futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
            log_before = log_path(path).stat().st_size
        assert not wait(futures, WAIT_S).not_done
        assert [each.result().accepted for each in futures] == [EACH] * COUNT
        assert take.rows("select count(*), count(distinct span_id) from stored.spans") == [
            (before + EACH * COUNT,) * 2
        ]
        assert take.counts() == {"stored": before + EACH * COUNT}
        assert take.commits()[1] == before + COUNT  # a request that was cut is one request
        # DuckDB writes more than the requests have into its log when it writes all
        assert log_path(path).stat().st_size - log_before < sum(map(len, sent))
    groups = row_groups(path)
    assert ROW_GROUP_ROWS in groups
    assert sum(groups) == before + EACH * COUNT


def test_a_request_that_was_cut_and_comes_again_is_stored_once(tmp_path, sent):
    """issue #2: senders repeat what they got no answer for."""
    with taking(tmp_path / "stepscope.duckdb", config=ONE) as take:
        for _ in range(2):
            with take.held():
                futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
            assert not wait(futures, WAIT_S).not_done
            assert [each.result().accepted for each in futures] == [EACH] * COUNT
        assert take.rows("select count(*) from stored.spans where name not like 'hold%'") == [
            (EACH * COUNT,)
        ]
        assert take.counts()["duplicate"] >= EACH * COUNT


class FailingOnce(Committer):
    """Its first commit of many spans fails, as on a full disk."""

    large = 0

    def commit(self, group, now, now_ns):
        if group.spans is not None and group.spans.rows.num_rows > EACH:
            FailingOnce.large += 1
            if FailingOnce.large == 1:
                raise StoreUnavailable("no space")
        return super().commit(group, now, now_ns)


def test_what_is_answered_and_could_not_be_written_is_tried_again_with_both_its_parts(
    tmp_path,
):
    """decision 10: a request in the backlog is never given up, also one that is cut; nor is any of it stored twice."""
    sent = payloads(**{"stepscope.input": "{}"})
    FailingOnce.large = 0
    path = tmp_path / "stepscope.duckdb"
    with taking(path, config=ONE, committer=FailingOnce, backlog=tmp_path / "backlog") as take:
        futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
        assert not wait(futures, WAIT_S).not_done
        is_answered = [each.exception() is None for each in futures]
        assert any(is_answered)
        for data, is_stored in zip(sent, is_answered, strict=True):
            if not is_stored:  # its sender was told to try again
                take.take(data)
        pause = threading.Event()
        for _ in range(10 * WAIT_S):  # nobody waits while the store cannot be written
            if take.ingest.catch_up(WAIT_S):
                break
            pause.wait(0.1)
        assert take.rows("select count(*), count(distinct span_id) from stored.spans") == [
            (EACH * COUNT,) * 2
        ]
        assert take.rows("select count(*) from stored.payloads") == [(EACH * COUNT,)]
        assert FailingOnce.large > 1


def test_a_request_that_was_refused_by_its_first_part_leaves_no_rest(tmp_path, sent):
    """decision 10: its sender repeats it as a whole; half of it may be there, and is not sent on."""
    FailingOnce.large = 0
    with taking(tmp_path / "stepscope.duckdb", config=ONE, committer=FailingOnce) as take:
        with take.held():
            futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
        assert not wait(futures, WAIT_S).not_done
        is_taken = [each.exception() is None for each in futures]
        assert is_taken == [False] * (COUNT - 1) + [True]  # the group, and what was behind it
        assert take.rows("select count(*) from stored.spans where name not like 'hold%'") == [
            (EACH,)
        ]
        assert take.counts()["failed"] == EACH * (COUNT - 1)
        assert not take.ingest._writer.is_behind
        assert take.ingest.samples()["stepscope_inflight_bytes"][0].value == 0
        for data in sent[:-1]:
            take.take(data)
        assert take.rows("select count(*) from stored.spans where name not like 'hold%'") == [
            (EACH * COUNT,)
        ]


def test_a_request_whose_first_part_was_written_before_a_crash_is_whole_after_it(tmp_path, sent):
    """decision 10: what a crash leaves is committed at the next start; half of it may be there already."""
    path, backlog = tmp_path / "stepscope.duckdb", tmp_path / "backlog"
    with taking(path) as take:
        # as if the process had ended between the two parts
        half = payload(*(span(f"0/{i}", trace="t0", scope="x", start=i) for i in range(EACH // 2)))
        take.take(half)
    with taking(path, backlog=backlog) as take:
        futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
        assert not wait(futures, WAIT_S).not_done
        assert take.rows("select count(*), count(distinct span_id) from stored.spans") == [
            (EACH * COUNT,) * 2
        ]
        assert take.counts() == {"stored": EACH * COUNT - EACH // 2, "duplicate": EACH // 2}


def test_a_stop_commits_the_rest_of_a_request_that_was_cut(tmp_path, sent):
    """OTLP checklist G19: a stop commits what waits."""
    path, backlog = tmp_path / "stepscope.duckdb", tmp_path / "backlog"
    with taking(path, config=ONE, backlog=backlog) as take:
        futures = [take.ingest.submit("traces", each, "protobuf") for each in sent]
        assert not wait(futures, WAIT_S).not_done
    assert not backlog.exists()
    assert sum(row_groups(path)) == EACH * COUNT
    assert row_groups(path)[0] == ROW_GROUP_ROWS
