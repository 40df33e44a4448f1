import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_layout import check_file, check_tree, tracked_files

ROOT = Path(__file__).parents[3]


def messages(path: str, text: str) -> list[str]:
    return [str(finding) for finding in check_file(path, text)]


def test_module_of_500_lines_passes_and_one_of_501_is_too_long():
    """ours: docs/conventions.md, a module has at most 500 lines."""
    assert messages("a/b.py", "x = 1\n" * 500) == []
    assert messages("a/b.py", "x = 1\n" * 501) == ["a/b.py:501: 501 lines, limit 500; split it"]


def test_rust_module_of_500_lines_passes_and_one_of_501_is_too_long():
    """ours: docs/conventions.md, a module has at most 500 lines in whichever language."""
    assert messages("a/b.rs", "mod x;\n" * 500) == []
    assert messages("a/b.rs", "mod x;\n" * 501) == ["a/b.rs:501: 501 lines, limit 500; split it"]


def test_init_of_40_lines_passes_and_one_of_41_is_too_long():
    """ours: docs/conventions.md, an __init__.py only re-exports."""
    assert messages("a/__init__.py", "x = 1\n" * 40) == []
    assert messages("a/__init__.py", "x = 1\n" * 41) == [
        "a/__init__.py:41: 41 lines, limit 40; split it"
    ]


def test_sql_of_120_lines_passes_and_one_of_121_is_too_long():
    """ours: docs/conventions.md, a .sql file has at most 120 lines."""
    assert messages("q.sql", "-- purpose\nselect 1\n" + "\n" * 118) == []
    assert messages("q.sql", "-- purpose\nselect 1\n" + "\n" * 119) == [
        "q.sql:121: 121 lines, limit 120; split it"
    ]


def test_sql_without_header_comment_is_found():
    """ours: docs/conventions.md, the header says purpose, parameters and columns."""
    assert messages("q.sql", "select 1;\n") == [
        "q.sql:1: no header comment; say purpose, parameters and columns"
    ]


def test_sql_with_two_statements_is_found_where_the_first_ends():
    """ours: docs/conventions.md, one statement per .sql file."""
    assert messages("q.sql", "-- two; of them\nselect 1\n;\nselect 2;\n") == [
        "q.sql:3: 2 statements, limit 1; one object per file"
    ]


def test_migration_may_hold_several_statements():
    """ours: docs/conventions.md, a migration is one numbered file."""
    path = "schema/src/stepscope_schema/migrations/0002_more.sql"
    assert messages(path, "-- two\nselect 1;\nselect 2;\n" + "\n" * 200) == []


def test_sql_that_is_only_a_comment_is_found():
    """ours: docs/conventions.md, one statement per .sql file."""
    assert messages("q.sql", "-- nothing; really\n") == ["q.sql:1: no statement; delete the file"]


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a;b', 'it''s; so'",
        'select 1 as "a;b"',
        "select 1 -- one; two\n",
        "select 1 /* one;\ntwo; */ + 1",
        "select $$a;b$$;",
        "select '--' as dashes, 2;",
    ],
)
def test_semicolons_in_literals_names_and_comments_do_not_end_a_statement(statement):
    """ours: the check counts statements, not semicolons."""
    assert messages("q.sql", f"-- purpose\n{statement}\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "work/main/README.md",
        "path = '/" + "root/.venv/bin/python'",
        "cd /" + "home/ann/stepscope",
        "cd /" + "Users/ann/stepscope",
        "pip install --index-" + "url https://packages.example x",
        "--extra-index-" + "url=https://packages.example/x",
        "PIP_INDEX_" + "URL=https://packages.example",
        "--trusted-" + "host packages.example",
        "duckdb @ https://packages.example/" + "simple/duckdb",
        "see https://py" + "pi.org/project/duckdb",
        'File "/sr' + 'v/app/run.py"',
        'File "/opt/venv/lib/python3.11/site-' + 'packages/duckdb/__init__.py"',
        "registry=" + "https://packages.example",
    ],
)
def test_paths_of_one_machine_and_package_indexes_are_found_with_their_line(line):
    """ours: CONTRIBUTING.md, rule 6."""
    findings = list(check_file("notes.md", f"fine\n{line}\n"))
    assert {(finding.path, finding.line) for finding in findings} == {("notes.md", 2)}
    assert all("names a " in finding.message for finding in findings)


@pytest.mark.parametrize(
    "line",
    [
        "https://opentelemetry.io/docs/specs/wo" + "rk/otlp",
        "the framework/rootless/homework",
        'File "site-packages/duckdb/__init__.py", "/usr/lib/python3/site-packages/x.py"',
        "pip install --find-links dist stepscope",
        "the root/child relation of spans",
        "/usr/bin/env bash",
    ],
)
def test_ordinary_addresses_and_words_are_not_found(line):
    """ours: the check must not be in the way."""
    assert messages("notes.md", line) == []


def test_tree_is_what_git_tracks_or_would_track(tmp_path):
    """ours: a new file is checked before it is committed, an ignored one never."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
    for name in ("new.py", "ignored.py", "tracked.py"):
        (tmp_path / name).write_text("x = 1\n" * 501, encoding="utf-8")
    subprocess.run(["git", "-C", tmp_path, "add", "tracked.py"], check=True)
    paths = tracked_files(tmp_path)
    assert paths == [".gitignore", "new.py", "tracked.py"]
    assert [finding.path for finding in check_tree(tmp_path, paths)] == ["new.py", "tracked.py"]


def test_text_that_is_not_utf_8_is_found_and_known_binary_files_are_passed_over(tmp_path):
    """ours: a file nobody can read as text must say so by its suffix."""
    for name in ("a.txt", "b.png"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    assert [str(finding) for finding in check_tree(tmp_path, ["a.txt", "b.png"])] == [
        "a.txt:1: not UTF-8, and no known binary suffix"
    ]


def test_command_prints_findings_and_exits_with_1(tmp_path):
    """ours: `make layout` fails when a rule is broken."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    script = [sys.executable, ROOT / "scripts/check_layout.py", tmp_path]
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    (tmp_path / "q.sql").write_text("select 1", encoding="utf-8")
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "q.sql:1: no header comment; say purpose, parameters and columns\n"
