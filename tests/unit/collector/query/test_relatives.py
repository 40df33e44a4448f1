from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.query import relatives
from stepscope_collector.query.relatives import (
    TreeExecution,
    execution_tree,
    in_depth_first_order,
)
from stepscope_collector.store import Database
from tests.unit.collector.query.history import NOW_NS, SECOND, add_execution


def node(execution_id: str, parent: str | None) -> TreeExecution:
    return TreeExecution(execution_id, parent, "w", "w", None, "success", 0, 1, 1, None, None)


def fill(database: Database, parents: dict[str, str | None]) -> None:
    for place, (name, parent) in enumerate(parents.items()):
        add_execution(
            database.writer(), name, parent_execution_id=parent,
            started_unix_nano=NOW_NS + place * SECOND,
        )  # fmt: skip


def test_the_tree_is_whole_from_wherever_one_asks(database: Database) -> None:
    """issue #7: children and parent tree of one execution."""
    fill(database, {"a": None, "b": "a", "c": "b", "d": "a", "other": None, "e": "c"})
    expected = [("a", 0), ("b", 1), ("c", 2), ("e", 3), ("d", 1)]
    for asked in "abcde":
        tree, is_truncated = execution_tree(database, asked)
        assert [(row.execution_id, row.depth) for row in tree] == expected
        assert not is_truncated


def test_circles_and_missing_parents_have_a_tree_too(database: Database) -> None:
    """issue #7: cycles and missing parents survive."""
    fill(database, {"a": "b", "b": "a", "c": "b", "x": "gone", "self": "self"})
    assert {row.execution_id for row in execution_tree(database, "c")[0]} == {"a", "b", "c"}
    assert [(row.execution_id, row.depth) for row in execution_tree(database, "x")[0]] == [("x", 0)]
    assert [row.execution_id for row in execution_tree(database, "self")[0]] == ["self"]


def test_a_large_tree_is_cut_and_says_so(database: Database, monkeypatch: Any) -> None:
    """issue #7: nothing is cut silently."""
    monkeypatch.setattr(relatives, "MAX_TREE", 2)
    fill(database, {"a": None, "b": "a", "c": "a"})
    tree, is_truncated = execution_tree(database, "c")
    assert [row.execution_id for row in tree] == ["a", "b"]
    assert is_truncated


@given(st.dictionaries(st.sampled_from("abcdefg"), st.none() | st.sampled_from("abcdefgx")))
def test_every_row_has_one_place_below_its_parent(parents: dict[str, str | None]) -> None:
    """issue #7: any tangle of parents, each execution once."""
    placed = in_depth_first_order([node(name, parent) for name, parent in parents.items()])
    assert sorted(row.execution_id for row in placed) == sorted(parents)
    depth = {row.execution_id: row.depth for row in placed}
    for row in placed:
        if row.depth:
            assert depth[str(row.parent_execution_id)] == row.depth - 1
