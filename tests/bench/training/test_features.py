from __future__ import annotations

import numpy as np
import torch

from trustdm.bench.training.features import DIMENSION, FeatureCnn, small_features
from trustdm.bench.training.loops import Recipe
from trustdm.bench.training.networks import restored, seeded

IMAGES = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
LABELS = np.arange(40) % 10


def test_features_are_those_of_the_image_divided_by_255() -> None:
    network = seeded(FeatureCnn, 1, 16)
    assert isinstance(network, FeatureCnn)
    images = torch.randint(0, 256, (5, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = network.eval().features(images)
    assert found.shape == (5, DIMENSION)
    assert torch.equal(found, network.body(images.float() / 255))
    assert bool((found < 0).any())  # nothing is cut off, so no feature is constant


def test_dropout_is_for_training_alone() -> None:
    network = seeded(FeatureCnn, 1, 8)
    x = torch.from_numpy(IMAGES)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))


def test_two_trainings_give_the_same_state_whatever_the_global_generator_holds() -> None:
    recipe, states = Recipe("a name", steps=3), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        states.append(small_features(8, (IMAGES, LABELS), recipe))
        assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    other = small_features(8, (IMAGES, LABELS), Recipe("another", steps=3))
    assert not torch.equal(other["head.weight"], states[0]["head.weight"])
    assert isinstance(restored(FeatureCnn, states[0], 8), FeatureCnn)
