"""The graph of one execution, as JSON and as a picture to embed."""

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.present.rest.encode import dumps, encode_rows
from stepscope_collector.present.rest.route import Param, Part, Route
from stepscope_collector.present.rest.stream_response import Download
from stepscope_collector.query.export.graph_svg import graph_svg
from stepscope_collector.query.graph import (
    MAX_EDGES,
    MAX_NODES,
    GraphEdge,
    GraphNode,
    execution_graph,
)
from stepscope_collector.store import Database

__all__ = ["ROUTES", "STREAMS"]

_SVG: Final = "image/svg+xml"
_MAX_CHARS: Final = 100_000

ROUTES: Final = (
    Route(
        "get_graph", "/api/executions/{id}/graph",
        "One execution as a graph of its steps and child executions with their inputs and outputs, as "
        f"JSON or as a picture coloured by status; the first {MAX_NODES} nodes and {MAX_EDGES} edges.",
        (
            Param("format", "JSON, or a picture.", "svg", default="json", values=("json", "svg")),
            Param(
                "max_chars", "Characters of each input and output at most; 0: none, just what there is.",
                "200", "integer", 0,
            ),
        ),
        (
            Part("nodes", GraphNode, "Node 0 is the execution; the others stand in order of start."),
            Part("edges", GraphEdge, "What lies in what, what followed what."),
            Part("is_truncated", None, "Whether there are more nodes, edges or payloads.", False),
        ),
        errors=(400, 404), further_media=(_SVG,),
    ),
)  # fmt: skip


def _get_graph(database: Database, params: Mapping[str, Any], id: str) -> Download:  # noqa: A002  # the name in the path
    max_chars = params["max_chars"]
    if not 0 <= max_chars <= _MAX_CHARS:
        raise BadRequest(f"max_chars={max_chars} is out of range", hint=f"0 to {_MAX_CHARS}")
    graph = execution_graph(database, id, now_ns=time.time_ns(), max_chars=max_chars)
    if params["format"] == "svg":
        body = graph_svg(graph).encode("utf-8", "replace")
        return Download("graph.svg", _SVG, _whole(body), is_inline=True)
    answer = {
        "nodes": encode_rows(graph.nodes),
        "edges": encode_rows(graph.edges),
        "is_truncated": graph.is_truncated,
    }
    return Download("graph.json", "application/json", _whole(dumps(answer)), is_inline=True)


def _whole(body: bytes) -> Generator[bytes, None, None]:
    yield body


STREAMS: Final[Mapping[str, Callable[..., Download]]] = {"get_graph": _get_graph}
"""Name of a route → its function: it gets the database, the parameters and those of the path."""
