"""GDMP by name: what it is known by, what is refused, and that its parameters reach the steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trustdm.bench.diffusion.purification import Guided, purified
from trustdm.bench.errors import UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.plan import MethodSpec, described
from trustdm.bench.plugins import load
from trustdm.bench.rng import Noise

REGISTRY = load().registry
SHAPE = (1, 8, 8)


def spec(**params: object) -> MethodSpec:
    return MethodSpec("gdmp", tuple(sorted({"denoiser": "digits-edm", **params}.items())))


def test_the_card_is_that_of_the_denoiser_and_parameters_have_their_defaults() -> None:
    denoiser = REGISTRY.get("method", "digits-edm").card
    for params in ({}, {"guidance": 1}, {"repeats": 4, "t": 0.05}):
        card, identity = described(REGISTRY, spec(**params))
        assert dict(identity) == {"denoiser": "digits-edm", "t": 0.05, "steps": 50, "guidance": 1.0, "repeats": 4}
    assert (card.input_shape, card.data, card.weights) == (SHAPE, ("digits",), denoiser.weights)
    assert (card.capabilities, card.randomness, card.classes) == (("purify",), "keyed", 0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"denoiser": "digits-standard"}, "gdmp: expected a method that can denoise, got digits-standard"),
        ({"guidance": -1.0}, "gdmp: guidance: expected at least 0, got -1.0"),
        ({"guidance": float("nan")}, "gdmp: guidance: expected at least 0, got nan"),
        ({"guidance": float("inf")}, "gdmp: guidance: expected at least 0, got inf"),
        ({"repeats": 0}, "gdmp: repeats: expected at least 1, got 0"),
        ({"steps": 51}, "steps: expected at least 1 and at most 50, the timesteps up to t = 0.05, got 51"),
        ({"t": 2.0}, "t: expected a time above 0 and at most 1"),
        ({"eta": 0.5}, "expected one of denoiser, t, steps, guidance, repeats, got 'eta'"),
    ],
)
def test_what_cannot_be_is_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        described(REGISTRY, spec(**params))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_its_parameters_reach_the_steps() -> None:
    params: dict[str, Any] = {"t": 0.04, "steps": 3, "guidance": 2.5, "repeats": 2}
    method = REGISTRY.get("method", "gdmp").load()(REGISTRY, denoiser="digits-edm", **params)
    x = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    noise = TorchNoise(Noise("k", [3, 5]), torch.device("cpu"))
    made = method.purify(x, noise)
    for same, other in ((True, {}), (False, {"guidance": 0.0}), (False, {"repeats": 1}), (False, {"t": 0.05})):
        solver = Guided(**(params | other))  # type: ignore[arg-type]
        expected = purified(solver, method.denoiser.denoise, x, lambda use: noise.normal(use, SHAPE))
        assert torch.equal(made, expected) == same
