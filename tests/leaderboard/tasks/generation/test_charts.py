from __future__ import annotations

import re
from dataclasses import replace
from typing import cast
from xml.etree import ElementTree

import pytest

from trustdm.leaderboard import text
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.svg import Chart
from trustdm.leaderboard.tasks.generation import charts as curves
from trustdm.leaderboard.tasks.generation.charts import frontier
from trustdm.leaderboard.tasks.generation.view import VIEW, Extra


def board_charts(name: str, board: Board) -> tuple[Chart, ...]:
    return VIEW.charts(name, board).charts


SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def test_the_frontier_is_what_nothing_else_beats_in_both() -> None:
    points = [(5, 90.0), (9, 40.0), (9, 50.0), (10, 45.0), (35, 9.0), (40, 9.0), (79, 8.0)]
    naive = [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]
    assert frontier(reversed(points)) == naive == [(5, 90.0), (9, 40.0), (35, 9.0), (79, 8.0)]
    assert frontier([]) == []


def test_every_point_says_its_numbers(generators: Board) -> None:
    steps, cost, shares = board_charts("x", generators)
    entry = generators.entries[0]
    value = entry.row.metrics["frechet_10"]
    told, interval = text.measure(value.value, value.low, value.high)
    name = "EDM, class-conditional (digits), heun"
    assert f"{name}, 10 steps, 19 network evaluations: {told} {interval}, n = 300" in titles(steps.svg)
    assert set(titles(steps.svg)) == set(titles(cost.svg)) and len(titles(steps.svg)) == 5 * 3
    precision = text.estimate(entry.row.metrics["precision_10"])
    assert any(t.startswith(f"{name}: precision {precision}, recall ") for t in titles(shares.svg))


def test_axes_have_the_steps_and_the_floor_is_named(generators: Board) -> None:
    steps, cost, _ = board_charts("x", generators)
    assert {"5", "10", "18", "Steps", "Fréchet distance", "real images"} <= set(texts(steps.svg))
    assert "real images" in texts(cost.svg) and "n = 100)" in steps.caption
    bare = replace(generators, extra=replace(cast("Extra", generators.extra), floors={}))
    assert "real images" not in texts(board_charts("x", bare)[0].svg)
    assert "held-out" not in board_charts("x", bare)[0].caption


def test_by_cost_only_rows_of_the_frontier_are_named(generators: Board) -> None:
    steps, cost, _ = board_charts("x", generators)
    names = {look.name for look in (curve.look for curve in curves.curves(generators))}
    assert len(names & set(texts(steps.svg))) == 5
    best = names & set(texts(cost.svg))
    assert "EDM, class-conditional (digits), heun" in best and "NCSN (digits), langevin" not in best


def test_colours_are_methods_and_shapes_their_variants_in_every_chart(generators: Board) -> None:
    looks = {curve.look.name: curve.look for curve in curves.curves(generators)}
    heun, euler = looks["EDM, class-conditional (digits), heun"], looks["EDM, class-conditional (digits), euler"]
    assert heun.colour == euler.colour and heun.shape != euler.shape
    assert len({(look.colour, look.shape) for look in looks.values()}) == 5
    for chart in board_charts("x", generators)[:1]:
        strokes = set(re.findall(r'(?:fill|stroke)="(var\(--series-\d\))"', chart.svg))
        assert strokes == {f"var(--series-{at})" for at in range(1, 5)}


def test_previews_are_dashed_and_hollow_and_the_caption_says_so(generators: Board) -> None:
    steps = board_charts("x", generators)[0]
    assert steps.svg.count('stroke-dasharray="4,3"') == 1 and "previews" in steps.caption
    full = replace(generators, entries=tuple(e for e in generators.entries if e.row.completeness == "full"))
    steps = board_charts("x", full)[0]
    assert 'stroke-dasharray="4,3"' not in steps.svg and "previews" not in steps.caption


def test_rows_without_a_distance_give_no_chart(generators: Board) -> None:
    assert board_charts("x", replace(generators, entries=())) == ()
    bare = tuple(replace(e, row=replace(e.row, metrics={})) for e in generators.entries)
    assert board_charts("x", replace(generators, entries=bare)) == ()


def test_a_long_board_shows_its_best_rows_and_says_how_many_it_leaves_out(generators: Board) -> None:
    first = generators.entries[0]
    many = tuple(
        replace(first, suffix=f" ({at})", row=replace(first.row, method=f"m{at}", params=(), cells=(at,)))
        for at in range(20)
    )
    steps = board_charts("x", replace(generators, entries=many))[0]
    assert "4 lower rows are left out" in steps.caption and len(titles(steps.svg)) == curves.MOST * 3


@pytest.mark.parametrize("name", ["</svg><script>alert(1)</script>", "\x00\x0b\ud800", "'] + alert(1) + ['", '"\\'])
def test_hostile_names_stay_text(generators: Board, name: str) -> None:
    first = generators.entries[0]
    hostile = replace(first, row=replace(first.row, card={"title": name}, params=((name, name),)))
    for chart in board_charts("x", replace(generators, entries=(hostile,))):
        for svg in (chart.svg, chart.narrow):
            tags = {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(svg).iter()}
            assert tags <= {"svg", "g", "path", "line", "text", "title"}


def test_the_same_board_gives_the_same_drawing(generators: Board) -> None:
    assert board_charts("x", generators) == board_charts("x", generators)
