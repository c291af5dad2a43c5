"""Each check of a denoiser catches a mutant of a sound one; only the checks named beside it do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from soundgenerator import BOTH, Sound, failing
from torch import Tensor

from trustdm.bench.checks import denoise as denoisers
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard

ALONE = BOTH.model_copy(update={"capabilities": ("denoise",)})


def denoising(change: Callable[..., Any]) -> type[Sound]:
    """A mutant whose ``denoise`` returns ``change(denoise, x, sigma, labels)``."""

    class Mutant(Sound):
        def denoise(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Any:
            return change(super().denoise, x, sigma, labels)

    return Mutant


def spoilt_by(act: Callable[[Tensor, Tensor], object]) -> type[Sound]:
    """A mutant that does something to its arguments once an image is denoised."""

    def change(denoise: Any, x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        made: Tensor = denoise(x, sigma, labels)
        act(x, sigma)
        return made

    return denoising(change)


class DenoiseDrifts(Sound):
    calls = 0

    def denoise(self, x: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        self.calls += 1
        return super().denoise(x, sigma, labels) + 1e-6 * self.calls


def at(level: Callable[[Tensor], Tensor]) -> type[Sound]:
    """A mutant that denoises at another level."""
    return denoising(lambda denoise, x, sigma, labels: denoise(x, level(sigma), labels))


MUTANTS: list[tuple[str, Callable[[], Any], MethodCard, set[str]]] = [
    ("flat", denoising(lambda f, *given: f(*given).flatten(1)), BOTH, {"check_denoised"}),
    ("squeezed", denoising(lambda f, *given: f(*given).squeeze(0)), BOTH, {"check_denoised"}),
    ("whole numbers", denoising(lambda f, *given: f(*given).round().int()), BOTH, {"check_denoised"}),
    ("infinite", denoising(lambda f, *given: f(*given) / 0), BOTH, {"check_denoised"}),
    ("a list", denoising(lambda f, *given: list(f(*given))), BOTH, {"check_denoised"}),
    ("the first level", at(lambda sigma: sigma[:1].expand(len(sigma))), BOTH, {"check_denoised_alone"}),
    ("the mean level", at(lambda sigma: sigma.mean().expand(len(sigma))), BOTH, {"check_denoised_alone"}),
    ("no small levels", at(lambda sigma: sigma.clamp(min=0.25)), BOTH, {"check_denoised_little"}),
    ("no large levels", at(lambda sigma: sigma.clamp(max=0.25)), BOTH, {"check_denoised_much"}),
    ("half the level", at(lambda sigma: sigma / 2), BOTH, {"check_level_units"}),
    ("twice the level", at(lambda sigma: 2 * sigma), BOTH, {"check_level_units"}),
    ("writes images", spoilt_by(lambda x, _: x.clamp_(0.2, 0.8)), BOTH, {"check_denoise_repeatable"}),
    ("writes levels", spoilt_by(lambda _, sigma: sigma.zero_()), BOTH, {"check_denoise_repeatable"}),
    ("denoises by chance", spoilt_by(lambda *_: torch.rand(1)), BOTH, {"check_denoise_repeatable"}),
    ("denoises otherwise", DenoiseDrifts, BOTH, {"check_denoise_repeatable"}),
]


@pytest.mark.parametrize("card", [BOTH, ALONE, BOTH.model_copy(update={"classes": 0})])
def test_a_sound_denoiser_passes_every_check(card: MethodCard) -> None:
    assert failing(Sound, card) == {}


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
    assert alone == {check.__name__ for check in denoisers.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in denoisers.CHECKS)


def test_checks_that_do_not_apply_say_why() -> None:
    said = {r.name: r.message for r in run_checks("method", Sound, ALONE)}
    assert said["check_denoised_little"] == said["check_level_units"] == "it makes no images to add noise to"
