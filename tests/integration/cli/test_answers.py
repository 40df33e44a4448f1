"""What the commands print about a known history, in processes of their own."""

import csv
import io
import json

import duckdb
import pytest

from stepscope_collector.cli.executions import LARGEST_PAGE
from stepscope_collector.query.executions import MAX_PAGE
from tests.integration.cli.history import STACK

pytestmark = pytest.mark.e2e


def ids(result) -> list[str]:
    return [row["execution_id"] for row in json.loads(result.out)]


def test_the_list_is_newest_first_with_local_times(ask):
    """issue #2: times local with zone on screen."""
    result = ask("executions")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "STATUS   EXECUTION       WORKFLOW        STARTED                        DURATION      ATTEMPTS  ERROR\n"
        "failed   exec-d4-bare    etl             2026-03-01 15:05:16.100+02:00  100.0 ms             0  KeyError: 'x'\n"
        "failed   exec-b2-failed  etl             2026-03-01 15:05:14.100+02:00    1.00 s  2 (2 failed)  ValueError: bad row\n"
        "success  exec-c3-child   archive         2026-03-01 15:05:10.300+02:00  400.0 ms             0\n"
        "success  exec-a1-ok      nightly-report  2026-03-01 15:05:09.100+02:00    2.00 s  3 (1 failed)\n"
    )


def test_data_formats_have_utc_times_and_whole_nanoseconds(ask):
    """issue #2: RFC 3339 UTC in data."""
    (row,) = json.loads(ask("executions", "--parent", "exec-a1-ok", "--format", "json").out)
    assert row["started_at"] == "2026-03-01T13:05:10.300000000Z"
    assert row["duration_ns"] == 400_000_000
    lines = ask("executions", "--format", "csv").out
    assert [row["execution_id"] for row in csv.DictReader(io.StringIO(lines))] == [
        "exec-d4-bare", "exec-b2-failed", "exec-c3-child", "exec-a1-ok",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--status", "failed"], ["exec-d4-bare", "exec-b2-failed"]),
        (["--status", "error"], ["exec-d4-bare", "exec-b2-failed"]),
        (["--workflow", "etl", "--error-type", "ValueError"], ["exec-b2-failed"]),
        (["--trigger", "schedule"], ["exec-a1-ok"]),
        (["--user", "ada"], ["exec-a1-ok"]),
        (["--version", "1.4.0"], ["exec-a1-ok"]),
        (["--root", "exec-a1-ok"], ["exec-c3-child", "exec-a1-ok"]),
        (["--started-after", "2026-03-01T13:05:14.1Z"], ["exec-d4-bare", "exec-b2-failed"]),
        (["--started-before", "2026-03-01T13:05:10Z"], ["exec-a1-ok"]),
        (["--order", "duration", "--limit", "2"], ["exec-d4-bare", "exec-c3-child"]),
        (["--order", "-attempts", "--limit", "2"], ["exec-a1-ok", "exec-b2-failed"]),
        (["--order", "workflow", "--limit", "1"], ["exec-c3-child"]),
        (["--service", "nobody"], []),
        (["-f", "status = failed and not workflow = etl or tag = eu"], ["exec-a1-ok"]),
        (["--filter", "duration > 1s", "--status", "success"], ["exec-a1-ok"]),
        (["-f", "step(name = load and attempts > 1)"], ["exec-a1-ok"]),
        (["-f", 'error ~ "BAD Row" or log ~ "line 2"'], ["exec-b2-failed", "exec-a1-ok"]),
    ],
    ids=lambda value: " ".join(value),
)  # fmt: skip
def test_filters_and_orders_are_those_of_the_read_api(ask, filters, found):
    """issue #2: list with all filters of the read API."""
    assert ids(ask("executions", "--format", "json", *filters)) == found


def test_the_statuses_of_a_filter_are_counted(ask):
    """issue #7: counts by status for the current filter."""
    assert ask("executions", "--counts").out == (
        "STATUS   EXECUTIONS\nfailed            2\nsuccess           2\n"
    )
    counts = ask("executions", "-f", "workflow = etl", "--counts", "--format", "json")
    assert json.loads(counts.out) == [{"status": "failed", "count": 2}]


def test_chosen_columns_are_shown(ask):
    """issue #7: chosen columns, including paths into params and outputs."""
    names = "workflow,start,duration,output.rows,attributes.nothing"
    found = ask("executions", "--columns", names, "--limit", "2", "--order", "start")
    assert found.out == (
        "execution_id   workflow        start                          duration  output.rows  attributes.nothing\n"
        "exec-a1-ok     nightly-report  2026-03-01 15:05:09.100+02:00  2.00 s              3  -\n"
        "exec-c3-child  archive         2026-03-01 15:05:10.300+02:00  400.0 ms            -  -\n"
    )
    (row,) = json.loads(
        ask(
            "executions", "--columns", names, "--limit", "1", "--order", "start", "--format", "json"
        ).out
    )
    assert row == {
        "execution_id": "exec-a1-ok", "workflow": "nightly-report",
        "start": "2026-03-01T13:05:09.100000000Z", "duration": 2_000_000_000, "output.rows": 3,
        "attributes.nothing": None,
    }  # fmt: skip


def test_a_wrong_filter_is_pointed_at(ask):
    """issue #7: an error that points at the place and names the nearest right word."""
    result = ask("executions", "-f", "workflow = etl and stauts = failed")
    assert result.code == 2
    assert result.err == (
        "stepscope: unknown field 'stauts', at character 20 of the filter\n"
        "    workflow = etl and stauts = failed\n"
        "                       ^^^^^^\n"
        "  hint: did you mean 'status'?\n"
    )


def test_pages_are_walked_by_cursor(ask):
    """issue #2: keyset pages."""
    first = ask("executions", "--format", "json", "--limit", "3")
    assert first.err.startswith("more: --cursor ")
    cursor = first.err.split()[-1]
    second = ask("executions", "--format", "json", "--cursor", cursor)
    assert second.err == ""
    assert ids(first) + ids(second) == ids(ask("executions", "--format", "json", "--all"))
    assert len(ids(first)) == 3


def test_the_largest_page_is_that_of_the_read_api():
    """ours: the number stands twice, because importing it would import DuckDB."""
    assert LARGEST_PAGE == MAX_PAGE


def test_an_execution_in_full(ask):
    """issue #2: steps as a tree with durations and attempts, inputs, outputs, children, logs."""
    assert (
        ask("show", "exec-a1", "--logs").out
        == """\
Execution exec-a1-ok
  status        success
  workflow      nightly-report
  version       1.4.0
  trigger       schedule
  user          ada
  service       reports
  dialect       stepscope
  started       2026-03-01 15:05:09.100+02:00
  ended         2026-03-01 15:05:11.100+02:00
  duration      2.00 s
  tags          nightly, eu
  trace         000000000000000000000000000000a1

Input
  {
    "day": "2026-02-28"
  }

Output
  {
    "rows": 3
  }

Steps (2)
STEP               STATUS   DURATION  TIME                      ERROR
extract            success  500.0 ms  ██████··················
load (2 attempts)  success    1.00 s  ············████████████
  attempt 1 of 3   failed   400.0 ms  ······█████·············  TimeoutError: no answer
  attempt 2 of 3   success    1.00 s  ············████████████

Step load: input
  {
    "rows": 3
  }

Child executions (1)
STATUS   EXECUTION      WORKFLOW  STARTED                        DURATION  ATTEMPTS  ERROR
success  exec-c3-child  archive   2026-03-01 15:05:10.300+02:00  400.0 ms         0

Logs
2026-03-01 15:05:09.100+02:00 INFO  [extract] line 0
2026-03-01 15:05:09.200+02:00 INFO  [extract] line 1
2026-03-01 15:05:09.300+02:00 INFO  [extract] line 2
"""
    )


def test_a_failed_execution_shows_the_innermost_step_and_its_stack(ask):
    """R033: the step that failed, not those that raised its error again."""
    text = ask("show", "exec-b2").out
    stack = "".join(f"  {line}\n" for line in STACK.splitlines())
    assert f"Error\n  ValueError: bad row\n  raised in step load\n{stack}" in text


def test_an_error_outside_every_step_has_its_stack_too(ask):
    """issue #2: a failure with its error and stack."""
    assert "Error\n  KeyError: 'x'\n  own stack\n" in ask("show", "exec-d4").out


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ("nobody", 7, "no execution with the id 'nobody', and none whose id begins so"),
        ("exec-", 2, "several executions have an id that begins with 'exec-'"),
        ("100%", 7, "no execution with the id '100%', and none whose id begins so"),
        ("a/b", 7, "no execution with the id 'a/b', and none whose id begins so"),
    ],
)
def test_an_id_that_fits_none_or_several_is_told(ask, written, code, message):
    """issue #2: a prefix of an id works if it is unique."""
    result = ask("show", written)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"stepscope: {message}\n  hint: ")


def test_logs_are_cut_to_the_last_or_to_those_after_one(ask):
    """issue #2: logs ID with --tail and --after."""
    assert [line.split()[-1] for line in ask("logs", "exec-a1").out.splitlines()] == ["0", "1", "2"]
    tail = ask("logs", "exec-a1", "--tail", "1", "--format", "json")
    (row,) = json.loads(tail.out)
    assert (row["body"], row["sequence"], row["step_name"]) == ("line 2", 2, "extract")
    after = ask("logs", "exec-a1", "--after", "0", "--format", "ndjson")
    assert [json.loads(line)["sequence"] for line in after.out.splitlines()] == [1, 2]
    assert ask("logs", "exec-a1", "-f").err == "no server runs, so nothing can follow\n"
    assert ask("logs", "exec-a1", "-f", "--format", "csv").code == 2


def test_statistics_per_workflow_and_per_step(ask):
    """issue #2: stats per workflow, with --steps per step."""
    rows = {row["workflow_id"]: row for row in json.loads(ask("stats", "--format", "json").out)}
    assert set(rows) == {"nightly-report", "archive", "etl"}
    etl = rows["etl"]
    assert (etl["count"], etl["failed"], etl["success_rate"]) == (2, 2, 0.0)
    assert etl["p50_ns"] == 550_000_000
    lines = ask("stats", "--steps", "--workflow", "nightly-report").out.splitlines()
    assert lines[0].split() == [
        "WORKFLOW", "STEP", "COUNT", "SUCCESS", "FAILED", "RUNNING", "RETRIES", "RATE", "P50",
        "P95", "P99", "TOTAL",
    ]  # fmt: skip
    assert ["nightly-report", "load", "2", "1", "1", "0", "1", "50.0", "%"] in [
        line.split()[:9] for line in lines
    ]


def test_statistics_by_name(ask):
    """R131, R135: days, clusters, retries and more on the command line, chosen by options."""
    days = json.loads(ask("stats", "days", "--format", "json").out)
    assert {row["precision"] for row in days} == {"exact"}
    assert ask("stats", "steps").out == ask("stats", "--steps").out
    clusters = json.loads(ask("stats", "clusters", "--format", "json").out)
    one = clusters[0]["fingerprint"]
    failures = json.loads(ask("stats", "failures", "--fingerprint", one, "--format", "json").out)
    assert len(failures) == clusters[0]["count"]
    slowest = json.loads(ask("stats", "slowest-steps", "--format", "json").out)
    durations = [int(row["duration_ns"]) for row in slowest]
    assert durations == sorted(durations, reverse=True)
    assert ask("stats", "slowest-steps", "--limit", "1").out.startswith(
        "DURATION  WORKFLOW ID  STEP"
    )
    for what in ("step-days", "steps", "workflows"):
        limited = ask("stats", what, "--limit", "1", "--format", "ndjson")
        assert (len(limited.out.splitlines()), limited.err) == (
            1, "there are more: raise --limit, or choose fewer\n",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["dayz"], "did you mean"),
        (["days", "--filter", "usr = ann"], "did you mean"),
        (["days", "--step", "x"], "it takes --limit and all filters"),
        (["days", "--step", "x"], "stats days takes no --step"),
        (["steps", "--change", "slower"], "stats steps takes no --change"),
        (["steps", "--limit", "0"], "limit=0 is out of range"),
    ],
)
def test_a_statistic_says_what_it_takes(ask, options, message):
    """issue #7: an option that a statistic does not know is an error that names those it knows."""
    result = ask("stats", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_sql_comes_from_the_argument_a_file_or_stdin(ask, tmp_path):
    """issue #2: argument, file or stdin."""
    question = "select count(*) as n from executions"
    expected = "n\n4\n"
    file = tmp_path / "question.sql"
    file.write_text(question)
    for result in (
        ask("sql", question),
        ask("sql", "--file", file),
        ask("sql", "-", stdin=question),
        ask("sql", stdin=question),
    ):
        assert (result.code, result.out) == (0, expected)
        assert result.err.startswith("1 row in ")
        assert result.err.endswith(" ms\n")
    assert ask("sql", question, "--file", file).code == 2
    assert ask("sql", "--file", tmp_path / "missing.sql").code == 2
    assert ask("sql", "select $n", "-p", "n").code == 2


def test_sql_answers_in_every_format(ask):
    """issue #2, R155: JSON, NDJSON, CSV, Arrow stream."""
    question = "select execution_id, duration_ns from executions order by 1 limit 2"
    rows = [
        {"execution_id": "exec-a1-ok", "duration_ns": 2_000_000_000},
        {"execution_id": "exec-b2-failed", "duration_ns": 1_000_000_000},
    ]
    assert json.loads(ask("sql", question, "--format", "json").out) == rows
    lines = ask("sql", question, "--format", "ndjson").out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    text = ask("sql", question, "--format", "csv").out
    assert list(csv.reader(io.StringIO(text))) == [
        ["execution_id", "duration_ns"],
        ["exec-a1-ok", "2000000000"],
        ["exec-b2-failed", "1000000000"],
    ]


def test_sql_answers_into_a_file(ask, tmp_path):
    """R155: -o; its ending says the format, and the name is there only when the file is whole."""
    question = "-- the two\nselect execution_id from executions order by 1 limit 2"
    ids = ["exec-a1-ok", "exec-b2-failed"]
    for name, options in (("a.csv", ()), ("a.json", ()), ("a.data", ("--format", "ndjson"))):
        result = ask("sql", question, "-o", tmp_path / name, *options)
        assert (result.code, result.out) == (0, ""), result.err
        assert f"{name}: " in result.err
    assert (tmp_path / "a.csv").read_text().split() == ["execution_id", *ids]
    assert [row["execution_id"] for row in json.loads((tmp_path / "a.json").read_text())] == ids
    lines = (tmp_path / "a.data").read_text().splitlines()
    assert [json.loads(line)["execution_id"] for line in lines] == ids
    assert ask("sql", question, "-o", tmp_path / "a.parquet").code == 0
    found = duckdb.execute(
        "select execution_id from read_parquet($1)", [str(tmp_path / "a.parquet")]
    )
    assert found.fetchall() == [(each,) for each in ids]
    wrong = ask("sql", question, "-o", tmp_path / "a.txt")
    assert (wrong.code, "names no format" in wrong.err) == (2, True)
    assert ask("sql", "select nothing from executions", "-o", tmp_path / "b.csv").code == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.csv",
        "a.data",
        "a.json",
        "a.parquet",
    ]


@pytest.mark.parametrize("word", [".tables", "\\d", "\\?", "help", "exit"])
def test_words_of_the_shell_are_named_as_such(ask, word):
    """ours: what works in the shell is no SQL, and the message says what is."""
    result = ask("sql", word)
    assert (result.code, result.out) == (2, "")
    assert f"{word} is for the shell, and no SQL" in result.err
    assert "show tables" in result.err


def test_sql_answers_as_an_arrow_stream(ask):
    """issue #2, R155: arrow to stdout when it is not a terminal."""
    from arro3.io import read_ipc_stream

    result = ask("sql", "select 7::integer as n, 'x' as t", "--format", "arrow")
    assert (result.code, result.err.endswith(" ms, answer included\n")) == (0, True)
    table = read_ipc_stream(io.BytesIO(result.out.encode(errors="surrogateescape"))).read_all()
    assert table.column_names == ["n", "t"]
    assert [column.to_pylist() for column in (table["n"], table["t"])] == [[7], ["x"]]


def test_an_answer_that_was_cut_says_so(ask):
    """issue #2: limits on rows."""
    result = ask("sql", "from range(5)", "--max-rows", "2", "--format", "json")
    assert len(json.loads(result.out)) == 2
    assert "; there are more: raise --max-rows" in result.err


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("select nothing from executions", 2),
        ("delete from stored.spans", 2),
        ("select 1; select 2", 2),
        ("select * from read_csv('/etc/passwd')", 2),
    ],
)
def test_sql_that_is_wrong_or_would_write_is_refused(ask, statement, code):
    """issue #2: the guard, also when the file is opened without a server."""
    result = ask("sql", statement)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("stepscope: ")
    assert len(result.err.splitlines()) <= 2
    assert ask("sql", "select count(*) from spans", "--format", "csv").out.split()[-1] == "9"


def test_sql_that_runs_too_long_is_stopped(ask):
    """issue #2: limits on time; exit codes that scripts can use."""
    result = ask(
        "sql", "select count(*) from range(100000000) a, range(100000000) b",
        STEPSCOPE_SQL_TIMEOUT_S="0.2",
    )  # fmt: skip
    assert (result.code, result.out) == (8, "")
    assert "ran longer than 0.2 s" in result.err


def test_doctor_tells_sizes_versions_and_rows(ask, stored):
    """R107: schema, versions, row counts, disk."""
    report = json.loads(ask("doctor", "--format", "json").out)
    assert report["asked"] == f"file {stored / 'stepscope.duckdb'}"
    assert report["store"]["path"] == str(stored / "stepscope.duckdb")
    assert "store\n" in ask("doctor").out
    assert ask("doctor", "--format", "csv").code == 2
