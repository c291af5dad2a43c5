from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.errors import DataError
from trustdm.bench.training.loops import (
    Adversary,
    Data,
    Recipe,
    _batches,
    pgd,
    shifted,
    train_adversarial,
    train_standard,
)
from trustdm.bench.training.networks import SmallCnn, seeded


def blobs(n: int = 200) -> Data:
    """Two classes in 8x8 images: bright left half or bright right half, with noise."""
    g = np.random.default_rng(0)
    labels = g.integers(0, 2, n).astype(np.int64)
    images = 0.3 * g.random((n, 1, 8, 8), dtype=np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, :, 4 * label : 4 * label + 4] += 0.4
    return images, labels


def weak_features(n: int, g: np.random.Generator) -> Data:
    """Tsipras et al. 2019, section 2: one strong pixel, right 85 times in 100, 63 weak ones."""
    labels = g.integers(0, 2, n).astype(np.int64)
    sign = (2 * labels - 1).astype(np.float32)
    side = np.where(np.arange(64) % 2, 1, -1)  # half of the weak ones point down, so that no mean shift helps
    images = 0.5 + 0.04 * sign[:, None] * side + 0.05 * g.standard_normal((n, 64), dtype=np.float32)
    strong = np.where(g.random(n) < 0.85, sign, -sign)
    images[:, 0] = 0.5 + 0.2 * strong
    return images.clip(0, 1).reshape(n, 1, 8, 8).astype(np.float32), labels


def linear(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((network(images).argmax(1) == labels).float().mean())


def state(network: nn.Module) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in network.parameters()]


def test_standard_training_learns_and_reports_every_step() -> None:
    images, labels = blobs()
    seen: list[tuple[int, int]] = []
    losses: list[float] = []

    def on_step(step: int, total: int, loss: float) -> None:
        seen.append((step, total))
        losses.append(loss)

    network = train_standard(seeded(SmallCnn, 0, 8), (images, labels), Recipe("t", steps=40), on_step)
    assert accuracy(network, torch.from_numpy(images), torch.from_numpy(labels)) > 0.98
    assert seen == [(step, 40) for step in range(1, 41)]
    assert losses[-1] < 0.2 < losses[0]
    assert not network.training


def test_training_twice_gives_the_same_bytes_and_another_seed_others() -> None:
    recipe = Recipe("t", steps=6, batch=16)
    adversary = Adversary(eps=0.1, iterations=2)

    def run(recipe: Recipe, disturb: int) -> list[bytes]:
        torch.manual_seed(disturb)
        np.random.seed(disturb)  # noqa: NPY002
        threads = torch.get_num_threads()
        network = train_adversarial(seeded(SmallCnn, 0, 8), blobs(), recipe, adversary)
        assert torch.get_num_threads() == threads
        return state(network)

    assert run(recipe, 1) == run(recipe, 2)
    assert run(recipe, 1) != run(Recipe("u", steps=6, batch=16), 1)


def test_global_generators_are_left_alone() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]  # noqa: NPY002
    train_adversarial(seeded(SmallCnn, 0, 8), blobs(), Recipe("t", steps=2), Adversary(0.1, 1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]  # noqa: NPY002


def test_pgd_on_a_linear_network_reaches_the_corner_that_is_known() -> None:
    network = linear()
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    y = torch.tensor([0, 1, 0, 1, 1])
    weight = network[1].weight.detach()  # type: ignore[index]
    direction = torch.stack([(weight[1 - k] - weight[k]).sign() for k in y]).reshape(x.shape)
    expected = (x + 0.1 * direction).clamp(0, 1)
    adv = pgd(network, x, y, 0.1, 10, torch.Generator().manual_seed(0))
    torch.testing.assert_close(adv, expected)


@pytest.mark.parametrize("iterations", [1, 3])
def test_pgd_stays_in_the_ball_and_the_box_and_keeps_its_input(iterations: int) -> None:
    x = torch.rand(4, 1, 8, 8).round()
    kept = x.clone()
    adv = pgd(seeded(SmallCnn, 0, 8), x, torch.arange(4), 0.3, iterations, torch.Generator())
    assert float((adv - x).abs().max()) <= 0.3 + 1e-6
    assert float(adv.min()) >= 0 and float(adv.max()) <= 1
    assert torch.equal(x, kept)
    assert not adv.requires_grad


def test_a_radius_of_zero_changes_nothing() -> None:
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(pgd(linear(), x, torch.zeros(3, dtype=torch.int64), 0.0, 2, torch.Generator()), x)


def test_the_radius_ramps_up_and_stays() -> None:
    adversary = Adversary(eps=0.2, iterations=1, ramp=0.4)
    assert [adversary.at(p) for p in (0.0, 0.2, 0.4, 0.9)] == pytest.approx([0.0, 0.1, 0.2, 0.2])
    assert Adversary(eps=0.2, iterations=1, ramp=0).at(0.0) == 0.2


def test_adversarial_training_gives_up_weak_features_for_the_robust_one() -> None:
    data = weak_features(2000, np.random.default_rng(0))
    images, labels = (torch.from_numpy(a) for a in weak_features(1000, np.random.default_rng(1)))
    recipe = Recipe("t", steps=300, lr=1e-1)
    standard = train_standard(linear(), data, recipe)
    robust = train_adversarial(linear(), data, recipe, Adversary(eps=0.1, iterations=3))
    attacked = [
        accuracy(n, pgd(n, images, labels, 0.1, 10, torch.Generator().manual_seed(0)), labels)
        for n in (standard, robust)
    ]
    assert accuracy(standard, images, labels) > 0.95
    assert attacked[0] < 0.3
    assert attacked[1] > 0.75


def test_every_image_is_used_equally_often() -> None:
    recipe = Recipe("t", steps=9, batch=10)
    counts = np.bincount(torch.cat(list(_batches(30, recipe))).numpy(), minlength=30)
    assert counts.tolist() == [3] * 30


def test_batches_larger_than_the_data_still_have_their_size() -> None:
    assert [len(b) for b in _batches(7, Recipe("t", steps=3, batch=16))] == [16, 16, 16]


def test_phases_of_a_recipe_share_one_progress() -> None:
    seen: list[tuple[int, int, float]] = []
    second = shifted(lambda *a: seen.append(a), 10, 30)
    assert second is not None
    second(5, 20, 0.25)
    assert seen == [(15, 30, 0.25)]
    assert shifted(None, 10, 30) is None


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 8, 8), np.float32), np.zeros(2, np.int64), r"expected images \(n, C, H, W\)"),
        (np.zeros((2, 1, 8, 8), np.float32), np.zeros(3, np.int64), "n labels"),
        (np.zeros((0, 1, 8, 8), np.float32), np.zeros(0, np.int64), "n labels"),
        (np.full((2, 1, 8, 8), 255, np.float32), np.zeros(2, np.int64), r"expected values in \[0, 1\], got 255"),
        (np.full((2, 1, 8, 8), np.nan, np.float32), np.zeros(2, np.int64), r"expected values in \[0, 1\], got nan"),
    ],
)
def test_wrong_data_is_one_line(images: Data, labels: Data, words: str) -> None:
    with pytest.raises(DataError, match=words):
        train_standard(linear(), (images, labels), Recipe("t", steps=1))  # type: ignore[arg-type]
