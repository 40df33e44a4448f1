"""The commands of docs/portable.md, one after the other, as the processes they are."""

import gzip
import json
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope_collector.cli.server import run_server
from tests.integration.cli.conftest import stepscope
from tests.unit.collector.portable.test_older import database_of

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[3] / "docs" / "portable.md").read_text("utf-8")
COMMANDS = [
    shlex.split(command)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for command in block.splitlines()
    if command.startswith("stepscope ")
]


def run_all(data: Path, place: Path) -> dict[str, bytes]:
    """Every command of the page; the files they left, and what they said on stdout."""
    place.mkdir()
    found = {}
    for number, command in enumerate(COMMANDS):
        words = [
            str(place / word) if command[n - 1] == "-o" or (place / word).is_file() else word
            for n, word in enumerate(command)
        ]
        result = stepscope(*words, "--data", data)
        assert result.code == 0, (command, result.err)
        found[f"stdout {number}"] = result.out.replace(str(place), "").encode()
    return found | {path.name: path.read_bytes() for path in sorted(place.iterdir())}


@pytest.mark.timeout(240)
def test_the_page_is_true_with_and_without_a_server(stored, tmp_path):
    """issue #7: documents with tested commands; online and offline give the same files."""
    data = tmp_path / "data"
    shutil.copytree(stored, data)
    by_file = run_all(data, tmp_path / "file")
    with run_server(data, tmp_path / "log"):
        by_server = run_all(data, tmp_path / "server")
    assert by_file.keys() == by_server.keys()
    assert {"all.json", "one.zip", "failed.ndjson", "steps.csv", "executions.parquet"} <= {*by_file}
    assert not any(name.endswith(".partial") for name in by_file)
    made_when = {"one.zip"}
    same = [name for name in by_file if name not in made_when]
    assert {name: by_file[name] for name in same} == {name: by_server[name] for name in same}


def test_slips_of_the_command_say_the_remedy(ask, tmp_path):
    """R-errors: what was wrong, the value, the remedy."""
    slip = ask("export", "-o", tmp_path / "x.docx")
    assert slip.code == 2
    assert "the ending of x.docx names no format" in slip.err
    slip = ask("export", "--table", "steps", "-o", tmp_path / "x.zip")
    assert "holds whole executions, no table" in slip.err
    assert "no execution with the id 'a'" in ask("export", "a,b", "c").err
    nobody = ask("export", "nobody").err
    assert "no execution with the id 'nobody'" in nobody
    assert "hint: stepscope executions lists them" in nobody
    slip = ask("export", "-o", tmp_path / "nowhere" / "x.json")
    assert "cannot be written" in slip.err
    assert list(tmp_path.iterdir()) == []


def test_stdin_is_a_file_and_a_file_that_ends_early_says_where(ask, tmp_path):
    """issue #7: import of OTLP files: from a pipe too; what came before the damage stays."""
    data = tmp_path / "data"
    lines = ask("export", "--format", "otlp").out
    first = stepscope("import", "-", "--data", data, stdin=lines)
    assert (first.code, first.err) == (0, "")
    assert " 0 rows were stored before" in first.out
    packed = gzip.compress(lines.encode() + random.Random(1).randbytes(99_999))
    (tmp_path / "cut.gz").write_bytes(packed[:-5000])
    again = stepscope("import", tmp_path / "cut.gz", "--data", data)
    assert again.code == 2
    assert re.search(r"cut.gz: read until line \d; \d+ rows of it are stored, and stay", again.err)
    assert "cut.gz cannot be read to its end" in again.err
    slip = stepscope("import", "-", "--data", data, stdin="a,b\n1,2\n")
    assert (slip.code, slip.out) == (2, "")
    assert "- looks like text, such as CSV, which cannot be imported" in slip.err
    slip = stepscope("import", "-", "--data", data, stdin='{"name": "x"}')
    assert "- holds nothing that can be imported: line 1: no resourceSpans" in slip.err


def executions_of(data):
    """What is told of every execution, without when it was stored here."""
    result = stepscope(
        "sql", "select * exclude (updated_at) from executions order by all", "--data", data,
        "--format", "ndjson",
    )  # fmt: skip
    assert result.code == 0, result.err
    return result.out


def test_history_moves_between_a_server_and_a_file(stored, tmp_path):
    """R094: re-imports losslessly elsewhere, online and offline; R038: files can be merged; twice = once."""
    bundle = tmp_path / "all.zip"
    assert stepscope("export", "-o", bundle, "--data", stored).code == 0
    assert bundle.stat().st_mode & 0o777 == 0o600
    expected = executions_of(stored)
    told = []
    (tmp_path / "online").mkdir()
    with run_server(tmp_path / "online", tmp_path / "log"):
        for _ in range(2):
            result = stepscope("import", bundle, "--data", tmp_path / "online", "--format", "json")
            assert result.code == 0, result.err
            told.append(json.loads(result.out))
        assert executions_of(tmp_path / "online") == expected
    assert told[0]["stored"] == {"spans": 9, "log_records": 3, "metric_points": 0}
    assert (told[1]["known"], set(told[1]["stored"].values())) == (12, {0})
    for _ in range(2):
        result = stepscope("import", bundle, "--data", tmp_path / "offline")
        assert result.code == 0, result.err
    assert "0 spans, 0 log records, 0 data points stored; 12 rows were stored before" in result.out
    assert executions_of(tmp_path / "offline") == expected


def test_what_is_refused_is_told(ask, tmp_path):
    """issue #7: refused rows counted and told."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}\nnothing\n')
    told = stepscope("import", path, "--data", tmp_path / "data")
    assert told.code == 0, told.err
    assert "2 refused:" in told.out
    assert "bad.jsonl, line 2: no JSON" in told.out
    assert ask("import", tmp_path / "nothing").code == 7


def test_a_database_of_an_older_design_comes_in_through_the_server(tmp_path):
    """issue #7: import of the older designs' databases, online; local times are those of the machine."""
    path = tmp_path / "executions.db"
    database_of(path, "002")
    (tmp_path / "data").mkdir()
    with run_server(tmp_path / "data", tmp_path / "log"):
        for expected in ("4 spans, 3 log records", "0 spans, 0 log records"):
            result = stepscope("import", path, "--data", tmp_path / "data")
            assert result.code == 0, result.err
            assert expected in result.out
        sql = "select execution_id, started_at from executions order by 1"
        rows = stepscope("sql", sql, "--data", tmp_path / "data", "--format", "csv").out
        assert "h-1,2025-11-01T10:00:00.123Z" in rows  # two hours east of Greenwich
    slip = stepscope("import", path, "--timezone", "Mars", "--data", tmp_path / "data")
    assert "timezone='Mars' is none that is known" in slip.err


def test_an_interrupted_import_says_what_stays_and_goes_on(ask, tmp_path):
    """issue #7: Ctrl-C leaves whole requests; the same command takes the rest, and nothing twice."""
    span = {"traceId": "ab" * 16, "name": "s", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    lines = [
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [
            {**span, "name": "x" * 2000, "spanId": f"{line * 300 + n + 1:016x}"} for n in range(300)
        ]}]}]})
        for line in range(120)
    ]  # fmt: skip
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(lines))
    data = tmp_path / "data"
    command = [
        sys.executable,
        "-m",
        "stepscope_collector",
        "import",
        str(path),
        "--data",
        str(data),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        said = ""
        while "rows stored" not in said:
            line = run.stderr.readline()
            assert line, said
            said += line
        run.send_signal(signal.SIGINT)
        said += run.stderr.read()
        run.wait(50)
    assert run.returncode == 130, said
    assert "interrupted; " in said
    kept = int(said.partition("interrupted; ")[2].split()[0])
    assert 0 < kept < 36_000
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    stored, known = re.fullmatch(
        r"1 file: (\d+) spans, .*; (\d+) rows were stored before\n", again.stdout
    ).groups()
    assert int(stored) + int(known) == 36_000
    assert int(known) in (kept, kept + 300)  # a commit that ended may not have been told
