"""Profiles compiled to SQL that DuckDB runs over many spans at once.

Detection comes first and reads only the columns it names; then one select per dialect present.
Measured on one core with 15 fields: one profile maps and inserts 835k rows/s, thirty profiles in
one CASE 279k rows/s, so a batch pays only for the dialects it holds (docs/decisions).
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector import __version__
from stepscope_collector.decode.batch import Plan, column_of
from stepscope_collector.errors import ConfigError
from stepscope_collector.mapping.fold.contribution import BASE, DIRECT_CONTRIBUTION, Contribution
from stepscope_collector.mapping.fold.history import Folded, fold
from stepscope_collector.mapping.macros import asked_keys, expand, expand_columns, reads_parent
from stepscope_collector.mapping.profile import DIRECT_FIELDS, FIELDS, Profile
from stepscope_schema.attributes import SCOPE_NAME

__all__ = ["FOLDED_DEFAULTS", "CompiledMapping", "compile_profiles"]

_STAGED_COLUMNS: Final = (
    "span_row",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "start_time_unix_nano",
    "end_time_unix_nano",
)
"""Columns of a batch that the write path looks at; the others go from the batch to the store."""


_OWN: Final = "stepscope"
"""Goes before all others: attributes of its spans stand in the columns that it fills, and would be
lost if another profile filled them."""

_SERVICE_NAME: Final = "resource('service.name')"

_MAX_TEXTS: Final = 200
"""Senders choose which attributes there are; what they choose must not stay for ever."""

_SOURCE: Final = "incoming_spans positional join (select true as is_one)"
"""The batch, beside one row that nobody reads. DuckDB would write the staged table in batches of
several threads, which costs 4 ms more for 40 columns, whatever the size; behind a positional join
it writes rows as they come (DuckDB 2.0, 8,192 spans: 10.2 ms instead of 13.8)."""

FOLDED_DEFAULTS: Final = {
    "status": "case status_code when 2 then 'failed' else 'success' end",
    "status_native": "case status_code when 0 then 'UNSET' when 1 then 'OK' when 2 then 'ERROR' end",
    "error_type": "case when status_code = 2 then coalesce(attr('error.type'), exception_type) end",
    "error_message": "case when status_code = 2 then coalesce(status_message, exception_message) end",
    "error_stack": "case when status_code = 2 then event_attr('exception', 'exception.stacktrace') end",
    "step_name": "s.name",
}
"""Fields that a folded profile need not fill, because OpenTelemetry says them."""

_PARENTS: Final = """
    left join (
        select trace_id, span_id, arg_min(attributes, start_time_unix_nano) as parent_attributes,
            arg_min(name, start_time_unix_nano) as parent_name
        from evidence group by trace_id, span_id
    ) p on p.trace_id = s.trace_id and p.span_id = s.parent_span_id"""


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """What the write path needs of all profiles."""

    plan: Plan
    """Attributes the decoder gives columns."""
    folded: frozenset[str]
    """Dialects whose spans are folded together; the others say everything themselves."""
    profiles: dict[str, Profile]
    _texts: dict[tuple[str, str, frozenset[str]], str] = dataclasses.field(default_factory=dict)
    """Compiled before: by the method of that name, of which dialect, for which columns."""

    def dialects_of(self, scope_names: Set[str]) -> tuple[str, ...] | None:
        """The dialects of spans of these instrumentation scopes, if that is all it takes to tell."""
        return (_OWN,) if scope_names == {SCOPE_NAME} and _OWN in self.profiles else None

    def detect_sql(self, present: frozenset[str]) -> str:
        """Select of the names of the dialects present in `incoming_spans`, one row each.

        Args:
            present: attributes that the batch has columns of, as `column_of` names them.
        """
        return self._text("", present, self._detect)

    def select(self, dialect: str, present: frozenset[str], *, is_only: bool) -> str:
        """SQL of the mapped rows of one dialect in `incoming_spans`, one row per span.

        Columns: ids, name and times, `dialect`, `service_name`, `is_folded` and every field of
        DIRECT_FIELDS, null for the folded dialects.

        Args:
            dialect: one of those present, from `dialects_of` or `detect_sql`.
            present: as of `detect_sql`.
            is_only: no other is present.
        """
        return self._text(dialect, present, self._only if is_only else self._among)

    def _text(
        self,
        dialect: str,
        present: frozenset[str],
        compiled: Callable[[str, frozenset[str]], str],
    ) -> str:
        """What was compiled before, kept as long as there are not too many."""
        key = (compiled.__name__, dialect, present)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _MAX_TEXTS:
                self._texts.clear()
            text = self._texts[key] = compiled(dialect, present)
        return text

    def _detect(self, _: str, present: frozenset[str]) -> str:
        condition = self._condition(present)
        return f"select distinct {condition} as dialect from incoming_spans order by dialect"

    def _only(self, dialect: str, present: frozenset[str]) -> str:
        return _select(self.profiles[dialect], present)

    def _among(self, dialect: str, present: frozenset[str]) -> str:
        return f"{self._only(dialect, present)} where ({self._condition(present)}) = '{dialect}'"

    def _condition(self, present: frozenset[str]) -> str:
        """SQL of the dialect of a span: the first profile that takes it for its own."""
        # Names are checked to be lower-case letters, digits and hyphens, so they need no quoting.
        cases = " ".join(
            f"when {_detecting(profile, present)} then '{name}'"
            for name, profile in self.profiles.items()
        )
        return f"case {cases} end"

    def contributions(self, dialects: Sequence[str]) -> str:
        """SQL of what the spans in the table `evidence` contribute, rows for `fold`.

        Args:
            dialects: those of the spans; ones without a profile are taken for what was stored.
        """
        parts = [_contributions(self.profiles[name]) for name in dialects if name in self.folded]
        direct = [name for name in dialects if name not in self.folded]
        if direct:
            names = ", ".join("'" + name.replace("'", "''") + "'" for name in direct)
            parts.append(f"{DIRECT_CONTRIBUTION} where s.dialect in ({names})")
        return "\nunion all\n".join(parts)

    def detects(self, dialect: str) -> str | None:
        """SQL of what a profile takes for its own, over `evidence`; None: there is no such profile.

        Of spans of our own SDK, whose attributes stand in columns, it may say no too often: they
        are of no other dialect.
        """
        profile = self.profiles.get(dialect)
        return None if profile is None else f"({expand(profile.detect, profile.maps)})"

    def checks(self) -> list[tuple[str, str]]:
        """Selects that DuckDB refuses when an expression is wrong, and where each stands."""
        found = []
        for profile in self.profiles.values():
            keys = _plan_of([profile])
            columns = ", ".join(
                [
                    *(_no_column("attr", key) for key in keys.span_keys),
                    *(_no_column("resource", key) for key in keys.resource_keys),
                ]
            )
            batch = f"(select *, {columns} from evidence) s"
            found.append(
                (
                    f"{profile.source}: detect",
                    f"select cast(({expand_columns(profile.detect)}) as boolean) from {batch}",
                )
            )
            if not profile.direct:
                found += _checks_of(profile)
        return found

    def told(self) -> dict[str, str]:
        """What each profile says of itself, as JSON by name; keys as in view `dialects`."""
        return {
            name: json.dumps(
                {
                    "description": each.description,
                    "version": each.version or (__version__ if each.is_shipped else None),
                    "priority": each.priority,
                    "origin": "shipped" if each.is_shipped else "own",
                    "source": each.source,
                    "fills": each.filled(),
                    "not_emitted": each.not_emitted,
                },
                ensure_ascii=False,
            )
            for name, each in self.profiles.items()
        }

    def with_parents(self) -> str:
        """SQL of the rows of `evidence` with what expressions read of parents."""
        return f"select s.*, p.* exclude (trace_id, span_id) from evidence s{_PARENTS}"

    def expressions(self, dialect: str) -> list[tuple[str, str]]:
        """The expressions of one profile as SQL, and where each stands."""
        profile = self.profiles[dialect]
        found = [(f"{profile.source}: detect", expand_columns(profile.detect))]
        for place, _, said in _said_by(profile):
            sql = expand_columns(said) if profile.direct else expand(said, profile.maps)
            found.append((f"{profile.source}: {place}", sql))
        return found

    def fold(self, rows: Sequence[Sequence[Any]]) -> Folded:
        """What the contributions say together, see `fold.history`."""
        return fold([Contribution._make(row) for row in rows], self.profiles)


def compile_profiles(profiles: Iterable[Profile]) -> CompiledMapping:
    """The mapping of all profiles, our own first, then those of the highest priority.

    Raises:
        ConfigError: two profiles share a name.
    """
    ordered = sorted(profiles, key=lambda p: (p.name != _OWN, -p.priority, p.name))
    names = [profile.name for profile in ordered]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two profiles are named {name!r}; rename one of them")
    return CompiledMapping(
        plan=_plan_of(ordered),
        folded=frozenset(profile.name for profile in ordered if not profile.direct),
        profiles={profile.name: profile for profile in ordered},
    )


def _plan_of(profiles: Iterable[Profile]) -> Plan:
    """Which attributes the decoder has to give columns: all that detect, or that are direct."""
    asked: dict[str, set[str]] = {"attr": set(), "resource": {"service.name"}}
    for profile in profiles:
        expressions = [profile.detect, *(profile.fields.values() if profile.direct else ())]
        for expression in expressions:
            for kind, keys in asked_keys(expression).items():
                asked[kind] |= keys
    return Plan(tuple(sorted(asked["attr"])), tuple(sorted(asked["resource"])))


def _no_column(kind: str, key: str) -> str:
    name = column_of(kind, key).replace('"', '""')
    return f'cast(null as varchar) as "{name}"'


def _detecting(profile: Profile, present: frozenset[str]) -> str:
    expression = expand_columns(profile.detect, present)
    # a user's expression that fails for some value must not cost the whole request
    return expression if profile.is_shipped else f"try({expression})"


def _select(profile: Profile, present: frozenset[str]) -> str:
    columns = list(_STAGED_COLUMNS)
    columns.append(f"'{profile.name}' as dialect")
    columns.append(f"{expand_columns(_SERVICE_NAME, present)} as service_name")
    columns.append(f"{'false' if profile.direct else 'true'} as is_folded")
    for field, sql_type in DIRECT_FIELDS.items():
        expression = profile.fields.get(field) if profile.direct else None
        value = f"({expand_columns(expression, present)})" if expression else "null"
        value = f"cast({value} as {sql_type})"
        if expression and not profile.is_shipped:
            value = f"try({value})"
        columns.append(f"{value} as {field}")
    return "select\n    " + ",\n    ".join(columns) + f"\nfrom {_SOURCE}"


def _contributions(profile: Profile) -> str:
    """Select of what the spans of one folded dialect contribute, a row per span."""
    rules = profile.rules
    expressions = [*profile.fields.values()]
    for rule in rules:
        expressions += [rule.when, *rule.fields.values()]
    parents = _PARENTS if any(map(reads_parent, expressions)) else ""
    columns = "s.*, p.* exclude (trace_id, span_id)" if parents else "s.*"
    number = " ".join(
        f"when try({expand(rule.when, profile.maps)}) then {place}"
        for place, rule in enumerate(rules)
    )
    chosen = f"case {number} end" if rules else "cast(null as integer)"
    fields = ",\n    ".join(_field(profile, name, type_) for name, type_ in FIELDS.items())
    return (
        f"select\n    {BASE}, s.rule_number,\n    {fields}\n"
        f"from (\n    select *, {chosen} as rule_number from (\n"
        f"    select {columns} from evidence s{parents}\n    where s.dialect = '{profile.name}') s) s"
    )


def _checks_of(profile: Profile) -> list[tuple[str, str]]:
    """Selects of the expressions of a folded profile."""
    source = "(select *, map([''], ['']) as parent_attributes, '' as parent_name from evidence) s"
    return [
        (
            f"{profile.source}: {place}",
            f"select cast(({expand(said, profile.maps)}) as {FIELDS.get(name, 'boolean')}) from {source}",
        )
        for place, name, said in _said_by(profile)
    ]


def _said_by(profile: Profile) -> list[tuple[str, str, str]]:
    """Every expression but `detect`: where it stands, for what, and itself."""
    return [
        *((name, name, said) for name, said in profile.fields.items()),
        *(
            (f"rule {rule.name}: {name}", name, said)
            for rule in profile.rules
            for name, said in {"when": rule.when, **rule.fields}.items()
        ),
    ]


def _field(profile: Profile, name: str, sql_type: str) -> str:
    def sql(expression: str) -> str:
        # a value that an expression cannot take must not cost the span: the field stays empty
        return f"try(cast(({expand(expression, profile.maps)}) as {sql_type}))"

    by_rule = {
        number: rule.role if name == "role" else rule.fields.get(name)
        for number, rule in enumerate(profile.rules)
    }
    common = profile.fields.get(name, FOLDED_DEFAULTS.get(name))
    otherwise = sql(common) if common else ("'operation'" if name == "role" else "null")
    cases = " ".join(
        f"when {number} then " + (f"'{said}'" if name == "role" else sql(said))
        for number, said in by_rule.items()
        if said is not None
    )
    value = f"case s.rule_number {cases} else {otherwise} end" if cases else otherwise
    return f"cast({value} as {sql_type}) as {name}"
