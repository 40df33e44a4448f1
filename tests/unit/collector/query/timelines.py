"""Timelines of executions, made up and drawn."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from stepscope_collector.query.rows import Execution
from stepscope_collector.query.timeline import ChildTime, Timeline, Try

EXECUTION = Execution(
    execution_id="x", workflow_id="w", workflow_name="w", execution_name=None, workflow_version=None,
    project=None, dialect="stepscope", service_name=None, trigger_type=None, user_id=None,
    session_id=None, tags=None, status="success", status_native=None, queued_at=None, wait_ns=None,
    started_at=0, ended_at=0, duration_ns=0, last_seen_at=0, error_type=None, error_message=None,
    exit_code=None, parent_execution_id=None, retry_of_execution_id=None,
    continued_from_execution_id=None, try_count=None, root_execution_id="x", trace_id="t",
    span_id=None, attempt_count=0, failed_attempt_count=0, span_count=1, ingested_at=0, updated_at=0,
)  # fmt: skip


def try_of(step: str, begin: int, end: int, *, attempt: int = 1, queued: int | None = None) -> Try:
    """An attempt of a step that is called as its id is."""
    return Try(step, step, attempt, queued, begin, end)


def timeline(
    tries: Sequence[Try],
    until: int,
    above: Mapping[str, str] | None = None,
    children: Sequence[ChildTime] = (),
) -> Timeline:
    """The timeline of an execution that began at 0."""
    return Timeline(EXECUTION, 0, until, list(tries), dict(above or {}), list(children))


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Small ones with retries, queues, steps in steps (also in circles), children, clocks apart."""
    steps = "abcde"
    instants = st.integers(-3, 25)
    tries = []
    for _ in range(draw(st.integers(0, 7))):
        begin, length = draw(instants), draw(st.integers(0, 8))
        queued = draw(st.none() | instants)
        tries.append(try_of(draw(st.sampled_from(steps)), begin, begin + length, queued=queued))
    above = draw(st.dictionaries(st.sampled_from(steps), st.sampled_from(steps + "x")))
    children = []
    for number in range(draw(st.integers(0, 2))):
        begin = draw(instants)
        around = draw(st.none() | st.sampled_from(steps))
        children.append(
            ChildTime(f"c{number}", "w", around, begin, begin + draw(st.integers(0, 8)))
        )
    above = {step: around for step, around in above.items() if step != around}
    return timeline(tries, draw(st.integers(0, 25)), above, children)
