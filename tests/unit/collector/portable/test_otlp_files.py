"""OTLP files of ours and of others."""

import gzip
import itertools
import json
import sys

import pytest

from stepscope_collector.decode.otlp_json import REQUESTS, to_json
from stepscope_collector.errors import BadRequest, NotFound
from stepscope_collector.importing import cut as cut_module
from stepscope_collector.importing import gather as gather_module
from stepscope_collector.importing.importer import Importer
from stepscope_collector.importing.piece import Refused
from stepscope_collector.importing.source import read_source
from stepscope_collector.query.otlp import read_logs, read_metrics, read_traces
from tests.strategies.canonical import canonical_logs, canonical_metrics, canonical_spans
from tests.unit.collector.portable.store import MAPPING, START_NS, fill, store

CANONICAL = {"traces": canonical_spans, "logs": canonical_logs, "metrics": canonical_metrics}
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

READ = {"traces": read_traces, "logs": read_logs, "metrics": read_metrics}


@pytest.fixture(scope="module")
def sent():
    """A request of each signal."""
    with store() as filled:
        fill(filled)
        with filled.database.read() as connection:
            yield {signal: read(connection) for signal, read in READ.items()}


def lengths(*messages):
    """What the Collector's file exporter writes with `format: proto`."""
    bodies = [message.SerializeToString() for message in messages]
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def text(message, **options):
    return json.dumps(to_json(message), **options).encode()


FORMS = {
    "one object": text,
    "one line": lambda message: text(message) + b"\n",
    "over many lines": lambda message: text(message, indent=2),
    "an empty line between": lambda message: b"\n" + text(message) + b"\n\n",
    "gzip": lambda message: gzip.compress(text(message), mtime=0),
    "zstd": lambda message: zstd.compress(text(message)),
    "protobuf": lambda message: message.SerializeToString(),
    "protobuf with lengths": lengths,
    "protobuf in gzip": lambda message: gzip.compress(lengths(message), mtime=0),
}


def take_in(into, path, signal=None):
    """Import a file; rows stored and known, and what was refused."""
    clock = itertools.count(START_NS, 10**9).__next__
    importer = Importer(lambda run: run(into.committer, MAPPING.plan), clock=clock)
    stored = known = 0
    refused = []
    for piece in read_source(path, signal):
        if isinstance(piece, Refused):
            refused.append((piece.place, piece.reason))
            continue
        taken = importer.take(piece.signal, piece.payload, path.name, piece.ingested)
        stored, known = stored + taken.stored, known + taken.known
        refused += [(piece.place, reason) for reason in taken.reasons]
    return stored, known, refused


@pytest.mark.parametrize("signal", READ)
@pytest.mark.parametrize("form", FORMS)
def test_a_request_in_a_file_is_taken_as_it_was_sent(sent, tmp_path, signal, form):
    """issue #7: import of OTLP files: JSON, NDJSON and protobuf of the Collector's file exporter."""
    path = tmp_path / "file"
    path.write_bytes(FORMS[form](sent[signal]))
    with store() as into:
        stored, known, refused = take_in(into, path)
        assert (known, refused) == (0, [])
        with into.database.read() as connection:
            found = READ[signal](connection)
        assert CANONICAL[signal](found) == CANONICAL[signal](sent[signal])
        assert take_in(into, path) == (0, stored, [])


def test_many_requests_of_all_signals_in_one_file(sent, tmp_path):
    """issue #7: what `stepscope export --format otlp` writes comes in again."""
    lines = [text(message) for message in sent.values()]
    both = {**json.loads(lines[0]), **json.loads(lines[1])}
    path = tmp_path / "all.jsonl"
    path.write_bytes(b"\n".join([*lines, json.dumps(both).encode()]))
    with store() as into:
        stored, known, refused = take_in(into, path)
        assert refused == []
        assert known == stored - 8  # both again, without the 8 data points
        path.write_bytes(lengths(sent["traces"], sent["traces"]))
        assert take_in(into, path)[0] == 0


def test_a_large_request_is_taken_in_parts(sent, tmp_path, monkeypatch):
    """issue #7: bounded: no request of a file holds up the writer for long."""
    monkeypatch.setattr(cut_module, "_ROWS", 3)
    monkeypatch.setattr(gather_module, "_MAX_BYTES", 1)
    path = tmp_path / "file"
    for signal, message in sent.items():
        path.write_bytes(message.SerializeToString())
        merged = REQUESTS[signal]()
        pieces = list(read_source(path))
        for piece in pieces:
            merged.MergeFromString(piece.payload)
        assert CANONICAL[signal](merged) == CANONICAL[signal](message)
        assert len(pieces) > (1 if signal != "metrics" else 0)


def test_small_requests_of_spans_come_together(sent, tmp_path):
    """issue #7: a file of many small requests is taken in with few commits; logs keep their requests."""
    path = tmp_path / "file"
    path.write_bytes(
        b"\n".join([text(sent["traces"]), text(sent["traces"]), text(sent["logs"])] * 3)
    )
    pieces = list(read_source(path))
    assert [(piece.signal, piece.place) for piece in pieces] == [
        ("traces", "line 1 to line 2"), ("logs", "line 3"), ("traces", "line 4 to line 5"),
        ("logs", "line 6"), ("traces", "line 7 to line 8"), ("logs", "line 9"),
    ]  # fmt: skip
    assert [piece.done_bytes for piece in pieces] == sorted(piece.done_bytes for piece in pieces)
    twice = REQUESTS["traces"].FromString(pieces[0].payload)
    assert len(twice.resource_spans) == 2 * len(sent["traces"].resource_spans)
    with store() as into:
        stored, known, refused = take_in(into, path)
        assert (refused, known) == ([], 5 * count_of(sent["traces"]) + 2 * count_of(sent["logs"]))
        assert stored == count_of(sent["traces"]) + count_of(sent["logs"])


def count_of(message):
    """Rows of a request."""
    signal = next(name for name, kind in REQUESTS.items() if isinstance(message, kind))
    return cut_module.row_count(signal, message)


def test_what_is_refused_is_told_with_its_place(sent, tmp_path):
    """issue #7: refused rows are counted and told; nothing is lost without being recorded."""
    bad_span = {"spanId": "12", "traceId": "00" * 16, "name": "bad"}
    bad = {"resourceSpans": [{"scopeSpans": [{"spans": [bad_span]}]}]}
    lines = [
        text(sent["logs"]), b"{}", b'{"resourceSpans": 7}', b"[1, 2]", json.dumps(bad).encode(),
        b"no json", text(sent["metrics"]),
    ]  # fmt: skip
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"\n".join(lines))
    with store() as into:
        stored, _, refused = take_in(into, path)
        assert stored == 4 + 8
        assert [place for place, _ in refused] == [f"line {n}" for n in (2, 3, 4, 5, 6)]
        found = "select reason, name, sender from stored.rejections"
        rejections = into.rows(found)
        assert [(name, sender) for _, name, sender in rejections] == [("bad", "import some.jsonl")]
        take_in(into, path)
        assert into.rows(found) == rejections


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello, world", "looks like text, such as CSV"),
        (b"a,b\n1,\xc3", "looks like text, such as CSV"),
        (b"PAR1\x15\x04", "looks like a Parquet file"),
        (b"12345678DUCK\x40\0", "looks like a DuckDB database"),
        (b"x" * 257 + b"ustar\x00", "looks like a tar file"),
        (b"\x00\x01\x02\xff", "nothing that can be imported"),
        (zstd.compress(b"{}" * 999)[:-3], "cannot be read to its end"),
        (b'[{"execution": {}, "steps": [], "attempts": []}]', "to be read, not to be imported"),
        (b"PK\x03\x04 no zip", "is damaged"),
        (b"\x1f\x8bno gzip", "cannot be read to its end"),
        (gzip.compress(b'{"resourceSpans": []}' * 99, mtime=0)[:-9], "cannot be read to its end"),
        (b"\x0a\x02\x12\x00", "neither spans, log records nor metrics"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, message):
    """ours: what was wrong, and the file's name."""
    path = tmp_path / "what"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match=message) as refusal:
        list(read_source(path))
    assert str(path) in refusal.value.message


def test_a_file_that_is_not_there_or_ends_early(sent, tmp_path):
    """ours: told, and what came before the end is taken."""
    with pytest.raises(NotFound):
        list(read_source(tmp_path / "nothing"))
    path = tmp_path / "cut"
    path.write_bytes(lengths(sent["logs"], sent["logs"])[:-3])
    pieces = read_source(path)
    assert next(pieces).signal == "logs"
    with pytest.raises(BadRequest, match="cannot be read to its end"):
        next(pieces)


def test_a_damaged_first_line_takes_no_other_with_it(sent, tmp_path):
    """issue #7: a broken file says where, and the rest of it is taken."""
    line = text(sent["logs"])
    path = tmp_path / "some.jsonl"
    for begin, places in ((line[:70], ["line 1"]), (b"", []), (b"[1,", ["line 1"])):
        path.write_bytes(b"\n".join([begin, line, line[:50], line]))
        with store() as into:
            stored, known, refused = take_in(into, path)
            assert (stored, known) == (4, 4)
            assert [place for place, _ in refused] == [*places, "line 3"]
    path.write_bytes(json.dumps(json.loads(line), indent=1).encode()[:-9])
    with store() as into:
        assert [place for place, _ in take_in(into, path)[2]] == ["the file"]


def test_the_signal_of_protobuf_may_be_named(tmp_path):
    """issue #7: where the bytes leave open what they are."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "no time"
    path = tmp_path / "file"
    path.write_bytes(request.SerializeToString())
    with store() as into:
        assert take_in(into, path, "logs") == (1, 0, [])
