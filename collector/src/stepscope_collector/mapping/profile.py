"""Profiles: how one dialect of spans says executions and steps, as data.

A profile is a TOML file whose fields are SQL expressions over the columns of a decoded batch.
Two macros reach what has no column of its own:

    attr('key', 'other key', …)      first of these span attributes that is present, as text
    resource('key', 'other key', …)  the same for resource attributes

Loading checks names and macros; `compile.py` checks the expressions against DuckDB.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from stepscope_collector.decode.batch import Plan
from stepscope_collector.errors import ConfigError

__all__ = ["FIELDS", "Profile", "expand", "load_shipped", "parse", "plan_of"]

FIELDS: Final[dict[str, str]] = {
    "role": "varchar",
    "execution_id": "varchar",
    "step_id": "varchar",
    "step_name": "varchar",
    "step_type": "varchar",
    "step_index": "integer",
    "attempt": "integer",
    "max_attempts": "integer",
    "is_expected_retry": "boolean",
    "status": "varchar",
    "status_native": "varchar",
    "error_type": "varchar",
    "error_message": "varchar",
    "workflow_id": "varchar",
    "workflow_name": "varchar",
    "workflow_version": "varchar",
    "project": "varchar",
    "trigger_type": "varchar",
    "user_id": "varchar",
    "tags": "varchar",
    "parent_execution_id": "varchar",
    "root_execution_id": "varchar",
    "exit_code": "integer",
    "live_phase": "varchar",
    "open_start_unix_nano": "ubigint",
    "open_parent_span_id": "ubigint",
}
"""Fields a profile may fill, with their SQL type. A field it leaves out is null.

`execution_id` is the id the span itself names; null: the collector assigns the nearest known
ancestor's, else the trace's. `live_phase` not null makes the span a live marker of its parent,
which started at `open_start_unix_nano` below `open_parent_span_id`.
"""

_KEYS: Final = {"name": str, "description": str, "priority": int, "detect": str, "fields": dict}
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MACRO: Final = re.compile(r"\b(attr|resource)\s*\(\s*('[^']*'(?:\s*,\s*'[^']*')*)\s*\)")
_QUOTED: Final = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Profile:
    """One dialect."""

    name: str
    description: str
    priority: int
    """Where several profiles detect a span, the highest priority maps it."""
    detect: str
    """SQL condition over the batch."""
    fields: dict[str, str]
    """Field to SQL expression, macros not yet expanded."""
    source: str
    """File it came from, for messages."""


def parse(text: str, source: str) -> Profile:
    """A profile from the text of its TOML file.

    Raises:
        ConfigError: not TOML, a key or field that does not exist, or a value of the wrong type;
            names the file, the key and the nearest valid one.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"profile {source} is not valid TOML: {error}") from error
    for key, value in document.items():
        _check_known(source, "key", key, _KEYS)
        if not isinstance(value, _KEYS[key]):
            raise ConfigError(
                f"profile {source}: {key} is a {type(value).__name__}, must be a "
                f"{_KEYS[key].__name__}"
            )
    missing = [key for key in _KEYS if key not in document]
    if missing:
        raise ConfigError(f"profile {source} lacks {', '.join(missing)}")
    if not _NAME.fullmatch(document["name"]):
        raise ConfigError(
            f"profile {source}: name {document['name']!r} must be lower-case letters, digits and "
            "hyphens, at most 63"
        )
    fields: dict[str, Any] = document["fields"]
    for name, expression in fields.items():
        _check_known(source, "field", name, FIELDS)
        if not isinstance(expression, str):
            raise ConfigError(f"profile {source}: field {name} must be SQL text in quotes")
    return Profile(
        document["name"],
        document["description"],
        document["priority"],
        document["detect"].strip(),
        {name: expression.strip() for name, expression in fields.items()},
        source,
    )


def _check_known(source: str, kind: str, name: str, known: Iterable[str]) -> None:
    if name in known:
        return
    nearest = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {nearest[0]!r}" if nearest else ""
    raise ConfigError(f"profile {source}: unknown {kind} {name!r}{hint}")


def load_shipped() -> list[Profile]:
    """The profiles that come with Stepscope, highest priority first."""
    folder = files("stepscope_schema").joinpath("profiles")
    profiles = [
        parse(entry.read_text(encoding="utf-8"), entry.name)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    return sorted(profiles, key=lambda profile: (-profile.priority, profile.name))


def expand(expression: str) -> str:
    """The expression with its macros replaced by batch columns."""

    def column(match: re.Match[str]) -> str:
        kind, keys = match.groups()
        columns = [f'"{kind}:{key}"' for key in _QUOTED.findall(keys)]
        return columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"

    return _MACRO.sub(column, expression)


def plan_of(profiles: Iterable[Profile]) -> Plan:
    """Which attributes the decoder has to give columns: all that some profile asks for."""
    asked: dict[str, set[str]] = {"attr": set(), "resource": {"service.name"}}
    for profile in profiles:
        for expression in (profile.detect, *profile.fields.values()):
            for kind, keys in _MACRO.findall(expression):
                asked[kind].update(_QUOTED.findall(keys))
    return Plan(tuple(sorted(asked["attr"])), tuple(sorted(asked["resource"])))
