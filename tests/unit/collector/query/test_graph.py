"""An execution as a graph: nodes, edges, and the picture of it."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.query import graph as module
from stepscope_collector.query.export.graph_svg import graph_svg
from stepscope_collector.query.graph import Graph, GraphPayload, join
from stepscope_collector.query.rows import Step
from stepscope_collector.query.timeline import ChildTime
from tests.unit.collector.query.timelines import EXECUTION

SVG = "{http://www.w3.org/2000/svg}"


def step_of(name: str, begin: int | None, end: int | None, **more: Any) -> Step:
    """A step that is called as its id is."""
    plain = dict.fromkeys(field for field in Step.__dataclass_fields__)
    return Step(**{
        **plain, "execution_id": "x", "step_index": 0, "step_id": name, "step_name": name, "attempt": 1,
        "attempt_count": 1, "status": "success", "first_started_at": begin, "started_at": begin,
        "ended_at": end, "dialect": "stepscope", "trace_id": "t", "ingested_at": 0, **more,
    })  # fmt: skip


def named(graph: Graph) -> set[tuple[str, str, str]]:
    """Its edges with names for numbers."""
    return {(graph.nodes[e.source].name, graph.nodes[e.target].name, e.kind) for e in graph.edges}


def test_what_followed_what_and_what_lies_in_what() -> None:
    """R030: a fan-out is one, what lies in a step and what a child execution did are told apart."""
    steps = [
        step_of("load", 0, 10), step_of("left", 10, 20), step_of("right", 11, 15),
        step_of("join", 21, 30), step_of("inner", 22, 23), step_of("going", 31, None, status="running"),
    ]  # fmt: skip
    children = [ChildTime("c", "child", "join", 24, 29, "failed")]
    found = join(EXECUTION, steps, {"inner": "join"}, children)
    assert named(found) == {
        ("w", "load", "into"), ("load", "left", "then"), ("load", "right", "then"),
        ("left", "join", "then"), ("right", "join", "then"), ("join", "inner", "into"),
        ("inner", "child", "then"), ("join", "going", "then"),
    }  # fmt: skip
    assert not found.is_truncated
    by_name = {node.name: node for node in found.nodes}
    assert found.nodes[0].name == "w"
    assert (by_name["child"].child_execution_id, by_name["child"].status) == ("c", "failed")
    assert by_name["child"].above == by_name["inner"].above == by_name["join"].node
    assert (by_name["going"].duration_ns, by_name["left"].duration_ns) == (None, 10)


def test_steps_that_begin_together_stand_in_their_order() -> None:
    """R030: skipped steps have no length, and the sender's order."""
    steps = [step_of("ship", 5, 5, step_index=2), step_of("invoice", 5, 5, step_index=3)]
    assert named(join(EXECUTION, steps[::-1], {}, [])) == {
        ("w", "ship", "into"), ("ship", "invoice", "then"),
    }  # fmt: skip


spans = st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(0, 6)), max_size=9)


@given(spans)
def test_edges_are_the_shortest_way_to_say_what_ended_before(times: Any) -> None:
    """R030: their paths are exactly the pairs of which one ended before the other began."""
    steps = [
        step_of(f"s{n}", begin, None if took is None else begin + took)
        for n, (begin, took) in enumerate(times)
    ]
    found = join(EXECUTION, steps, {}, [])
    nodes = found.nodes[1:]
    before = {
        (a.node, b.node)
        for a in nodes
        for b in nodes
        if a.node < b.node and a.ended_at is not None and a.ended_at <= (b.started_at or 0)
    }
    direct = {
        (a, b)
        for a, b in before
        if not any((a, c) in before and (c, b) in before for c in range(99))
    }
    assert {(e.source, e.target) for e in found.edges if e.kind == "then"} == direct
    followed = {b for _, b in direct}
    assert {e.target for e in found.edges if e.kind == "into"} == {
        node.node for node in nodes if node.node not in followed
    }


@given(spans, st.dictionaries(st.integers(0, 8), st.integers(0, 9)))
def test_any_graph_is_a_picture_in_which_nothing_covers_another(
    times: Any, around: dict[int, int]
) -> None:
    """R030: also where what lies in what is a circle; each node stands once, boxes lie apart."""
    steps = [
        step_of(f"s{n}", begin, None if took is None else begin + took)
        for n, (begin, took) in enumerate(times)
    ]
    found = join(EXECUTION, steps, {f"s{a}": f"s{b}" for a, b in around.items()}, [])
    root = ET.fromstring(graph_svg(found))
    groups = root.findall(f"{SVG}g")
    assert [group.get("data-node") for group in groups] == [str(n.node) for n in found.nodes]
    boxes = []
    for group in groups:
        (box,) = group.findall(f"{SVG}svg")
        boxes.append(tuple(int(box.get(name) or "") for name in ("x", "y", "width", "height")))
    width, height = int(root.get("width") or ""), int(root.get("height") or "")
    for number, (x, y, wide, high) in enumerate(boxes):
        assert 0 <= x <= width - wide
        assert 0 <= y <= height - high
        for left, top, other_wide, other_high in boxes[number + 1 :]:
            assert (
                x + wide <= left
                or left + other_wide <= x
                or y + high <= top
                or top + other_high <= y
            )


HOSTILE = (
    '</title><script>alert(1)</script>',
    '"><image href="http://example.com/x.png" onload="alert(1)"/>',
    "]]>&amp;<!--",
    "a\x00b\x1b[31m\u202egnp.exe\ufffe\ud800",
    "&#x3c;script&#x3e;",
)  # fmt: skip
_ELEMENTS = {"svg", "title", "style", "rect", "path", "g", "text"}


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_senders_do_nothing_in_a_picture(text: str) -> None:
    """R030: whatever a sender calls things, the picture is text, boxes and lines, and asks no network."""
    step = step_of(text, 0, 1, status=text, error_type=text, error_message=text)
    found = join(replace(EXECUTION, workflow_name=text), [step], {}, [ChildTime(text, text, text, 0, 1)])  # fmt: skip
    payload = GraphPayload("input", text, 1, "s", text, 4, False, text, False)
    found.nodes[1] = replace(found.nodes[1], payloads=[payload])
    picture = graph_svg(found)
    root = ET.fromstring(picture.encode("utf-8"))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= _ELEMENTS
    for each in root.iter():
        assert not [name for name in each.attrib if name.startswith("on") or name.endswith("href")]
    assert "http" not in re.sub(r'xmlns="[^"]*"|&lt;image[^\n]*', "", picture)
    assert "\u202e" not in picture
    assert "\x1b" not in picture


def test_statuses_and_values_stand_in_the_picture() -> None:
    """R030: coloured by status, each node with its inputs and outputs."""
    step = step_of(
        "charge", 0, 1_500_000_000, status="failed", attempt_count=3, error_type="Declined"
    )
    found = join(EXECUTION, [step], {}, [])
    payload = GraphPayload(
        "input", "k", 3, "s", "application/json", 12, False, '{"a": "<b>"}', False
    )
    found.nodes[1] = replace(found.nodes[1], payloads=[payload])
    group = ET.fromstring(graph_svg(found)).findall(f"{SVG}g")[1]
    assert group.get("class") == "node failed"
    assert group.get("data-step-id") == "charge"
    (title,) = group.findall(f"{SVG}title")
    assert title.text == (
        'charge\nfailed · 3 attempts · 1.5 s\nDeclined\ninput of attempt 3 (12 bytes): {"a": "<b>"}'
    )


def test_many_that_ran_at_once_stand_in_several_rows() -> None:
    """R030: a picture of five hundred parallel steps is not a hundred thousand pixels wide."""
    found = join(EXECUTION, [step_of(f"s{n}", 0, 1) for n in range(500)], {}, [])
    root = ET.fromstring(graph_svg(found))
    assert int(root.get("width") or "") < 3000
    boxes = [box for group in root.findall(f"{SVG}g") for box in group.findall(f"{SVG}svg")]
    assert len({(box.get("x"), box.get("y")) for box in boxes}) == 501


def test_a_large_graph_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """R030: the first nodes, and as many edges as a picture can hold."""
    monkeypatch.setattr(module, "MAX_NODES", 5)
    found = join(EXECUTION, [step_of(f"s{n}", n, n + 1) for n in range(9)], {}, [])
    assert [node.name for node in found.nodes] == ["w", "s0", "s1", "s2", "s3"]
    assert found.is_truncated
    assert "the first 5 nodes and 4 edges; there are more" in graph_svg(found)
    assert not join(EXECUTION, [step_of(f"s{n}", n, n + 1) for n in range(4)], {}, []).is_truncated
    monkeypatch.setattr(module, "MAX_EDGES", 2)
    fewer = join(EXECUTION, [step_of(f"s{n}", n, n + 1) for n in range(4)], {}, [])
    assert (len(fewer.edges), fewer.is_truncated) == (2, True)
