"""The history mapped anew is that of a collector that had the profiles of now from the beginning."""

import itertools
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from stepscope_collector.config import StoreConfig
from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.decode.spans import decode_spans
from stepscope_collector.errors import Conflict
from stepscope_collector.mapping.compile import compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import load_shipped
from stepscope_collector.query.otlp import read_traces
from stepscope_collector.remap import Remapper
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.database import Database
from tests.strategies.canonical import canonical_spans
from tests.strategies.otlp import trace_requests

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = sorted(path.name for path in CAPTURES.glob("*.*.json"))
SHIPPED = load_shipped()
ALL = compile_profiles(SHIPPED)
FEW = compile_profiles([each for each in SHIPPED if each.name in ("stepscope", "otel")])
LATER_NS = int(datetime(2026, 12, 5, tzinfo=UTC).timestamp()) * 10**9
TABLES = (
    "executions", "attempts", "spans", "open_spans", "payloads", "resources", "scopes",
)  # fmt: skip


class History:
    """A store whose profiles can be changed."""

    def __init__(self, database, mapping):
        self.database = database
        self.use(mapping)
        self.remapper = Remapper(
            lambda run: run(self._committer, self._mapping.plan),
            clock=itertools.count(LATER_NS).__next__,
        )
        self._hour = 0

    def use(self, mapping):
        """Map with these profiles from now on."""
        self._mapping = mapping
        self._committer = Committer(self.database.writer(), mapping)

    def take(self, request):
        """Store a request, an hour after the last one."""
        self._hour += 1
        now = datetime(2026, 12, 1, self._hour % 24, tzinfo=UTC)
        group = group_of([decode_spans(request, self._mapping.plan)], [], [], NewDimensions())
        self._committer.commit(group, now.replace(tzinfo=None), int(now.timestamp()) * 10**9)

    def remap(self, **asked):
        """Remap to the end; how it went."""
        remap = self.remapper.begin(**asked)
        while remap.state == "running":
            remap = self.remapper.step()
        return remap

    def rows(self, sql):
        with self.database.read() as connection:
            return connection.execute(sql).fetchall()

    def tables(self, *, exact=True):
        """All rows of all tables that tell of spans.

        `exact`: signs of life, too, and the ids of resources and scopes.
        """
        seen = () if exact else ("last_seen_unix_nano",)
        ids = () if exact else ("resource_id", "scope_id")
        hidden = {
            "executions": ("updated_at", *seen), "attempts": ("ingested_at", *seen),
            "open_spans": seen, "spans": ids,
        }  # fmt: skip
        found = {}
        for table in TABLES if exact else TABLES[:-2]:
            names = hidden.get(table)
            without = f"exclude ({', '.join(names)})" if names else ""
            found[table] = self.rows(f"select * {without} from stored.{table} order by all")
        found["traces"] = self.rows(
            """select trace_id, execution_id, min(first_start_unix_nano), max(last_start_unix_nano)
            from stored.traces
            where (trace_id, execution_id) in (select (trace_id, execution_id) from stored.spans)
            group by all order by all"""
        )
        return found


@contextmanager
def history(mapping=ALL):
    with Database.open(None, StoreConfig()) as database:
        yield History(database, mapping)


def recorded(name):
    return to_message("traces", (CAPTURES / name).read_bytes())[0]


@pytest.fixture(scope="module")
def everything():
    """All recordings, as they are stored by all profiles at once."""
    with history() as store:
        for name in NAMES:
            store.take(recorded(name))
        yield store


def test_nothing_changes_when_the_profiles_are_the_same(everything):
    """issue #5: remap re-derives; what is derived from the same by the same is the same."""
    before = everything.tables()
    remap = everything.remap()
    assert everything.tables() == before
    spans = everything.rows("select count(*), count(distinct trace_id) from stored.spans")
    assert [(remap.span_count, remap.done_count)] == spans
    assert (remap.state, remap.failed_count) == ("finished", 0)
    assert remap.trace_count == remap.done_count == remap.remapped_count


def test_new_profiles_give_what_they_would_have_given_at_once(everything):
    """issue #5: re-derives history from the lossless spans after a profile changed."""
    with history(FEW) as store:
        for name in NAMES:
            store.take(recorded(name))
        without = store.tables()
        store.use(ALL)
        remap = store.remap()
        assert remap.failed_count == 0
        assert store.tables() == everything.tables() != without
        store.use(FEW)  # and back
        store.remap()
        assert store.tables() == without


@pytest.mark.parametrize("dialect", ["dbos", "restate", "temporal"])
def test_one_dialect_alone_can_be_mapped_anew(dialect, everything):
    """issue #5: remap --dialect; traces of others stay as they are."""
    with history(FEW) as store:
        for name in NAMES:
            store.take(recorded(name))
        store.use(ALL)
        remap = store.remap(dialect=dialect)
        assert 0 < remap.remapped_count < remap.done_count
        of_it = f"select * exclude (updated_at) from executions where dialect = '{dialect}' order by all"
        assert store.rows(of_it) == everything.rows(of_it) != []
        others = set(store.rows("select distinct dialect from executions"))
        assert others <= {("otel",), ("stepscope",), (None,), (dialect,)} | others & {
            (name,) for name in together_with(everything, dialect)
        }
        # the name of a profile that is no more leads to what it mapped
        store.use(FEW)
        assert store.remap(dialect=dialect).remapped_count >= remap.remapped_count
        assert (dialect,) not in store.rows("select distinct dialect from stored.spans")


def together_with(store, dialect):
    """Dialects that share traces with this one."""
    rows = store.rows(
        f"""select distinct dialect from stored.spans where trace_id in
        (select trace_id from stored.spans where dialect = '{dialect}')"""
    )
    return [name for (name,) in rows]


def test_traces_before_a_time_stay_as_they_are():
    """issue #5: remap --since."""
    with history(FEW) as store:
        for name in ("dbos.success.json", "restate.success.json"):
            store.take(recorded(name))
        ((newest,),) = store.rows("select max(start_time_unix_nano) from stored.spans")
        store.use(ALL)
        assert store.remap(since_ns=newest + 1).remapped_count == 0
        remap = store.remap(since_ns=newest)
        assert remap.trace_count == remap.remapped_count == 1
        assert store.remap().remapped_count > 1


@given(request=trace_requests)
@settings(
    max_examples=60,
    phases=[Phase.generate, Phase.reuse],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_spans_stay_what_they_are(empty, request):
    """issue #5: from the lossless spans, whatever they hold."""
    for table in (*TABLES, "traces"):
        empty.database.writer().execute(f"delete from stored.{table}")
    empty.take(request)
    # signs of life are never later than the commit that told of them, and what OTLP does not tell
    # apart, such as a key_strindex, may have another id
    before, sent = empty.tables(exact=False), otlp(empty)
    remap = empty.remap()
    assert empty.tables(exact=False) == before
    assert otlp(empty) == sent
    assert remap.failed_count == 0


@pytest.fixture(scope="module")
def empty():
    with history() as store:
        yield store


def otlp(store):
    with store.database.read() as connection:
        return canonical_spans(read_traces(connection))


def test_a_remap_goes_on_where_it_was(everything):
    """issue #5: resumable: the position is committed with the rows."""
    with history(FEW) as store:
        for name in NAMES:
            store.take(recorded(name))
        store.use(ALL)
        first = store.remapper.begin()
        store.remapper._most_traces = 3
        part = store.remapper.step()
        assert 0 < part.done_count < part.trace_count
        other = Remapper(
            lambda run: run(store._committer, ALL.plan), clock=lambda: LATER_NS
        )  # as after a restart
        again = other.begin()
        assert (again.remap_id, again.done_count) == (first.remap_id, part.done_count)
        with pytest.raises(Conflict, match="a remap of all dialects is under way"):
            other.begin(dialect="dbos")
        while again.state == "running":
            again = other.step()
        assert again.done_count == again.trace_count
        assert store.tables() == everything.tables()


def test_a_remap_that_was_stopped_goes_no_further():
    """issue #5: what is mapped anew stays so."""
    with history(FEW) as store:
        for name in NAMES[:8]:
            store.take(recorded(name))
        assert store.remapper.stop() is None
        store.remapper.begin()
        store.remapper._most_traces = 2
        done = store.remapper.step().done_count
        assert store.remapper.stop().state == "stopped"
        assert store.remapper.step().done_count == done
        assert store.remap(dialect="otel").state == "finished"


def test_a_trace_that_fails_stays_as_it_was(everything, monkeypatch):
    """ours: nothing is lost, the others are mapped, and the reason is told."""
    bad = everything.rows("select min(trace_id) from stored.spans where dialect = 'dbos'")[0][0]
    with history(FEW) as store:
        for name in NAMES:
            store.take(recorded(name))
        before = store.rows(f"select * from stored.spans where trace_id = '{bad}' order by all")
        whole = ALL.fold

        def fold(rows):
            if any(row[1] == bad.hex for row in rows):
                raise StoreError
            return whole(rows)

        store.use(replace_fold(ALL, fold))
        remap = store.remap()
        assert remap.failed_count >= 1
        assert bad.hex in remap.last_error
        assert remap.done_count == remap.trace_count
        assert (
            store.rows(f"select * from stored.spans where trace_id = '{bad}' order by all")
            == before
        )
        assert store.rows("select count(*) from stored.spans where dialect = 'temporal'") == (
            everything.rows("select count(*) from stored.spans where dialect = 'temporal'")
        )


class StoreError(ValueError):
    pass


def replace_fold(mapping, fold):
    class Failing(type(mapping)):
        __slots__ = ()

    failing = Failing(**{name: getattr(mapping, name) for name in mapping.__slots__})
    type(failing).fold = lambda self, rows: fold(rows)
    return failing
