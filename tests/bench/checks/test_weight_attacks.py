"""Each check of a weight attack catches a mutant of a sound one, and only the checks named beside it do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.checks import weight_attacks as checks
from trustdm.bench.checks.weight_attacks import WeightAttackCase
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import WeightAttackCard
from trustdm.bench.errors import ContractError
from trustdm.bench.plugins import load

CARD = WeightAttackCard(name="toy", strength="sigma", randomized=True)
PLAIN = CARD.model_copy(update={"randomized": False})


class Sound:
    """Noise on parameters; a mutant overrides one thing."""

    def __init__(self, *, sigma: float = 0.1) -> None:
        self.sigma = sigma

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        return {
            name: (w + self.sigma * noise.normal(name, tuple(w.shape))).to(w.dtype)
            for name, w in tensors.items()
            if isinstance(w, nn.Parameter)
        }


class SoundPlain(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        return {name: (1 - self.sigma) * w.detach() for name, w in tensors.items()}


class SoundUniform(Sound):
    """Attacks one tensor only."""

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        name = max(tensors)
        return {name: tensors[name] * noise.uniform(name, tuple(tensors[name].shape))}


def returning(change: Callable[[dict[str, Tensor]], Any]) -> type[Sound]:
    """A mutant that returns ``change(values)``."""

    class Mutant(Sound):
        def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> Any:
            return change(super().perturb(tensors, noise))

    return Mutant


def after(act: Callable[[], object]) -> type[Sound]:
    """A mutant that does something else once it has its values."""

    def change(values: dict[str, Tensor]) -> dict[str, Tensor]:
        act()
        return values

    return returning(change)


class NotFinite(Sound):
    """Overflows half precision."""

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        return {name: (1e6 * w).to(w.dtype) for name, w in super().perturb(tensors, noise).items()}


class NegativeVariance(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        variances = {name: -w for name, w in tensors.items() if name.endswith("running_var")}
        return super().perturb(tensors, noise) | variances


class KnowsNamesOfOneNetwork(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        return {"decoder.weight": tensors["decoder.weight"] + noise.normal("decoder.weight", (4, 3, 3, 3))}


class OwnClock(Sound):
    def __init__(self, *, sigma: float = 0.1) -> None:
        super().__init__(sigma=sigma)
        self.own = np.random.default_rng()

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        return {name: w + float(self.own.random()) for name, w in super().perturb(tensors, noise).items()}


class AddsUp(Sound):
    """Adds to what it did to a network of these names before."""

    def __init__(self, *, sigma: float = 0.1) -> None:
        super().__init__(sigma=sigma)
        self.times: Counter[tuple[str, ...]] = Counter()

    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        self.times[tuple(tensors)] += 1
        return {name: w * self.times[tuple(tensors)] for name, w in super().perturb(tensors, noise).items()}


class NoiseByPlace(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        shifts = noise.normal("shifts", (len(tensors),)).tolist()
        return {name: w + shifts[i] for i, (name, w) in enumerate(super().perturb(tensors, noise).items())}


class InPlace(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        values = super().perturb(tensors, noise)
        for name, value in values.items():
            tensors[name].copy_(value)
        return values


class EmptiesTheMapping(Sound):
    def perturb(self, tensors: Mapping[str, Tensor], noise: Any) -> dict[str, Tensor]:
        values = super().perturb(tensors, noise)
        tensors.pop(min(tensors))  # type: ignore[attr-defined]
        return values


class Amount(Sound):
    def __init__(self, *, amount: float = 0.1) -> None:
        super().__init__(sigma=amount)


def first(change: Callable[[Tensor], Any]) -> type[Sound]:
    """A mutant that changes the first value."""
    return returning(lambda values: values | {"decoder.weight": change(values["decoder.weight"])})


MUTANTS: list[tuple[Callable[[], Any], WeightAttackCard, set[str]]] = [
    (returning(list), CARD, {"check_values"}),
    (returning(lambda values: {f"module.{n}": v for n, v in values.items()}), CARD, {"check_values"}),
    (returning(lambda values: {n: v.flatten() for n, v in values.items()}), CARD, {"check_values"}),
    (returning(lambda values: {n: v.float() for n, v in values.items()}), CARD, {"check_values"}),
    (first(lambda w: w.double()), CARD, {"check_values"}),
    (first(lambda w: w * torch.nan), CARD, {"check_values"}),
    (first(lambda w: w.tolist()), CARD, {"check_values"}),
    (returning(lambda values: 1 / 0), CARD, {"check_values"}),
    (NotFinite, CARD, {"check_values"}),
    (returning(lambda values: {}), PLAIN, {"check_changes_something"}),
    (lambda: SoundPlain(sigma=0.0), PLAIN, {"check_changes_something"}),
    (OwnClock, CARD, {"check_values_repeatable", "check_order_of_tensors"}),
    (AddsUp, CARD, {"check_values_repeatable"}),
    (NoiseByPlace, CARD, {"check_order_of_tensors"}),
    (Sound, PLAIN, {"check_noise_as_declared"}),
    (SoundPlain, CARD, {"check_noise_as_declared"}),
    (InPlace, CARD, {"check_tensors_not_modified"}),
    (EmptiesTheMapping, CARD, {"check_tensors_not_modified"}),
    (after(lambda: torch.rand(1)), CARD, {"check_perturb_generators"}),
    (after(lambda: np.random.rand()), CARD, {"check_perturb_generators"}),  # noqa: NPY002
    (after(random.random), CARD, {"check_perturb_generators"}),
    (after(lambda: torch.manual_seed(0)), CARD, {"check_perturb_generators"}),
    (Amount, CARD, {"check_strength"}),
    (NegativeVariance, CARD, {"check_attacked_network"}),
    (KnowsNamesOfOneNetwork, CARD, {"check_attacked_network"}),
]


def failing(attack: Callable[[], Any], card: WeightAttackCard) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("weight_attack", attack, card) if not r.ok}


@pytest.mark.parametrize(("attack", "card"), [(Sound, CARD), (SoundPlain, PLAIN), (SoundUniform, CARD)])
def test_a_sound_attack_passes_every_check(attack: type[Sound], card: WeightAttackCard) -> None:
    assert failing(attack, card) == {}


@pytest.mark.parametrize("name", ["gaussian-noise", "magnitude-pruning", "uniform-quantisation"])
@pytest.mark.parametrize("buffers", [False, True])
def test_shipped_attacks_pass_every_check(name: str, buffers: bool) -> None:
    attack = load().registry.get("weight_attack", name).load()
    assert [r for r in run_checks("weight_attack", attack, params={"buffers": buffers}) if not r.ok] == []


@pytest.mark.parametrize(("attack", "card", "expected"), MUTANTS)
def test_a_mutant_is_caught_by_the_checks_made_for_it(
    attack: Callable[[], Any], card: WeightAttackCard, expected: set[str]
) -> None:
    caught = failing(attack, card)
    assert set(caught) == expected
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for _, _, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in checks.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ and ":" in check.__doc__ for check in checks.CHECKS)


def test_the_network_is_the_same_each_time_and_has_what_the_check_is_about() -> None:
    case = WeightAttackCase(Sound(), CARD)
    one, other = case.network(), case.network()
    assert all(torch.equal(w, other.state_dict()[name]) for name, w in one.state_dict().items())
    assert one.get_parameter("out.weight") is one.get_parameter("hidden.weight")
    assert one.get_buffer("norm.num_batches_tracked").dtype == torch.int64


def test_a_harness_that_does_not_restore_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustdm.bench.perturb.weights._restore", lambda places, kept: None)
    with pytest.raises(ContractError, match="cannot be restored"):
        checks.check_attacked_network(WeightAttackCase(Sound(), CARD))
