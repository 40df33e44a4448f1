"""What a bundle takes elsewhere is what was there."""

import io
import itertools
import json
import zipfile
from datetime import datetime, timedelta

import pytest

from stepscope_collector.decode.otlp_json import to_message
from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.importer import Importer
from stepscope_collector.importing.piece import Refused
from stepscope_collector.importing.source import read_source
from stepscope_collector.query.export import otlp as otlp_module
from tests.unit.collector.portable.store import CAPTURES, MAPPING, START_NS, fill, store


@pytest.fixture(scope="module")
def filled():
    with store() as found:
        fill(found)
        yield found


LATER_NS = START_NS + 30 * 86400 * 10**9


def take_in(into, path):
    """Import a file a month later; (stored, known, refused)."""
    clock = itertools.count(LATER_NS, 10**9).__next__
    importer = Importer(lambda run: run(into.committer, MAPPING.plan), clock=clock)
    counts = [0, 0, 0]
    for piece in read_source(path):
        assert not isinstance(piece, Refused), piece
        taken = importer.take(piece.signal, piece.payload, path.name, piece.ingested)
        for place, count in enumerate((taken.stored, taken.known, taken.refused)):
            counts[place] += count
    return tuple(counts)


@pytest.fixture
def bundle(filled, tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(filled.export("bundle"))
    return path


@pytest.mark.parametrize("at_once", [3, 1000])
def test_a_bundle_in_an_empty_store_gives_equal_tables(filled, tmp_path, monkeypatch, at_once):
    """R094: export run bundle re-imports losslessly elsewhere; issue #7: twice = once."""
    monkeypatch.setattr(otlp_module, "_ROWS_AT_ONCE", at_once)
    path = tmp_path / "all.zip"
    path.write_bytes(filled.export("bundle"))
    with store() as other:
        stored, known, refused = take_in(other, path)
        assert (known, refused) == (0, 0)
        assert stored > 30
        tables = other.tables()
        assert tables == filled.tables()
        assert take_in(other, path) == (0, stored, 0)
        assert other.tables() == tables


def test_a_bundle_in_its_own_store_changes_nothing(filled, bundle):
    """issue #7: idempotent: into the same store nothing changes, the times of rows included."""
    before = filled.tables(), filled.rows("select * from stored.executions order by all")
    stored, _, refused = take_in(filled, bundle)
    assert (stored, refused) == (0, 0)
    assert (filled.tables(), filled.rows("select * from stored.executions order by all")) == before
    assert filled.rows("select * from stored.rejections") == []


def timeless(document):
    """A document without the times of this store."""
    for row in (document["execution"], *document["steps"], *document["attempts"]):
        row.pop("ingested_at")
        row.pop("updated_at", None)
    return document


def test_one_execution_goes_elsewhere_as_it_is(filled, tmp_path):
    """R094: share a run with others."""
    one_each = "select min(execution_id) from executions group by dialect order by all"
    ids = [each for (each,) in filled.rows(one_each)]
    for number, execution_id in enumerate(ids):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(filled.export("bundle", ids=(execution_id,)))
        with store() as other:
            take_in(other, path)
            (same,) = map(timeless, other.objects())
            assert [same] == [timeless(each) for each in filled.objects(ids=(execution_id,))]


@pytest.mark.parametrize("name", ["dbos.child.json", "restate.retry.json"])
def test_what_only_other_executions_tell_goes_with_one(tmp_path, name):
    """R094: losslessly: who started it stands in spans of the one that did, in traces that are folded."""
    path = tmp_path / "one.zip"
    with store() as whole:
        whole.take("traces", to_message("traces", (CAPTURES / name).read_bytes())[0])
        children = "select execution_id from executions where parent_execution_id is not null"
        ids = [each for (each,) in whole.rows(f"{children} order by 1")]
        assert ids
        path.write_bytes(whole.export("bundle", ids=ids[:1]))
        with store() as other:
            take_in(other, path)
            (same,) = map(timeless, other.objects(ids=ids[:1]))
            assert [same] == [timeless(each) for each in whole.objects(ids=ids[:1])]
        # each once, also where one is asked for and goes with another
        path.write_bytes(whole.export("bundle", filters={"filter": "duration >= 0s"}))
        spans = "select count(*) from stored.spans where not is_from_log"
        with zipfile.ZipFile(path) as file:
            counts = json.loads(file.read("manifest.json"))["counts"]
        assert [(counts["spans"],)] == whole.rows(spans)


def test_a_deleted_execution_does_not_come_back(filled, tmp_path):
    """R017: late spans do not resurrect it, nor does a bundle; no other row of it comes either."""
    path = tmp_path / "all.zip"
    path.write_bytes(filled.export("bundle"))
    with store() as other:
        take_in(other, path)
        now = datetime(2027, 1, 1)  # noqa: DTZ001 UTC without zone, as the columns are
        other.committer.delete(["exec-a1-ok"], now, now + timedelta(days=999))
        left = other.tables()
        # the child in its trace, which names it, is kept without the name
        path.write_bytes(filled.export("bundle", ids=("exec-a1-ok",)))
        assert take_in(other, path) == (0, 0, 0)
        assert other.tables() == left
        for table in ("spans", "log_records", "payloads", "executions", "metric_points"):
            count = f"select count(*) from stored.{table} where execution_id = 'exec-a1-ok'"
            assert other.rows(count) == [(0,)], table


def rewritten(bundle, change):
    """The bundle with some members changed; a change to None leaves the member out."""
    out = io.BytesIO()
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            body = change(name, old.read(name))
            if body is not None:
                new.writestr(name, body)
    bundle.write_bytes(out.getvalue())


def manifest_with(**members):
    def change(name, body):
        if name != "manifest.json":
            return body
        return json.dumps(json.loads(body) | members).encode()

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name, body: body + b"x" if name == "logs/000001.otlp" else body, "checksum"),
        (lambda name, body: None if name == "traces/000002.json" else body, "is missing"),
        (lambda name, body: None if name == "traces/000001.otlp" else body, "is missing"),
        (lambda name, body: None if name == "manifest.json" else body, "no bundle"),
        (lambda name, body: b"{" if name == "manifest.json" else body, "damaged"),
        (manifest_with(format="other"), "no bundle"),
        (manifest_with(format_version=2), "format_version=2, this import knows 1"),
        (manifest_with(members=[1]), "lists no members"),
    ],
)
def test_a_damaged_bundle_is_refused_before_anything_is_written(
    filled, tmp_path, monkeypatch, change, message
):
    """issue #7: portable; ours: a part is never taken for the whole."""
    monkeypatch.setattr(otlp_module, "_ROWS_AT_ONCE", 5)
    path = tmp_path / "all.zip"
    path.write_bytes(filled.export("bundle"))
    rewritten(path, change)
    with store() as other:
        with pytest.raises(BadRequest, match=message):
            take_in(other, path)
        assert other.rows("select * from stored.spans") == []


def test_a_bundle_cut_short_is_refused(bundle):
    """ours: a copy that did not come whole is not imported."""
    bundle.write_bytes(bundle.read_bytes()[:-30])
    with pytest.raises(BadRequest, match="is damaged"):
        list(read_source(bundle))
