"""Each check of a base classifier catches a mutant of a sound one, and only the checks named beside it do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.checks import classify_noisy as noisy
from trustdm.bench.checks.cases import MethodCase, generators
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard
from trustdm.bench.training.networks import SmallCnn, seeded

PLAIN = MethodCard(name="plain", capabilities=("classify_noisy",), input_shape=(1, 8, 8), classes=10)
KEYED = PLAIN.model_copy(update={"name": "keyed", "randomness": "keyed"})
BLOCK = PLAIN.model_copy(update={"name": "block", "randomness": "block-seeded"})


class Sound:
    """A sound base classifier, which shrinks what it sees as a denoiser would; a mutant overrides one thing."""

    def __init__(self) -> None:
        self.network = seeded(SmallCnn, 3, 8).eval()

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return self.logits(x, sigma)

    def logits(self, x: Tensor, sigma: float) -> Tensor:
        logits: Tensor = 10 * self.network(0.5 + (x - 0.5) / (1 + sigma**2))
        return logits


class SoundLabels(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return self.logits(x, sigma).argmax(1)


class SoundKeyed(Sound):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        return self.logits(x + 0.05 * noise.normal("own", tuple(x.shape[1:])), sigma)


class SoundKeyedLabels(SoundKeyed):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify_noisy(x, sigma, noise).argmax(1)


class KnowsTwoLevels(Sound):
    """As networks that were trained with noise: others are refused."""

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        if sigma not in (0.5, 1.0):
            raise ValueError(f"sigma: expected 0.5 or 1, got {sigma:g}")
        return super().classify_noisy(x, sigma)


class KnowsOneLevel(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        if sigma != 1.0:
            raise ValueError(f"sigma: expected 1, got {sigma:g}")
        return super().classify_noisy(x, sigma)


def without_state() -> Callable[[Tensor, float], Tensor]:
    return lambda x, sigma: x.flatten(1)[:, :10]


SOUND = [
    (Sound, PLAIN),
    (Sound, BLOCK),
    (SoundLabels, PLAIN),
    (SoundKeyed, KEYED),
    (SoundKeyedLabels, KEYED),
    (KnowsTwoLevels, PLAIN),
    (KnowsOneLevel, PLAIN),
    (without_state, PLAIN),
]


def answering(change: Callable[..., Any]) -> type[Sound]:
    """A mutant that answers ``change(logits, x, sigma)``."""

    class Mutant(Sound):
        def classify_noisy(self, x: Tensor, sigma: float) -> Any:
            return change(super().classify_noisy(x, sigma), x, sigma)

    return Mutant


def after(act: Callable[[], object]) -> type[Sound]:
    """A mutant that does something else once it has its answer."""

    def change(logits: Tensor, x: Tensor, sigma: float) -> Tensor:
        act()
        return logits

    return answering(change)


class RefusesEverything(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        raise ValueError(f"sigma: expected 0.3, got {sigma:g}")


class RefusesVaguely(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        if sigma == 1.0:
            raise ValueError("unsupported")
        return super().classify_noisy(x, sigma)


class CrashesFarFromImages(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        if float(x.max()) > 2.5:
            raise IndexError("bin out of range")
        return super().classify_noisy(x, sigma)


class NotFiniteFarFromImages(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return super().classify_noisy(x, sigma) + (2.5 - x.flatten(1).amax(1, keepdim=True)).sqrt()


class KeepsTheFirstLevel(Sound):
    first = 0.0

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        self.first = self.first or sigma
        return super().classify_noisy(x, self.first)


class KeepsTheFirstLevelForLabels(KeepsTheFirstLevel):
    """Labels of the parity of a pixel's size: these change with the level."""

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        super().classify_noisy(x, sigma)
        return (x.flatten(1)[:, 0] / (1 + self.first) * 100).long() % 10


class ClampsInPlace(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        answer = super().classify_noisy(x, sigma)
        x.clamp_(0, 1)
        return answer


class BatchStatistics(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return super().classify_noisy(x - x.mean(0, keepdim=True), sigma)


class SizeOfTheBatch(SoundKeyed):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify_noisy(x, sigma, noise) + 0.1 * len(x)


class PlaceInBatch(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return super().classify_noisy(x, sigma) + 0.1 * torch.arange(len(x)).reshape(-1, 1)


class LabelOfThePlace(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return torch.arange(len(x)) % 10


LAST = noisy._noisy(MethodCase(Sound, PLAIN), 0.25)[-1]


class LooksAtItsNeighbours(Sound):
    """Alone or in the order given, each row is left alone; what follows the last one is not."""

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        follows = torch.tensor([0.0, *(float(torch.equal(row, LAST)) for row in x[:-1])])
        return super().classify_noisy(x, sigma) + follows.reshape(-1, 1)


class Counts(Sound):
    """Answers drift with the number of calls: a little, so that only equality sees it."""

    calls = 0

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        self.calls += 1
        return super().classify_noisy(x, sigma) + 1e-6 * self.calls


class DrawsItsOwnNoise(Sound):
    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        return super().classify_noisy(x + 1e-6 * torch.randn_like(x), sigma)


class KeepsItsNoise(Sound):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify_noisy(x, sigma)


class AsksAndIgnores(Sound):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        noise.uniform("own", (3,))
        return super().classify_noisy(x, sigma)


class KeepsItsNoiseForLabels(KeepsItsNoise):
    def classify_noisy(self, x: Tensor, sigma: float, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify_noisy(x, sigma, noise).argmax(1)


class CountsInABuffer(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.network.register_buffer("seen", torch.zeros(1))

    def classify_noisy(self, x: Tensor, sigma: float) -> Tensor:
        self.network.get_buffer("seen").add_(len(x))
        return super().classify_noisy(x, sigma)


class RandomWeights(Sound):
    """A little apart after each load: too little for answers to show."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.network.get_parameter("out.bias").add_(1e-6 * torch.rand(10))


MUTANTS: list[tuple[Callable[[], Any], MethodCard, set[str]]] = [
    (answering(lambda logits, x, sigma: logits[:, :9]), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.squeeze(0)), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits / torch.zeros(10)), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.argmax(1) + 10), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.argmax(1) - 10), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.argmax(1, keepdim=True)), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.argmax(1).float()), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: logits.tolist()), PLAIN, {"check_noisy_answers"}),
    (answering(lambda logits, x, sigma: 1 / 0), PLAIN, {"check_noisy_answers"}),
    (RefusesEverything, PLAIN, {"check_noisy_answers"}),
    (NotFiniteFarFromImages, PLAIN, {"check_noisy_levels"}),
    (RefusesVaguely, PLAIN, {"check_noisy_levels", "check_noisy_levels_apart"}),
    (CrashesFarFromImages, PLAIN, {"check_noisy_levels", "check_noisy_levels_apart"}),
    (KeepsTheFirstLevel, PLAIN, {"check_noisy_levels_apart"}),
    (KeepsTheFirstLevelForLabels, PLAIN, {"check_noisy_levels_apart"}),
    (ClampsInPlace, PLAIN, {"check_noisy_input_not_modified"}),
    (BatchStatistics, PLAIN, {"check_noisy_alone"}),
    (SizeOfTheBatch, KEYED, {"check_noisy_alone"}),
    (PlaceInBatch, PLAIN, {"check_noisy_alone", "check_noisy_permutation"}),
    (LabelOfThePlace, PLAIN, {"check_noisy_alone", "check_noisy_permutation"}),
    (LooksAtItsNeighbours, PLAIN, {"check_noisy_permutation"}),
    (Counts, PLAIN, {"check_noisy_repeatable"}),
    (DrawsItsOwnNoise, PLAIN, {"check_noisy_repeatable", "check_noisy_generators"}),
    (DrawsItsOwnNoise, BLOCK, {"check_noisy_repeatable", "check_noisy_generators"}),
    (KeepsItsNoise, KEYED, {"check_noisy_noise_is_used"}),
    (AsksAndIgnores, KEYED, {"check_noisy_noise_is_used"}),
    (KeepsItsNoiseForLabels, KEYED, {"check_noisy_noise_is_used"}),
    (after(lambda: torch.rand(1)), PLAIN, {"check_noisy_generators"}),
    (after(lambda: np.random.rand()), BLOCK, {"check_noisy_generators"}),  # noqa: NPY002
    (after(random.random), PLAIN, {"check_noisy_generators"}),
    (after(lambda: torch.manual_seed(0)), PLAIN, {"check_noisy_generators"}),
    (CountsInABuffer, PLAIN, {"check_noisy_state"}),
    (RandomWeights, PLAIN, {"check_load_is_repeatable"}),
]


def failing(load: Callable[[], Any], card: MethodCard) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("method", load, card) if not r.ok}


@pytest.mark.parametrize(("load", "card"), SOUND)
def test_a_sound_base_classifier_passes_every_check(load: Callable[[], Any], card: MethodCard) -> None:
    assert failing(load, card) == {}


@pytest.mark.parametrize(("load", "card", "expected"), MUTANTS)
def test_a_mutant_is_caught_by_the_checks_made_for_it(
    load: Callable[[], Any], card: MethodCard, expected: set[str]
) -> None:
    caught = failing(load, card)
    assert set(caught) == expected
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for _, _, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in noisy.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in noisy.CHECKS)


def test_checks_that_do_not_apply_say_why() -> None:
    assert noisy.check_noisy_noise_is_used(MethodCase(Sound, PLAIN)) == "randomness is none"
    assert noisy.check_noisy_levels_apart(MethodCase(KnowsOneLevel, PLAIN)) == "it takes one level only"
    assert noisy.check_noisy_state(MethodCase(without_state, PLAIN)) == "it holds no parameters or buffers"
    refused = noisy.check_noisy_levels(MethodCase(KnowsTwoLevels, PLAIN))
    assert refused == "it refuses sigma 0.25: sigma: expected 0.5 or 1, got 0.25"


def test_draws_have_the_noise_of_their_level_and_are_not_clipped() -> None:
    case = MethodCase(Sound, PLAIN)
    added = (noisy._noisy(case, 0.5) - case.images).flatten()
    assert abs(float(added.std()) - 0.5) < 4 * 0.5 / (2 * len(added)) ** 0.5
    assert float(noisy._noisy(case, 1.0).max()) > 1.0 and float(noisy._noisy(case, 1.0).min()) < 0.0


def test_checks_leave_the_global_generators_alone() -> None:
    before = generators()
    assert failing(SoundKeyed, KEYED) == {}
    assert generators() == before
