"""A loaded method: placed, seeded, its errors told from ours, put back as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from trustdm.bench.capabilities.classify import CLASSIFY
from trustdm.bench.capabilities.sample import SAMPLE
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError, DataError
from trustdm.bench.method import Meter, TorchNoise, contract_errors, out_of_memory, place, preserving_state, seeded
from trustdm.bench.rng import Noise
from trustdm.bench.types import Counts

CARD = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4)
X = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))


def test_placing_freezes_weights_and_evaluates() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4)).train()
    classify = place(network, CARD, "cpu", CLASSIFY)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert classify is network

    class Holder:
        def __init__(self) -> None:
            self.network = nn.Linear(4, 4)

        def classify(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x.flatten(1))

    holder = Holder()
    assert place(holder, CARD, "cpu", CLASSIFY)(X).shape == (5, 4) and not holder.network.weight.requires_grad
    with pytest.raises(ContractError, match=r"toy: expected an object with classify\(x\), or a callable, got object"):
        place(object(), CARD, "cpu", CLASSIFY)


def test_a_plain_network_is_a_classifier_and_nothing_else() -> None:
    assert callable(place(nn.Linear(4, 4), CARD, "cpu", CLASSIFY))
    with pytest.raises(ContractError, match=r"expected an object with sample\(seeds, labels, steps\), or a callable"):
        place(nn.Linear(4, 4), CARD, "cpu", SAMPLE)


def test_a_method_is_called_by_the_capability() -> None:
    class Both:
        def classify(self, x: torch.Tensor) -> str:
            return "logits"

        def sample(self, seeds: list[int], labels: None, steps: int) -> str:
            return "images"

    assert (
        place(Both(), CARD, "cpu", CLASSIFY)(X) == "logits"
        and place(Both(), CARD, "cpu", SAMPLE)([], None, 1) == "images"
    )


def test_what_a_stranger_raises_becomes_one_error_and_ours_and_memory_do_not() -> None:
    with pytest.raises(ContractError, match=r"^toy raised KeyError: 'beta'$"), contract_errors("toy"):
        raise KeyError("beta")
    with pytest.raises(ContractError, match="toy raised SystemExit: 3"), contract_errors("toy"):
        raise SystemExit(3)
    with pytest.raises(DataError, match="not here"), contract_errors("toy"):
        raise DataError("not here")
    with pytest.raises(MemoryError), contract_errors("toy"):
        raise MemoryError
    with pytest.raises(KeyboardInterrupt), contract_errors("toy"):
        raise KeyboardInterrupt


def test_networks_are_put_back_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).train()
    network[0].eval()
    network[0].bias.requires_grad_(False)
    with preserving_state(network):
        place(network, CARD, "cpu", CLASSIFY)
        assert not network.training
    assert [m.training for m in network.modules()] == [True, False, True]
    assert [p.requires_grad for p in network.parameters()] == [True, False, True, True]


def test_noise_of_a_keyed_method_is_that_of_its_key() -> None:
    noise = Noise("key", [3, 1])
    drawn = TorchNoise(noise, torch.device("cpu"))
    assert np.array_equal(drawn.normal("n", (2, 3)).numpy(), noise.normal("n", (2, 3)))
    assert np.array_equal(drawn.uniform("u", (5,)).numpy(), noise.uniform("u", (5,)))


def test_a_meter_counts() -> None:
    meter = Meter()
    meter.forwards += 3
    meter.gradients += 2
    assert meter.counts() == Counts(3, 2)


def test_out_of_memory_is_told_from_other_errors() -> None:
    assert out_of_memory(MemoryError()) and out_of_memory(torch.OutOfMemoryError())
    assert out_of_memory(RuntimeError("can't allocate memory: you tried to allocate 3 bytes"))
    assert not out_of_memory(RuntimeError("shapes do not match")) and not out_of_memory(
        ValueError("CUDA out of memory")
    )


def test_global_generators_repeat_inside_and_are_restored_outside() -> None:
    def draw() -> tuple[float, float, float]:
        return float(torch.rand(1)), float(np.random.rand()), random.random()  # noqa: NPY002

    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    with seeded("cell", 8):
        first = draw()
    with seeded("cell", 8):
        assert draw() == first
    with seeded("cell", 16):
        assert draw() != first
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
