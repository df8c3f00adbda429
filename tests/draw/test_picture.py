"""Pictures hold together: nothing overlaps, nothing is cut off, wires keep clear of boxes, everything is said."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import pytest

import clew as cl
from clew.draw import draw
from clew.draw.boxes import HEADER, LABEL, SMALL, TITLE
from clew.draw.build import scene
from clew.draw.layout import Picture, Placed, layout
from clew.draw.summary import width
from clew.ir import Graph

from . import graphs

CASES = {
    "expression": (graphs.expression(), "auto"),
    "neuron": (graphs.neuron(), "auto"),
    "linear": (graphs.linear(), "auto"),
    "network": (graphs.network(), "auto"),
    "network folded": (graphs.network(), "all"),
    "network in part": (graphs.network(3), ["layer1"]),
    "deep": (graphs.deep(), "auto"),
    "deep open": (graphs.deep(4), "none"),
    "gate": (graphs.gated(), "auto"),
    "gate open": (graphs.gated(), "none"),
    "loop": (graphs.looped(), "auto"),
    "loop open": (graphs.looped(), "none"),
    "branches open": (graphs.branched(), "none"),
    "60": (graphs.random_graph(60, 1), "auto"),
    "200": (graphs.random_graph(180, 2), "auto"),
    "600": (graphs.random_graph(600, 3), "auto"),
    "chain": (graphs.chain(1000), "auto"),
    **{f"random {seed}": (graphs.random_graph(10 + 3 * seed, seed), "auto") for seed in range(10, 20)},
}


class Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    what: str

    def meets(self, other: Rectangle) -> bool:
        return (
            self.left < other.right - 0.1
            and other.left < self.right - 0.1
            and self.top < other.bottom - 0.1
            and other.top < self.bottom - 0.1
        )


def pictures(picture: Picture) -> Iterator[Picture]:
    yield picture
    for placed in picture.nodes:
        if placed.inside is not None:
            yield from pictures(placed.inside)


def shape(placed: Placed) -> Rectangle:
    box, x, y = placed.box, placed.x, placed.y
    return Rectangle(x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2, f"box {placed.node.id}")


def labels(placed: Placed) -> Iterator[Rectangle]:
    """Where the texts outside a node's shape stand, by the same rules as the drawing."""
    box, node = placed.box, placed.node
    for stem, height in zip(node.stems, box.stems, strict=True):
        x, y = placed.x + box.edge(height) + 6, placed.y + height
        for k, line in enumerate(reversed(stem.value)):
            yield Rectangle(x, y - 4 - 13 * (k + 1), x + width(line, LABEL), y - 4 - 13 * k, f"value {line} of {node.id}")
        for k, line in enumerate(stem.gradient):
            yield Rectangle(x, y + 3 + 13 * k, x + width(line, LABEL), y + 3 + 13 * (k + 1), f"gradient {line} of {node.id}")
    for edge, height in placed.incoming:
        if edge.gradient:
            x, y = placed.x - box.edge(height) - 9, placed.y + height
            yield Rectangle(x - width(edge.gradient, SMALL), y + 2, x, y + 12, f"part {edge.gradient} of {node.id}")
    if node.caption and node.kind != "group":
        half = width(node.caption, SMALL) / 2
        y = placed.y + box.height / 2
        yield Rectangle(placed.x - half, y + 2, placed.x + half, y + 14, f"caption {node.caption}")


@pytest.fixture(params=CASES, scope="module")
def picture(request: pytest.FixtureRequest) -> Picture:
    graph, fold = CASES[request.param]
    return layout(scene(graph, gradients=graphs.backward(graph), fold=fold))


def test_boxes_and_labels_do_not_overlap(picture: Picture) -> None:
    for part in pictures(picture):
        things = [x for placed in part.nodes for x in (shape(placed), *labels(placed))]
        things.sort()
        for a, b in combinations(things, 2):
            if b.left > a.right:
                continue
            assert not a.meets(b), (a, b)


def test_everything_lies_within_the_picture(picture: Picture) -> None:
    for part in pictures(picture):
        for placed in part.nodes:
            for x in (shape(placed), *labels(placed)):
                assert x.left >= -0.1 and x.top >= -0.1, x
                assert x.right <= part.width + 0.1 and x.bottom <= part.height + 0.1, x
        for placed in part.nodes:
            if placed.inside is not None:
                assert placed.inside.width <= placed.box.width + 0.1
                assert placed.inside.height + HEADER <= placed.box.height + 0.1


def test_titles_fit_their_boxes(picture: Picture) -> None:
    for part in pictures(picture):
        for placed in part.nodes:
            if placed.inside is None and placed.node.kind in ("op", "gate", "group", "input"):
                assert width(placed.node.title, TITLE) <= placed.box.width


def test_wires_keep_clear_of_boxes(picture: Picture) -> None:
    for part in pictures(picture):
        for wire in part.wires:
            for (x, y), (end, to) in wire.levels:
                assert y == pytest.approx(to), "level pieces are level"
                assert x <= end + 0.1, "wires run to the right"
                for placed in part.nodes:
                    if abs(y - placed.y) < placed.box.height / 2 and placed.node.kind != "port":
                        side = placed.box.edge(y - placed.y)
                        assert end <= placed.x - side + 0.1 or x >= placed.x + side - 0.1, placed.node
            for (x, y), (end, to) in wire.curves:
                room = Rectangle(x + 1, min(y, to), end - 1, max(y, to) + 1, "curve")
                assert x + 20 < end
                assert not [x for x in map(shape, part.nodes) if x.meets(room)], "curves lie between the layers"


def test_wires_join_and_reach_every_port(picture: Picture) -> None:
    for part in pictures(picture):
        starts = sum([len(wire.levels) + len(wire.curves) for wire in part.wires])
        arrivals = sum([len(placed.incoming) for placed in part.nodes])
        assert starts >= 2 * arrivals or not arrivals
        for wire in part.wires:
            ends = {(round(x, 3), round(y, 3)) for piece in wire.levels for x, y in piece}
            for piece in wire.curves:
                assert {(round(x, 3), round(y, 3)) for x, y in piece} <= ends


@pytest.mark.parametrize("name", CASES)
def test_svg_is_well_formed_and_the_same_each_time(name: str) -> None:
    graph, fold = CASES[name]
    text = draw(graph, gradients=graphs.backward(graph), fold=fold, title="a < b & c")
    assert text == draw(graph, gradients=graphs.backward(graph), fold=fold, title="a < b & c")
    root = ET.fromstring(text)
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert "nan" not in re.sub(r"<text.*?</text>|<title>.*?</title>", "", text, flags=re.DOTALL)


def texts(svg: str, kind: str) -> list[str]:
    return re.findall(rf'<text class="{kind}"[^>]*>([^<]*)</text>', svg)


def drawn(graph: Graph, **options: object) -> str:
    return draw(graph, gradients=graphs.backward(graph), **options)  # type: ignore[arg-type]


def test_values_and_gradients_of_an_expression() -> None:
    svg = drawn(graphs.expression())
    assert texts(svg, "name") == ["x", "y", "+", "z", "×"] or sorted(texts(svg, "name")) == sorted(["x", "y", "z", "+", "×"])
    assert sorted(texts(svg, "value")) == sorted(["1", "3", "-3", "4", "-12"])
    assert sorted(texts(svg, "gradient")) == sorted(["-3", "-3", "4", "-3", "1"])
    assert texts(svg, "caption") == ["p", "g"]
    assert "local gradient to z: 4" in svg


def test_the_neuron_in_fine_gates() -> None:
    svg = drawn(graphs.neuron())
    for number in ("-0.1966", "0.3932", "-0.3932", "-0.5898", "0.1966", "-0.5344", "1"):
        assert number in texts(svg, "gradient")
    assert texts(svg, "value")[-1] == "0.7311"
    assert len(re.findall('class="node op"', svg)) == 8


def test_branches_show_the_parts_that_add_up() -> None:
    graph = graphs.linear()
    svg = drawn(graph)
    gradients = graphs.backward(graph)
    parts = [float(x) for x in texts(svg, "part")]
    assert len(parts) == 6
    assert sum(parts) == pytest.approx(sum(float(gradients[v]) for v in graph.inputs if v.name in ("k", "b")), rel=1e-3)


def test_forward_only() -> None:
    svg = drawn(graphs.expression(), passes="forward")
    assert texts(svg, "value") and not texts(svg, "gradient")


def test_gradients_per_edge_may_be_given() -> None:
    graph = graphs.linear(2)
    k = graph.inputs[0]
    uses = [(v, v.operands.index(k)) for v in graph.values if k in v.operands]
    svg = drawn(graph, edge_gradients={use: 100.0 + n for n, use in enumerate(uses)})
    assert sorted(texts(svg, "part")) == ["100", "101"]


def test_an_opened_gate_shows_the_numbers_of_its_use() -> None:
    closed, opened = drawn(graphs.gated()), drawn(graphs.gated(), fold="none")
    assert "exp" not in texts(closed, "name")
    assert {"exp", "1/x", "−x", "sigmoid"} <= set(texts(opened, "name"))
    assert {"0.002479", "1.002", "0.9975"} <= set(texts(opened, "value"))
    assert texts(drawn(graphs.gated(), fold=["sigmoid"]), "name") == texts(closed, "name")


def test_scopes_open_and_folded() -> None:
    graph = graphs.network()
    opened, folded = drawn(graph), drawn(graph, fold="all")
    assert {"layer0", "layer1", "weight", "bias", "contract"} <= set(texts(opened, "name"))
    assert sorted(texts(folded, "name")) == ["cost", "layer0", "layer1", "x", "x²", "x²"]
    assert "3 ops" in texts(folded, "caption")
    assert "layer0.weight: f32[4,3]" in folded, "the tooltip lists what the box holds"


def test_large_graphs_are_folded_by_scope_and_else_in_the_middle() -> None:
    graph = graphs.deep()
    names = texts(drawn(graph), "name")
    assert {"net", "block0", "block39"} <= set(names) and "exp" not in names
    names = texts(drawn(graphs.chain(1000)), "name")
    assert "… 1800 more" in names
    assert names.count("×") + names.count("+") == 200


def test_arrays_are_summed_up() -> None:
    svg = drawn(graphs.network())
    assert "f32[8,3]" in texts(svg, "value")
    assert any(re.fullmatch(r"-\S+ … \S+ … \S+", text) for text in texts(svg, "value"))
    assert "all 0" in texts(svg, "value")


def test_a_loop_is_a_box_that_opens() -> None:
    closed, opened = drawn(graphs.looped()), drawn(graphs.looped(), fold="none")
    assert {"scan", "sum", "+"} <= set(texts(closed, "name")) and "tanh" not in texts(closed, "name")
    assert {"scan", "tanh", "h", "x", "w"} <= set(texts(opened, "name"))
    assert "item" not in texts(closed, "name"), "its results leave the box itself"


def test_a_condition_and_other_branches_stand_in_the_same_box() -> None:
    x = cl.variable(3.0, name="x")
    loop = cl.while_loop(lambda y: y < 100, lambda y: y * y, x).graph().draw(fold="none")
    assert {"while_loop", "less", "condition"} <= set(texts(loop, "name"))
    branch = cl.cond(x > 0, cl.sin, cl.cos, x).graph().draw(fold="none")
    assert {"switch", "sin", "cos", "index", "branches[1]"} <= set(texts(branch, "name"))


def test_a_gate_of_two_results_opens_with_the_numbers_of_both() -> None:
    a, b = cl.variable(3.0, name="a"), cl.variable(2.0, name="b")
    both = cl.gate(lambda a, b: (a * b, a + b), name="both")
    p, q = both(a, b)
    svg = (p * q).graph().draw(fold="none")
    assert {"6", "5", "30"} <= set(texts(svg, "value")) and {"5", "6", "16", "21"} <= set(texts(svg, "gradient"))
