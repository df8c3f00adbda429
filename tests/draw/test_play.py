"""The passes played step by step, and pictures in files."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from clew.draw import draw, frames, save
from clew.draw.plot import curves, scatter
from clew.draw.png import LARGEST, to_png
from clew.draw.summary import number
from clew.errors import UsageError
from clew.ir import Graph
from clew.ops.arithmetic import square

from . import graphs
from .test_picture import texts


def played(graph: Graph, fold: str = "auto") -> list[str]:
    return frames(graph, gradients=graphs.backward(graph), fold=fold)


def test_values_appear_one_by_one_and_then_gradients() -> None:
    steps = played(graphs.expression())
    assert [len(texts(svg, "value")) for svg in steps] == [3, 4, 5, 5, 5, 5]
    assert [len(texts(svg, "gradient")) for svg in steps] == [0, 0, 0, 1, 3, 5]
    assert [svg.count("#ffb77c") for svg in steps] == [0, 1, 1, 0, 1, 1]
    assert [re.findall('class="title"[^>]*>([^<]*)', svg)[0] for svg in steps] == [
        "forward: the inputs are known",
        "forward 1/2: + (p) gives 4",
        "forward 2/2: × (g) gives -12",
        "backward: it begins at the result",
        "backward 1/2: 1 flows back through × (g)",
        "backward 2/2: -3 flows back through + (p)",
    ]


@pytest.mark.parametrize(("graph", "fold"), [(graphs.gated(), "none"), (graphs.linear(), "auto"), (graphs.network(), "auto")])
def test_everything_keeps_its_place_and_the_last_step_shows_all(graph: Graph, fold: str) -> None:
    steps = played(graph, fold)
    places = [re.findall(r"<(?:rect|path|circle)[^>]* (?:d|x|cx)=\"[^\"]*\"", svg) for svg in steps]
    assert all(place == places[0] for place in places)
    still = draw(graph, gradients=graphs.backward(graph), fold=fold)
    for kind in ("value", "gradient", "part", "name"):
        assert texts(steps[-1], kind) == texts(still, kind)
    for earlier, later in pairwise(steps):
        for kind in ("value", "gradient", "part"):
            assert len(texts(earlier, kind)) <= len(texts(later, kind))


def test_a_gradient_is_whole_only_when_all_parts_are_in() -> None:
    graph = graphs.linear(3)
    k = next(v for v in graph.inputs if v.name == "k")
    total = number(graphs.backward(graph)[k])
    for svg in played(graph):
        parts, gradients = len(texts(svg, "part")), texts(svg, "gradient")
        assert (total in gradients) <= (parts == 6)


def test_a_step_by_its_number() -> None:
    graph = graphs.expression()
    assert draw(graph, gradients=graphs.backward(graph), step=4) == played(graph)[4]
    with pytest.raises(UsageError, match=r"draw\(step=6\): the passes over expression have the steps 0 to 5"):
        draw(graph, gradients=graphs.backward(graph), step=6)


def test_png(tmp_path: Path) -> None:
    graph = graphs.expression()
    svg = draw(graph, tmp_path / "g.png", gradients=graphs.backward(graph))
    data = (tmp_path / "g.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = map(int, re.findall(r'width="(\d+)" height="(\d+)"', svg)[0])
    assert struct.unpack(">II", data[16:24]) == (2 * wide, 2 * high)
    draw(graph, tmp_path / "g.SVG", gradients=graphs.backward(graph))
    assert (tmp_path / "g.SVG").read_text(encoding="utf-8") == svg


def test_png_has_letters_on_a_machine_without_fonts() -> None:
    def of(letters: str) -> bytes:
        return to_png(
            '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20" viewBox="0 0 60 20" font-family="sans-serif">'
            f'<text x="2" y="15" font-size="12">{letters}</text></svg>'
        )

    blank = of("")
    assert len({blank, of("x + y"), of("-0.5898"), of("×÷−²…√σ")}) == 4


def test_a_very_large_picture_gets_fewer_pixels() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40000" height="6000" viewBox="0 0 40000 6000"></svg>'
    wide, high = struct.unpack(">II", to_png(svg)[16:24])
    assert wide * high <= 1.01 * LARGEST


def test_errors(tmp_path: Path) -> None:
    graph = graphs.network()
    with pytest.raises(UsageError, match=r'"g\.pdf": a picture is written as \.svg or \.png; end the file name with one'):
        draw(graph, "g.pdf")
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere; make it first"):
        save("", tmp_path / "nowhere" / "g.svg")
    with pytest.raises(UsageError, match='there is no scope or gate "layer7"; there are: cost, layer0, layer1; or say auto'):
        draw(graph, fold=["layer7"])
    with pytest.raises(UsageError, match=r"draw\(passes='backward'\): say \"both\" or \"forward\""):
        draw(graph, passes="backward")  # type: ignore[arg-type]


def test_what_is_not_known_is_shown_by_its_type() -> None:
    x = graphs.parameter("x", graphs.f32(8, 3))
    svg = draw(Graph("symbolic", (x,), (square(x),)))
    assert texts(svg, "value") == ["f32[8,3]", "f32[8,3]"]


def test_what_is_not_finite_is_flagged() -> None:
    x = graphs.leaf("x", [0, 1, np.nan, np.inf, 3, 0])
    svg = draw(Graph("bad", (x,), (square(x),)))
    assert "0 … 1 … 3, 33 % zero, 1 NaN!, 1 inf!" in texts(svg, "value")
    assert svg.count('font-weight="600"') == 2
    assert "NaN" in texts(draw(Graph("bad", (y := graphs.leaf("y", np.nan),), (square(y),))), "value")


def test_a_result_that_is_read_again_and_a_name_that_needs_care() -> None:
    x = graphs.leaf("<a&\x01b>", 2.0)
    y = square(x)
    svg = draw(Graph("odd", (x,), (y, square(y))))
    assert "&lt;a&amp; b&gt;" in texts(svg, "name") and "result" in texts(svg, "name")
    assert draw(Graph("empty", (), ())).startswith("<svg")


def test_scatter_and_regions() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 2.0]])
    scores = np.linspace(-1, 1, 20)[None, :].repeat(10, 0)
    svg = scatter(points, np.array([0, 1, 1]), scores=scores, title="two", names=["no", "yes"])
    assert svg.count('class="point"') == 3 and svg.count('class="region"') == 2
    assert texts(svg, "legend") == ["no", "yes"]
    assert to_png(svg)[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match=r"scatter: points \(3,\) and labels \(3,\) must be \(N, 2\) and \(N,\)"):
        scatter(np.zeros(3), np.zeros(3, int))
    with pytest.raises(UsageError, match="labels must be integers from 0, not float64"):
        scatter(points, np.zeros(3))
    with pytest.raises(UsageError, match=r"scores \(5,\) must be \(rows, columns, classes\)"):
        scatter(points, np.zeros(3, int), scores=np.zeros(5))


def test_curves() -> None:
    svg = curves({"train": [3.0, 1.0, float("nan"), 0.5], "test": [3.0, 2.0, 1.5, 1.2]}, title="cost")
    assert svg.count('class="curve"') == 2
    assert svg.count("M") >= 3, "a gap where a value is not finite"
    assert "0.1" in texts(curves({"train": [1.0, 0.1, 0.01]}, logarithmic=True), "tick")
    with pytest.raises(UsageError, match="curves: there is no finite value above 0 in train"):
        curves({"train": [0.0]}, logarithmic=True)


def test_notebooks_show_pictures_and_play_frames() -> None:
    graph = graphs.expression()
    picture, pictures = draw(graph), frames(graph)
    assert picture._repr_svg_() == picture
    page = pictures._repr_html_()
    assert page.count("<svg") == len(pictures) and page.count("<div hidden") == len(pictures) - 1
    assert f'max="{len(pictures) - 1}"' in page
    assert repr(pictures) == f"<{len(pictures)} pictures, to be played one after the other>"
