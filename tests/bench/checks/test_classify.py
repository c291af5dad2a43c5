"""Each check of a method catches a mutant of a sound one, and only the checks named beside it do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.checks import classify as methods
from trustdm.bench.checks.cases import MethodCase
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard
from trustdm.bench.training.networks import SmallCnn, seeded

PLAIN = MethodCard(name="plain", input_shape=(1, 8, 8), classes=10)
KEYED = PLAIN.model_copy(update={"name": "keyed", "randomness": "keyed"})
BLOCK = PLAIN.model_copy(update={"name": "block", "randomness": "block-seeded"})
SURROGATE = PLAIN.model_copy(update={"name": "surrogate", "gradient": "surrogate"})
NO_GRADIENT = PLAIN.model_copy(update={"name": "none", "gradient": "none"})


class Sound:
    """A sound method; a mutant overrides one thing."""

    def __init__(self) -> None:
        self.network = seeded(SmallCnn, 3, 8).eval()

    def classify(self, x: Tensor) -> Tensor:
        logits: Tensor = 10 * self.network(x)
        return logits


class SoundKeyed(Sound):
    def classify(self, x: Tensor, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify((x + 0.05 * noise.normal("smoothing", tuple(x.shape[1:]))).clamp(0, 1))


class SoundBlockSeeded(Sound):
    def classify(self, x: Tensor) -> Tensor:
        wiggle = random.random() + np.random.rand()  # noqa: NPY002
        return super().classify(x + 0.05 * torch.randn_like(x)) + 0.01 * wiggle


class SoundSurrogate(Sound):
    """Straight-through rounding to 17 grey levels, as DiffPure-like defences are attacked through."""

    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x + ((16 * x).round() / 16 - x).detach())


class SoundOpaque(Sound):
    def classify(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().classify(x)


SOUND = [
    (Sound, PLAIN),
    (SoundKeyed, KEYED),
    (SoundBlockSeeded, BLOCK),
    (SoundSurrogate, SURROGATE),
    (SoundOpaque, NO_GRADIENT),
    (lambda: seeded(SmallCnn, 3, 8), PLAIN),
]


class WrongShape(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x)[:, :9]


class SqueezesOne(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x).squeeze(0)


class NotFloating(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x).round().long()


class NotFinite(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) / torch.zeros(10)


class NotATensor(Sound):
    def classify(self, x: Tensor) -> Any:
        return super().classify(x).tolist()


class Raises(Sound):
    def classify(self, x: Tensor) -> Tensor:
        raise RuntimeError("boom\nand more")


class LogOfPixels(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) + 0.1 * torch.log(x.flatten(1).mean(1, keepdim=True))


class DividesByContrast(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) / x.flatten(1).std(1, keepdim=True)


class Probabilities(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return (10 * super().classify(x)).softmax(1)


class ClampsInPlace(Sound):
    def classify(self, x: Tensor) -> Tensor:
        logits = super().classify(x)
        x.data.clamp_(0.2, 0.8)  # unseen by autograd
        return logits


class BatchStatistics(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x - x.detach().mean(0, keepdim=True))


class PlaceInBatch(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) + 0.1 * torch.arange(len(x)).reshape(-1, 1)


class LooksAtItsNeighbours(Sound):
    """Alone or in the order given, each row is left alone; a row that follows a stronger one is not."""

    def classify(self, x: Tensor) -> Tensor:
        contrast = x.detach().flatten(1).std(1)
        weaker = torch.cat([torch.zeros(1), (contrast[1:] < contrast[:-1]).float()])
        return super().classify(x) + weaker.reshape(-1, 1)


class Counts(Sound):
    """Answers drift with the number of calls: a little, so that only equality sees it."""

    calls = 0

    def classify(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().classify(x) + 1e-6 * self.calls


class KeyedInName(Sound):
    def classify(self, x: Tensor, noise: Any) -> Tensor:  # type: ignore[override]
        return super().classify(x)


class BlockSeededInName(Sound):
    pass


class OwnClock(Sound):
    """Draws from a generator of its own, which no seed of the harness reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.own = np.random.default_rng()

    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) + 1e-6 * float(self.own.random()) + 0.01 * torch.rand(1)


class DrawsTorch(Sound):
    def classify(self, x: Tensor) -> Tensor:
        torch.rand(1)
        return super().classify(x)


class DrawsNumpy(Sound):
    def classify(self, x: Tensor) -> Tensor:
        np.random.rand()  # noqa: NPY002
        return super().classify(x)


class DrawsPython(Sound):
    def classify(self, x: Tensor) -> Tensor:
        random.random()
        return super().classify(x)


class SeedsGlobally(Sound):
    def classify(self, x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return super().classify(x)


class CalibratesOnce(Sound):
    """Normalises by the first batch it sees: later answers repeat, and depend on the test images."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(1)

    def classify(self, x: Tensor) -> Tensor:
        if not self.mean.any():
            self.mean = x.detach().mean().reshape(1)
        return super().classify(x - self.mean)


class CountsInABuffer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = seeded(SmallCnn, 3, 8)
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.get_buffer("seen").add_(len(x))
        logits: Tensor = 10 * self.network(x)
        return logits


class KnowsItIsAttacked(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x) + (1.0 if x.requires_grad else 0.0)


class Detached(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x.detach())


class ZeroGradient(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(x.detach()) + 0 * x.flatten(1).sum(1, keepdim=True)


class HalfDetached(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(torch.cat([x[..., :4].detach(), x[..., 4:]], dim=-1))


class ScaledGradient(Sound):
    def classify(self, x: Tensor) -> Tensor:
        return super().classify(0.8 * x + (0.2 * x).detach())


class RandomWeights(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.network.get_submodule("out").reset_parameters()  # type: ignore[operator]


MUTANTS: list[tuple[Callable[[], Any], MethodCard, set[str]]] = [
    (WrongShape, PLAIN, {"check_logits"}),
    (SqueezesOne, PLAIN, {"check_logits"}),
    (NotFloating, PLAIN, {"check_logits"}),
    (NotFinite, PLAIN, {"check_logits"}),
    (NotATensor, PLAIN, {"check_logits"}),
    (Raises, PLAIN, {"check_logits"}),
    (LogOfPixels, PLAIN, {"check_extremes"}),
    (DividesByContrast, PLAIN, {"check_extremes"}),
    (Probabilities, PLAIN, {"check_not_probabilities"}),
    (ClampsInPlace, SURROGATE, {"check_input_not_modified"}),
    (BatchStatistics, SURROGATE, {"check_batch_of_one"}),
    (PlaceInBatch, PLAIN, {"check_batch_of_one", "check_permutation"}),
    (LooksAtItsNeighbours, PLAIN, {"check_permutation"}),
    (Counts, PLAIN, {"check_repeatable"}),
    (OwnClock, BLOCK, {"check_repeatable"}),
    (KeyedInName, KEYED, {"check_noise_is_used"}),
    (BlockSeededInName, BLOCK, {"check_noise_is_used"}),
    (DrawsTorch, PLAIN, {"check_global_generators"}),
    (DrawsNumpy, PLAIN, {"check_global_generators"}),
    (DrawsPython, PLAIN, {"check_global_generators"}),
    (SeedsGlobally, PLAIN, {"check_global_generators"}),
    (CalibratesOnce, PLAIN, {"check_state_not_changed"}),
    (CountsInABuffer, PLAIN, {"check_state_not_changed"}),
    (KnowsItIsAttacked, PLAIN, {"check_gradient_mode"}),
    (Detached, SURROGATE, {"check_gradient_reaches_input"}),
    (ZeroGradient, SURROGATE, {"check_gradient_reaches_input"}),
    (Detached, PLAIN, {"check_gradient_reaches_input", "check_gradient_exact"}),
    (HalfDetached, PLAIN, {"check_gradient_exact"}),
    (ScaledGradient, PLAIN, {"check_gradient_exact"}),
    (SoundSurrogate, PLAIN, {"check_gradient_exact"}),
    (RandomWeights, PLAIN, {"check_load_is_repeatable"}),
]


def failing(load: Callable[[], Any], card: MethodCard) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("method", load, card) if not r.ok}


@pytest.mark.parametrize(("load", "card"), SOUND)
def test_a_sound_method_passes_every_check(load: Callable[[], Any], card: MethodCard) -> None:
    assert failing(load, card) == {}


@pytest.mark.parametrize(("load", "card", "expected"), MUTANTS, ids=lambda v: getattr(v, "__name__", None))
def test_a_mutant_is_caught_by_the_checks_made_for_it(
    load: Callable[[], Any], card: MethodCard, expected: set[str]
) -> None:
    caught = failing(load, card)
    assert set(caught) == expected
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for _, _, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in methods.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in methods.CHECKS)


def test_checks_that_do_not_apply_say_why() -> None:
    block, none = MethodCase(SoundBlockSeeded, BLOCK), MethodCase(SoundOpaque, NO_GRADIENT)
    for check in (methods.check_batch_of_one, methods.check_permutation, methods.check_global_generators):
        assert "block-seeded" in (check(block) or "")
    assert methods.check_noise_is_used(none) == "randomness is none"
    assert methods.check_gradient_exact(none) == methods.check_gradient_reaches_input(none) == "gradient is none"


def test_slope_check_measures_what_a_linear_method_is() -> None:
    weight = torch.linspace(-1, 2, 640).reshape(64, 10)
    case = MethodCase(lambda: lambda x: x.flatten(1) @ weight, PLAIN)
    mixture = torch.ones(6, 10)
    move = 0.01 * torch.ones_like(case.images)
    torch.testing.assert_close(
        methods._slope(case, move, mixture), (0.01 * weight.sum()).double().expand(6), rtol=1e-4, atol=0
    )
    torch.testing.assert_close(case.gradient(case.images, mixture)[0].flatten(), weight.sum(1))
