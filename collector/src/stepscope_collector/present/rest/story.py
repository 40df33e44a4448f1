"""Endpoints that tell of one execution: its tree."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepscope_collector.present.rest.encode import dumps, encode_rows
from stepscope_collector.present.rest.route import Part, Route
from stepscope_collector.query.relatives import MAX_TREE, TreeExecution, execution_tree
from stepscope_collector.store import Database

__all__ = ["ANSWERS", "ROUTES"]

ROUTES: Final = (
    Route(
        "get_tree", "/api/executions/{id}/tree",
        f"The whole tree of executions that one stands in, at most {MAX_TREE}.",
        (),
        (
            Part("tree", TreeExecution, "Parents before their children, siblings by start."),
            Part("is_truncated", None, "Whether there are more.", False),
        ),
        errors=(404,),
    ),
)  # fmt: skip


def _get_tree(database: Database, _params: Mapping[str, Any], id: str) -> tuple[int, bytes]:  # noqa: A002  # the name in the path
    tree, is_truncated = execution_tree(database, id)
    return 200, dumps({"tree": encode_rows(tree), "is_truncated": is_truncated})


ANSWERS: Final[Mapping[str, Callable[..., tuple[int, bytes]]]] = {"get_tree": _get_tree}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""
