from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from trustdm.bench.errors import ContractError, UsageError
from trustdm.bench.perturb.budget import norms, project, require_norm, require_positive
from trustdm.bench.types import Budget

SHAPE = (3, 2, 3, 4)
NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])


def images(low: float, high: float) -> st.SearchStrategy[Tensor]:
    pixels = st.floats(low, high, width=32)
    return arrays(np.float32, SHAPE, elements=pixels).map(torch.from_numpy)


clean, wild = images(0.0, 1.0), images(-3.0, 4.0)
budgets = st.builds(
    Budget, st.sampled_from(["linf", "l2"]), st.builds(Fraction, st.integers(0, 600), st.sampled_from([255, 100, 7]))
)


def exact_norm(x: Tensor, x_adv: Tensor, norm: str) -> np.ndarray:
    delta = (x_adv.numpy().astype(np.float64) - x.numpy().astype(np.float64)).reshape(len(x), -1)
    return np.linalg.norm(delta, ord=np.inf if norm == "linf" else 2, axis=1)


@settings(deadline=None)
@given(clean, wild, budgets)
def test_result_is_in_ball_and_box(x: Tensor, x_adv: Tensor, budget: Budget) -> None:
    result = project(x, x_adv, budget)
    assert result.dtype == torch.float32
    assert (result >= 0).all() and (result <= 1).all()
    assert (exact_norm(x, result, budget.norm) <= budget.radius + 1e-12).all()


@settings(deadline=None)
@given(clean, wild, budgets)
def test_projection_is_idempotent(x: Tensor, x_adv: Tensor, budget: Budget) -> None:
    once = project(x, x_adv, budget)
    assert torch.equal(project(x, once, budget), once)


@settings(deadline=None)
@given(clean, clean, budgets)
def test_what_is_inside_stays_bit_for_bit(x: Tensor, x_adv: Tensor, budget: Budget) -> None:
    inside = exact_norm(x, x_adv, budget.norm) <= budget.radius
    assert torch.equal(project(x, x_adv, budget)[inside], x_adv[inside])


@settings(deadline=None)
@given(clean, wild, st.integers(1, 600))
def test_linf_is_the_nearest_point(x: Tensor, x_adv: Tensor, eps: int) -> None:
    budget = Budget("linf", Fraction(eps, 255))
    wide = x.numpy().astype(np.float64)
    expected = np.clip(np.clip(x_adv.numpy(), wide - eps / 255, wide + eps / 255), 0, 1)
    np.testing.assert_allclose(project(x, x_adv, budget).numpy(), expected, atol=2e-7)


def test_l2_shortens_the_perturbation_to_the_radius() -> None:
    x = torch.full((2, 1, 2, 2), 0.5)
    delta = torch.tensor([[3.0, 0.0, 4.0, 0.0], [0.03, 0.0, 0.04, 0.0]]).view_as(x)
    moved = project(x, x + delta, Budget("l2", Fraction(1, 10))) - x
    expected = torch.tensor([[0.06, 0.0, 0.08, 0.0], [0.03, 0.0, 0.04, 0.0]]).view_as(x)
    torch.testing.assert_close(moved, expected, atol=1e-7, rtol=0)


def test_l2_holds_exactly_with_many_pixels() -> None:
    # Plain float32 scaling misses the radius by about 1e-7 times the square root of the number of pixels at worst.
    generator = torch.Generator().manual_seed(0)
    x = 0.25 + 0.5 * torch.rand(4, 3, 224, 224, generator=generator)
    x_adv = x + 0.01 * torch.randn(x.shape, generator=generator).abs()
    size = exact_norm(x, project(x, x_adv, Budget("l2", Fraction(1, 2))), "l2")
    assert (size <= 0.5).all() and (size > 0.5 - 1e-4).all()


def test_rows_are_independent() -> None:
    generator = torch.Generator().manual_seed(1)
    x, x_adv = torch.rand(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)
    for norm in ("linf", "l2"):
        budget = Budget(norm, Fraction(1, 3))
        assert torch.equal(project(x, x_adv, budget)[1:2], project(x[1:2], x_adv[1:2], budget))


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
@NORMS
def test_pixels_that_are_no_numbers_are_refused(norm: str, value: float, word: str) -> None:
    x = torch.full((4, 1, 2, 2), 0.5)
    x_adv = x.clone()
    x_adv[2, 0, 1, 0] = value
    with pytest.raises(ContractError, match=rf"expected finite pixels, got .*{word}.* in 1 of 4 rows \(first: row 2\)"):
        project(x, x_adv, Budget(norm, Fraction(1, 10)))


def test_another_shape_is_refused() -> None:
    with pytest.raises(ContractError, match=r"expected shape \(2, 1, 2, 2\), got \(1, 1, 2, 2\)"):
        project(torch.zeros(2, 1, 2, 2), torch.zeros(1, 1, 2, 2), Budget("linf", Fraction(1, 10)))


def test_inputs_are_left_alone_and_no_graph_is_kept() -> None:
    x, x_adv = torch.full((1, 1, 1, 2), 0.5), torch.tensor([2.0, 0.6]).view(1, 1, 1, 2).requires_grad_()
    kept = x_adv.detach().clone()
    result = project(x, x_adv, Budget("linf", Fraction(1, 10)))
    assert torch.equal(x, torch.full_like(x, 0.5)) and torch.equal(x_adv.detach(), kept)
    assert not result.requires_grad


@NORMS
def test_empty_batch(norm: str) -> None:
    empty = torch.zeros(0, 1, 2, 2)
    assert project(empty, empty, Budget(norm, Fraction(1, 10))).shape == empty.shape
    assert norms(empty, norm).shape == (0,)


@given(wild)
def test_norms_are_those_of_numpy(delta: Tensor) -> None:
    for norm in ("linf", "l2"):
        assert norms(delta, norm).dtype == torch.float64
        np.testing.assert_allclose(norms(delta, norm), exact_norm(torch.zeros_like(delta), delta, norm), rtol=1e-12)


def test_unknown_norms_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="expected linf or l2, got 'l1'"):
        norms(torch.zeros(1, 2), "l1")
    with pytest.raises(UsageError, match="attack some: norm: expected linf or l2, got 'l1'"):
        require_norm("some", Budget("l1", Fraction(1)), ("linf", "l2"))
    require_norm("some", Budget("l2", Fraction(1)), ("linf", "l2"))


def test_counts_below_one_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="attack some: steps: expected an integer of at least 1, got 0"):
        require_positive("some", eot=1, steps=0)
    require_positive("some", eot=1, steps=1)


def test_importing_needs_no_torch() -> None:
    code = "import sys, trustdm.bench.perturb.budget; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
