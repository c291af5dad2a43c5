"""Distances of generated images to the reference, their errors, and where nothing can be said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm
from toygenerator import arrays, board, edited, generator, measure

from trustdm.bench.features.reference import read_reference
from trustdm.bench.plugins import load_suite
from trustdm.bench.store.store import Store
from trustdm.bench.summary.cell import CellView
from trustdm.bench.tasks.generation import metrics
from trustdm.bench.tasks.generation.metrics import floor_of
from trustdm.bench.tasks.generation.task import reference_file


def test_a_row_holds_the_distances_of_its_features(suite: Path) -> None:
    assert measure(suite, "a.db").exit_code == 0
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.n, row.rank_low) == ("full", 96, 1)
    features = arrays(suite, "a.db", "features")["toy", "steps-3"].astype(np.float64)
    reference = read_reference(suite.parent / "digits-generation.reference.npz").moments
    naive = []
    for part in (features[:48], features[48:]):
        covariance = np.cov(part, rowvar=False)
        root = sqrtm(covariance @ reference.covariance).real
        gap = part.mean(0) - reference.mean
        naive.append(gap @ gap + np.trace(covariance + reference.covariance - 2 * root))
    found = row.metrics["frechet_3"]
    assert found.value == pytest.approx(np.mean(naive), rel=1e-5)
    assert found.low < found.value < found.high and found.n == 96
    assert found.detail == f"2 sets of 48: sd {np.std(naive, ddof=1):.3g}, least {min(naive):.4g}"
    assert (row.metrics["evaluations_2"].value, row.metrics["evaluations_3"].value) == (2, 3)
    assert 0 <= row.metrics["precision_3"].low <= row.metrics["precision_3"].high <= 1
    assert row.metrics["kid_3"].value > 0
    assert row.cost.forwards == 96 * 5 and row.flags == ()


def test_part_of_the_seeds_is_a_preview_of_its_own(suite: Path) -> None:
    measure(suite, "a.db", limit=16)
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.rank_group, row.metrics["frechet_3"].n) == ("preview", "preview n=16", 16)


def test_too_few_images_for_a_metric_is_one_line_and_no_number(suite: Path) -> None:
    edited(suite, "first_block = 16", "first_block = 2")
    measure(suite, "a.db", limit=2)
    (row,) = board(suite, "a.db")
    assert set(row.metrics) == {"frechet_2", "frechet_3", "evaluations_2", "evaluations_3"}
    expected = "precision_3: precision and recall: expected at least 4 feature vectors, got 2; sample more images"
    assert expected in row.errors and all("\n" not in e for e in row.errors)
    assert any(e.startswith("kid_3: KID: expected at least 3 feature vectors, got 2") for e in row.errors)


def test_equal_generators_share_a_rank_and_a_worse_one_does_not(suite: Path) -> None:
    plugins = [generator(suite.parent, "toy"), generator(suite.parent, "twin", "return x")]
    plugins.append(generator(suite.parent, "black", "return x * 0.02"))
    measure(suite, "a.db", "toy", "twin", "black", plugins=plugins)
    ranks = {row.method: (row.rank_low, row.rank_high) for row in board(suite, "a.db")}
    assert ranks == {"toy": ranks["twin"], "twin": ranks["twin"], "black": (3, 3)}
    assert ranks["twin"] == (1, 2)
    assert {row.rank_test for row in board(suite, "a.db")} == {"z-test of distances, Holm over 3 pairs, level 0.05"}


def test_the_floor_is_that_of_held_out_images() -> None:
    suite = load_suite("digits-generation")
    reference = read_reference(reference_file(suite))
    assert reference.held_out is not None
    small, large = floor_of(suite, 200), floor_of(suite, len(reference.held_out))
    assert small is not None and large is not None and small.value > large.value > 0
    assert floor_of(suite, len(reference.held_out) + 1) is None


def test_the_metrics_of_a_cell_are_columns_of_one_reference(suite: Path) -> None:
    measure(suite, "a.db", limit=96)
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        result = next(r for r in store.results(loaded.name) if r.identity.evaluation == "steps-3")
    view, spec = CellView(loaded, result), loaded.metrics[0]
    found = {name: getattr(metrics, name)(view, spec) for name in ("frechet", "kid", "precision", "recall")}
    assert {score.group for score in found.values()} == {(n, 48, 2, result.identity.data_digest) for n in found}
    assert all(score.se > 0 and score.values is None and score.label == "" for score in found.values())
    assert found["precision"].estimate.high <= 1 and found["recall"].estimate.low >= 0
    cost = metrics.evaluations(view, spec)
    assert (cost.estimate.value, cost.estimate.low, cost.estimate.high, cost.se) == (3, 3, 3, 0)


def test_a_cell_of_the_suite_as_it_once_was_has_no_distance(suite: Path) -> None:
    measure(suite, "a.db", limit=16)
    assert "frechet_3" in board(suite, "a.db")[0].metrics
    edited(suite, "set = 48", "set = 32")
    (row,) = board(suite, "a.db")
    assert row.currency == "stale" and row.metrics == {}
