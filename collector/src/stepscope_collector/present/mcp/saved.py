"""Saved queries as tools: `query_NAME`, each with the parameters of its statement."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from stepscope_collector.present.mcp.sql import sql_answer
from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Document, Tool

__all__ = ["PREFIX", "saved_tools"]

PREFIX: Final = "query_"
_MAX_ROWS: Final = Argument("max_rows", "Rows at most.", "integer", 200, minimum=1, maximum=10_000)


def saved_tools(asker: Asker) -> Iterable[Tool]:
    """A tool for each saved query that there is now."""
    for query in asker.get("/api/queries")["queries"]:
        yield _tool(query)


def _tool(query: Document) -> Tool:
    path = f"/api/queries/{quote(query['name'], safe='')}"
    params = [name for name in query["params"] if name != _MAX_ROWS.name]

    def answer(asker: Asker, given: Mapping[str, Any]) -> Answer:
        return sql_answer(asker.get(path, {**given, "format": "json"}), given["max_rows"])

    return Tool(
        PREFIX + query["name"],
        f"{query['description'] or 'A saved query'}. SQL: {query['statement']}",
        (
            *(Argument(name, f"Value of ${name}.", "value", is_required=True) for name in params),
            _MAX_ROWS,
        ),
        answer,
    )
