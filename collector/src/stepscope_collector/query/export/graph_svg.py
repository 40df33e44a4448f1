"""The graph of an execution as one SVG picture: no network, no script, dark and light (R030).

Everything in it that a sender wrote is text: escaped, control and direction characters written out.
What lies inside a node stands in a frame below it; what followed stands lower, what ran beside, beside.
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from stepscope_collector.query.export.plain import duration_text, plain, status_class
from stepscope_collector.query.graph import Graph, GraphNode, GraphPayload

__all__ = ["graph_svg"]

_WIDTH: Final = 190
_HEIGHT: Final = 44
_GAP: Final = 26
_MARGIN: Final = 12
_MAX_BESIDE: Final = 12
"""Nodes beside each other; further ones that ran at the same time stand in a row below."""
_MAX_NAME: Final = 100
"""Characters of a name; what is too wide is cut at the edge of the box."""
_MAX_TEXT: Final = 2000
"""Characters of one text of a tooltip."""


@dataclass(slots=True)
class _Block:
    """A node with all that lies inside it; places are of its left upper corner."""

    width: int = _WIDTH
    height: int = _HEIGHT
    x: int = 0
    y: int = 0
    has_inside: bool = False


def graph_svg(graph: Graph) -> str:
    """The picture.

    Every node is a group with `data-node`, and `data-step-id` or `data-child-execution-id`, its status
    as class and a tooltip with times, error, inputs and outputs.
    """
    blocks = _laid_out(graph)
    width, height = blocks[0].width + 2 * _MARGIN, blocks[0].height + 2 * _MARGIN
    height += 20 if graph.is_truncated else 0
    name = plain(graph.nodes[0].name)[:_MAX_NAME]
    style = files(__package__).joinpath("graph.css").read_text("utf-8")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{html.escape(name)}</title>",
        f"<style>\n{style}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *(_frame(block) for block in blocks if block.has_inside),
        *(_edge(blocks[e.source], blocks[e.target], e.kind) for e in graph.edges),
        *(_node(node, block) for node, block in zip(graph.nodes, blocks, strict=True)),
    ]
    if graph.is_truncated:
        told = f"the first {len(graph.nodes)} nodes and {len(graph.edges)} edges; there are more"
        lines.append(f'<text class="note" x="{_MARGIN}" y="{height - 8}">{told}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _laid_out(graph: Graph) -> list[_Block]:
    """The block of each node: sizes from within outwards, then places from without inwards."""
    blocks = [_Block() for _ in graph.nodes]
    inside: list[list[int]] = [[] for _ in graph.nodes]
    for node in graph.nodes[1:]:
        inside[node.above or 0].append(node.node)
    rows = _rows(graph)
    outwards = list(_from_without(inside))
    for number in reversed(outwards):
        if lying := _in_rows(inside[number], rows):
            block = blocks[number]
            block.has_inside = True
            widths = [sum(blocks[n].width + _GAP for n in row) - _GAP for row in lying]
            block.width = max(_WIDTH, *widths) + 2 * _MARGIN
            heights = (max(blocks[n].height for n in row) + _GAP for row in lying)
            block.height = _HEIGHT + sum(heights) + 2 * _MARGIN
    blocks[0].x = blocks[0].y = _MARGIN
    for number in outwards:
        block = blocks[number]
        y = block.y + _MARGIN + _HEIGHT + _GAP
        for row in _in_rows(inside[number], rows):
            x = block.x + (block.width - sum(blocks[n].width + _GAP for n in row) + _GAP) // 2
            for each in row:
                blocks[each].x, blocks[each].y = x, y
                x += blocks[each].width + _GAP
            y += max(blocks[n].height for n in row) + _GAP
    return blocks


def _from_without(inside: Sequence[Sequence[int]]) -> Iterator[int]:
    """All nodes, each before those inside it."""
    waiting = [0]
    while waiting:
        number = waiting.pop()
        yield number
        waiting.extend(inside[number])


def _rows(graph: Graph) -> list[int]:
    """How many followed each other before each node, at most, in the place where it lies."""
    rows = [0] * len(graph.nodes)
    # `then` leads from a node to one that stands behind it, and edges come in the order of targets.
    for edge in graph.edges:
        if edge.kind == "then":
            rows[edge.target] = max(rows[edge.target], rows[edge.source] + 1)
    return rows


def _in_rows(numbers: Sequence[int], rows: Sequence[int]) -> list[list[int]]:
    lying: dict[int, list[int]] = {}
    for number in numbers:
        lying.setdefault(rows[number], []).append(number)
    return [
        beside[place : place + _MAX_BESIDE]
        for _, beside in sorted(lying.items())
        for place in range(0, len(beside), _MAX_BESIDE)
    ]


def _frame(block: _Block) -> str:
    return (
        f'<rect class="frame" x="{block.x}" y="{block.y}" width="{block.width}" '
        f'height="{block.height}" rx="8"/>'
    )


def _edge(source: _Block, target: _Block, kind: str) -> str:
    to_x, to_y = target.x + target.width // 2, target.y + (_MARGIN if target.has_inside else 0)
    from_x = source.x + source.width // 2
    from_y = source.y + (source.height if kind == "then" else _MARGIN + _HEIGHT)
    bend = max(_GAP, to_y - from_y) // 2
    return (
        f'<path class="edge {kind}" d="M{from_x} {from_y}C{from_x} {from_y + bend} '
        f'{to_x} {to_y - bend} {to_x} {to_y}"/>'
    )


def _node(node: GraphNode, block: _Block) -> str:
    ids = (("node", node.node), ("step-id", node.step_id), ("child-execution-id", node.child_execution_id))  # fmt: skip
    data = "".join(f' data-{key}="{_text(value)}"' for key, value in ids if value is not None)
    x = block.x + (block.width - _WIDTH) // 2
    y = block.y + (_MARGIN if block.has_inside else 0)
    told = " · ".join(part for part in (node.status, _tries(node), _took(node)) if part)
    return (
        f'<g class="node {status_class(node.status)}"{data}><title>{_text(_tooltip(node))}</title>'
        f'<svg x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{_HEIGHT - 2}" rx="6"/>'
        f'<text x="10" y="19">{_text(node.name, _MAX_NAME)}</text>'
        f'<text class="told" x="10" y="35">{_text(told, _MAX_NAME)}</text></svg></g>'
    )


def _tries(node: GraphNode) -> str:
    return f"{node.attempt_count} attempts" if node.attempt_count > 1 else ""


def _took(node: GraphNode) -> str:
    return duration_text(node.duration_ns)


def _tooltip(node: GraphNode) -> str:
    facts = [
        node.name[:_MAX_TEXT],
        " · ".join(filter(None, (node.status, _tries(node), _took(node)))),
    ]
    error = ": ".join(filter(None, (node.error_type, node.error_message)))
    facts += [error[:_MAX_TEXT]] if error else []
    facts += [_payload(each) for each in node.payloads]
    return "\n".join(facts)


def _payload(payload: GraphPayload) -> str:
    attempt = f" of attempt {payload.attempt}" if (payload.attempt or 1) > 1 else ""
    told = f"{payload.kind}{attempt} ({payload.size_bytes} bytes)"
    return f"{told}: {payload.body[:_MAX_TEXT]}" if payload.body else told


def _text(value: object, most: int = 100_000) -> str:
    return html.escape(plain(str(value)[:most]))
