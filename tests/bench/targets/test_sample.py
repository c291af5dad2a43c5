from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter
from trustdm.bench.targets.sample import GeneratorTarget
from trustdm.bench.targets.seeds import labels_of, seeds_of

CARD = MethodCard(name="toy", capabilities=("sample",), input_shape=(1, 4, 4), classes=10)


class Body(nn.Module):
    """Three layers: a pass through it is one evaluation, not three."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1)).view_as(x)


class Toy:
    def __init__(self) -> None:
        self.body, self.decoder, self.calls = Body(), nn.Conv2d(1, 1, 1), 0

    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        x = torch.zeros(len(seeds), 1, 4, 4)
        for _ in range(steps):
            self.body(torch.cat([x, x]))  # as classifier-free guidance does
        return self.decoder(x).sigmoid()


def target(sample: Callable[..., Any], thing: object = None, card: MethodCard = CARD) -> GeneratorTarget:
    return GeneratorTarget(thing, sample, card, Meter())


def test_every_generator_is_given_the_same_seeds() -> None:
    assert seeds_of(np.array([0, 7]), 0) == (0, 7)
    assert seeds_of(np.array([0, 7]), 3) == (30_000_000, 30_000_007)
    assert seeds_of(np.array([9_999_999]), 428)[0] < 2**32


def test_labels_by_turns_drawn_or_none() -> None:
    seeds = seeds_of(np.arange(2000), 1)
    balanced, drawn = labels_of(seeds, "balanced", 10), labels_of(seeds, "random", 10)
    assert balanced is not None and drawn is not None
    assert np.bincount(balanced).tolist() == [200] * 10
    counts = np.bincount(drawn, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 27.9  # the 99.9% point of chi-squared with 9 degrees of freedom
    part = labels_of(seeds[700:703], "random", 10)
    assert part is not None and part.tolist() == drawn[700:703].tolist()
    assert labels_of(seeds, "none", 10) is None


def test_passes_are_counted_where_a_network_is_entered() -> None:
    toy = Toy()
    source = target(toy.sample, toy)
    images, total = source([3, 4, 5], None, 6)
    assert images.shape == (3, 1, 4, 4)
    assert source.passes == {"Body": 36, "Conv2d": 3}
    assert total == 39 and source.meter.forwards == 39
    source([3], None, 1)
    assert source.meter.forwards == 42


def test_gradients_of_guidance_are_counted() -> None:
    def sample(seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        with torch.enable_grad():
            x = torch.zeros(len(seeds), 1, 4, 4, requires_grad=True)
            for _ in range(steps):
                torch.autograd.grad((x**2).sum(), x)
        return x.detach()

    source = target(sample)
    source([1, 2], None, 5)
    assert source.meter.gradients == 10


@pytest.mark.parametrize("classes", [0, 10])
def test_labels_go_to_those_who_take_them(classes: int) -> None:
    seen: list[Tensor | None] = []

    def sample(seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        seen.append(labels)
        return torch.zeros(len(seeds), 1, 4, 4)

    target(sample, card=CARD.model_copy(update={"classes": classes}))([1, 2], np.array([4, 5]), 1)
    assert (seen[0] is None) == (classes == 0)
    if seen[0] is not None:
        assert seen[0].tolist() == [4, 5] and seen[0].dtype == torch.int64


def whole(value: float) -> Tensor:
    return torch.full((2, 1, 4, 4), value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(0, 1, 4, 4), r"expected 2 images, shape \(2, 1, 4, 4\), got shape \(0, 1, 4, 4\)"),
        (torch.zeros(1, 1, 4, 4), "expected 2 images"),
        (torch.zeros(2, 3, 4, 4), "expected 2 images"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), r"expected floating point images in \[0, 1\], got torch.uint8"),
        (whole(float("nan")), "expected finite pixels, got NaN or infinity in 2 of 2 images"),
        (whole(1.01), r"expected pixels in \[0, 1\], got 1.01 to 1.01"),
        (whole(-1.0), r"expected pixels in \[0, 1\], got -1 to -1"),
        (None, "expected a tensor of images"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(answer: object, message: str) -> None:
    with pytest.raises(ContractError, match=f"toy: sample: {message}"):
        target(lambda seeds, labels, steps: answer)([1, 2], None, 3)


def test_rounding_of_the_last_sum_is_forgiven() -> None:
    images, _ = target(lambda seeds, labels, steps: whole(1 + 1e-6))([1, 2], None, 3)
    assert float(images.max()) == 1.0


def test_what_a_generator_raises_is_its_fault() -> None:
    def sample(seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        raise KeyError("beta")

    with pytest.raises(ContractError, match="toy: sample raised KeyError: 'beta'"):
        target(sample)([1], None, 1)
