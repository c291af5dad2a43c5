"""The charts of a certified board: their curves against naive counts, what is in them, and their legend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup

from trustdm.bench.smoothing.accuracy import ENVELOPE
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.tasks.certification import charts as radii


def titles(svg: object) -> list[str]:
    return [t.get_text() for t in BeautifulSoup(str(svg), "html.parser").select("title")]


@pytest.fixture(scope="module")
def charts(smoothed: Board) -> dict[str, radii.Chart]:
    return {chart.title: chart for chart in radii.board_charts("x", smoothed)[0]}


def test_there_is_a_chart_for_each_sigma_one_of_the_envelope_and_two_of_draws(charts: dict[str, radii.Chart]) -> None:
    assert list(charts) == [
        "Certified accuracy, σ 1/4",
        "Certified accuracy, σ 1/2",
        f"Certified accuracy, {ENVELOPE}",
        "Draws of an image",
        "Abstention",
    ]
    assert all(chart.narrow is None and "<svg" in chart.svg for chart in charts.values())


def test_the_legend_names_rows_dashes_and_diamonds(smoothed: Board) -> None:
    keys = {key.label: (key.colour, key.dash) for key in radii.board_charts("x", smoothed)[1]}
    assert keys["sequential, at its declared radii"] == ("soft", "none")
    assert keys["reported, not run here"] == ("soft", "7 3") and keys["preview, part of the images"] == (
        "soft",
        "2 2.5",
    )
    assert keys["Cohen et al. 2019, 1/1000, draws=100100"][1] == "7 3"
    rows = [key for key in keys.values() if key[0].startswith("series")]
    assert len(rows) == len({colour for colour, _ in rows}) == 3


def test_a_stair_is_the_share_that_reaches_each_radius(smoothed: Board) -> None:
    line = radii.lines(smoothed)[0]
    track = line.fixed()[1]
    stair = radii._stair(line.pen, track, 2.0)
    table = track.table
    assert table.radius is not None and table.right.any()
    inner = [row for row in stair if row["x"] <= track.longest][:-1]
    assert len(inner) > 20
    for row in inner:
        share = np.mean(table.right & ~table.abstained & (table.radius >= row["x"]))
        assert row["y"] == pytest.approx(share) and row["lo"] <= row["y"] <= row["hi"]
    assert [row["y"] for row in stair][-2:] == [0, 0] and stair[-1]["x"] == 2.0
    heights = [row["y"] for row in stair]
    assert heights == sorted(heights, reverse=True)


def test_points_are_at_the_radii_of_the_table_with_their_numbers(
    smoothed: Board, charts: dict[str, radii.Chart]
) -> None:
    said = titles(charts["Certified accuracy, σ 1/2"].svg)
    value = smoothed.entries[0].row.metrics["certified_1-2_1-2"]
    name = radii.lines(smoothed)[0].pen.name
    assert any(s.startswith(f"{name}, σ 1/2, radius 1/2: {100 * value.value:.1f}% [") for s in said)
    assert sum("radius 1/2, sequential: " in s for s in said) == 2
    assert not any("sequential" in s for s in titles(charts["Certified accuracy, σ 1/4"].svg))


def test_the_envelope_is_the_best_of_the_sigmas_and_says_which(smoothed: Board) -> None:
    line = radii.lines(smoothed)[0]
    points = list(radii._best_points(line, 2.0))
    for point in points:
        both = {str(t.sigma): t.certified(point["x"]).value for t in line.fixed()}
        best = max(both, key=lambda sigma: both[sigma])
        assert point["y"] == both[best] and ENVELOPE in point["note"]
        if both[best] > min(both.values()):
            assert point["note"].endswith(f"of σ {best}")
    assert len(points) > 4 and len({p["note"][-1] for p in points if p["y"]}) == 2


def test_a_row_with_one_sigma_has_no_envelope(smoothed: Board) -> None:
    alone = replace(smoothed, entries=tuple(e for e in smoothed.entries if e.row.method == "cohen-2019"))
    assert [c.title for c in radii.board_charts("x", alone)[0]] == ["Certified accuracy, σ 1/4", "Abstention"]


def test_draws_are_told_with_the_reduction(smoothed: Board, charts: dict[str, radii.Chart]) -> None:
    said = titles(charts["Draws of an image"].svg)
    assert sum("fixed n: 10,100 draws" in s for s in said) == 2 and sum("fixed n: 100,100" in s for s in said) == 1
    sequential = [s for s in said if "sequential: group-sequential, radius 1/2, alpha 1/1000" in s]
    assert len(sequential) == 2 and all(s.endswith("× fewer than 10,100") for s in sequential)
    assert "× fewer)" in charts["Draws of an image"].svg


def test_nothing_certified_no_charts(smoothed: Board) -> None:
    assert radii.board_charts("x", replace(smoothed, entries=())) == ((), ())


def test_at_most_eight_rows_are_drawn(smoothed: Board) -> None:
    many = replace(smoothed, entries=smoothed.entries * 4)
    charts, keys = radii.board_charts("x", many)
    assert "4 lower rows are left out." in charts[0].caption
    assert sum(key.colour.startswith("series") for key in keys) == 8
