"""Profiles: how one dialect of spans says executions and steps, as data.

A profile is a TOML file whose fields are SQL expressions over the spans of its dialect. Loading
checks names and macros; `profiles.py` has DuckDB read the expressions.

Users' own files stand beside those that are shipped; one of the same name takes its place.

There are two kinds. A *direct* profile (`direct = true`) is for spans that say everything
themselves: its expressions run over the columns of the decoded batch and their values go to the
store as they are. All other profiles are *folded*: their expressions run over whole spans
(attributes, events, links, resource, scope), and what the spans of a trace say is folded together
(`fold/`), because other engines spread an execution, a step or a try over several spans.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.macros import check_macros

__all__ = [
    "DIRECT_FIELDS",
    "FIELDS",
    "ROLES",
    "TELLABLE",
    "Profile",
    "Rule",
    "load_folder",
    "load_shipped",
    "parse",
    "with_own",
]

_SHARED_FIELDS: Final[dict[str, str]] = {
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
}

DIRECT_FIELDS: Final[dict[str, str]] = _SHARED_FIELDS | {
    "queued_unix_nano": "ubigint",
    "live_phase": "varchar",
    "open_start_unix_nano": "ubigint",
    "open_parent_span_id": "ubigint",
}
"""Fields a direct profile may fill, with their SQL type. A field it leaves out is null.

`execution_id` is the id the span itself names; null: the collector assigns the nearest known
ancestor's, else the trace's. `live_phase` not null makes the span a live marker of its parent,
which started at `open_start_unix_nano` below `open_parent_span_id`.
"""

FIELDS: Final[dict[str, str]] = _SHARED_FIELDS | {
    "error_stack": "varchar",
    "execution_name": "varchar",
    "session_id": "varchar",
    "retry_of_execution_id": "varchar",
    "continued_from_execution_id": "varchar",
    "started_unix_nano": "ubigint",
    "ended_unix_nano": "ubigint",
    "queued_unix_nano": "ubigint",
    "is_open": "boolean",
    "open_span_id": "ubigint",
    "open_parent_span_id": "ubigint",
    "failed_tries": "struct(ended_unix_nano ubigint, error_type varchar, error_message varchar)[]",
    "event_steps": "struct(at_unix_nano ubigint, name varchar, type varchar)[]",
}
"""Fields a folded profile may fill, with their SQL type. docs/dialects/profiles.md tells each."""

ROLES: Final = (
    "execution",
    "execution_start",
    "execution_end",
    "execution_attempt",
    "step",
    "step_start",
    "step_part",
    "step_whole",
    "operation",
    "noise",
)
"""What a span contributes. docs/dialects/profiles.md tells each."""

TELLABLE: Final = (
    *FIELDS,
    "input",
    "output",
    "params",
    "logs",
    "queued_at",
    "started_at",
    "ended_at",
    "signals",
    "step_status",
    "skipped_steps",
    "expected_failures",
)
"""What a profile may say its engine does not emit: its fields, and what else an execution has."""

_RESERVED: Final = {
    "stepscope": "attributes of its spans stand in the columns that it fills and would be lost",
    "otel": "it takes every span that no other profile detects",
}
_MAX_BYTES: Final = 256 * 1024
"""Of a file; the largest shipped one has 5 KiB."""
_MAX_PRIORITY: Final = 1000

_KEYS: Final[dict[str, type]] = {
    "name": str,
    "description": str,
    "version": str,
    "priority": int,
    "detect": str,
    "direct": bool,
    "execution_by": str,
    "outcome": str,
    "status_from": str,
    "continues": bool,
    "plain_spans": str,
    "not_emitted": dict,
    "fields": dict,
    "maps": dict,
    "rules": list,
}
_REQUIRED: Final = ("name", "description", "priority", "detect")
_CHOICES: Final = {
    "execution_by": ("nearest", "topmost"),
    "outcome": ("last", "first_success"),
    "status_from": ("spans", "steps", "errors", "attempts"),
    "plain_spans": ("operation", "step"),
}
_RULE_KEYS: Final = ("name", "when", "role", "nested_role", "hosted_role", "adopt")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MAP_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the spans that meet one condition contribute."""

    name: str
    when: str
    """SQL condition over one span of the dialect."""
    role: str
    nested_role: str | None
    """The role where a span of the same dialect stands above; None: the same."""
    hosted_role: str | None
    """The role where a span of another engine stands above, to whose execution it then belongs."""
    adopt: bool
    """Without an id of its own, the span takes that of its first child that has one."""
    fields: dict[str, str]
    """Expressions that win over those of the profile."""


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
    direct: bool = False
    rules: tuple[Rule, ...] = ()
    """The first whose condition a span meets decides what it contributes."""
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    """Words of the sender, in lower case, to ours; used by the macro `mapped`."""
    execution_by: str = "nearest"
    """nearest: a span's own id wins; topmost: that of the topmost span of the dialect."""
    outcome: str = "last"
    """Of several final spans the one that ended last, or the first that succeeded."""
    status_from: str = "spans"
    """Where an execution without a final span has its status from: nowhere; its steps; their errors,
    else unknown; its last attempt."""
    continues: bool = False
    """A run below another of the same workflow id continues it."""
    plain_spans: str = "operation"
    """What spans of no dialect are below those of this one."""
    not_emitted: dict[str, str] = field(default_factory=dict)
    """What its engine cannot tell, and why."""
    version: str | None = None
    """What its author calls this state of it; None: nothing."""
    is_shipped: bool = False
    """It came with Stepscope."""

    def filled(self) -> list[str]:
        """The fields that some expression of it fills, in alphabetical order."""
        said = set(self.fields).union(*(rule.fields for rule in self.rules))
        return sorted(said | ({"role"} if self.rules else set()))


def parse(text: str, source: str) -> Profile:
    """A profile from the text of its TOML file.

    Raises:
        ConfigError: not TOML, a key, field or macro that does not exist, or a value of the wrong
            type; names the file, the key and the nearest valid one.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"profile {source} is not valid TOML: {error}") from error
    for key, value in document.items():
        _check_known(source, "key", key, _KEYS)
        _check_type(source, key, value, _KEYS[key])
    missing = [key for key in _REQUIRED if key not in document]
    if missing:
        raise ConfigError(f"profile {source} lacks {', '.join(missing)}")
    for key, choices in _CHOICES.items():
        if key in document:
            _check_known(source, key, document[key], choices)
    if not _NAME.fullmatch(document["name"]):
        raise ConfigError(
            f"profile {source}: name {document['name']!r} must be lower-case letters, digits and "
            "hyphens, at most 63"
        )
    if not 0 <= document["priority"] <= _MAX_PRIORITY:
        raise ConfigError(
            f"profile {source}: priority {document['priority']} is out of range; 0 to {_MAX_PRIORITY}"
        )
    direct = document.get("direct", False)
    maps = _maps(document.get("maps", {}), source)
    rules = tuple(
        _rule(each, number, source, maps)
        for number, each in enumerate(document.get("rules", []), 1)
    )
    if direct and (rules or maps):
        raise ConfigError(f"profile {source}: a direct profile has neither rules nor maps")
    known = DIRECT_FIELDS if direct else FIELDS
    check_macros(source, "detect", document["detect"], {}, detecting=True)
    return Profile(
        name=document["name"],
        description=document["description"],
        priority=document["priority"],
        detect=document["detect"].strip(),
        fields=_fields(document.get("fields", {}), source, "field", known, maps),
        source=source,
        direct=direct,
        rules=rules,
        maps=maps,
        not_emitted=_not_emitted(document.get("not_emitted", {}), source),
        version=document.get("version"),
        **{
            key: document[key]
            for key in ("execution_by", "outcome", "status_from", "continues", "plain_spans")
            if key in document
        },
    )


def _rule(rule: Any, number: int, source: str, maps: dict[str, dict[str, str]]) -> Rule:
    if not isinstance(rule, dict):
        raise ConfigError(f"profile {source}: rules must be tables, [[rules]]")
    name = rule.get("name", number)
    place = f"{source}: rule {name}"
    for key in ("name", "when", "role"):
        if not isinstance(rule.get(key), str):
            raise ConfigError(f"profile {place} lacks {key}, a text")
    for key in rule:
        _check_known(place, "key", key, (*_RULE_KEYS, *FIELDS))
    for key in ("role", "nested_role", "hosted_role"):
        if key in rule:
            _check_type(place, key, rule[key], str)
            _check_known(place, key, rule[key], ROLES)
    _check_type(place, "adopt", rule.get("adopt", False), bool)
    check_macros(place, "when", rule["when"], maps)
    expressions = {key: value for key, value in rule.items() if key not in _RULE_KEYS}
    return Rule(
        name=rule["name"],
        when=rule["when"].strip(),
        role=rule["role"],
        nested_role=rule.get("nested_role"),
        hosted_role=rule.get("hosted_role"),
        adopt=rule.get("adopt", False),
        fields=_fields(expressions, place, "field", FIELDS, maps),
    )


def _fields(
    fields: dict[str, Any],
    source: str,
    kind: str,
    known: Iterable[str],
    maps: dict[str, dict[str, str]],
) -> dict[str, str]:
    for name, expression in fields.items():
        _check_known(source, kind, name, known)
        if not isinstance(expression, str):
            raise ConfigError(f"profile {source}: field {name} must be SQL text in quotes")
        check_macros(source, name, expression, maps)
    return {name: expression.strip() for name, expression in fields.items()}


def _maps(maps: dict[str, Any], source: str) -> dict[str, dict[str, str]]:
    for name, words in maps.items():
        if not _MAP_NAME.fullmatch(name) or not isinstance(words, dict) or not words:
            raise ConfigError(
                f"profile {source}: maps.{name} must be a table of words to words, its name "
                "lower-case letters, digits and underscores"
            )
        if not all(isinstance(word, str) for word in words.values()):
            raise ConfigError(f"profile {source}: the values of maps.{name} must be texts")
    return {
        name: {key.lower(): value for key, value in words.items()} for name, words in maps.items()
    }


def _not_emitted(told: dict[str, Any], source: str) -> dict[str, str]:
    for name, reason in told.items():
        _check_known(source, "not_emitted", name, TELLABLE)
        _check_type(source, f"not_emitted.{name}", reason, str)
    return told


def _check_type(source: str, key: str, value: Any, wanted: type) -> None:
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ConfigError(
            f"profile {source}: {key} is a {type(value).__name__}, must be a {wanted.__name__}"
        )
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"profile {source}: {key} holds a NUL character")


def _check_known(source: str, kind: str, name: str, known: Iterable[str]) -> None:
    if name in known:
        return
    nearest = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {nearest[0]!r}" if nearest else f"; known are {', '.join(known)}"
    raise ConfigError(f"profile {source}: unknown {kind} {name!r}{hint}")


def load_shipped() -> list[Profile]:
    """The profiles that come with Stepscope, highest priority first."""
    folder = files("stepscope_schema").joinpath("profiles")
    texts = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return [replace(profile, is_shipped=True) for profile in _by_priority(texts)]


def load_folder(folder: Path) -> list[Profile]:
    """The profiles in a folder of the user's, highest priority first.

    Raises:
        ConfigError: the folder cannot be read, or a profile in it is wrong.
    """
    texts = {}
    path = folder
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix != ".toml" or path.name.startswith("."):
                continue
            # not before it is known to be a file: reading a pipe would wait for ever
            if not path.is_file() or (size := path.stat().st_size) > _MAX_BYTES:
                what = f"{size} bytes long, limit {_MAX_BYTES}" if path.is_file() else "no file"
                raise ConfigError(f"profile {path} is {what}")
            texts[str(path)] = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"profiles cannot be read: {path}: {error}") from error
    return _by_priority(texts)


def with_own(shipped: Iterable[Profile], own: Iterable[Profile]) -> list[Profile]:
    """The shipped profiles and the user's, which take the place of shipped ones of the same name.

    Raises:
        ConfigError: two of the user's share a name, or one has a name that is reserved.
    """
    found: dict[str, Profile] = {}
    for profile in own:
        if profile.name in _RESERVED:
            raise ConfigError(
                f"profile {profile.source}: {profile.name!r} cannot be replaced: "
                f"{_RESERVED[profile.name]}",
                hint="choose another name; the priority decides which profile maps a span",
            )
        if profile.name in found:
            raise ConfigError(
                f"two profiles are named {profile.name!r}; rename one of them: "
                f"{found[profile.name].source}, {profile.source}"
            )
        found[profile.name] = profile
    return [*found.values(), *(each for each in shipped if each.name not in found)]


def _by_priority(texts: Mapping[str, str]) -> list[Profile]:
    profiles = [parse(text, source) for source, text in texts.items()]
    return sorted(profiles, key=lambda profile: (-profile.priority, profile.name))
