"""Images made elsewhere: what the checks let pass, at the edges; the verb's tests have what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import TINY

from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.suite.data import open_data
from trustdm.bench.tasks.robustness import given

SUITE = load_suite(TINY)
DATA = open_data(SUITE, load().registry)


def moved(by: float) -> np.ndarray:
    """The first test images with one pixel further inside by so much."""
    images = DATA.read(SUITE.test[:3])[0].astype(np.float32)
    images[:, 0, 4, 4] += np.where(images[:, 0, 4, 4] > 0.5, -by, by).astype(np.float32)
    return images


def test_the_edge_of_the_budget_is_within_it() -> None:
    given.require(Path("x.npz"), SUITE, DATA, moved(0.1), SUITE.test[:3])
    given.require(Path("x.npz"), SUITE, DATA, moved(0.1 * (1 + 5e-7)), SUITE.test[:3])
    with pytest.raises(UsageError, match="3 of 3 beyond it"):
        given.require(Path("x.npz"), SUITE, DATA, moved(0.1 * (1 + 1e-5)), SUITE.test[:3])


def test_norms_are_of_the_suite() -> None:
    clean = np.zeros((1, 1, 2, 2), np.float32)
    other = np.full_like(clean, 0.5)
    assert given._norms(other, clean, "linf") == [0.5] and given._norms(other, clean, "l2") == [1.0]


def test_how_far_the_test_list_has_to_be_run() -> None:
    assert given.reach(SUITE, SUITE.test[[4, 0]]) == 5


def test_a_single_array_is_no_file_of_images(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(UsageError, match="expected an npz file with x_adv and examples"):
        given.read(tmp_path / "a.npy")
