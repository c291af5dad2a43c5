from __future__ import annotations

from dataclasses import replace
from typing import cast

from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.generation.metrics import floor_of
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.tasks.generation.view import REAL, VIEW, Extra


def test_the_floor_is_that_of_as_many_real_images_as_a_set_has(generators: Board) -> None:
    full, preview = generators.groups
    for group, n in ((full, 100), (preview, 64)):
        (line,) = VIEW.baselines(generators, group)
        floor = floor_of(generators.suite, n)
        assert floor is not None and (line.name, line.note) == (REAL, f"the floor at n = {n}")
        assert line.values == {f"frechet_{steps}": floor for steps in (5, 10, 18)}


def test_without_held_out_images_there_is_no_line(generators: Board) -> None:
    bare = replace(generators, extra=replace(cast("Extra", generators.extra), floors={}))
    assert VIEW.baselines(bare, bare.groups[0]) == ()
    assert "Floor" not in {fact.term for fact in VIEW.facts(bare) if fact.words}


def test_full_groups_say_how_their_sets_are_made_and_others_do_not(generators: Board) -> None:
    title, note = VIEW.headed(generators, generators.groups[0])
    assert title == "Full" and note.startswith("300 images, in 3 sets of 100")
    title, note = VIEW.headed(generators, generators.groups[1])
    assert title == "Preview, first 64 images" and "for that reason alone. Ranked among themselves" in note


def test_network_evaluations_are_worded_here_and_other_metrics_by_their_unit(generators: Board) -> None:
    by_name = {metric.name: metric for metric in generators.suite.metrics}
    assert VIEW.cell(generators, generators.entries[0], by_name["evaluations_10"]) is not None
    assert VIEW.cell(generators, generators.entries[0], by_name["frechet_10"]) is None


def test_an_extractor_that_is_not_installed_has_no_card(generators: Board) -> None:
    extra = cast("Extra", generators.extra)
    assert extra.extractor is not None and extra.extractor.dimension == 32
    suite = load_suite("digits-generation")
    suite._table = suite.table.model_copy(update={"extractor": "unknown"})
    assert VIEW.load(extra.source, suite, []).extractor is None
