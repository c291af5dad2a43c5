"""The smallest weights become zero: how many, which of equal ones, in a tensor or in all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.weights import NamedNoise
from trustdm.bench.weight_attacks.magnitude_pruning import MagnitudePruning


def parameter(values: Any, dtype: torch.dtype = torch.float32) -> Tensor:
    return nn.Parameter(torch.tensor(values, dtype=dtype), requires_grad=False)


def pruned(tensors: dict[str, Tensor], **params: Any) -> dict[str, list[Any]]:
    return {n: w.tolist() for n, w in MagnitudePruning(**params).perturb(tensors, NamedNoise("k")).items()}


def test_the_smallest_of_a_tensor_become_zero() -> None:
    weights = {"w": parameter([[3.0, -1.0], [0.5, -4.0]])}
    assert pruned(weights, share=0.5) == {"w": [[3.0, 0.0], [0.0, -4.0]]}
    assert pruned(weights, share=0.0) == {"w": [[3.0, -1.0], [0.5, -4.0]]}
    assert pruned(weights, share=1.0) == {"w": [[0.0, 0.0], [0.0, 0.0]]}


def test_of_equal_magnitudes_the_first_are_pruned() -> None:
    assert pruned({"w": parameter([1.0, -1.0, 1.0, 2.0])}, share=0.5) == {"w": [0.0, 0.0, 1.0, 2.0]}
    both = {"b": parameter([1.0, -1.0]), "a": parameter([1.0, 5.0])}
    assert pruned(both, share=0.5, scope="global") == {"a": [0.0, 5.0], "b": [0.0, -1.0]}


def test_all_together_spare_a_tensor_of_large_weights() -> None:
    weights = {"large": parameter([10.0, -20.0]), "small": parameter([0.1, -0.2])}
    assert pruned(weights, share=0.5, scope="tensor") == {"large": [0.0, -20.0], "small": [0.0, pytest.approx(-0.2)]}
    assert pruned(weights, share=0.5, scope="global") == {"large": [10.0, -20.0], "small": [0.0, 0.0]}


@pytest.mark.parametrize(("share", "n", "count"), [(0.29, 100, 29), (0.57, 100, 57), (0.3, 9, 2), (1e-05, 100000, 1)])
def test_the_share_is_the_decimal_that_it_is_written_as(share: float, n: int, count: int) -> None:
    weights = {"w": parameter(list(range(1, n + 1)))}
    assert pruned(weights, share=share)["w"].count(0.0) == count


def test_weights_that_are_zero_already_count() -> None:
    assert pruned({"w": parameter([0.0, 3.0, 0.0, 1.0])}, share=0.5) == {"w": [0.0, 3.0, 0.0, 1.0]}


def test_types_are_kept_and_compared_together() -> None:
    weights = {"half": parameter([1.0, 2.0], torch.float16), "wide": parameter([1.5, 0.5], torch.float64)}
    got = MagnitudePruning(share=0.5, scope="global").perturb(weights, NamedNoise("k"))
    assert got["half"].tolist() == [0.0, 2.0] and got["wide"].tolist() == [1.5, 0.0]
    assert (got["half"].dtype, got["wide"].dtype) == (torch.float16, torch.float64)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(0, 20))
def test_as_sorting_by_magnitude_and_place(values: list[int], twentieths: int) -> None:
    expected = [float(v) for v in values]
    for place in np.argsort(np.abs(values), kind="stable")[: len(values) * twentieths // 20]:
        expected[place] = 0.0
    assert pruned({"w": parameter(values)}, share=twentieths / 20)["w"] == expected


def test_as_torch_prunes() -> None:
    layer = nn.Linear(20, 10)
    weights = {"w": nn.Parameter(layer.weight.detach().clone(), requires_grad=False)}
    prune.l1_unstructured(layer, "weight", amount=60)  # type: ignore[no-untyped-call]
    assert torch.equal(MagnitudePruning(share=0.3).perturb(weights, NamedNoise("k"))["w"], layer.weight.detach())


def test_buffers_are_attacked_on_demand() -> None:
    weights = {"w": parameter([1.0, 2.0]), "running_mean": torch.tensor([0.5, 3.0])}
    assert pruned(weights, share=0.5) == {"w": [0.0, 2.0]}
    assert pruned(weights, share=0.5, buffers=True) == {"running_mean": [0.0, 3.0], "w": [0.0, 2.0]}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"share": -0.1}, "share: expected a number from 0 to 1, got -0.1"),
        ({"share": 1.5}, "share: expected a number from 0 to 1, got 1.5"),
        ({"share": float("nan")}, "share: expected a number from 0 to 1, got nan"),
        ({"scope": "layer"}, "scope: expected tensor or global, got 'layer'"),
    ],
)
def test_impossible_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"weight attack magnitude-pruning: {message}"):
        MagnitudePruning(**params)
