"""Random filters, each as text and as the Python that it means."""

import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st

from stepscope_collector.query.statuses import status_words
from tests.unit.collector.query.filter_history import WORDS, Whole
from tests.unit.collector.query.history import DAY, NOW_NS, SECOND

Rule = Callable[[Any], bool]
Case = tuple[str, Rule]

TODAY = NOW_NS - NOW_NS % DAY


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def some(values: Iterable[Any], test: Callable[[Any], bool]) -> bool:
    return any(value is not None and test(value) for value in values)


def _either(text: str, rule: Rule) -> st.SearchStrategy[Case]:
    return st.just((text, rule))


def texts(
    name: str, values: Callable[[Any], Iterable[Any]], words: list[str]
) -> st.SearchStrategy[Case]:
    """Comparisons of a field of texts."""

    @st.composite
    def cases(draw: st.DrawFn) -> Case:
        chosen = draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
        listed = ", ".join(map(quote, chosen))
        needle = draw(st.sampled_from([chosen[0], chosen[0].upper(), chosen[0][:2]]))
        return draw(st.sampled_from([
            (f"{name} = {quote(chosen[0])}", lambda e: some(values(e), lambda v: v == chosen[0])),
            (f"{name} != {quote(chosen[0])}",
             lambda e: not some(values(e), lambda v: v == chosen[0])),
            (f"{name} in ({listed})", lambda e: some(values(e), lambda v: v in chosen)),
            (f"{name} not in ({listed}, none)",
             lambda e: not some(values(e), lambda v: v in chosen) and some(values(e), lambda v: True)),
            (f"{name} = none", lambda e: not some(values(e), lambda v: True)),
            contains(name, values, needle),
            (f"{name} !~ {quote(needle)}", lambda e: not contains(name, values, needle)[1](e)),
        ]))  # fmt: skip

    return cases()


def contains(name: str, values: Callable[[Any], Iterable[Any]], needle: str) -> Case:
    wanted = {fold(needle), fold(json.dumps(needle, ensure_ascii=False)[1:-1])}
    return (
        f"{name} ~ {quote(needle)}",
        lambda e: some(values(e), lambda v: any(word in fold(v) for word in wanted)),
    )


def ordered(
    name: str, value: Callable[[Any], Iterable[Any]], written: list[tuple[str, int, int]]
) -> st.SearchStrategy[Case]:
    """Comparisons of a field with an order; each written value is from a first to a last one."""

    @st.composite
    def cases(draw: st.DrawFn) -> Case:
        pair = sorted((draw(st.sampled_from(written)) for _ in range(2)), key=lambda w: w[1:])
        (text, low, high), (other, _, end) = pair
        return draw(st.sampled_from([
            (f"{name} = {text}", lambda e: some(value(e), lambda v: low <= v <= high)),
            (f"{name} <> {text}", lambda e: not some(value(e), lambda v: low <= v <= high)),
            (f"{name} < {text}", lambda e: some(value(e), lambda v: v < low)),
            (f"{name}<={text}", lambda e: some(value(e), lambda v: v <= low)),
            (f"{name} > {text}", lambda e: some(value(e), lambda v: v > low)),
            (f"not {name} >= {text}", lambda e: not some(value(e), lambda v: v >= low)),
            (f"{name} = {text}..{other}", lambda e: some(value(e), lambda v: low <= v <= end)),
            (f"{name} = {text}..", lambda e: some(value(e), lambda v: low <= v)),
            (f"{name} not in (..{text}, none)",
             lambda e: some(value(e), lambda v: True) and not some(value(e), lambda v: v <= high)),
        ]))  # fmt: skip

    return cases()


NUMBERS = [(str(number), number, number) for number in (-9, 0, 1, 2, 3)]
DURATIONS = [
    ("0s", 0, 0), ("250ms", SECOND // 4, SECOND // 4), ("1s", SECOND, SECOND),
    ("1.5m", 90 * SECOND, 90 * SECOND),
]  # fmt: skip
TIMES = [
    ("now", NOW_NS, NOW_NS), ("-24h", NOW_NS - DAY, NOW_NS - DAY), ("now-36h", NOW_NS - DAY * 3 // 2, NOW_NS - DAY * 3 // 2),
    ("today", TODAY, TODAY + DAY - 1), ("yesterday", TODAY - DAY, TODAY - 1),
    ("today-3d", TODAY - 3 * DAY, TODAY - 2 * DAY - 1),
    ("2026-07-24", 1784851200 * SECOND, 1784937600 * SECOND - 1),
    ("2026-07-23T12:00:00+02:00", 1784800800 * SECOND, 1784800800 * SECOND),
]  # fmt: skip


def statuses(name: str, value: Callable[[Any], str]) -> st.SearchStrategy[Case]:
    """Comparisons of a status; any word of any engine counts."""
    known = status_words()

    def case(words: list[str], is_not: bool) -> Case:
        wanted = {known[word.lower()] for word in words}
        text = f"{name} = {words[0]}" if len(words) == 1 else f"{name} in ({','.join(words)})"
        if is_not:
            return f"NOT {text}", lambda e: value(e) not in wanted
        return text, lambda e: value(e) in wanted

    words = st.lists(
        st.sampled_from(["success", "Completed", "error", "timed_out", "LOST", "running", "partial"]),
        min_size=1, max_size=3,
    )  # fmt: skip
    return st.builds(case, words, st.booleans())


def at_paths() -> st.SearchStrategy[Case]:
    """Comparisons of values in params, outputs, attributes and resources."""

    def number(value: str) -> float | None:
        try:
            return float(value)
        except ValueError:
            return None

    def same(value: Any, other: float) -> bool:
        return number(value) == other

    def more(value: Any, other: float) -> bool:
        return (found := number(value)) is not None and found > other

    customer, total = at("params", "customer"), at("output", "total")
    return st.sampled_from([
        ('params.customer = "42"', lambda e: some(customer(e), lambda v: v == "42")),
        ("params.customer = 42", lambda e: some(customer(e), lambda v: same(v, 42))),
        ("params.customer in (7, true)",
         lambda e: some(customer(e), lambda v: v == "true" or same(v, 7))),
        ("params.customer = none", lambda e: not some(customer(e), lambda v: True)),
        ("params.customer != none", lambda e: some(customer(e), lambda v: True)),
        ('params.customer = "none"', lambda e: some(customer(e), lambda v: v == "none")),
        ("params.customer > 7", lambda e: some(customer(e), lambda v: more(v, 7))),
        ('params.deep.list.0.sku >= "B"',
         lambda e: some(at("params", "deep", "list", 0, "sku")(e), lambda v: v >= "B")),
        ('params.deep."a/b~c" = 1',
         lambda e: some(at("params", "deep", "a/b~c")(e), lambda v: same(v, 1))),
        ("params.note ~ STRASSE",
         lambda e: some(at("params", "note")(e), lambda v: "strasse" in fold(v))),
        ("params.none.such = 1", lambda e: False),
        ("output.total = 99.5", lambda e: some(total(e), lambda v: same(v, 99.5))),
        ("output.total >= 1e3", lambda e: some(total(e), lambda v: more(v, 999.9))),
        ('attributes."my.key" = "42"', lambda e: some(my_key(e), lambda v: v == "42")),
        ("attributes.my.key ~ 東", lambda e: some(my_key(e), lambda v: "東" in v)),
        ("attributes.my.key = none", lambda e: not some(my_key(e), lambda v: True)),
        ("resource.k8s.pod.name in ('pod 1')",
         lambda e: some(resource(e, "k8s.pod.name"), lambda v: v == "pod 1")),
    ])  # fmt: skip


def at(kind: str, *path: str | int) -> Callable[[Whole], list[str | None]]:
    """The values at a path of the payloads of a kind, as text."""

    def values(whole: Whole) -> list[str | None]:
        return [_at(p["body"], path) for p in whole.payloads if p["kind"] == kind]

    return values


def _at(body: str, path: tuple[str | int, ...]) -> str | None:
    try:
        value = json.loads(body)
        for name in path:
            value = value[name]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def my_key(whole: Whole) -> list[str | None]:
    spans = [(span["attributes"] or {}).get("my.key") for span in whole.spans]
    large = [p["body"] for p in whole.payloads if p["kind"] == "attribute" and p["key"] == "my.key"]
    return spans + large


def resource(whole: Whole, key: str) -> list[str | None]:
    return [(span["resource_attributes"] or {}).get(key) for span in whole.spans]


def bodies(whole: Whole, *kinds: str) -> list[str]:
    """Payloads as people read them: without escapes of letters."""
    found = []
    for payload in whole.payloads:
        if payload["kind"] in kinds:
            body = payload["body"]
            try:
                body += " " + json.dumps(
                    json.loads(body), ensure_ascii=False, separators=(",", ":")
                )
            except ValueError:
                pass
            found.append(body)
    return found


def errors(whole: Whole) -> list[str | None]:
    own = [whole.row.error_type, whole.row.error_message]
    return own + [a[name] for a in whole.attempts for name in ("error_type", "error_message")]


def log_bodies(whole: Whole) -> list[str | None]:
    return [log["body"] for log in whole.logs]


def everywhere(whole: Whole) -> list[str | None]:
    row = whole.row
    return [
        row.execution_id, row.workflow_id, row.workflow_name, row.execution_name, *errors(whole),
        *(a["step_name"] for a in whole.attempts), *log_bodies(whole),
        *bodies(whole, "params", "input", "output", "trigger"),
    ]  # fmt: skip


def searches() -> st.SearchStrategy[Case]:
    """Texts anywhere in errors, logs, payloads, or all of it."""
    places: dict[str, Callable[[Any], Iterable[Any]]] = {
        "error": errors, "log": log_bodies, "text": everywhere,
        "params": lambda e: bodies(e, "params"), "output": lambda e: bodies(e, "output"),
    }  # fmt: skip
    needles = [
        *WORDS,
        "strasse",
        "ZOË",
        "Σίσυφοσ",
        "ПРИВЕТ",
        '"total"',
        'hi"',
        "%",
        "_c\\d",
        "99.5",
        "pay",
    ]
    return st.builds(
        lambda name, needle: contains(name, places[name], needle),
        st.sampled_from(sorted(places)), st.sampled_from(needles),
    )  # fmt: skip


def _tries(row: str, field: str) -> st.SearchStrategy[Case]:
    leaves = st.one_of(
        texts("name", lambda s: [s["step_name"], s["step_id"]], ["pay", "ship", "s1"]),
        statuses("status", lambda s: s["status"]),
        texts("error_type", lambda s: [s["error_type"]], ["OSError"]),
        ordered("duration", lambda s: [s["duration_ns"]], DURATIONS),
        ordered("start", lambda s: [s["started_at"]], TIMES),
        ordered("attempts", lambda s: [s["attempt_count"]], NUMBERS) if row == "step"
        else st.sampled_from([
            ("expected", lambda a: a["is_expected_retry"] is True),
            ("not expected", lambda a: a["is_expected_retry"] is not True),
            ("expected = false", lambda a: a["is_expected_retry"] is not True),
        ]),
    )  # fmt: skip
    return nested(row, field, leaves)


def nested(name: str, part: str, leaves: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    return joined(leaves, max_leaves=3).map(
        lambda case: (f"{name}({case[0]})", lambda e: any(case[1](row) for row in getattr(e, part)))
    )


def logs() -> st.SearchStrategy[Case]:
    """Conditions of one log record."""
    leaves = st.one_of(
        texts("body", lambda r: [r["body"]], list(WORDS)),
        st.sampled_from([
            ("severity >= warn", lambda r: r["severity_number"] >= 13),
            ("severity = Warning", lambda r: 13 <= r["severity_number"] <= 16),
            ("severity in (debug, 9)", lambda r: 5 <= r["severity_number"] <= 12),
            ("event = order.paid", lambda r: r["event_name"] == "order.paid"),
            ("attributes.order = 17", lambda r: (r["attributes"] or {}).get("order") == "17"),
        ]),
    )  # fmt: skip
    return nested("log", "logs", leaves)


def joined(leaves: st.SearchStrategy[Case], max_leaves: int) -> st.SearchStrategy[Case]:
    """Conditions joined with and, or, not and brackets."""

    def both(a: Case, b: Case, word: str) -> Case:
        # Without brackets: `and` binds closer than `or`, whatever stands around.
        if word == "and":
            return f"({a[0]}) AND ({b[0]})", lambda e: a[1](e) and b[1](e)
        return f"({a[0]} or {b[0]})", lambda e: a[1](e) or b[1](e)

    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(both, inner, inner, st.sampled_from(["and", "or"])),
            inner.map(lambda case: (f"not ({case[0]})", lambda e: not case[1](e))),
        ),
        max_leaves=max_leaves,
    )


def columns() -> st.SearchStrategy[Case]:
    """Comparisons of columns of the execution itself."""
    plain = {
        "workflow": (lambda e: [e.row.workflow_id, e.row.workflow_name], ["etl", "Checkout", WORDS[0]]),
        "name": (lambda e: [e.row.execution_name], list(WORDS)),
        "user": (lambda e: [e.row.user_id], ["ann", "zoë"]),
        "project": (lambda e: [e.row.project], ["shop"]),
        "version": (lambda e: [e.row.workflow_version], ["1", "2.3.1"]),
        "trigger": (lambda e: [e.row.trigger_type], ["api", "schedule"]),
        "engine": (lambda e: [e.row.dialect], ["otel", "temporal"]),
        "error_type": (lambda e: [e.row.error_type], ["OSError", "ValueError"]),
        "parent": (lambda e: [e.row.parent_execution_id], ["p1"]),
        "tag": (lambda e: e.row.tags if isinstance(e.row.tags, list) else [], ["eu", "nightly"]),
        "step": (lambda e: [a[n] for a in e.attempts for n in ("step_name", "step_id")], ["pay", "s0"]),
        "host": (lambda e: resource(e, "host.name"), ["worker-1", "worker-2"]),
    }  # fmt: skip
    return st.one_of(
        *(texts(name, values, words) for name, (values, words) in plain.items()),
        statuses("status", lambda e: e.row.status),
        ordered("duration", lambda e: [e.row.duration_ns], DURATIONS),
        ordered("wait", lambda e: [e.row.wait_ns], DURATIONS),
        ordered("start", lambda e: [e.row.started_at], TIMES),
        ordered("end", lambda e: [e.row.ended_at], TIMES),
        ordered("exit_code", lambda e: [e.row.exit_code], NUMBERS),
        ordered("attempts", lambda e: [e.row.attempt_count], NUMBERS),
        ordered("unexpected_retries", unexpected, NUMBERS),
        _either("never_succeeded_later", never_succeeded_later),
        _either("never_succeeded_later != true", lambda e: not never_succeeded_later(e)),
    )


def unexpected(whole: Whole) -> list[int]:
    return [
        sum(
            a["is_expected_retry"] is False and a["status"] in {"failed", "timed_out"}
            for a in whole.attempts
        )
    ]


def never_succeeded_later(whole: Whole) -> bool:
    later, start = whole.last_success, whole.row.started_at
    return not (later is not None and start is not None and later > start)


def filters() -> st.SearchStrategy[Case]:
    """Whole filters."""
    leaves = st.one_of(
        columns(), columns(), at_paths(), searches(), _tries("step", "steps"),
        _tries("attempt", "attempts"), logs(),
    )  # fmt: skip
    return joined(leaves, max_leaves=5)
