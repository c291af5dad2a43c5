"""Weights on evenly spaced levels: closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.weights import NamedNoise
from trustdm.bench.weight_attacks.uniform_quantisation import UniformQuantisation


def rounded(values: Any, bits: int, dtype: torch.dtype = torch.float32) -> Tensor:
    weights = nn.Parameter(torch.tensor(values, dtype=dtype), requires_grad=False)
    return UniformQuantisation(bits=bits).perturb({"w": weights}, NamedNoise("k"))["w"]


def test_levels_are_evenly_spaced_from_the_smallest_to_the_largest() -> None:
    assert rounded([[-1.0, -0.4], [0.2, 2.0]], 2).tolist() == [[-1.0, 0.0], [0.0, 2.0]]  # levels -1, 0, 1, 2
    assert rounded([0.0, 0.4, 0.6, 1.0], 1).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert rounded([0.0, 1.0, 2.0, 253.6, 255.0], 8).tolist() == [0.0, 1.0, 2.0, 254.0, 255.0]


def test_midway_the_level_of_even_number_is_taken() -> None:
    assert rounded([0.0, 0.5, 1.5, 2.5, 3.0], 2).tolist() == [0.0, 0.0, 2.0, 2.0, 3.0]


def test_ends_are_kept_whatever_their_sizes() -> None:
    assert rounded([-1.0, -0.3, 1e-20], 3)[[0, 2]].tolist() == torch.tensor([-1.0, 1e-20]).tolist()


@pytest.mark.parametrize("values", [[0.0, 0.0], [3.5], 0.7])
def test_a_tensor_of_equal_elements_stays_as_it_is(values: Any) -> None:
    assert torch.equal(rounded(values, 1), torch.tensor(values))


@settings(deadline=None)
@given(st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40), st.integers(1, 8))
def test_no_weight_moves_by_more_than_half_a_step_and_there_are_few_levels(values: list[float], bits: int) -> None:
    weights = torch.tensor(values, dtype=torch.float64)
    got = rounded(values, bits, torch.float64)
    step = float(weights.max() - weights.min()) / (2**bits - 1)
    assert float((got - weights).abs().max()) <= step / 2 + 1e-12
    levels = [float(weights.min()) + i * step for i in range(2**bits)]
    assert all(min(abs(level - value) for level in levels) < 1e-12 for value in got.tolist())
    torch.testing.assert_close(rounded(got.tolist(), bits, torch.float64), got, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types_are_kept(dtype: torch.dtype) -> None:
    got = rounded([-1.0, 0.3, 1.0], 1, dtype)
    assert got.dtype == dtype and got.tolist() == [-1.0, 1.0, 1.0]


def test_each_tensor_has_levels_of_its_own_and_buffers_are_attacked_on_demand() -> None:
    tensors = {
        "w": nn.Parameter(torch.tensor([0.0, 0.4, 1.0])),
        "v": nn.Parameter(torch.tensor([0.0, 4.0, 10.0])),
        "mean": torch.tensor([2.0, 2.2, 3.0]),
    }
    assert set(UniformQuantisation(bits=1).perturb(tensors, NamedNoise("k"))) == {"v", "w"}
    got = UniformQuantisation(bits=1, buffers=True).perturb(tensors, NamedNoise("k"))
    assert {n: w.tolist() for n, w in got.items()} == {
        "mean": [2.0, 2.0, 3.0],
        "v": [0.0, 0.0, 10.0],
        "w": [0.0, 0.0, 1.0],
    }


@pytest.mark.parametrize("bits", [0, 17])
def test_impossible_strengths_are_refused(bits: int) -> None:
    words = f"weight attack uniform-quantisation: bits: expected an integer from 1 to 16, got {bits}"
    with pytest.raises(UsageError, match=words):
        UniformQuantisation(bits=bits)
