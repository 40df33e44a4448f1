"""Steps as a tree with bars."""

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.present.text.tables import Screen
from stepscope_collector.present.text.waterfall import Bar, place_steps, waterfall
from tests.unit.collector.present.text.history import execution, step


def names(steps, attempts=()):
    return [
        (placed.depth, placed.row["step_name"], placed.is_attempt)
        for placed in place_steps(steps, list(attempts))
    ]


def test_the_waterfall_is_a_tree_with_bars_on_one_time_axis():
    """ours: golden text."""
    steps = [
        step(2, "load", 500, 1500, parent_span_id="0000000000000001"),
        step(1, "extract", 0, 1500),
        step(3, "publish", 1500, None),
    ]
    assert waterfall(execution(), steps, steps, Screen()) == (
        "STEP     STATUS   DURATION  TIME                      ERROR\n"
        "extract  success    1.50 s  ██████████████████······\n"
        "  load   success    1.00 s  ······████████████······\n"
        "publish  running         -  ··················█████▶\n"
    )


def test_a_retried_step_shows_its_tries_below_it():
    """R116: every attempt with its error."""
    failed = {"status": "failed", "error_type": "TimeoutError", "error_message": "no answer\nyet"}
    first = step(1, "fetch", 0, 500, step_id="fetch", max_attempts=3, **failed)
    second = step(2, "fetch", 1000, 2000, step_id="fetch", attempt=2, max_attempts=3)
    final = {**second, "attempt_count": 2, "first_started_at": first["started_at"]}
    child = step(3, "connect", 0, 400, parent_span_id=first["span_id"])
    assert waterfall(execution(), [final, child], [second, first, child], Screen()) == (
        "STEP                STATUS   DURATION  TIME                      ERROR\n"
        "fetch (2 attempts)  success    1.00 s  ············████████████\n"
        "  attempt 1 of 3    failed   500.0 ms  ██████··················  TimeoutError: no answer yet\n"
        "  attempt 2 of 3    success    1.00 s  ············████████████\n"
        "  connect           success  400.0 ms  █████···················\n"
    )


def test_the_bar_of_a_lost_step_ends_at_its_last_sign_of_life():
    """ours: lost has no end, and an arrow would say that the step still goes on."""
    seen = {"status": "lost", "last_seen_at": "2026-03-01T13:05:10.100000000Z"}
    steps = [step(1, "pull", 0, None, **seen), step(2, "rest", 0, 2000)]
    assert waterfall(execution(), steps, [], Screen()) == (
        "STEP  STATUS   DURATION  TIME                      ERROR\n"
        "pull  lost            -  ███████████?············\n"
        "rest  success    2.00 s  ████████████████████████\n"
    )


def test_siblings_stand_by_their_first_start():
    """R002: ordered steps."""
    late_first_try = step(1, "b", 900, 950, first_started_at="2026-03-01T13:05:09.150000000Z")
    steps = [late_first_try, step(2, "c", 300, 400), step(3, "a", 0, 100)]
    assert names(steps) == [(0, "a", False), (0, "b", False), (0, "c", False)]


def test_steps_whose_parents_form_a_circle_are_shown_once():
    """ours: a sender may claim anything."""
    one = step(1, "one", 0, 1, parent_span_id=f"{2:016x}")
    two = step(2, "two", 0, 1, parent_span_id=f"{1:016x}")
    own = step(3, "own", 0, 1, parent_span_id=f"{3:016x}")
    assert names([one, two, own]) == [(0, "own", False), (0, "one", False), (1, "two", False)]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12))
def test_every_step_is_placed_exactly_once_whatever_the_parents(parents):
    """ours: cycles, missing parents and chains never hang and never lose a step."""
    steps = [
        step(number, str(number), number, number + 1, parent_span_id=f"{parent:016x}")
        for number, parent in enumerate(parents, start=1)
    ]
    placed = place_steps(steps, steps)
    assert sorted(int(each.row["step_name"]) for each in placed) == list(range(1, len(steps) + 1))


def test_a_deep_chain_of_steps_does_not_exhaust_the_stack():
    """ours: depth is the sender's choice."""
    steps = [step(n, str(n), n % 900, 950, parent_span_id=f"{n - 1:016x}") for n in range(1, 3000)]
    assert place_steps(steps, [])[-1].depth == 2998


def test_a_bar_is_always_as_wide_as_the_axis():
    """ours: zero-length steps are seen, steps outside the axis do not break the table."""
    axis = Bar(0, 24_000_000_000)
    assert axis.draw("1970-01-01T00:00:12Z", "1970-01-01T00:00:12Z") == "·" * 12 + "█" + "·" * 11
    assert axis.draw("1970-01-01T00:00:24Z", "1970-01-01T00:00:30Z") == "·" * 23 + "█"
    assert axis.draw("1970-01-01T00:01:00Z", "1970-01-01T00:00:30Z") == "·" * 23 + "█"
    assert axis.draw("1970-01-01T00:00:00Z", None) == "█" * 23 + "▶"
    assert axis.draw(None, None) == ""


def test_an_execution_without_any_time_has_a_table_without_bars():
    """ours: OTLP timestamps may be 0, which is unknown."""
    bare = {"started_at": None, "ended_at": None, "last_seen_at": None}
    steps = [{**step(1, "a", 0, 1), **bare, "first_started_at": None, "duration_ns": None}]
    assert waterfall(execution(**bare), steps, [], Screen()) == (
        "STEP  STATUS   DURATION  TIME  ERROR\na     success         -\n"
    )
