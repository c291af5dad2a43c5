"""What belongs to a training and what to a network, by names."""

from __future__ import annotations

import pytest
import torch

from trustdm.bench.training.bookkeeping import is_optimizer, network_tensors, of_training

T = torch.ones(2)


KEYS = "optimizer optimizer_state_dict optimiser optimizerG optim_state opt lr_scheduler grad_scaler rng_state"


@pytest.mark.parametrize("key", [*KEYS.split(), "cuda_rng_state_all", "random_state", "OPTIMIZER"])
def test_keys_of_the_training(key: str) -> None:
    assert of_training(key)


@pytest.mark.parametrize("key", ["model", "ema", "optimal_model", "adopted", "rescaler_net", "state_dict", "string", 0])
def test_keys_of_networks(key: object) -> None:
    assert not of_training(key)


def test_an_optimizer_is_told_by_what_it_holds() -> None:
    moments = {"exp_avg": T, "exp_avg_sq": T, "step": T}
    for value in (
        {"state": {}, "param_groups": []},
        moments,
        {0: moments, 1: moments},
        {"a.weight": {"sum": T, "step": T}},
    ):
        assert is_optimizer(value)
    for value in ({}, {"a.weight": T}, {"a.weight": T, "step": T}, {"model": {"a.weight": T}}, [moments], None):
        assert not is_optimizer(value)


def test_tensors_of_a_network_are_told_from_those_beside_it() -> None:
    weights = {"a.weight": T, "a.step": T, "scheduler.alphas": T}
    assert network_tensors(weights | {"epoch": 3}) == (weights, [])
    beside = {"optimizer.x": T, "a.weight.exp_avg": T, "a.weight.step": T, "rng_state": T, "step": T}
    found, others = network_tensors(weights | beside)
    assert found == weights and others == list(beside)
    assert network_tensors({"step": T, "epoch": T}) == ({}, ["step", "epoch"])
