"""The step from two Gaussians to their Frechet distance, against clean-fid's, which takes scipy's matrix root."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trustdm.bench.features.frechet import Moments, frechet, moments

SIZE = 2048
IMAGES = 6000
PAIRS = 3
GOAL = 5.0
SPREAD = 2.5
"""Decades from the smallest to the largest scale of a direction: covariances of condition number about 1e5."""


def gaussian(seed: int) -> Moments:
    """Moments of skewed, correlated features with n > d."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).normal(size=(SIZE, SIZE)) * np.logspace(0, -SPREAD, SIZE) / np.sqrt(SIZE)
    drawn = rng.normal(size=(IMAGES, SIZE)) @ mixing.T + 0.01 * rng.normal(size=(IMAGES, SIZE)) + 0.01 * seed
    return moments(np.maximum(drawn, -0.5).astype(np.float32))


def theirs(a: Moments, b: Moments) -> float:
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of scipy, for an argument of sqrtm
        return float(fid.frechet_distance(a.mean, a.covariance, b.mean, b.covariance))


def seconds(act: Callable[[], float]) -> tuple[float, float]:
    before = time.perf_counter()
    value = act()
    return time.perf_counter() - before, value


@pytest.mark.benchmark(group="frechet")
def test_frechet_against_the_matrix_root(benchmark: Any) -> None:
    """Ratio of pairs in the order ABBA, on new moments each time, so that no factor of the reference is cached."""
    reference, ratios, differences = gaussian(0), [], []
    for pair in range(PAIRS):
        made = gaussian(1 + pair)
        ways = [lambda a=made: frechet(a, fresh(reference)), lambda a=made: theirs(a, reference)]
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        took = {way: seconds(ways[way]) for way in order}
        ratios.append(took[1][0] / took[0][0])
        differences.append(abs(took[0][1] / took[1][1] - 1))
    benchmark.pedantic(lambda: frechet(made, fresh(reference)), rounds=3, iterations=1, warmup_rounds=0)
    _ = reference.half
    cached = statistics.median(seconds(lambda: frechet(made, reference))[0] for _ in range(3))
    benchmark.extra_info |= {
        "dimension": SIZE,
        "images": IMAGES,
        "ratio_to_sqrtm": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "seconds_with_the_reference_cached": cached,
        "relative_difference": max(differences),
        "goal": GOAL,
    }
    assert max(differences) < 1e-6
    assert statistics.median(ratios) >= GOAL


def fresh(given: Moments) -> Moments:
    return Moments(given.n, given.mean, given.covariance)
