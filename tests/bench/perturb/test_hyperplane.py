from __future__ import annotations

import pytest
import torch
from pyautoattack.fab_projections import projection_l2, projection_linf
from torch import Tensor

from trustdm.bench.perturb.hyperplane import step_to

PEERS = {"linf": projection_linf, "l2": projection_l2}
NORMS = pytest.mark.parametrize("norm", PEERS)


def problem(scale: float, size: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    """Points of which a third lie in a corner of the box, weights of which a fifth are zero, offsets of both signs."""
    generator = torch.Generator().manual_seed(0)
    point, weights = torch.rand(40, size, generator=generator), torch.randn(40, size, generator=generator)
    point[:, ::3] = point[:, ::3].round()
    weights[:, ::5] = 0
    return point, weights, scale * torch.randn(40, generator=generator)


def length(step: Tensor, norm: str) -> Tensor:
    return step.abs().amax(1) if norm == "linf" else step.square().sum(1).sqrt()


@NORMS
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 10.0, 100.0])
def test_is_the_projection_of_pyautoattack(norm: str, scale: float) -> None:
    point, weights, offset = problem(scale)
    mine = step_to(point, weights, offset, norm)
    theirs = PEERS[norm](point, weights, (weights * point).sum(1) - offset)
    torch.testing.assert_close(length(mine, norm), length(theirs, norm), atol=1e-5, rtol=1e-4)
    assert ((point + mine > -1e-6) & (point + mine < 1 + 1e-6)).all()
    if scale <= 1:
        torch.testing.assert_close((weights * mine).sum(1), -offset, atol=1e-5, rtol=1e-4)


@NORMS
def test_goes_as_far_as_the_box_lets_where_the_plane_is_out_of_reach(norm: str) -> None:
    point, weights = torch.tensor([[0.25, 0.5, 0.75]]), torch.tensor([[1.0, -2.0, 0.0]])
    down, up = (step_to(point, weights, torch.tensor([offset]), norm) for offset in (100.0, -100.0))
    torch.testing.assert_close(down, torch.tensor([[-0.25, 0.5, 0.0]]))
    torch.testing.assert_close(up, torch.tensor([[0.75, -0.5, 0.0]]))


@NORMS
def test_no_weights_no_step(norm: str) -> None:
    for offset in (0.0, 1.0):
        step = step_to(torch.full((1, 3), 0.5), torch.zeros(1, 3), torch.tensor([offset]), norm)
        assert step.abs().sum() == 0


@NORMS
def test_by_hand(norm: str) -> None:
    point, weights = torch.tensor([[0.5, 0.9]]), torch.tensor([[3.0, -4.0]])
    step = step_to(point, weights, torch.tensor([0.7]), norm)
    # linf: both pixels go 0.1, the second as far as the box allows. l2: it stops there, the first pays for the rest.
    expected = [-0.1, 0.1] if norm == "linf" else [-0.7 * 3 / 25, 0.7 * 4 / 25]
    if norm == "l2":
        expected = [-(0.7 - 0.4) / 3, 0.1]
    torch.testing.assert_close(step, torch.tensor([expected]))
