"""What the token of a user shows, asked both ways: of lists and of one execution."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.query.executions import execution_page
from stepscope_collector.query.place import find
from stepscope_collector.query.visible import Viewer, is_visible
from stepscope_collector.store import Database
from tests.unit.collector.query.history import NOW_NS, SECOND, add_execution, open_memory

NUMBERS = st.integers(0, 7)
EXECUTION = st.tuples(
    st.sampled_from([None, "alice", "bob"]),
    st.sampled_from([None, "public", "other"]),
    st.none() | NUMBERS,
    st.none() | NUMBERS,
)
"""User, workflow, and numbers of parent and root: some are not there, and some go round in circles."""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """One for all examples: what belongs to one has its number in it, and to make one takes long."""
    with open_memory() as opened:
        yield opened


_COUNT = itertools.count()


@given(st.lists(EXECUTION, min_size=1, max_size=7))
def test_r136_lists_and_single_executions_agree(database: Database, drawn: list[tuple]) -> None:
    """R136: whatever the tree, an execution is in the list when it, or one above it, is the user's or public."""
    example = next(_COUNT)

    def name(word: int | str | None) -> str | None:
        return None if word is None else f"{example}-{word}"

    seen = {
        number
        for number, (user, workflow, _, _) in enumerate(drawn)
        if user == "alice" or workflow == "public"
    }
    for _ in drawn:
        seen |= {
            number for number, (_, _, parent, root) in enumerate(drawn) if {parent, root} & seen
        }
    for number, (user, workflow, parent, root) in enumerate(drawn):
        add_execution(
            database.writer(), name(number), started_unix_nano=NOW_NS + number * SECOND,
            final_end_unix_nano=NOW_NS + (number + 1) * SECOND, status="success", user_id=name(user),
            workflow_id=name(workflow), parent_execution_id=name(parent), root_execution_id=name(root),
        )  # fmt: skip
    viewer = Viewer(name("alice"), (name("public"),))
    page = execution_page(database, viewer.filters, now_ns=NOW_NS)
    assert {row.execution_id for row in page.executions} == {name(each) for each in seen}
    with database.read() as connection:
        for number in range(len(drawn)):
            place = find(connection, name(number))
            assert is_visible(connection, place, viewer) == (number in seen)
