"""The certificates behind a row, against the arrays and a naive count."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cell import CellView
from trustdm.bench.tasks.certification.certificates import certificates
from trustdm.bench.types import Estimate
from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.tasks.certification import noise
from trustdm.leaderboard.tasks.certification.tracks import Track, reach, tracks


@pytest.fixture(scope="module")
def found(smoothed: Board) -> dict[str, Track]:
    return {track.evaluation: track for track in tracks(smoothed.suite, smoothed.entries[0])}


@pytest.fixture(scope="module")
def log(smoothed: Board) -> Track:
    (entry,) = [e for e in smoothed.entries if e.row.method == "cohen-2019"]
    (track,) = tracks(smoothed.suite, entry)
    return track


def test_each_evaluation_names_its_noise_and_its_procedure(found: dict[str, Track]) -> None:
    assert list(found) == ["sigma-1-4", "sigma-1-2", "sequential-1-2"]
    assert [t.sigma for t in found.values()] == [Fraction(1, 4), Fraction(1, 2), Fraction(1, 2)]
    assert found["sigma-1-4"].procedure == "fixed n, Clopper-Pearson"
    assert found["sequential-1-2"].procedure == "sequential: group-sequential, radius 1/2, alpha 1/1000"
    assert [t.sequential for t in found.values()] == [False, False, True]
    assert found["sigma-1-4"].radii == (0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


def test_certified_accuracy_is_a_count(found: dict[str, Track]) -> None:
    table = found["sigma-1-2"].table
    assert table.radius is not None
    for radius in (0.0, 0.25, 0.5, 1.0):
        hits = sum(
            bool(ok and r >= radius and not out)
            for ok, r, out in zip(table.right, table.radius, table.abstained, strict=True)
        )
        value = found["sigma-1-2"].certified(radius)
        assert (value.value, value.n) == (hits / 60, 60) and value.low < value.value < value.high
    counted = np.where(table.right & ~table.abstained, table.radius, 0.0)
    average = found["sigma-1-2"].average
    assert average is not None and average.value == pytest.approx(counted.mean())
    assert found["sigma-1-2"].longest == counted.max()


def test_values_agree_with_the_board(smoothed: Board, found: dict[str, Track]) -> None:
    metrics = smoothed.entries[0].row.metrics
    assert found["sigma-1-4"].certified(0.25).value == metrics["certified_1-4_1-4"].value
    assert found["sigma-1-4"].average == metrics["acr_1-4"]
    assert found["sigma-1-4"].abstention.value == metrics["abstention_1-4"].value
    assert found["sequential-1-2"].draws == metrics["draws_sequential-1-2"]


def test_the_likely_share_is_below_by_the_certificates_that_may_be_wrong(found: dict[str, Track]) -> None:
    """Of 60 at 1/1000 more than one is wrong with probability .0017, more than two with .00003: two are taken off."""
    track = found["sigma-1-2"]
    assert track.likely(0.25) == pytest.approx(track.certified(0.25).value - 2 / 60)


def test_a_sequential_one_knows_its_declared_radii_alone(found: dict[str, Track]) -> None:
    track = found["sequential-1-2"]
    assert track.average is None and track.longest == 0.5
    held = [reach(track, at) for at in range(track.n)]
    assert set(held) == {(0.5, "1/2"), (None, "–")}
    assert sum(radius is not None for radius, _ in held) == int((track.table.certified == 1).sum())


def test_a_published_log_says_what_it_is(log: Track) -> None:
    assert log.reported and log.procedure == "published log, alpha 1/1000" and log.n == 427
    assert log.alpha == Fraction(1, 1000) and log.draws is not None and log.draws.value == 100_100
    assert not log.sequential and 0 < log.longest <= 0.8


@pytest.mark.parametrize("told", ["many", "0", "3/0", "2", ""])
def test_an_alpha_that_is_none_is_not_said(smoothed: Board, told: str) -> None:
    (entry,) = [e for e in smoothed.entries if e.row.method == "cohen-2019"]
    part = entry.parts[0]
    identity = replace(part.result.identity, method_params=(("alpha", told),))
    view = CellView(smoothed.suite, replace(part.result, identity=identity))
    (track,) = tracks(smoothed.suite, replace(entry, parts=(replace(part, view=view),)))
    assert track.alpha is None and track.likely(0.25) is None and track.procedure == "published log, alpha not said"


def test_an_evaluation_without_counts_has_no_certificates(smoothed: Board) -> None:
    entry = smoothed.entries[0]
    bare = tuple(
        replace(p, view=CellView(smoothed.suite, replace(p.result, arrays=lambda name: None))) for p in entry.parts
    )
    assert certificates(bare[0].view) is None
    assert tracks(smoothed.suite, replace(entry, parts=bare)) == ()


def test_fewer_draws_are_told_against_the_fixed_number(certification: Suite) -> None:
    assert noise.whole(certification) == 10_100
    assert noise.reduction(certification, Estimate(1010.0, 900, 1100, 60)) == "10× fewer than 10,100"
    assert noise.reduction(certification, Estimate(10_100.0, 0, 1, 60)) == ""


def test_noise_levels_are_those_of_the_evaluations(certification: Suite) -> None:
    assert noise.sigmas(certification) == [Fraction(1, 4), Fraction(1, 2)]
    assert noise.sigma_of(load_suite("digits-linf"), "clean") is None and noise.sigma_of(certification, "none") is None
    assert noise.listed([Fraction(1, 2)]) == "radius 1/2" and noise.listed(["0", "1/4"]) == "radii 0, 1/4"
