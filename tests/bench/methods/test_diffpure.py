"""DiffPure by name: what it is known by, what is refused, and that the solver that was named is the one that runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.diffusion.purification import DdimChain, DdpmChain, DenoisingPurifier, VpOde, VpSde, purified
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.method import TorchNoise
from trustdm.bench.plan import MethodSpec, described
from trustdm.bench.plugins import load
from trustdm.bench.rng import Noise

REGISTRY = load().registry
SHAPE = (1, 8, 8)


def spec(**params: object) -> MethodSpec:
    return MethodSpec("diffpure", tuple(sorted({"denoiser": "digits-edm", **params}.items())))


def made(**params: object) -> Any:
    return REGISTRY.get("method", "diffpure").load()(REGISTRY, **{"denoiser": "digits-edm", **params})


def test_the_card_is_that_of_the_denoiser() -> None:
    card, _ = described(REGISTRY, spec())
    denoiser = REGISTRY.get("method", "digits-edm").card
    assert (card.input_shape, card.data, card.weights) == (SHAPE, ("digits",), denoiser.weights)
    assert (card.capabilities, card.randomness, card.gradient, card.classes) == (("purify",), "keyed", "exact", 0)


def test_parameters_have_their_defaults_however_they_are_typed() -> None:
    defaults = {"denoiser": "digits-edm", "solver": "sde", "t": 0.1, "steps": 100}
    for params in ({}, {"t": 0.1}, {"solver": "sde", "steps": 100}, {"eta": 0.0}):
        assert dict(described(REGISTRY, spec(**params))[1]) == defaults
    assert dict(described(REGISTRY, spec(t=1))[1])["t"] == 1.0
    ddim = {**defaults, "solver": "ddim", "eta": 0.5}
    assert dict(described(REGISTRY, spec(solver="ddim", eta=0.5))[1]) == ddim


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"denoiser": "digits-standard"}, "diffpure: expected a method that can denoise, got digits-standard"),
        ({"denoiser": "mnist16-ldm"}, "diffpure: expected a method that can denoise, got mnist16-ldm"),
        ({"eta": 0.5}, "eta: expected 0 where solver is sde, which has none, got 0.5"),
        ({"t": 0.0}, "t: expected a time above 0 and at most 1"),
        ({"t": 100}, "t: expected a time above 0 and at most 1 (0.1 is 100 of 1000 timesteps), got 100"),
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        ({"solver": "ddpm", "steps": 101}, "steps: expected at least 1 and at most 100"),
        ({"solver": "heun"}, "solver: expected one of sde, ode, ddpm, ddim, got 'heun'"),
        ({"rho": 1.0}, "expected one of denoiser, solver, t, steps, eta, got 'rho'"),
    ],
)
def test_what_cannot_be_is_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        described(REGISTRY, spec(**params))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_denoiser_that_nobody_knows_is_one_line() -> None:
    with pytest.raises(UnknownName, match="unknown method 'digits-edn'; did you mean 'digits-edm'"):
        described(REGISTRY, spec(denoiser="digits-edn"))


@pytest.mark.parametrize(
    ("params", "solver"),
    [
        ({"t": 0.08, "steps": 3}, VpSde(0.08, 3)),
        ({"solver": "ode", "t": 0.08, "steps": 3}, VpOde(0.08, 3)),
        ({"solver": "ddpm", "t": 0.08, "steps": 3}, DdpmChain(0.08, 3)),
        ({"solver": "ddim", "t": 0.08, "steps": 3}, DdimChain(0.08, 3, 0.0)),
        ({"solver": "ddim", "t": 0.08, "steps": 3, "eta": 0.7}, DdimChain(0.08, 3, 0.7)),
    ],
    ids=["sde", "ode", "ddpm", "ddim", "ddim eta"],
)
def test_the_solver_that_is_named_is_the_one_that_runs(params: dict[str, object], solver: Any) -> None:
    method, noise = made(**params), TorchNoise(Noise("k", [3, 5]), torch.device("cpu"))
    x = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    expected = purified(solver, method.denoiser.denoise, x, lambda use: noise.normal(use, SHAPE))
    assert torch.equal(method.purify(x, noise), expected)
    assert float((expected - x).abs().max()) > 0.05


def test_a_shipped_denoiser_takes_noise_away() -> None:
    """Digits with noise are nearer to the digits after it; ours on real data."""
    from sklearn.datasets import load_digits

    clean = torch.tensor(load_digits().images[:32] / 16, dtype=torch.float32)[:, None]
    noisy = clean + 0.12 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    out = made(solver="ddim", t=0.08, steps=4).purify(noisy, TorchNoise(Noise("k", range(32)), torch.device("cpu")))
    assert float((out - clean).square().mean()) < 0.75 * float((noisy - clean).square().mean())


def test_gradients_reach_the_image_and_stay_off_the_weights() -> None:
    method = made(t=0.08, steps=2)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    noise = TorchNoise(Noise("k", [3]), torch.device("cpu"))
    (found,) = torch.autograd.grad(method.purify(x, noise).sum(), x)
    assert float(found.abs().max()) > 0


def test_it_moves_its_denoiser() -> None:
    moved: list[str] = []

    class Denoiser:
        def to(self, device: str) -> None:
            moved.append(device)

        def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
            return x

    DenoisingPurifier(Denoiser(), VpOde(0.1, 1)).to("meta")
    DenoisingPurifier(object(), VpOde(0.1, 1)).to("meta")
    assert moved == ["meta"]
