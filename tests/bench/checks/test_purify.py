"""Each check of a purifier catches a mutant of a sound one; only the checks named beside it do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.checks import purify as purifiers
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import MethodCard

KEYED = MethodCard(name="pur", capabilities=("purify",), input_shape=(1, 6, 6), classes=0, randomness="keyed")
NONE = KEYED.model_copy(update={"randomness": "none"})
BLOCK = KEYED.model_copy(update={"randomness": "block-seeded"})


class Sound:
    """Noise is added, and a blur takes some of it away; a mutant overrides one thing."""

    def purify(self, x: Tensor, noise: Any) -> Any:
        return self.made(x, noise.normal("add", tuple(x.shape[1:])))

    def made(self, x: Tensor, drawn: Tensor | float) -> Tensor:
        return torch.nn.functional.avg_pool2d(x + 0.1 * drawn, 3, 1, 1)


class Deterministic(Sound):
    def purify(self, x: Tensor) -> Any:  # type: ignore[override]
        return self.made(x, 0.0)


class BlockSeeded(Sound):
    def purify(self, x: Tensor) -> Any:  # type: ignore[override]
        return self.made(x, torch.randn(x.shape))


def purifying(change: Callable[..., Any]) -> type[Sound]:
    """A mutant that returns ``change(what a sound one makes, x)``."""

    class Mutant(Sound):
        def purify(self, x: Tensor, noise: Any) -> Any:
            return change(super().purify(x, noise), x)

    return Mutant


def spoilt_by(act: Callable[[Tensor], object], sound: type[Any] = Sound) -> type[Sound]:
    """A mutant that does something once an image is purified."""

    class Mutant(sound):  # type: ignore[misc]
        def purify(self, x: Tensor, *noise: Any) -> Any:
            made = super().purify(x, *noise).clone()
            act(x)
            return made

    return Mutant


class ByPlace(Sound):
    """The noise of a row is that of its place, from a generator of its own."""

    def purify(self, x: Tensor, noise: Any) -> Any:
        noise.normal("add", (1,))
        own = torch.randn(x.shape, generator=torch.Generator().manual_seed(int(1e4 * noise.uniform("k", (1,))[0])))
        return self.made(x, own)


class Drifts(Sound):
    calls = 0

    def purify(self, x: Tensor, noise: Any) -> Any:
        self.calls += 1
        return super().purify(x, noise) + 1e-6 * self.calls


class IgnoresNoise(Sound):
    def purify(self, x: Tensor, noise: Any) -> Any:
        return self.made(x, 0.5)


class FixedSeed(Deterministic):
    """Says that it draws from global generators, and seeds one of its own."""

    def purify(self, x: Tensor) -> Any:  # type: ignore[override]
        return self.made(x, torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))


class Unfinished(Sound):
    def purify(self, x: Tensor, noise: Any) -> Any:
        raise ZeroDivisionError("boom\nand more")


MUTANTS: list[tuple[str, Callable[[], Any], MethodCard, set[str]]] = [
    ("flat", purifying(lambda made, x: made.flatten(1)), KEYED, {"check_purified"}),
    ("squeezed", purifying(lambda made, x: made.squeeze(0)), KEYED, {"check_purified"}),
    ("bytes", purifying(lambda made, x: (255 * made).to(torch.uint8)), KEYED, {"check_purified"}),
    ("infinite", purifying(lambda made, x: made / 0), KEYED, {"check_purified"}),
    ("beyond float32", purifying(lambda made, x: made.double() * 1e300), KEYED, {"check_purified"}),
    ("a list", purifying(lambda made, x: list(made)), KEYED, {"check_purified"}),
    ("raises", Unfinished, KEYED, {"check_purified"}),
    ("the mean of the batch", purifying(lambda made, x: made - x.mean()), KEYED, {"check_purified_alone"}),
    ("the first image", purifying(lambda made, x: made + 0.1 * x[:1]), KEYED, {"check_purified_alone"}),
    ("noise by place", ByPlace, KEYED, {"check_purified_alone"}),
    ("writes images", spoilt_by(lambda x: x.clamp_(0.4, 0.6)), KEYED, {"check_purify_repeatable"}),
    ("draws from torch", spoilt_by(lambda x: torch.rand(1)), KEYED, {"check_purify_repeatable"}),
    ("seeds others", spoilt_by(lambda x: np.random.seed(0)), KEYED, {"check_purify_repeatable"}),  # noqa: NPY002
    ("draws from random", spoilt_by(lambda x: random.random(), Deterministic), NONE, {"check_purify_repeatable"}),
    ("purifies otherwise", Drifts, KEYED, {"check_purify_repeatable"}),
    ("does not use noise", IgnoresNoise, KEYED, {"check_purifying_noise_is_used"}),
    ("does not use the seed", FixedSeed, BLOCK, {"check_purifying_noise_is_used"}),
]


def failing(load: Callable[[], Any], card: MethodCard) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("method", load, card) if not r.ok}


@pytest.mark.parametrize(
    ("load", "card"), [(Sound, KEYED), (Deterministic, NONE), (BlockSeeded, BLOCK)], ids=["keyed", "none", "seeded"]
)
def test_a_sound_purifier_passes_every_check(load: Callable[[], Any], card: MethodCard) -> None:
    assert failing(load, card) == {}


@pytest.mark.parametrize(("load", "card", "expected"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_a_mutant_is_caught_by_the_checks_made_for_it(
    load: Callable[[], Any], card: MethodCard, expected: set[str]
) -> None:
    caught = failing(load, card)
    assert set(caught) == expected, caught
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for *_, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in purifiers.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in purifiers.CHECKS)


def test_checks_that_do_not_apply_say_why() -> None:
    said = {r.name: r.message for r in run_checks("method", BlockSeeded, BLOCK)}
    assert said["check_purified_alone"] == "randomness is block-seeded: rows share one stream"
    said = {r.name: r.message for r in run_checks("method", Deterministic, NONE)}
    assert said["check_purifying_noise_is_used"] == "randomness is none"


def test_what_a_broken_one_is_told() -> None:
    flat = failing(purifying(lambda made, x: made.flatten(1)), KEYED)
    assert flat == {"check_purified": "expected images of shape (1, 1, 6, 6), got (1, 36)"}
    ignored = failing(IgnoresNoise, KEYED)["check_purifying_noise_is_used"]
    assert ignored == "expected another answer with other noise, got the same; declare randomness 'none'"


def test_what_has_no_purifier_is_said_in_one_line() -> None:
    (message,) = failing(lambda: object(), KEYED).values()
    assert message == "pur: expected an object with purify(x, noise), or a callable, got object"
