"""View steps answers the same whichever of its three parts an execution goes through."""

import json

from hypothesis import given
from hypothesis import strategies as st

SPANS = st.lists(
    st.fixed_dictionaries(
        {
            "execution_id": st.sampled_from(("e", "f")),
            "step_id": st.sampled_from((None, "a", "b", "c")),
            "step_index": st.sampled_from((None, 0, 1, 5)),
            "attempt": st.sampled_from((None, 1, 2)),
            "start_time_unix_nano": st.integers(1, 4),
            "status": st.sampled_from(("success", "failed")),
            "table": st.sampled_from(("spans", "spans", "open_spans")),
        }
    ),
    max_size=8,
)


def _expected(rows):
    """What the view is to say, step by step: final attempt, its count, first start, index."""
    steps = {}
    for row in rows:
        steps.setdefault((row["execution_id"], row["step_id"] or row["hex"]), []).append(row)
    found = {}
    for (execution_id, step_id), tries in steps.items():
        final = max(tries, key=lambda t: (t["attempt"] or 1, t["start_time_unix_nano"], t["hex"]))
        first = min(t["start_time_unix_nano"] for t in tries)
        found.setdefault(execution_id, []).append((first, final["hex"], step_id, final, len(tries)))
    return sorted(
        (
            execution_id,
            step_id,
            rank if final["step_index"] is None else final["step_index"],
            final["attempt"] or 1,
            count,
            first,
            final["start_time_unix_nano"],
            hex_id,
            final["status"] if final["table"] == "spans" else "lost",
        )
        for execution_id, each in found.items()
        for rank, (first, hex_id, step_id, final, count) in enumerate(
            sorted(each, key=lambda s: s[:2])
        )
    )


COLUMNS = """execution_id, step_id, step_index, attempt, attempt_count, epoch_ns(first_started_at),
    epoch_ns(started_at), span_id, status"""


@given(spans=SPANS)
def test_steps_are_their_final_attempts_in_any_mixture_of_executions(shared_history, spans):
    """R002: one attempt or several, told an index or ranked, open or ended: the rule is one."""
    shared_history.clear()
    rows = []
    for number, span in enumerate(spans, start=1):
        values = {name: value for name, value in span.items() if name != "table"}
        if span["table"] == "open_spans":
            del values["status"]
        shared_history.add(span["table"], span_id=number, **values)
        rows.append({**span, "hex": f"{number:016x}"})
    expected = _expected(rows)
    assert shared_history.ask(f"select {COLUMNS} from steps order by all") == expected
    assert shared_history.ask(
        f"select {COLUMNS} from steps where execution_id = 'e' order by all"
    ) == [row for row in expected if row[0] == "e"]
    assert shared_history.ask("select count(*) from steps") == [(len(expected),)]


def _rows_through_windows(history, statement):
    """How many rows the windows of the statement gave."""
    (_, plan) = history.ask(f"explain (analyze, format json) {statement}")[0]
    todo, rows = list(json.loads(plan)["operator"]), []
    while todo:
        node = todo.pop()
        todo.extend(node.get("children", ()))
        if node["type"] == "WINDOW":
            rows.append(node["intermediate_rows"])
    assert rows, "the plan has windows, whatever goes through them"
    return sum(rows)


def test_steps_of_one_attempt_each_go_through_no_window(history):
    """issue #7: a look at all steps takes no seconds at a million of them."""
    for number in range(1, 40):
        history.add("spans", span_id=number, execution_id=f"e{number % 4}", step_index=number)
    assert _rows_through_windows(history, "select * from steps limit 100") == 0
    history.add("spans", span_id=40, execution_id="f", step_id="s", attempt=1)
    history.add("spans", span_id=41, execution_id="f", step_id="s", attempt=2)
    assert 0 < _rows_through_windows(history, "select * from steps limit 100") < 39
