import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from arro3.core import Table
from arro3.io import read_ipc_stream

from stepscope_collector.config import SqlConfig
from stepscope_collector.errors import BadRequest, QueryRefused, QueryTimeout
from stepscope_collector.query.adhoc import Stopper, run_sql
from stepscope_collector.store import Database
from tests.unit.collector.query.history import NOW_NS, add_execution, open_memory

CONFIG = SqlConfig(timeout_s=20)


@pytest.fixture(scope="module")
def store() -> Iterator[Database]:
    with open_memory() as opened:
        add_execution(opened.writer(), "e", started_unix_nano=NOW_NS + 123_456_789)
        yield opened


def values(database: Database, statement: str, **params: Any) -> list[Any]:
    """The first row of an answer, after a way through JSON."""
    with run_sql(database, CONFIG, statement, params) as running:
        rows = [row for batch in running.batches() for row in batch]
    row: list[Any] = json.loads(json.dumps(rows[0], allow_nan=False))
    return row


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("started_at", "2026-07-25T17:20:00.123456789Z"),
        ("[started_at]", ["2026-07-25T17:20:00.123456789Z"]),
        ("{'a b\"': started_at, 'n': 1}", {'a b"': "2026-07-25T17:20:00.123456789Z", "n": 1}),
        ("map {'k': started_at}", {"k": "2026-07-25T17:20:00.123456789Z"}),
        ("[{'at': [started_at]}]", [{"at": ["2026-07-25T17:20:00.123456789Z"]}]),
        ("timestamp '2026-01-02 03:04:05'", "2026-01-02T03:04:05Z"),
        ("timestamp '0044-03-15 (BC) 00:00:00'", "0044-03-15 (BC) 00:00:00"),
        ("timestamp 'infinity'", "infinity"),
        ("timestamptz '2026-01-02 03:04:05+02'", "2026-01-02T01:04:05Z"),
        ("date '2026-01-02'", "2026-01-02"),
        ("time '03:04:05.5'", "03:04:05.5"),
        ("interval '1 month 2 days'", "1 month 2 days"),
        ("9007199254740992", 9007199254740992),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("18446744073709551615::ubigint", "18446744073709551615"),
        ("170141183460469231731687303715884105727::hugeint",
         "170141183460469231731687303715884105727"),
        ("[9007199254740993]", ["9007199254740993"]),
        ("1.5", 1.5),
        ("0.1::decimal(38, 20)", 0.1),
        ("1234567890123456789.123456789::decimal(38, 9)", "1234567890123456789.123456789"),
        ("0.1::double", 0.1),
        ("'nan'::double", "NaN"),
        ("'-inf'::double", "-Infinity"),
        ("'\\xAA\\x00'::blob", "qgA="),
        ("'0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a77'::uuid", "0192f0c1-7c1e-7b7a-b6a1-5d2c1f0e9a77"),
        ("'{\"a\": [1, null]}'::json", {"a": [1, None]}),
        ("'null'::json", None),
        ("map {1: 2}", {"1": 2}),
        ("map {[1]: 2}", [{"key": [1], "value": 2}]),
        ("array_value(1, 2)", [1, 2]),
        ("row(1, 'x')", [1, "x"]),
        ("true", True),
        ("null", None),
        ("[null, 1]", [None, 1]),
        ("null::timestamp[]", None),
        ("{'TIME': 1}", {"TIME": 1}),
        ("[{'TIMER': 1}]", [{"TIMER": 1}]),
        ("'TIME'::enum('TIME', 'x')", "TIME"),
        ("union_value(at := started_at)", "2026-07-25 17:20:00.123456789"),
        ("'😀'", "😀"),
    ],
)  # fmt: skip
def test_values_keep_what_they_mean_in_json(store: Database, expression: str, value: Any) -> None:
    """ours: times RFC 3339 with nanoseconds, integers beyond 2^53 as text, nothing rounded."""
    assert values(store, f"select {expression} from executions") == [value]


def test_parameters_are_bound(store: Database) -> None:
    """issue #2: POST /api/sql takes params."""
    assert values(store, "select $a, $b, $n::int", a="x'; drop", b=[1, 2], n=None) == [
        "x'; drop", [1, 2], None,
    ]  # fmt: skip
    assert values(
        store, "select count(*) from executions where started_at > $t::timestamp_ns", t="2026-01-01"
    ) == [1]
    with pytest.raises(BadRequest, match="no name of a parameter"):
        values(store, "select 1", **{"a b": 1})
    with pytest.raises(QueryRefused, match="a"):
        values(store, "select $a", b=1)


def test_columns_have_names_and_types_also_when_names_repeat(store: Database) -> None:
    """ours: an answer is rows of values, so names may repeat."""
    with run_sql(store, CONFIG, "select 1 as a, started_at as a from executions") as running:
        assert [(column.name, column.type) for column in running.columns] == [
            ("a", "INTEGER"), ("a", "TIMESTAMP_NS"),
        ]  # fmt: skip
        assert len(next(running.batches())[0]) == 2


@pytest.mark.parametrize(
    ("rows", "max_rows", "count", "is_truncated"),
    [(5, 5, 5, False), (6, 5, 5, True), (0, 5, 0, False), (10_000, None, 10_000, False)],
)
def test_an_answer_that_was_cut_says_so(
    store: Database, rows: int, max_rows: int | None, count: int, is_truncated: bool
) -> None:
    """issue #2: row limit; never silently."""
    with run_sql(store, CONFIG, f"from range({rows})", max_rows=max_rows) as running:
        assert sum(len(batch) for batch in running.batches()) == count
        assert (running.row_count, running.is_truncated) == (count, is_truncated)
        assert running.elapsed_ms > 0


def test_max_rows_out_of_range_is_refused(store: Database) -> None:
    """ours: 0 rows are no answer."""
    with pytest.raises(BadRequest), run_sql(store, CONFIG, "select 1", max_rows=0):
        pass


def test_the_order_survives_the_cast_of_times(store: Database) -> None:
    """ours: values are cast outside the statement, whose order is the answer's."""
    statement = (
        "select range as n, make_timestamp_ns(range) as t from range(300000) order by n desc"
    )
    with run_sql(store, CONFIG, statement) as running:
        numbers = []
        for batch in running.batches():
            numbers += [row[0] for row in batch]
            running.adjust(len(batch), 10_000)
    assert numbers == list(range(299_999, -1, -1))


def test_batches_shrink_when_rows_are_fat_and_grow_when_they_are_thin(store: Database) -> None:
    """issue #2: streamed in batches, so that memory stays bounded."""
    with run_sql(store, CONFIG, "select 1") as running:
        running.adjust(64, 64 * 1024 * 1024)
        assert running.batch_rows == 1
        for _ in range(20):
            running.adjust(running.batch_rows, running.batch_rows * 10)
        assert running.batch_rows == 4096


def test_an_endless_answer_is_not_collected_first(store: Database) -> None:
    """issue #2: memory stays bounded; the first rows come before the last ones are known."""
    with run_sql(store, CONFIG, "select range as n from range(1000000000000)") as running:
        batches = running.batches()
        assert next(batches)[0] == [0]
        assert next(batches)[0] == [64]


def test_a_statement_is_stopped_from_another_thread(store: Database) -> None:
    """issue #2: cancel on disconnect."""
    stopper = Stopper()
    started = threading.Event()

    def stop() -> None:
        started.wait(10)
        stopper.stop()

    def ask() -> None:
        statement = "select count(*) from range(10000000) a, range(10000000) b"
        with run_sql(store, CONFIG, statement, stopper=stopper) as running:
            started.set()
            list(running.batches())

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(QueryRefused, match="stopped"):
        ask()
    thread.join()
    with pytest.raises(QueryRefused, match="stopped"):
        ask()


def test_a_reader_that_takes_too_long_is_stopped_too(store: Database) -> None:
    """issue #2: the limit on time holds for the answer, not for its first row."""

    def ask() -> None:
        with run_sql(store, SqlConfig(timeout_s=0.2), "from range(1000000000000)") as running:
            for batch in running.batches():
                running.adjust(len(batch), 1)

    with pytest.raises(QueryTimeout):
        ask()


def arrow(
    database: Database, statement: str, max_rows: int | None = None, timeout_s: float = 20
) -> Table:
    config = SqlConfig(timeout_s=timeout_s)
    with run_sql(database, config, statement, max_rows=max_rows, is_arrow=True) as running:
        data = b"".join(running.arrow())
    return Table.from_arrow(read_ipc_stream(io.BytesIO(data)))


def test_an_arrow_answer_is_one_stream_of_many_batches(store: Database) -> None:
    """issue #2: Arrow stream; exact types."""
    table = arrow(
        store, "select range as n, make_timestamp_ns(range) as t, 'a'::enum('a', 'b') as e"
        " from range(300000) order by n",
    )  # fmt: skip
    assert table.num_rows == 300_000
    assert table.column_names == ["n", "t", "e"]
    assert table.num_columns == 3
    assert table["n"].combine_chunks()[299_999].as_py() == 299_999


@pytest.mark.parametrize(("max_rows", "count"), [(1, 1), (150_000, 150_000), (10**9, 200_000)])
def test_an_arrow_answer_can_be_cut(store: Database, max_rows: int, count: int) -> None:
    """issue #2: the question may ask for fewer rows."""
    assert arrow(store, "from range(200000)", max_rows).num_rows == count


def test_an_empty_arrow_answer_has_its_schema(store: Database) -> None:
    """ours: no rows are an answer too."""
    table = arrow(store, "select * from executions where false")
    assert table.num_rows == 0
    assert "execution_id" in table.column_names


def test_an_error_in_an_arrow_answer_is_ours(store: Database) -> None:
    """ours: whoever raised it."""
    with pytest.raises(QueryRefused, match="Could not convert"):
        arrow(store, "select (range || 'x')::int from range(3)")
    with pytest.raises(QueryTimeout):
        arrow(store, "select count(*) from range(10000000) a, range(10000000)", timeout_s=0.2)
    with pytest.raises(BadRequest, match="EXPLAIN has no arrow"):
        arrow(store, "explain select 1")


def test_json_that_is_nested_too_deeply_for_python_is_text(store: Database) -> None:
    """issue #7: an answer in SQL is never an error of ours, whatever somebody stored."""
    deep = "[" * 5000 + "]" * 5000
    assert values(store, "select $deep::json", deep=deep) == [deep]
    assert values(store, "select map {'a': $deep::json}", deep=deep) == [{"a": deep}]
    flat = '["' + "[" * 5000 + '"' + ", {}" * 5000 + "]"
    assert values(store, "select $flat::json", flat=flat)[0] == json.loads(flat)


def test_rows_come_out_the_same_in_any_mixture_of_types(store: Database) -> None:
    """ours: values are converted a column at a time, nulls and nested values among them."""
    statement = (
        "select n, n::varchar as t, n % 2 = 0 as b, case when n % 3 = 0 then n end as maybe, "
        "9007199254740990 + n as big, [n, null] as l, timestamp_ns '2026-01-01' as at from range(7) as r(n) order by n"
    )
    with run_sql(store, CONFIG, statement) as running:
        rows = [row for batch in running.batches() for row in batch]
    assert len(rows) == 7
    for n, row in enumerate(rows):
        big = 9007199254740990 + n
        assert row == [
            n, str(n), n % 2 == 0, n if n % 3 == 0 else None, big if big <= 2**53 else str(big), [n, None],
            "2026-01-01T00:00:00Z",
        ]  # fmt: skip
