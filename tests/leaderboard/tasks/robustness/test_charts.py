from __future__ import annotations

from xml.etree import ElementTree

import pytest

from trustdm.bench.types import Estimate
from trustdm.leaderboard.tasks.robustness import charts
from trustdm.leaderboard.tasks.robustness.charts import Line, board_charts


def line(name: str, robust: float, preview: bool = False, probes: tuple[str, ...] = ("clean", "apgd-ce")) -> Line:
    values = [0.95, *([robust] * (len(probes) - 1))]
    points = tuple((p, Estimate(v, v - 0.02, v + 0.02, 100)) for p, v in zip(probes, values, strict=True))
    return Line(name, preview, points)


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def titles(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]


def test_rows_without_an_attack_give_no_chart() -> None:
    assert board_charts("x", []) == ()
    assert board_charts("x", [line("only clean", 0.9, probes=("clean",))]) == ()


def test_every_row_is_named_and_every_point_says_its_numbers() -> None:
    trade, survival = board_charts("x", [line("ours", 0.6), line("theirs", 0.4, preview=True)])
    for chart in (trade, survival):
        assert {"ours", "theirs"} <= set(texts(chart.svg))
    assert "ours, after apgd-ce: 60.0% [58.0, 62.0], n = 100; clean 95.0% [93.0, 97.0]" in titles(trade.svg)
    assert "theirs, apgd-ce: 40.0% [38.0, 42.0], n = 100" in titles(survival.svg)
    assert {"clean", "apgd-ce"} <= set(texts(survival.svg))
    assert all("n = 100" in title for chart in (trade, survival) for title in titles(chart.svg))


@pytest.mark.parametrize("name", ["</svg><script>alert(1)</script>", "\x00\x0b\ud800", "'] + alert(1) + ['", '"\\'])
def test_hostile_names_stay_text(name: str) -> None:
    for chart in board_charts("x", [line(name, 0.5, probes=("clean", name))]):
        tags = {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(chart.svg).iter()}
        assert tags <= {"svg", "g", "path", "line", "text", "title"}


def test_the_same_rows_give_the_same_drawing() -> None:
    rows = [line("a", 0.6), line("b", 0.59)]
    assert board_charts("x", rows) == board_charts("x", rows)


def test_a_long_board_shows_its_best_rows_and_says_how_many_it_leaves_out() -> None:
    rows = [line(f"m{at}", 0.9 - 0.01 * at) for at in range(30)]
    trade, _ = board_charts("x", rows)
    shown = set(texts(trade.svg))
    assert {"m0", "m11"} <= shown and "m29" not in shown
    assert "18 lower rows are left out" in trade.caption


def test_long_names_keep_their_end_and_names_of_usual_length_are_whole() -> None:
    usual, long = "PGD adversarial training (mnist16)", "A network " * 5 + "of width=4"
    for chart in board_charts("x", [line(usual, 0.6), line(long, 0.5)]):
        for svg in (chart.svg, chart.narrow):
            cut = next(t for t in texts(svg) if "…" in t)
            assert usual in texts(svg) and cut.endswith("of width=4") and len(cut) <= charts.LONGEST


def test_the_narrow_chart_lists_its_rows_below_best_first() -> None:
    for chart in board_charts("x", [line("worse", 0.4), line("better", 0.6)]):
        assert [t for t in texts(chart.narrow) if t in {"worse", "better"}] == ["worse", "better"]
        width = float(ElementTree.fromstring(chart.narrow).attrib["viewBox"].split()[2])
        assert width < 390


def test_previews_keep_a_place_beside_many_full_rows() -> None:
    rows = [line(f"m{at}", 0.9) for at in range(30)] + [line("preview", 0.5, preview=True)]
    assert "preview" in texts(board_charts("x", rows)[0].svg)
