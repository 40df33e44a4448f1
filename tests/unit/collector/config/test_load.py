"""The order of settings and what is refused."""

import dataclasses
from pathlib import Path

import pytest

from stepscope_collector.config import Settings, all_settings, load
from stepscope_collector.errors import ConfigError


@pytest.fixture
def home(tmp_path):
    """An environment whose home and current directory are empty."""
    environ = {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return environ, cwd


def test_defaults_are_those_of_the_contract(home):
    """issue #2: loopback by default, ports 4317 to 4319; R069: the XDG data directory."""
    environ, cwd = home
    loaded = load(environ=environ, cwd=cwd)
    settings = loaded.settings
    assert settings.data.dir == Path(environ["XDG_DATA_HOME"]) / "stepscope"
    assert settings.data.database_path.name == "stepscope.duckdb"
    assert settings.data.endpoints_path.name == "endpoints.json"
    assert (settings.otlp.grpc, settings.otlp.http) == ("127.0.0.1:4317", "127.0.0.1:4318")
    assert settings.web.listen == "127.0.0.1:4319"
    assert settings.limits.max_payload_bytes == 67_108_864
    assert settings.limits.max_inflight_bytes == 268_435_456
    assert settings.executions.lost_after_s == 300
    assert settings.sql.timeout_s == 30
    assert settings.sql.max_rows == 10_000
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.config_file is None


def test_flag_beats_variable_beats_file_beats_default(home):
    """issue #2: defaults < TOML file < STEPSCOPE_* < flags."""
    environ, cwd = home
    file = cwd / "stepscope.toml"
    file.write_text(
        '[otlp]\ngrpc = "127.0.0.1:1"\nhttp = "127.0.0.1:1"\n[web]\nlisten = "127.0.0.1:1"\n'
        '[store]\nthreads = 3\nmemory_limit_bytes = "128MiB"\n'
    )
    environ |= {"STEPSCOPE_OTLP_GRPC": "127.0.0.1:2", "STEPSCOPE_OTLP_HTTP": "127.0.0.1:2"}
    loaded = load(environ=environ, cwd=cwd, flags={"otlp.grpc": "127.0.0.1:3"})
    assert loaded.settings.otlp.grpc == "127.0.0.1:3"
    assert loaded.settings.otlp.http == "127.0.0.1:2"
    assert loaded.settings.web.listen == "127.0.0.1:1"
    assert loaded.settings.store.threads == 3
    assert loaded.settings.store.memory_limit_bytes == 134_217_728
    assert loaded.settings.log.level == "info"
    assert loaded.sources["otlp.grpc"] == "--otlp-grpc"
    assert loaded.sources["otlp.http"] == "STEPSCOPE_OTLP_HTTP"
    assert loaded.sources["web.listen"] == str(file)
    assert loaded.sources["log.level"] == "default"


def test_the_nearest_file_is_read_alone(home, tmp_path):
    """ours: a named file, else the current directory's, else XDG's; files are not merged."""
    environ, cwd = home
    xdg = tmp_path / "config" / "stepscope" / "config.toml"
    xdg.parent.mkdir(parents=True)
    xdg.write_text('[log]\nlevel = "debug"\n[store]\nthreads = 1\n')
    assert load(environ=environ, cwd=cwd).settings.log.level == "debug"
    (cwd / "stepscope.toml").write_text('[log]\nlevel = "error"\n')
    near = load(environ=environ, cwd=cwd)
    assert near.settings.log.level == "error"
    assert near.settings.store.threads == 0
    assert near.config_file == cwd / "stepscope.toml"
    named = tmp_path / "named.toml"
    named.write_text('[log]\nlevel = "warning"\n')
    assert load(environ=environ, cwd=cwd, config_file=named).settings.log.level == "warning"
    environ["STEPSCOPE_CONFIG"] = str(named)
    assert load(environ=environ, cwd=cwd).settings.log.level == "warning"
    assert load(environ=environ, cwd=cwd, config_file=xdg).settings.log.level == "debug"


def test_a_named_file_that_does_not_exist_is_an_error(home):
    """ours: nothing is ignored silently."""
    environ, cwd = home
    with pytest.raises(ConfigError, match=r"no\.toml does not exist"):
        load(environ=environ, cwd=cwd, config_file=Path("no.toml"))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[otpl]\n", "unknown section 'otpl' in .*stepscope.toml", "did you mean otlp?"),
        ("[otlp]\ngrcp = 'a:1'\n", "unknown key 'otlp.grcp' in ", "did you mean otlp.grpc?"),
        ("[otlp]\nxyzzy = 1\n", "unknown key 'otlp.xyzzy' in ", None),
        ("threads = 3\n", "unknown section 'threads' in ", None),
        ("store = 3\n", r"store in .* is 3, not a section; write \[store\]", None),
        ("[store]\nthreads = 'many'\n", "store.threads in .* is 'many', not a whole number", None),
        (
            "[store]\nthreads = -1\n",
            "store.threads in .* is -1, below 0; write a whole number",
            None,
        ),
        ("[store]\nthreads = true\n", "store.threads in .* is True, not a whole number", None),
        ("[store]\nthreads = 4096\n", "store.threads in .* is 4096; the most is 1024", None),
        (
            "[store]\nmemory_limit_bytes = '1MiB'\n",
            "store.memory_limit_bytes in .* is 1MiB; the least is 64MiB",
            None,
        ),
        ("[log]\nlevel = 'loud'\n", "log.level in .* is 'loud'; write one of debug, info", None),
        ("[store\n", "stepscope.toml is not TOML: ", None),
        (
            "[limits]\nmax_inflight_bytes = '1MiB'\n",
            r"limits.max_inflight_bytes=1048576 \(.*stepscope.toml\) is below "
            "limits.max_payload_bytes=67108864",
            "raise the first or lower the second",
        ),
    ],
)
def test_a_mistake_in_a_file_names_file_key_and_remedy(home, text, message, hint):
    """issue #2: unknown keys are errors."""
    environ, cwd = home
    (cwd / "stepscope.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load(environ=environ, cwd=cwd)
    assert caught.value.exit_code == 2
    if hint is not None:
        assert caught.value.hint == hint


def test_a_file_that_is_not_text_is_an_error(home):
    """ours: no traceback at users."""
    environ, cwd = home
    (cwd / "stepscope.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(environ=environ, cwd=cwd)


def test_an_unknown_variable_is_an_error_with_the_nearest_known_one(home):
    """issue #2: unknown keys are errors."""
    environ, cwd = home
    environ["STEPSCOPE_OTLP_GRCP"] = "127.0.0.1:1"
    with pytest.raises(ConfigError, match="unknown variable STEPSCOPE_OTLP_GRCP") as caught:
        load(environ=environ, cwd=cwd)
    assert caught.value.hint == "did you mean STEPSCOPE_OTLP_GRPC?"


def test_a_wrong_variable_and_a_wrong_flag_are_named(home):
    """ours: an error names where the value stands."""
    environ, cwd = home
    with pytest.raises(ConfigError, match=r"^--otlp-grpc has port 70000; ports go up to 65535"):
        load(environ=environ, cwd=cwd, flags={"otlp.grpc": "127.0.0.1:70000"})
    environ["STEPSCOPE_SQL_TIMEOUT_S"] = "soon"
    with pytest.raises(ConfigError, match=r"^STEPSCOPE_SQL_TIMEOUT_S is 'soon', not a duration"):
        load(environ=environ, cwd=cwd)


def test_an_empty_variable_is_an_unset_one(home):
    """ours: as OTel's specification of environment variables has it."""
    environ, cwd = home
    environ["STEPSCOPE_OTLP_GRPC"] = ""
    assert load(environ=environ, cwd=cwd).sources["otlp.grpc"] == "default"


def test_relative_paths_start_at_the_file_or_at_the_current_directory(home, tmp_path):
    """ours: a file means the same wherever the command is started."""
    environ, cwd = home
    file = tmp_path / "etc" / "s.toml"
    file.parent.mkdir()
    file.write_text('[data]\ndir = "history"\n')
    loaded = load(environ=environ, cwd=cwd, config_file=file)
    assert loaded.settings.data.dir == tmp_path / "etc" / "history"
    flagged = load(environ=environ, cwd=cwd, config_file=file, flags={"data.dir": "here"})
    assert flagged.settings.data.dir == cwd / "here"


def test_a_relative_xdg_directory_is_ignored(home):
    """ours: XDG base directory specification, all paths must be absolute."""
    environ, cwd = home
    environ |= {"XDG_DATA_HOME": "relative"}
    assert load(environ=environ, cwd=cwd).settings.data.dir.is_absolute()
    assert "relative" not in str(load(environ=environ, cwd=cwd).settings.data.dir)


def test_every_field_of_the_tree_is_a_setting_with_texts():
    """ours: flags, variables and the reference page derive from the tree."""
    keys = [setting.key for setting in all_settings()]
    expected = [
        f"{section.name}.{each.name}"
        for section in dataclasses.fields(Settings)
        for each in dataclasses.fields(getattr(Settings(), section.name))
        if (section.name, each.name) != ("tee", "to")  # tables, see test_targets.py
    ]
    assert keys == expected
    for setting in all_settings():
        assert setting.effect.endswith("."), setting.key
        assert setting.why.endswith("."), setting.key
        assert setting.flag.startswith("--"), setting.key


def test_every_default_is_valid_and_survives_being_shown(tmp_path):
    """ours: what `config` prints can be pasted into a file."""
    for setting in all_settings():
        if setting.default is None:
            continue
        parsed = setting.parse(setting.default, base=tmp_path)
        assert parsed == setting.default
        assert setting.parse(setting.show(parsed), base=tmp_path) == parsed


def test_a_user_without_a_home_needs_none(monkeypatch, tmp_path):
    """issue #4: in a container the user may have no home and no name."""

    def homeless(_self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    loaded = load(environ={}, cwd=tmp_path)
    assert (loaded.settings.data.dir, loaded.config_file) == (Path("/var/lib/stepscope"), None)
