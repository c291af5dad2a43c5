from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trustdm.bench.rng import Noise, derive, seed32

SHAPE = (2, 3)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20, unique=True), st.integers(0, 5))
def test_noise_of_an_example_does_not_depend_on_the_batch(examples: list[int], draw: int) -> None:
    batch = Noise("cell", examples, draw)
    for use, kind in (("a", "normal"), ("b", "uniform")):
        together = getattr(batch, kind)(use, SHAPE)
        alone = np.concatenate([getattr(Noise("cell", [e], draw), kind)(use, SHAPE) for e in examples])
        assert np.array_equal(together, alone)
    order = np.random.default_rng(0).permutation(len(examples))
    assert np.array_equal(batch.rows(order).normal("a", SHAPE), batch.normal("a", SHAPE)[order])


def test_every_part_of_the_identity_matters() -> None:
    base = Noise("cell", [7]).normal("a", SHAPE)
    for other in (Noise("other", [7]), Noise("cell", [8]), Noise("cell", [7], 1), Noise("cell", [7]).for_draw(2)):
        assert not np.array_equal(base, other.normal("a", SHAPE))
    assert not np.array_equal(base, Noise("cell", [7]).normal("b", SHAPE))
    assert derive("a", 1) != derive("a1") != derive("a", "1")
    assert 0 <= seed32("x") < 2**31


def test_noise_has_its_distribution_across_examples_and_within_one() -> None:
    across = Noise("cell", range(4000)).normal("a", (1,)).ravel()
    within = Noise("cell", [3]).normal("a", (4000,)).ravel()
    uniform = Noise("cell", range(4000)).uniform("a", (1,)).ravel()
    assert stats.kstest(across, "norm").pvalue > 1e-3
    assert stats.kstest(within, "norm").pvalue > 1e-3
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(across[:-1], across[1:])[0, 1]) < 0.06


def test_the_shared_generator_is_the_same_for_every_batch() -> None:
    a = Noise("cell", [1, 2, 3]).shared("square").random(5)
    assert np.array_equal(a, Noise("cell", [9]).shared("square").random(5))
    assert not np.array_equal(a, Noise("cell", [9]).shared("stripes").random(5))


def test_global_generators_are_untouched() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    Noise("cell", [1]).normal("a", SHAPE)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
