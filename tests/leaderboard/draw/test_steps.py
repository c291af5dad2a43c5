from __future__ import annotations

from trustdm.leaderboard.draw.layout import small
from trustdm.leaderboard.draw.steps import Dot, Lanes, Pen, Steps, thinned
from trustdm.leaderboard.scales import Scale

PEN = Pen(0, "Mine", "series-1", "solid")


def test_a_staircase_without_the_middles_of_its_treads() -> None:
    heights = [1.0, 0.5, 0.5, 0.5, 0.2, 0.0]
    stair = [{"x": float(at), "y": y, "lo": y, "hi": y, "key": 0} for at, y in enumerate(heights)]
    assert [row["x"] for row in thinned(stair)] == [0, 1, 3, 4, 5]


def test_words_stand_on_the_side_with_room_and_clear_of_the_interval() -> None:
    dots = [Dot(0.1, 0.0, 0.2, "low", ""), Dot(0.9, 0.8, 2.0, "high", "")]
    lanes = Lanes([(PEN, dots)], Scale(0.0, 1.0), "Share")
    names, placed = lanes._placed()
    assert [d["side"] for d in placed] == ["right", "left"] and placed[1]["hi"] == 1.0
    assert names[0]["y"] < placed[0]["y"] < placed[1]["y"] < lanes.size[1]


def test_the_axis_of_lengths_has_the_title_it_is_given() -> None:
    stair = [{"x": x, "y": y, "lo": y, "hi": y, **PEN.mark()} for x, y in ((0.0, 0.9), (0.5, 0.4), (1.0, 0.0))]
    point = {**stair[1], "note": "Mine at 0.5"}
    svg = small("x", "T", "C", Steps(1.0, [stair], [point], [point], across="Radius").layers()).svg
    assert ">Radius<" in svg and svg.count("Mine at 0.5") == 2 and ">Length<" not in svg
