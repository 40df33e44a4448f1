"""Typed tree → SQL text over view `executions` as `e`, and what to bind.

The text is made of the fragments in `fields.py` and the tests below, and holds no value: each is a
`$filter_n` parameter. A test that is null (there is no value) is as good as false wherever only
`and` and `or` stand around it; `not` turns it into true with `is not true`. So every condition is
true or false of every execution, and conditions on columns stay bare, as zone maps need them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stepscope_collector.query.filter.homes import places_of
from stepscope_collector.query.filter.parser import parse_filter
from stepscope_collector.query.filter.relations import BOUNDED, FIRST, LAST, relation, steps
from stepscope_collector.query.filter.syntax import (
    And,
    Compare,
    Field,
    Flag,
    Interval,
    Missing,
    Nested,
    Not,
    Or,
    PathValue,
    Rows,
    Visible,
    names_of,
)
from stepscope_collector.query.filter.syntax import Condition as Tree
from stepscope_collector.query.filter.values import SEVERITIES
from stepscope_collector.query.triggers import trigger_words

__all__ = ["Bounds", "Condition", "compile_filter", "compile_tree", "path_of"]

_EVERYTHING: Final = "true"
_CANDIDATES: Final = "{candidates}"
_VISIBLE: Final = (
    "e.execution_id in (select v.execution_id from (with recursive links as materialized ("
    "select execution_id, parent_execution_id as above_id from stored.executions"
    " where parent_execution_id is not null union all"
    " select execution_id, root_execution_id from stored.executions"
    " where root_execution_id is not null"
    "), visible as (select execution_id from stored.executions where user_id = {user}"
    " or list_contains(cast({workflow_ids} as varchar[]), coalesce(workflow_id, workflow_name, 'unknown'))"
    " union select links.execution_id from visible"
    " join links on links.above_id = visible.execution_id"
    ") from visible) v)"
)
"""By the parent and by the root: not every sender tells both. `union` ends circles."""
_ATTEMPTS: Final = "select s.execution_id from {attempts} s where {}"
Bounds = tuple[int, int]
# Case and composition are folded; upper before lower, as both small sigmas meet in upper case only.
_FOLDED: Final = "replace(lower(upper(nfc_normalize({}))), 'ß', 'ss')"
_EXACT: Final = 2**53
"""From here on, different whole numbers are the same DOUBLE."""
_TYPED: Final = {"time": "make_timestamp_ns({})", "trace": "cast({} as uuid)"}
_WHOLE: Final = re.compile(r"-?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
_SEVERITIES_OF_A_WORD: Final = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition over view `executions` as `e`."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Name, without `$` → value; exactly those that stand in `sql`."""

    @property
    def is_costly(self) -> bool:
        """Whether more is read than executions."""
        return "(select " in self.sql


def compile_filter(text: str, now_ns: int, prefix: str = "filter") -> Condition:
    """The condition that a filter is; of blank text one that always holds.

    Args:
        text: a filter, see docs/filters.md.
        now_ns: what relative times are reckoned from, nanoseconds since the epoch.
        prefix: of the names of parameters; another one for each of several filters in a statement.

    Raises:
        BadRequest: no filter; points at the place and names the nearest right word.
    """
    tree = parse_filter(text, now_ns)
    return Condition(_EVERYTHING) if tree is None else compile_tree(tree, prefix)


def compile_tree(tree: Tree, prefix: str = "filter", bounds: Bounds | None = None) -> Condition:
    """The condition that a tree is; its values have passed the checks of the parser.

    Args:
        tree: of parse_filter.
        prefix: of the names of parameters.
        bounds: between which starts, in nanoseconds since the epoch, all spans lie of the executions
            that the condition is asked of; less is read then. None: nothing is known.
    """
    compiler = _Compiler(prefix, bounds)
    return Condition(compiler.of(tree), compiler.parameters)


def path_of(known: Field, path: Sequence[str]) -> str:
    """A JSON pointer, or the key of an attribute."""
    if not _is_json(known):
        return ".".join(path)
    return "".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in path)


def _is_json(known: Field) -> bool:
    return "json" in known.places[0].columns[0]


def _is_verbatim(value: PathValue) -> bool:
    """Whether JSON that has this value has its text, unless it has escapes."""
    if value.number is not None or value.text.startswith(("{", "[")):
        return False
    return _WHOLE.fullmatch(value.text) is not None or _NUMBER.fullmatch(value.text) is None


class _Compiler:
    """Gathers parameters while it writes."""

    def __init__(self, prefix: str, bounds: Bounds | None) -> None:
        self.parameters: dict[str, Any] = {}
        self._prefix = prefix
        self._bounds = bounds
        self._count = 0

    def of(self, tree: Tree) -> str:
        """The condition; true, or else false or null."""
        match tree:
            case And(conditions):
                return f"({' and '.join(map(self.of, conditions))})"
            case Or(conditions):
                return f"({' or '.join(map(self.of, conditions))})"
            case Not(condition):
                return f"(({self.of(condition)}) is not true)"
            case Nested(rows, condition):
                return self._in(rows.ids, self.of(condition), self._candidates(rows, condition))
            case Flag(known):
                place = known.places[0]
                return place.within.replace("{}", place.columns[0])
            case Visible(user, workflow_ids):
                written = _VISIBLE.replace("{user}", self._bind(user))
                return written.replace("{workflow_ids}", self._bind(list(workflow_ids)))
            case Compare():
                return self._compare(tree)

    def _bind(self, value: Any) -> str:
        name = f"{self._prefix}_{self._count}"
        self._count += 1
        self.parameters[name] = value
        return f"${name}"

    def _in(self, select: str, test: str, candidates: str = "true") -> str:
        """Whether the execution is one of a select."""
        return f"e.execution_id in ({self._select(select, test, candidates)})"

    def _select(self, select: str, test: str, candidates: str = "true") -> str:
        # The test last: it may have selects of its own, which are done already.
        if "{steps}" in select:
            select = select.replace("{steps}", steps().replace("{candidates}", _CANDIDATES))
        select = self._relations(select)
        return select.replace("{}", test).replace(_CANDIDATES, candidates)

    def _relations(self, select: str) -> str:
        for name in BOUNDED:
            mark = f"{{{name}}}"
            if mark in select:
                select = select.replace(mark, relation(name, is_bounded=self._bounds is not None))
                if self._bounds is not None:
                    self.parameters[FIRST], self.parameters[LAST] = self._bounds
        return select

    def _candidates(self, rows: Rows, condition: Tree) -> str:
        """Whether an attempt `a` is of an execution that the rows may be of; only steps ask for it.

        What holds of a step holds of its last attempt, so only these executions' attempts have to be
        put in order, which takes a twentieth of the time (10M spans, benchmarks/bench_query.py).
        """
        if "{steps}" not in rows.ids:
            return "true"
        conditions = condition.conditions if isinstance(condition, And) else (condition,)
        early = [each for each in conditions if not rows.late & names_of(each)]
        if not early:
            return "true"
        test = self.of(And(tuple(early)))
        return f"a.execution_id in ({self._select(_ATTEMPTS, test)})"

    def _compare(self, tree: Compare) -> str:
        given = [value for value in tree.values if not isinstance(value, Missing)]
        tests = self._tests(tree, given) if given else []
        path = self._bind(path_of(tree.field, tree.path)) if tree.path else ""
        written = []
        if tests:
            written.append(self._somewhere(tree, tests, path))
        if len(given) < len(tree.values):
            present = self._somewhere(tree, ["{} is not null"], path)
            written.append(f"(({present}) is not true)")
        return written[0] if len(written) == 1 else f"({' or '.join(written)})"

    def _somewhere(self, tree: Compare, tests: list[str], path: str) -> str:
        """Whether a column of a place of the field holds one of the tests."""
        places, selects = [], []
        for place in places_of(tree.field, tree.path):
            columns = [column.replace("{path}", path) for column in place.columns]
            held = [test.replace("{}", column) for column in columns for test in tests]
            inner = held[0] if len(held) == 1 else f"({' or '.join(held)})"
            if place.ids:
                selects.append(self._select(place.ids, inner))
            else:
                places.append(self._relations(place.within).replace("{}", inner))
        # One select is a semi-join; `or` between several would look at every execution. Distinct ids
        # of a whole history take two thirds of the time, of a short time they take twice as long
        # (10M spans, benchmarks/bench_query.py).
        if selects:
            joint = " union " if self._bounds is None else " union all "
            places.append(f"e.execution_id in ({joint.join(selects)})")
        return places[0] if len(places) == 1 else f"({' or '.join(places)})"

    def _tests(self, tree: Compare, values: list[Any]) -> list[str]:
        """Tests of a column, which stands for `{}`; one of them has to hold."""
        kind = tree.field.kind
        if tree.operator == "~":
            return [test for value in values for test in self._contains(value)]
        if kind == "path":
            is_json = _is_json(tree.field)
            return [
                test
                for value in values
                for test in self._path_tests(tree.operator, value, is_json=is_json)
            ]
        if kind == "severity":
            return [self._severity(tree.operator, value) for value in values]
        if kind in {"number", "duration", "time"}:
            return [self._ordered(kind, tree.operator, value) for value in values]
        if kind == "trace":
            return [f"{{}} = {_TYPED[kind].replace('{}', self._bind(value))}" for value in values]
        if kind == "trigger":
            values = [word for value in values for word in trigger_words(value)]
        if len(values) == 1:
            return [f"{{}} = {self._bind(values[0])}"]
        return [f"list_contains({self._bind(values)}, {{}})"]

    def _contains(self, value: Any) -> list[str]:
        text = value.text if isinstance(value, PathValue) else str(value)
        folded = _FOLDED.replace("{}", self._bind(text))
        tests = [f"contains({_FOLDED}, {folded})"]
        # In JSON some signs are written otherwise.
        escaped = json.dumps(text, ensure_ascii=False)[1:-1]
        if escaped != text:
            folded = _FOLDED.replace("{}", self._bind(escaped))
            tests.append(f"contains({_FOLDED}, {folded})")
        return tests

    def _path_tests(self, operator: str, value: PathValue, *, is_json: bool) -> list[str]:
        if operator != "=":
            if value.number is not None:
                return [f"try_cast({{}} as double) {operator} {self._bind(value.number)}"]
            return [f"{{}} {operator} {self._bind(value.text)}"]
        test = f"{{}} = {self._bind(value.text)}"
        if is_json and _is_verbatim(value):
            # Halves the time: what does not have the text is not parsed (1M payloads, bench_query.py).
            text = self._bind(value.text)
            test = f"((contains(p.body, {text}) or contains(p.body, '\\')) and {test})"
        tests = [test]
        if value.number is not None and abs(value.number) < _EXACT:
            tests.append(f"try_cast({{}} as double) = {self._bind(value.number)}")
        return tests

    def _severity(self, operator: str, value: int) -> str:
        if operator == "=" and value in SEVERITIES.values():
            last = value + _SEVERITIES_OF_A_WORD - 1
            return f"({{}} >= {self._bind(value)} and {{}} <= {self._bind(last)})"
        return f"{{}} {operator} {self._bind(value)}"

    def _ordered(self, kind: str, operator: str, value: Interval) -> str:
        def bound(number: int) -> str:
            return _TYPED.get(kind, "{}").replace("{}", self._bind(number))

        low, high = value.low, value.high
        if operator != "=":
            # A day is its first moment here, so that `not` of `>` is `<=`.
            return f"{{}} {operator} {bound(low if low is not None else 0)}"
        if low is not None and low == high:
            return f"{{}} = {bound(low)}"
        ends = [f"{{}} >= {bound(low)}"] if low is not None else []
        ends += [f"{{}} <= {bound(high)}"] if high is not None else []
        return f"({' and '.join(ends)})"
