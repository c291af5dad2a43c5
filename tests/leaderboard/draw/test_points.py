from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup

from trustdm.bench.types import Estimate
from trustdm.leaderboard.draw.layout import NARROW, WIDE, draw
from trustdm.leaderboard.draw.points import Axis, Cloud, Curves, Look, height
from trustdm.leaderboard.scales import Scale
from trustdm.leaderboard.svg import COLOURS

LONG = "A method with a name that is much too long " * 2


def look(key: int, name: str, preview: bool = False) -> Look:
    return Look(key, name, preview, COLOURS["series-1"], "circle")


def spot(key: int, name: str, px: float, y: float, preview: bool = False) -> dict[str, Any]:
    ends = {"px": px, "xlo": px, "xhi": px, "y": y, "lo": y - 0.1, "hi": y + 0.1, "note": f"{name} at {px}"}
    return {**look(key, name, preview).mark(), **ends}


def texts(plot: Any) -> list[str]:
    svg = draw("x", "T", "C", {layout: plot.layers(layout) for layout in (WIDE, NARROW)}).svg
    return [tag.get_text() for tag in BeautifulSoup(svg, "html.parser").select("text")]


def test_values_become_places_on_their_axis() -> None:
    assert height(Estimate(10, 1, 100, 5), Scale(1, 100, log=True)) == {"y": 0.5, "lo": 0.0, "hi": 1.0}


def test_a_long_name_is_cut_in_its_middle() -> None:
    label = look(0, LONG).mark()["label"]
    assert len(label) <= 40 and label.startswith("A method") and "…" in label


def test_ticks_are_the_values_that_are_asked_for_at_their_places() -> None:
    across = Axis("Steps", Scale(1, 100, log=True), ticks=(1, 10, 100))
    assert across.drawn().to_dict()["values"] == [0.0, 0.5, 1.0]
    shown = texts(Cloud([spot(0, "one", 0.2, 0.5)], across, Axis("Share", Scale(0, 1), percent=True)))
    assert {"1", "10", "100", "Steps", "Share", "40%"} <= set(shown)


def test_each_row_of_a_cloud_is_named() -> None:
    axis = Axis("A", Scale(0, 1))
    assert {"one", "two"} <= set(texts(Cloud([spot(0, "one", 0.2, 0.5), spot(1, "two", 0.9, 0.1, True)], axis, axis)))


def test_only_curves_on_the_best_line_are_named_and_baselines_always() -> None:
    axis = Axis("A", Scale(0, 1))
    spots = [spot(0, "one", 0.2, 0.5), spot(0, "one", 0.4, 0.3), spot(1, "two", 0.9, 0.9)]
    every = texts(Curves(spots, axis, axis))
    assert every.count("one") == every.count("two") == 1
    lines = [("real", Estimate(0.1, 0.1, 0.1, 9)), ("chance", Estimate(0.8, 0.7, 0.9, 9))]
    best = texts(Curves(spots, axis, axis, [(0.2, 0.5), (0.4, 0.3)], lines))
    assert best.count("one") == 1 and "two" not in best and {"real", "chance"} <= set(best)
