"""The macros of profiles: short words for what an expression reads of a span, expanded to SQL.

In a direct profile and in every `detect`, `attr` and `resource` are columns of the decoded batch;
those keys are what the decoder has to give columns. Elsewhere expressions run over whole spans:

    attr('key', 'other key', …)       first of these span attributes that is present, as text
    resource('key', …)                the same for resource attributes
    name_part('regex')                first group of the expression in the span's name
    event_attr('event', 'key')        attribute of the last event of that name
    first_event_attr('event', 'key')  of the first
    event_count('regex')              how many events have a name that the expression matches whole
    event_time('event')               time of the last event of that name, ns since the epoch
    link_attr('key')                  attribute of the first link
    link_trace()                      trace id of the first link, 32 hex digits
    parent_attr('key', …)             the same as attr for the parent span, where it is known
    parent_name()                     its name
    json_path(value, '$.path')        a value inside a text that holds JSON, as text
    unix_nano(value)                  a time in ISO 8601 (UTC unless it says else) as ns since the epoch
    mapped('map', value)              the value's word in the profile's [maps.map], any case
    failed_tries('regex', 'message key'[, 'type key'])   for the field of that name
    event_steps('event', 'name key', 'type key')         for the field of that name

`json_path`, `unix_nano` and the lookup of `mapped` are SQL macros, see store/sql/profile_*.sql.
"""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from stepscope_collector.decode.batch import column_of
from stepscope_collector.errors import ConfigError

__all__ = ["NO_TEXT", "asked_keys", "check_macros", "expand", "expand_columns", "reads_parent"]

NO_TEXT: Final = "cast(null as varchar)"
"""SQL of an attribute that no span of the batch has."""

_TEXT: Final = r"'(?:[^']|'')*'"
_TEXTS: Final = rf"({_TEXT}(?:\s*,\s*{_TEXT})*)?"
_LEAF: Final = re.compile(rf"\b([a-z_]+)\s*\(\s*{_TEXTS}\s*\)")
_MAPPED: Final = re.compile(rf"\bmapped\s*\(\s*({_TEXT})\s*,")
_CALL: Final = re.compile(r"\b([a-z_]+)\s*\(")
_QUOTED: Final = re.compile(_TEXT)

_Maps = Mapping[str, Mapping[str, str]]


def _attributes(source: str) -> Callable[[list[str]], str]:
    def expanded(keys: list[str]) -> str:
        reads = [f"{source}[{key}]" for key in keys]
        return reads[0] if len(reads) == 1 else f"coalesce({', '.join(reads)})"

    return expanded


def _events(condition: str) -> str:
    return f"list_filter(s.events, lambda e: {condition})"


_LEAVES: Final[dict[str, tuple[range, Callable[[list[str]], str]]]] = {
    "attr": (range(1, 100), _attributes("s.attributes")),
    "resource": (range(1, 100), _attributes("s.resource_attributes")),
    "parent_attr": (range(1, 100), _attributes("s.parent_attributes")),
    "parent_name": (range(1), lambda _: "s.parent_name"),
    "name_part": (range(1, 2), lambda a: f"nullif(regexp_extract(s.name, {a[0]}, 1), '')"),
    "event_attr": (
        range(2, 3),
        lambda a: f"{_events(f'e.name = {a[0]}')}[-1].attributes[{a[1]}]",
    ),
    "first_event_attr": (
        range(2, 3),
        lambda a: f"{_events(f'e.name = {a[0]}')}[1].attributes[{a[1]}]",
    ),
    "event_count": (
        range(1, 2),
        lambda a: f"coalesce(len({_events(f'regexp_full_match(e.name, {a[0]})')}), 0)",
    ),
    "event_time": (range(1, 2), lambda a: f"{_events(f'e.name = {a[0]}')}[-1].time_unix_nano"),
    "link_attr": (range(1, 2), lambda a: f"s.links[1].attributes[{a[0]}]"),
    "link_trace": (range(1), lambda _: "lower(hex(s.links[1].trace_id))"),
    "failed_tries": (
        range(2, 4),
        lambda a: (
            f"list_transform({_events(f'regexp_full_match(e.name, {a[0]})')}, lambda e: struct_pack("
            "ended_unix_nano := e.time_unix_nano, "
            f"error_type := {f'e.attributes[{a[2]}]' if len(a) > 2 else 'cast(null as varchar)'}, "
            f"error_message := e.attributes[{a[1]}]))"
        ),
    ),
    "event_steps": (
        range(3, 4),
        lambda a: (
            f"list_transform({_events(f'e.name = {a[0]}')}, lambda e: struct_pack("
            "at_unix_nano := e.time_unix_nano, "
            f"name := e.attributes[{a[1]}], type := e.attributes[{a[2]}]))"
        ),
    ),
}
_SQL_MACROS: Final = ("json_path", "unix_nano", "mapped")


def expand(expression: str, maps: _Maps) -> str:
    """The expression over a whole span `s`, macros replaced by SQL."""

    def leaf(match: re.Match[str]) -> str:
        name, arguments = match.groups()
        if name not in _LEAVES:
            return match[0]
        return _LEAVES[name][1](_QUOTED.findall(arguments or ""))

    def lookup(match: re.Match[str]) -> str:
        words = maps[match[1][1:-1]]
        entries = ", ".join(f"{_literal(word)}: {_literal(ours)}" for word, ours in words.items())
        return f"profile_word(map {{{entries}}},"

    return _MAPPED.sub(lookup, _LEAF.sub(leaf, expression))


def expand_columns(expression: str, present: Collection[str] | None = None) -> str:
    """The expression over a decoded batch: `attr` and `resource` are its columns.

    Args:
        expression: of a profile.
        present: the columns that the batch has; the others are null. None: it has all.
    """

    def column(match: re.Match[str]) -> str:
        kind, keys = match.groups()
        if kind not in ("attr", "resource"):
            return match[0]
        names = [column_of(kind, _said(key)) for key in _QUOTED.findall(keys or "")]
        columns = [_quoted(name) for name in names if present is None or name in present]
        if not columns:
            return NO_TEXT
        return columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"

    return _LEAF.sub(column, expression)


def asked_keys(expression: str) -> dict[str, set[str]]:
    """Keys of span (`attr`) and resource attributes (`resource`) that an expression reads."""
    asked: dict[str, set[str]] = {"attr": set(), "resource": set()}
    for kind, keys in _LEAF.findall(expression):
        if kind in asked:
            asked[kind].update(_said(key) for key in _QUOTED.findall(keys))
    return asked


def reads_parent(expression: str) -> bool:
    """Whether it needs the parent span."""
    return "parent_attr" in expression or "parent_name" in expression


def check_macros(
    source: str, key: str, expression: str, maps: _Maps, *, detecting: bool = False
) -> None:
    """Check that the macros of an expression exist and are called as they can be.

    Raises:
        ConfigError: names the file, the key, the macro and the nearest one.
    """
    place = f"profile {source}: {key}"
    for match in _LEAF.finditer(expression):
        name, arguments = match.groups()
        if name not in _LEAVES:
            continue
        count = len(_QUOTED.findall(arguments or ""))
        if count not in _LEAVES[name][0]:
            raise ConfigError(f"{place}: {name}() does not take {count} texts")
        if detecting and name not in ("attr", "resource"):
            raise ConfigError(f"{place}: {name}() cannot detect; use attr(), resource() or columns")
    checked = _QUOTED.sub("''", expression)
    for name in _CALL.findall(checked):
        if name in _LEAVES and not re.search(rf"\b{name}\s*\(\s*(?:''|\))", checked):
            raise ConfigError(f"{place}: {name}() takes texts in quotes only")
        near = difflib.get_close_matches(name, [*_LEAVES, *_SQL_MACROS], n=1, cutoff=0.8)
        if near and name not in _LEAVES and name not in _SQL_MACROS:
            raise ConfigError(f"{place}: unknown macro {name}(); did you mean {near[0]}()")
    for match in _MAPPED.finditer(expression):
        if match[1][1:-1] not in maps:
            near = difflib.get_close_matches(match[1][1:-1], list(maps), n=1)
            hint = f"; did you mean {near[0]!r}" if near else ""
            raise ConfigError(f"{place}: there is no [maps.{match[1][1:-1]}]{hint}")


def _said(literal: str) -> str:
    return literal[1:-1].replace("''", "'")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
