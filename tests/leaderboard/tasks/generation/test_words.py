from __future__ import annotations

from dataclasses import replace

import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.generation.task import generation as table_of
from trustdm.bench.types import Estimate
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.tasks.generation import words


@pytest.mark.parametrize(
    ("name", "distance", "line"),
    [
        ("cifar10-generation", "FID", "Class-conditional generation of 32×32 colour images: FID of 50,000 samples"),
        ("ffhq64-generation", "FID", "Unconditional generation of 64×64 colour images: FID of 50,000 samples"),
        ("mnist16-generation", "Fréchet distance", "Class-conditional generation of 16×16 grey images: Fréchet dist"),
    ],
)
def test_a_distance_is_called_fid_where_the_extractor_is_inception(name: str, distance: str, line: str) -> None:
    suite = load_suite(name)
    assert words.distance(suite) == distance and words.line(suite).startswith(line)
    label = words.label(suite, suite.ranking_metric)
    assert label.startswith(f"{distance}, ") and label.endswith(" steps")
    assert words.describe(suite, suite.ranking_metric).startswith(
        "FID: Fréchet distance" if distance == "FID" else "Fréchet"
    )


def test_other_labels_stay(generation: Suite) -> None:
    kid = next(m for m in generation.metrics if m.statistic == "kid")
    assert words.label(generation, kid) == "KID, 10 steps"
    assert words.label(generation, kid.model_copy(update={"label": ""})) == "kid 10"


def test_a_metric_says_its_steps_or_its_evaluation(generation: Suite) -> None:
    metric = generation.ranking_metric
    assert words.describe(generation, metric).endswith(", after 10 steps. Lower is better")
    other = metric.model_copy(update={"evaluation": "elsewhere"})
    assert words.describe(generation, other).endswith("(evaluation “elsewhere”). Lower is better")


def test_the_facts_say_what_is_compared(generation: Suite) -> None:
    facts = {fact.term: fact for fact in words.facts(generation, None, Estimate(0.5, 0.4, 0.6, 100))}
    assert facts["Extractor"].code and table_of(generation).extractor_sha256 in facts["Extractor"].words
    assert facts["Resizing"].words == "" and facts["Floor"].words.endswith("[0.40, 0.60] at n = 100")
    assert words.floor_line(None) == ""


def test_a_preview_of_less_than_a_set_has_larger_distances(generators: Board, generation: Suite) -> None:
    row = generators.entries[0].row
    assert "for that reason alone" in words.partly(generation, replace(row, n=64))
    assert "so intervals are wide" in words.partly(generation, replace(row, n=200))
    assert words.set_size(generation) == 100 and words.set_size(generation, replace(row, n=64)) == 64
    assert (
        words.headed(generation) == "300 images, in 3 sets of 100; a distance is the mean over these. Lower is better."
    )
