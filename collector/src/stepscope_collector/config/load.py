"""Fills the tree: default < TOML file < variable < flag that was typed.

One TOML file is read, the nearest: the one named (`--config`, `STEPSCOPE_CONFIG`), else
`stepscope.toml` in the current directory, else `$XDG_CONFIG_HOME/stepscope/config.toml`. Every
mistake is a ConfigError that names where the value stands and what would be right.
"""

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stepscope_collector.config.client import CLIENT_VARIABLES
from stepscope_collector.config.mistakes import parse, unknown
from stepscope_collector.config.setting import Setting, default_data_dir
from stepscope_collector.config.tables import TABLES, read_tables, targets_of
from stepscope_collector.config.tree import Settings, all_settings
from stepscope_collector.errors import ConfigError

__all__ = [
    "CONFIG_VARIABLE",
    "SERVER_VARIABLE",
    "Loaded",
    "environment",
    "find_config_file",
    "load",
]

CONFIG_VARIABLE = "STEPSCOPE_CONFIG"
"""Names the TOML file; the flag `--config` wins over it."""
SERVER_VARIABLE = "STEPSCOPE_SERVER"
"""URL of the server that commands ask; the flag `--server` wins over it."""

_PREFIX = "STEPSCOPE_"


@dataclass(frozen=True)
class Loaded:
    """The settings and where each value came from."""

    settings: Settings
    sources: Mapping[str, str]
    """Per key: `default`, the path of the file, the name of the variable, or the flag."""
    config_file: Path | None
    """The TOML file that was read; None: there is none."""
    server: str | None
    """Value of STEPSCOPE_SERVER; None: not set."""


def environment() -> dict[str, str]:
    """A copy of the environment: for child processes and for what is no setting (NO_COLOR)."""
    return dict(os.environ)


def find_config_file(named: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read, None if there is none.

    A named file must exist: ConfigError.
    """
    if named is None and environ.get(CONFIG_VARIABLE):
        named = Path(environ[CONFIG_VARIABLE])
    if named is not None:
        path = (cwd / named.expanduser()).absolute()
        if not path.is_file():
            raise ConfigError(f"config file {path} does not exist", hint="check --config")
        return path
    places = [cwd / "stepscope.toml"]
    with suppress(RuntimeError):  # a user without a home, as in containers
        home = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        places.append(home / "stepscope" / "config.toml")
    return next((place.absolute() for place in places if place.is_file()), None)


def load(
    *,
    config_file: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Loaded:
    """The effective settings.

    Args:
        config_file: file named by the user; None: the nearest one.
        flags: values of flags that were typed, per key such as `otlp.grpc`.
        environ: None: the environment of the process.
        cwd: where relative paths of flags and variables start; None: the current directory.

    Raises:
        ConfigError: an unknown name, a wrong type, a value out of range, a file that is not TOML.
    """
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    known = {setting.key: setting for setting in all_settings()}
    path = find_config_file(config_file, environ, cwd)
    found: dict[str, tuple[Any, str]] = {
        key: (setting.default, "default") for key, setting in known.items()
    }
    found["data.dir"] = (default_data_dir(environ), "default")
    if path is not None:
        found |= _from_file(path, known)
    found |= _from_environment(environ, known, cwd)
    for key, value in (flags or {}).items():
        flag = known[key].flag
        found[key] = (parse(known[key], value, flag, cwd), flag)
    _check_together(found)
    found[TABLES] = (targets_of(found), found.get(TABLES, ((), "default"))[1])
    return Loaded(
        settings=_build({key: value for key, (value, _) in found.items()}),
        sources=MappingProxyType({key: source for key, (_, source) in found.items()}),
        config_file=path,
        server=environ.get(SERVER_VARIABLE) or None,
    )


def _from_file(path: Path, known: Mapping[str, Setting]) -> dict[str, tuple[Any, str]]:
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: it is not UTF-8 text") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    sections = [section.name for section in fields(Settings)]
    found = {}
    for section, content in document.items():
        if section not in sections:
            raise unknown(f"section {section!r} in {path}", section, sections)
        if not isinstance(content, dict):
            raise ConfigError(
                f"{section} in {path} is {content!r}, not a section; write [{section}]"
            )
        for name, value in content.items():
            key = f"{section}.{name}"
            if key == TABLES:
                found[key] = (read_tables(value, known, path), str(path))
                continue
            if key not in known:
                raise unknown(f"key {key!r} in {path}", key, known)
            place = f"{key} in {path}"
            found[key] = (parse(known[key], value, place, path.parent), str(path))
    return found


def _from_environment(
    environ: Mapping[str, str], known: Mapping[str, Setting], cwd: Path
) -> dict[str, tuple[Any, str]]:
    by_variable = {setting.variable: setting for setting in known.values()}
    # the last is the SDK's; both often run with one environment
    allowed = {CONFIG_VARIABLE, SERVER_VARIABLE, "STEPSCOPE_SPOOL_DIR", *CLIENT_VARIABLES}
    found = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable in allowed:
            continue
        setting = by_variable.get(variable)
        if setting is None:
            raise unknown(f"variable {variable}", variable, by_variable)
        # An empty variable is an unset one, as OTel's specification has it.
        if value.strip():
            found[setting.key] = (parse(setting, value, variable, cwd), variable)
    return found


def _check_together(found: Mapping[str, tuple[Any, str]]) -> None:
    payload, _ = found["limits.max_payload_bytes"]
    inflight, source = found["limits.max_inflight_bytes"]
    if inflight < payload:
        raise ConfigError(
            f"limits.max_inflight_bytes={inflight} ({source}) is below "
            f"limits.max_payload_bytes={payload}, so the largest request could never come in",
            hint="raise the first or lower the second",
        )


def _build(found: Mapping[str, Any]) -> Settings:
    sections: dict[str, Any] = {}
    for section in fields(Settings):
        prefix = section.name + "."
        own = {key.removeprefix(prefix): v for key, v in found.items() if key.startswith(prefix)}
        factory: Any = section.default_factory
        sections[section.name] = factory(**own)
    return Settings(**sections)
