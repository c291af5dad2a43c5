"""Each check of a generator catches a mutant of a sound one; only the checks named beside it do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from soundgenerator import (
    BLOCK,
    BOTH,
    PLAIN,
    UNLABELLED,
    Sound,
    SoundBlockSeeded,
    SoundNeedsLabels,
    SoundWithoutNetwork,
    failing,
)
from torch import Tensor
from torch.nn import functional as F

from trustdm.bench.checks import sample as generators
from trustdm.bench.checks.cases import MethodCase, require_same_images
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError

SOUND = [
    (Sound, BOTH),
    (Sound, UNLABELLED),
    (Sound, BOTH.model_copy(update={"classes": 0})),
    (Sound, BOTH.model_copy(update={"capabilities": ("denoise",)})),
    (SoundBlockSeeded, BLOCK),
    (SoundNeedsLabels, PLAIN),
    (SoundWithoutNetwork, PLAIN),
]


def sampling(change: Callable[..., Any], base: type[Sound] = Sound) -> type[Sound]:
    """A mutant that returns ``change(images, seeds, labels, steps, self)``."""

    class Mutant(base):  # type: ignore[misc, valid-type]
        def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Any:
            return change(super().sample(seeds, labels, steps), seeds, labels, steps, self)

    return Mutant


def after(act: Callable[..., object]) -> type[Sound]:
    """A mutant that does something else once its images are made: ``act(seeds, labels, self)``."""

    def change(images: Tensor, seeds: list[int], labels: Tensor, steps: int, me: Sound) -> Tensor:
        act(seeds, labels, me)
        return images

    return sampling(change)


class SubtractsTheMean(Sound):
    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        made = super().noise(seeds)
        return lambda use: made(use) - made(use).mean(0)


class OneStreamForAll(Sound):
    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        stream = torch.Generator().manual_seed(seeds[0])
        return lambda use: torch.randn(len(seeds), 1, 8, 8, generator=stream)


class KeyedByPlace(Sound):
    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        return super().noise(list(range(len(seeds))))


class LooksAtItsNeighbours(Sound):
    """Alone or in the order given, each image is left alone; what follows seed 4 is not."""

    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        made = super().noise(seeds)
        follows = torch.tensor([0, *(float(seed == 4) for seed in seeds[:-1])])
        return lambda use: made(use) + follows.reshape(-1, 1, 1, 1)


class SameNoise(Sound):
    def noise(self, seeds: list[int]) -> Callable[[str], Tensor]:
        return super().noise([7] * len(seeds))


class Drifts(Sound):
    """One pixel changes with the number of calls, by less than a level of 8 bits."""

    calls = 0

    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        images = super().sample(seeds, labels, steps)
        self.calls += 1
        images[:, 0, 0, 0] = 0.5 + 1e-6 * self.calls
        return images


class OwnClock(SoundBlockSeeded):
    def __init__(self) -> None:
        super().__init__()
        self.own = np.random.default_rng()

    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        return (super().sample(seeds, labels, steps) + 1e-3 * float(self.own.random())).clamp(0, 1)


class IgnoresLabels(Sound):
    def call(self, x: Tensor, labels: Tensor) -> Tensor:
        return super().call(x, torch.zeros_like(labels))


class CrashesWithoutLabels(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        assert labels is not None
        return super().sample(seeds, labels, steps)


class RefusesVaguely(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        if labels is None:
            raise ValueError("unsupported")
        return super().sample(seeds, labels, steps)


class IgnoresSteps(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        return super().sample(seeds, labels, min(steps, 5) if steps < 1 else 3)


class DividesBySteps(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        return super().sample(seeds, labels, steps) + 0 / (steps - 1)


class NeverRefuses(Sound):
    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        return super().sample(seeds, labels, max(steps, 1))


class RefusesByAccident(Sound):
    def refuse(self, steps: int) -> None:
        math = [1 / steps for _ in range(1)] if steps == 0 else [steps]
        if math[0] < 0:
            raise IndexError("list index out of range")


class NotAsModules(Sound):
    """Uses the weights of the network without calling it."""

    def call(self, x: Tensor, labels: Tensor) -> Tensor:
        net: Any = self.network
        hidden = F.conv2d(x, net.into.weight, net.into.bias, padding=1)
        hidden = torch.tanh(hidden + net.label.weight[labels][:, :, None, None])
        return 0.1 * F.conv2d(hidden, net.out.weight, net.out.bias, padding=1)


class Remembers(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.network.register_buffer("seen", torch.zeros(1))

    def sample(self, seeds: list[int], labels: Tensor | None, steps: int) -> Tensor:
        self.network.get_buffer("seen").add_(len(seeds))
        return super().sample(seeds, labels, steps)


class RandomWeights(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.network.get_submodule("out").reset_parameters()  # type: ignore[operator]


MUTANTS: list[tuple[str, Callable[[], Any], MethodCard, set[str]]] = [
    ("wrong shape", sampling(lambda x, *_: x[..., :7]), PLAIN, {"check_images"}),
    ("one too few", sampling(lambda x, *_: x[1:]), PLAIN, {"check_images"}),
    ("squeezes one", sampling(lambda x, *_: x.squeeze(0)), PLAIN, {"check_images"}),
    ("8 bits", sampling(lambda x, *_: (255 * x).byte()), PLAIN, {"check_images"}),
    ("not finite", sampling(lambda x, *_: x / 0), PLAIN, {"check_images"}),
    ("network units", sampling(lambda x, *_: 2 * x - 1), PLAIN, {"check_images"}),
    ("not a tensor", sampling(lambda x, *_: x.numpy()), PLAIN, {"check_images"}),
    ("raises", sampling(lambda x, *_: x + torch.zeros(5)), PLAIN, {"check_images"}),
    ("subtracts the mean", SubtractsTheMean, PLAIN, {"check_image_alone"}),
    ("one stream", OneStreamForAll, PLAIN, {"check_image_alone", "check_place_in_batch"}),
    ("keyed by place", KeyedByPlace, PLAIN, {"check_image_alone", "check_place_in_batch"}),
    ("looks at its neighbours", LooksAtItsNeighbours, PLAIN, {"check_place_in_batch"}),
    ("same noise", SameNoise, PLAIN, {"check_seeds_matter"}),
    ("drifts", Drifts, PLAIN, {"check_samples_repeatable"}),
    ("own clock", OwnClock, BLOCK, {"check_samples_repeatable"}),
    ("ignores labels", IgnoresLabels, PLAIN, {"check_labels_used"}),
    ("crashes without labels", CrashesWithoutLabels, PLAIN, {"check_no_labels"}),
    ("refuses vaguely", RefusesVaguely, PLAIN, {"check_no_labels"}),
    ("no images without", sampling(lambda x, s, y, *_: x / (y is not None)), PLAIN, {"check_no_labels"}),
    ("writes labels", after(lambda s, y, _: y is None or y.zero_()), PLAIN, {"check_arguments_not_modified"}),
    ("sorts seeds", after(lambda s, y, _: s.sort()), UNLABELLED, {"check_arguments_not_modified"}),
    ("draws torch", after(lambda *_: torch.rand(1)), PLAIN, {"check_sampling_generators"}),
    ("draws numpy", after(lambda *_: np.random.rand()), PLAIN, {"check_sampling_generators"}),  # noqa: NPY002
    ("draws random", after(lambda *_: random.random()), PLAIN, {"check_sampling_generators"}),
    ("seeds torch", after(lambda *_: torch.manual_seed(0)), PLAIN, {"check_sampling_generators"}),
    ("block-seeded in name", Sound, BLOCK, {"check_block_seeds_used"}),
    ("ignores steps", IgnoresSteps, PLAIN, {"check_steps"}),
    ("divides by steps", DividesBySteps, PLAIN, {"check_steps"}),
    ("never refuses", NeverRefuses, PLAIN, {"check_steps_refused"}),
    ("refuses by accident", RefusesByAccident, PLAIN, {"check_steps_refused"}),
    ("not as modules", NotAsModules, PLAIN, {"check_passes_counted"}),
    ("remembers", Remembers, PLAIN, {"check_sampling_state"}),
    ("trains", after(lambda s, y, me: me.network.train()), PLAIN, {"check_sampling_state"}),
    ("unfreezes", after(lambda s, y, me: me.network.requires_grad_()), PLAIN, {"check_sampling_state"}),
    ("random weights", RandomWeights, PLAIN, {"check_load_is_repeatable"}),
]


@pytest.mark.parametrize(("load", "card"), SOUND)
def test_a_sound_generator_passes_every_check(load: Callable[[], Any], card: MethodCard) -> None:
    assert failing(load, card) == {}


@pytest.mark.filterwarnings("ignore:overflow|divide")
@pytest.mark.parametrize(("load", "card", "expected"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_a_mutant_is_caught_by_the_checks_made_for_it(
    load: Callable[[], Any], card: MethodCard, expected: set[str]
) -> None:
    caught = failing(load, card)
    assert set(caught) == expected, caught
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for *_, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in generators.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in generators.CHECKS)


def test_checks_that_do_not_apply_say_why() -> None:
    said = {r.name: r.message for r in run_checks("method", SoundBlockSeeded, BLOCK)}
    for name in ("check_image_alone", "check_place_in_batch", "check_sampling_generators"):
        assert "block-seeded" in said[name]
    said = {r.name: r.message for r in run_checks("method", SoundWithoutNetwork, UNLABELLED)}
    assert said["check_labels_used"] == said["check_no_labels"] == "it has no classes"
    assert said["check_passes_counted"] == "it holds no networks" and said["check_steps"] == "no passes are counted"
    assert said["check_sampling_state"] == "it holds no parameters or buffers"
    assert said["check_block_seeds_used"] == "randomness is none"
    said = {r.name: r.message for r in run_checks("method", SoundNeedsLabels, PLAIN)}
    assert said["check_no_labels"] == "it refuses: labels: expected one for each seed, got none"


def test_images_may_be_one_level_apart_in_few_pixels() -> None:
    x = torch.full((2, 1, 8, 8), 100 / 255)
    one, two, far = x.clone(), x.clone(), x.clone()
    one[0, 0, 0, :4] = two[0, 0, 0, :5] = 101 / 255
    far[0, 0, 0, 0] = 102 / 255
    require_same_images(one, x, "expected the same")
    for other, text in ((two, "5 of 128 pixels apart by up to 1 of 255"), (far, "1 of 128 pixels apart by up to 2")):
        with pytest.raises(ContractError, match=f"expected the same, got {text}"):
            require_same_images(other, x, "expected the same")


def test_the_harness_view_of_a_case() -> None:
    case = MethodCase(Sound, PLAIN)
    images, passes = case.sample([4, 1], steps=2)
    assert passes == 4
    torch.testing.assert_close(images, case.sample(steps=2)[0][[4, 1]])
    assert not torch.equal(case.sample(steps=2, conditional=False)[0], case.sample(steps=2)[0])
    assert MethodCase(Sound, UNLABELLED).labels is None
