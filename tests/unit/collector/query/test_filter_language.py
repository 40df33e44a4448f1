import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.filter import compile_filter
from stepscope_collector.query.filter.fields import EXECUTION, ROWS
from stepscope_collector.query.filter.lexer import MAX_CHARACTERS
from stepscope_collector.query.filter.parser import MAX_DEPTH, MAX_SEARCHES, MAX_TERMS, OPERATORS
from stepscope_collector.store import Database
from tests.unit.collector.query.filter_cases import Case, filters
from tests.unit.collector.query.filter_history import History, fill
from tests.unit.collector.query.history import NOW_NS, open_memory

PAGE = (Path(__file__).parents[4] / "docs" / "filters.md").read_text("utf-8")
EXAMPLES = [
    line
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
    if not language
]
ALL_FIELDS = [*EXECUTION, *(field for rows in ROWS for field in rows.fields)]


@pytest.fixture(scope="module", params=[1, 2])
def history(request: pytest.FixtureRequest) -> Iterator[History]:
    """A random history, in the database and as Python values; nobody writes to it."""
    with open_memory() as database:
        fill(database.writer(), request.param)
        yield History(database)


@pytest.fixture(scope="module")
def one() -> Iterator[Database]:
    """A small random history."""
    with open_memory() as database:
        fill(database.writer(), 3, count=20)
        yield database


def found(database: Database, text: str) -> set[str]:
    condition = compile_filter(text, NOW_NS)
    statement = f"select e.execution_id from executions as e where {condition.sql} order by all"
    with database.read() as reader:
        reader.execute(statement, dict(condition.parameters))
        return {row[0] for row in reader.fetchall()}


@given(case=filters())
def test_any_filter_equals_a_brute_force_filter(history: History, case: Case) -> None:
    """R010: a filter of the language gives the rows of the Python it means, in a real database."""
    database, wholes = history.database, history.wholes
    text, rule = case
    wanted = {whole.row.execution_id for whole in wholes if rule(whole)}
    assert found(database, text) == wanted, text


@given(case=filters(), hours=st.sampled_from([0, 12, 48, 200]))
def test_a_filter_of_a_time_reads_the_spans_of_that_time_only(
    history: History, case: Case, hours: int
) -> None:
    """R010, issue #7: lists bound what they read of spans, and find the same."""
    database, wholes = history.database, history.wholes
    text, rule = case
    low = NOW_NS - hours * 3_600_000_000_000
    wanted = [
        whole.row
        for whole in wholes
        if rule(whole) and whole.row.started_at is not None and whole.row.started_at >= low
    ]
    filters = {"started_after": f"{hours}h" if hours else "now", "filter": text}
    page = execution_page(database, filters, now_ns=NOW_NS, limit=1000)
    assert {row.execution_id for row in page.executions} == {row.execution_id for row in wanted}, (
        text
    )
    starts = [row.started_at for row in page.executions]
    assert starts == sorted(starts, key=lambda start: -(start or 0))


def test_the_history_has_something_for_most_filters(
    history: History,
) -> None:
    """ours: filters that meet nothing, or everything, would prove nothing."""
    database, wholes = history.database, history.wholes
    for text in (
        "params ~ straße", 'text ~ "σίσυφος"', "log ~ ПРИВЕТ", "error ~ zoë", "host = worker-1",
        "step(attempts > 1 and status = success)", "attempt(not expected)", "tag = eu",
        "log(severity >= warn)", 'attributes."my.key" = 42', "params.customer = 42",
        "params.deep.list.0.sku = A-1", "output.total > 99", "unexpected_retries > 0",
        "status = failed and never_succeeded_later", "start = none", "exit_code < 0",
    ):  # fmt: skip
        assert 0 < len(found(database, text)) < len(wholes), text


def test_precedence_and_words_in_any_case(one: Database) -> None:
    """issue #7: AND/OR/NOT; and binds closer than or, not closer than and."""
    a, b, c = "status = failed", "user = ann", "project = shop"
    assert found(one, f"{a} or {b} and {c}") == found(one, f"{a} OR ({b} And {c})")
    assert found(one, f"not {a} and {b}") == found(one, f"(not {a}) and ({b})")
    assert found(one, f"not not ({a})") == found(one, a)
    assert found(one, "  ") == found(one, "id != none")


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_of_the_page_is_a_filter(one: Database, text: str) -> None:
    """issue #7: a documented grammar; documents are true."""
    found(one, text)


@pytest.mark.parametrize("text", [field.example for field in ALL_FIELDS])
def test_each_example_of_a_field_is_a_filter(one: Database, text: str) -> None:
    """ours: messages and pages show these."""
    found(one, text)


def test_the_page_names_every_field_operator_and_limit() -> None:
    """issue #7: a documented grammar; documents are whole."""
    assert len(EXAMPLES) > 30
    for field in ALL_FIELDS:
        name = f"{field.name}.…" if field.kind == "path" else field.name
        assert f"`{name}`" in PAGE, name
        for alias in field.aliases:
            assert f"`{alias}`" in PAGE, alias
    for operator in {operator for allowed in OPERATORS.values() for operator in allowed}:
        assert f"`{operator}`" in PAGE
    for limit in (MAX_CHARACTERS, MAX_DEPTH, MAX_SEARCHES, MAX_TERMS):
        assert f"{limit:,}" in PAGE


WRONG = [
    ("stauts = failed", "unknown field 'stauts'", 1, "'status'"),
    ("status = faild", "unknown status 'faild'", 10, "'failed'"),
    ("status is failed", "unknown operator 'is'", 8, "'='"),
    ("status == failed", "unknown operator '=='", 8, "'='"),
    ("status:failed", "unknown operator ':'", 1, "status = failed"),
    ("checkout failed", "unknown field 'checkout'", 1, 'write text ~ "checkout"'),
    ("checkout", "unknown field 'checkout'", 1, 'write text ~ "checkout"'),
    ("-user:ann", "unknown operator ':'", 1, "not user = ann"),
    ("status:(failed or lost)", "unknown rows 'status:'", 1, "status in (a, b)"),
    ("param.a = 1 && user = x", "expected `and` or `or`, not '&&'", 13, "'and'"),
    ("(user = x || user = y)", "expected `and`, `or` or `)`", 11, "'or'"),
    ("user = ann, bob", "expected `and` or `or`, not ','", 11, "in (ann, …)"),
    ("user = null", "neither text nor `none`", 8, "user = none"),
    ("params.a in (1, NULL)", "neither text nor `none`", 17, '"NULL"'),
    ("metadata.region = eu", "unknown field 'metadata.region'", 1, "paths begin with attributes"),
    ("parms.region = eu", "unknown field 'parms.region'", 1, "'params.region'"),
    ("user\u202e = x", "unknown field 'user\\u202e'", 1, "'user'"),
    ("qqqq", "unknown field 'qqqq'", 1, "text ~"),
    ("user < ann", "'user' does not take the operator '<'", 6, "= != in ~ !~"),
    ("params = 3", "'params' does not take the operator '='", 8, "params.customer"),
    ("user contains ann", "unknown operator 'contains'", 6, "'~'"),
    ("duration > 5", "is no duration", 12, "1.5s"),
    ("start > 2h", "is a duration, no time", 9, "-2h"),
    ("start > yesterdy", "is no time", 9, "'yesterday'"),
    ("exit_code = 1.5", "is no whole number", 13, "3"),
    ("duration = 3s..1s", "ends before it begins", 12, "1s..3s"),
    ("duration > 1s..2s", "a range does not go with '>'", 12, "="),
    ("duration = ..", "a range needs an end", 12, "a..b"),
    ("trace = 12", "is no trace id", 9, "32 hex"),
    ("log(severity = loud)", "unknown severity 'loud'", 16, "known"),
    ("never_succeeded_later = maybe", "is true or false", 25, "true"),
    ("user > none", "does not take the operator", 6, ""),
    ("duration > none", "`none` is no value to compare with", 12, "= none"),
    ('user = ""', "empty text", 8, "none"),
    ("(status = failed", "expected `and`, `or` or `)`", 17, "character 1"),
    ("status = failed)", "expected `and` or `or`", 16, "no bracket is open"),
    ("status = failed user = x", "expected `and` or `or`", 17, "between two comparisons"),
    ("name = nightly report", "expected `and` or `or`", 16, "quotes"),
    ("status", "expected an operator", 7, "= != in"),
    ("status =", "expected a value for 'status'", 9, "for example"),
    ("status in failed", "expected `(` behind `in`", 11, "in (a, b)"),
    ("status in (failed lost)", "expected `,` or `)`", 19, "quotes"),
    ("error in (x)", "does not take the operator 'in'", 7, "~"),
    ("and", "expected a field, not 'and'", 1, "status"),
    ('"checkout"', "expected a field", 1, "searches everywhere"),
    ('user = "zoë', 'the quote " does not end', 8, ""),
    ('user = "a\\q"', "unknown escape", 10, "known"),
    ("params.a..b = 3", "has a name that is empty", 1, ""),
    ("step(nme = pay)", "unknown field 'nme' of step(…)", 6, "'name'"),
    ("severity >= warn", "unknown field 'severity'", 1, "log(severity …)"),
    ("steps(name = pay)", "unknown rows 'steps'", 1, "'step'"),
    ("step(log(body ~ x))", "unknown field 'log' of step(…)", 6, ""),
    ('user ~ "日本" and 用户 = 3', "unknown field '用户'", 17, ""),
    ("user = \x00", "character 0x0 is no text", 8, "quotes"),
    ("user = \ud800", "character 0xd800 is no text", 8, "quotes"),
    ("(" * 41 + "user = x" + ")" * 41, "nested more than 40 deep", 41, "flatter"),
    ("not " * 41 + "user = x", "nested more than 40 deep", 161, "flatter"),
    (" or ".join(["log ~ x"] * 21), "looks more than 20 times into steps", 221, "SQL"),
    (f"user in ({','.join('a' * 501)})", "more than 500 comparisons and values", 1010, "SQL"),
    ("user = " + "a" * 10_000, "has 10007 characters, limit 10000", 10_001, "SQL"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place", "hint"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_filter_points_at_the_place_and_names_the_right_word(
    text: str, message: str, place: int, hint: str
) -> None:
    """issue #7: unknown field, operator or value: an error at the place, with the nearest one."""
    with pytest.raises(BadRequest) as caught:
        compile_filter(text, NOW_NS)
    what, shown, carets = caught.value.message.split("\n")
    assert message in what
    is_end = place > len(text)
    assert ("at the end of the filter" if is_end else f"at character {place} of the filter") in what
    assert hint in (caught.value.hint or "")
    assert set(carets) == {" ", "^"}
    assert len(shown) < 250
    if text.isascii() and text.isprintable() and len(text) < 50:
        assert shown == f"  {text}"
        assert carets.index("^") == place + 1


PIECES = st.sampled_from([
    "status", "start", "params.", "attributes", '"', "'", "(", ")", "in", "not", "and", "or", "=",
    "!=", "~", "<", "..", "-2h", "none", "1s", " ", " ", ",", "\\", "'; drop table x --", "$filter_0",
    "/*", "{}", "{path}", "?", "::", "e.status", "text", "step(", "\u00a0", "\u202e", "🙂",
])  # fmt: skip


@given(text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join)))
def test_random_text_is_a_filter_or_a_clear_error(one: Database, text: str) -> None:
    """issue #7: nothing but a clear error or a valid filter, whatever was typed."""
    try:
        condition = compile_filter(text, NOW_NS)
    except BadRequest as error:
        message = error.message
    else:
        message = ""
    if message:
        assert "of the filter" in message
        assert message.count("\n") == 2
        assert message.encode()
        return
    assert set(re.findall(r"\$(\w+)", condition.sql)) == set(condition.parameters)
    found(one, text)


HOSTILE = [
    "x'; drop table stored.executions; --", '") or 1=1 --', "$filter_1", "{}", "{path}", "\\' or ''='",
    "*/ or true /*", "%", "\u0000", "e.status", "') union select 1 --",
]  # fmt: skip


@given(
    template=st.sampled_from([
        "user = {}", "user in ({}, b)", "name ~ {}", "text ~ {}", "params.a = {}", "params.{} = b",
        "attributes.{} = b", "attributes.{} ~ {}", "resource.{} in ({})", "tag = {}", "host !~ {}",
        "log(attributes.{} = 1)", "step(input.{} > {})",
    ]),
    value=st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)),
)  # fmt: skip
def test_no_value_ever_stands_in_the_sql(one: Database, template: str, value: str) -> None:
    """issue #7: compiled to bound SQL; the text of SQL is the same whatever the values are."""
    quoted = (
        '"'
        + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value)
        + '"'
    )
    condition = compile_filter(template.replace("{}", quoted), NOW_NS)
    # Of values the SQL shows no more than whether JSON may write them otherwise.
    forms = ("plain", "{", "a\\u0001")
    known = {compile_filter(template.replace("{}", f'"{form}"'), NOW_NS).sql for form in forms}
    assert condition.sql in known
    assert set(re.findall(r"\$(\w+)", condition.sql)) == set(condition.parameters)
    found(one, template.replace("{}", quoted))
