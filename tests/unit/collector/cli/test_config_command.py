"""`stepscope config`."""

import csv
import io
import json
import re


def test_every_setting_is_shown_with_its_source(run, home, monkeypatch):
    """issue #2: effective values with their source."""
    (home / "stepscope.toml").write_text("[store]\nthreads = 3\n[limits]\ngrpc_workers = 9\n")
    monkeypatch.setenv("STEPSCOPE_STORE_THREADS", "4")
    rows = {row["key"]: row for row in json.loads(run("config", "--format", "json").out)}
    assert rows["store.threads"] | {} == {
        "key": "store.threads",
        "value": 4,
        "shown": "4",
        "source": "STEPSCOPE_STORE_THREADS",
        "variable": "STEPSCOPE_STORE_THREADS",
        "flag": "--store-threads",
    }
    assert rows["limits.grpc_workers"]["source"] == str(home / "stepscope.toml")
    assert rows["data.dir"]["source"] == "default"
    table = run("config").out
    assert re.search(r"^limits\.max_payload_bytes +64MiB ", table, re.MULTILINE)
    from_csv = list(csv.DictReader(io.StringIO(run("config", "--format", "csv").out)))
    assert [row["key"] for row in from_csv] == list(rows)


def test_shared_options_stand_before_or_after_the_command(run, home):
    """ours: the later one wins."""
    before = json.loads(run("--format", "json", "--data", "a", "config").out)
    assert before[0] | {"value": str(home / "a"), "source": "--data"} == before[0]
    after = json.loads(run("--data", "a", "--format", "csv", "config", "--data", "b",
                           "--format", "json").out)  # fmt: skip
    assert after[0]["value"] == str(home / "b")


def test_the_path_of_the_file_is_printed_or_its_absence_told(run, home):
    """issue #2: config path."""
    result = run("config", "path")
    assert (result.code, result.out) == (1, "")
    assert "no config file" in result.err
    (home / "stepscope.toml").write_text("")
    assert run("config", "path") == (0, f"{home / 'stepscope.toml'}\n", "")


def test_check_finds_mistakes(run, home, monkeypatch):
    """issue #2: unknown keys are errors."""
    (home / "stepscope.toml").write_text("[store]\nthreads = 3\n")
    result = run("config", "check")
    assert result.out.startswith(f"ok: {home / 'stepscope.toml'}; 1 of ")
    (home / "stepscope.toml").write_text("[store]\nthread = 3\n")
    result = run("config", "check")
    assert result.code == 2
    assert result.err == (
        f"stepscope: unknown key 'store.thread' in {home / 'stepscope.toml'}\n"
        "  hint: did you mean store.threads?\n"
    )


def test_secrets_in_headers_are_not_shown_in_any_format(run, home):
    """ours: the output of config goes into bug reports."""
    (home / "stepscope.toml").write_text(
        '[tee]\nheaders = { authorization = "Bearer hunter2" }\n'
        '[[tee.to]]\nname = "m"\nendpoint = "http://10.0.0.1:1"\nheaders = { x = "hunter2" }\n'
    )
    for form in ("table", "json", "csv", "ndjson"):
        shown = run("config", "--format", form).out
        assert "hunter2" not in shown
        assert "authorization=…" in shown or "authorization=\\u2026" in shown
        assert "tee.to m" in shown
        assert "http://10.0.0.1:1" in shown
