"""The checkpointed gradient is the gradient of plain autograd; what it costs is counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trustdm.bench.diffusion.checkpointed import trajectory
from trustdm.bench.training.networks import seeded

STEPS = 8
SHAPE = (3, 2, 8, 8)


class SmallUNet(nn.Module):
    """Down, up, a skip connection and a group norm, as denoisers have; in double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Conv2d(2, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(3, 12)
        self.up = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.out = nn.Conv2d(16, 2, 3, padding=1)

    def forward(self, x: Tensor, level: float) -> Tensor:
        first = functional.silu(self.into(x) * (1 + level))
        below = functional.silu(self.norm(self.down(first)) + level)
        made: Tensor = self.out(torch.cat([first, self.up(below)], 1))
        return made


def plain(steps: Any, x: Tensor) -> Tensor:
    """The same trajectory, every activation kept."""
    for step in steps:
        x = step(x)
    return x


@pytest.fixture(scope="module")
def net() -> SmallUNet:
    return seeded(SmallUNet, 0).double().eval().requires_grad_(False)


def normal(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def step_of(net: nn.Module, state: Tensor, *, level: float, noise: Tensor) -> Tensor:
    moved: Tensor = 0.9 * state + 0.5 * net(state, level) + 0.3 * noise
    return moved


def steps_of(net: nn.Module) -> list[Callable[[Tensor], Tensor]]:
    return [partial(step_of, net, level=i / STEPS, noise=normal(100 + i)) for i in range(STEPS)]


def gradient(run: Any, steps: Any) -> tuple[Tensor, Tensor]:
    """What comes out, and the gradient of a fixed functional of it."""
    x = normal(0).requires_grad_()
    out = run(steps, x)
    (found,) = torch.autograd.grad((out * normal(1)).sum() + out.square().sum(), x)
    return out.detach(), found


def test_the_gradient_is_that_of_autograd(net: SmallUNet) -> None:
    (ours, checkpointed), (theirs, kept) = gradient(trajectory, steps_of(net)), gradient(plain, steps_of(net))
    assert torch.equal(ours, theirs)
    assert float(functional.cosine_similarity(checkpointed.flatten(), kept.flatten(), dim=0)) >= 0.9999
    torch.testing.assert_close(checkpointed, kept, rtol=1e-12, atol=1e-12)
    assert float(kept.abs().min(0)[0].max()) > 0.01, "there is no gradient to compare"


def test_the_gradient_is_that_of_finite_differences(net: SmallUNet) -> None:
    """Independent of autograd altogether: along a few directions."""
    _, found = gradient(trajectory, steps_of(net))
    h = 1e-5
    for seed in (7, 8):
        along = normal(seed)

        def value(x: Tensor) -> float:
            out = plain(steps_of(net), x)
            return float((out * normal(1)).sum() + out.square().sum())

        slope = (value(normal(0) + h * along) - value(normal(0) - h * along)) / (2 * h)
        assert slope == pytest.approx(float((found * along).sum()), rel=1e-6)


def test_a_linear_trajectory_has_the_gradient_of_its_matrix() -> None:
    """x -> A_k ... A_1 x: the gradient of w.x is the transposed product."""
    generator = torch.Generator().manual_seed(3)
    matrices = [torch.randn(5, 5, generator=generator, dtype=torch.float64) for _ in range(4)]
    w = torch.randn(5, generator=generator, dtype=torch.float64)
    x = torch.randn(2, 5, generator=generator, dtype=torch.float64).requires_grad_()
    out = trajectory([partial(lambda m, state: state @ m.T, m) for m in matrices], x)
    (found,) = torch.autograd.grad((out @ w).sum(), x)
    product = torch.linalg.multi_dot(list(reversed(matrices)))
    torch.testing.assert_close(found, (w @ product).expand(2, 5))


def test_gradients_of_what_comes_before_and_after_chain(net: SmallUNet) -> None:
    found = []
    for run in (trajectory, plain):
        x = normal(0).requires_grad_()
        between = run(steps_of(net)[:4], torch.tanh(x))
        run(steps_of(net)[4:], between * 2).square().sum().backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        found.append(x.grad)
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


class _Tap(torch.autograd.Function):
    """The identity; its backward pass is counted."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, counts: dict[str, int]) -> Tensor:
        ctx.counts = counts
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        ctx.counts["backward"] += 1
        return grad, None


class Counted(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.counts = net, {"forward": 0, "backward": 0}
        net.register_forward_hook(lambda *_: self._saw())

    def _saw(self) -> None:
        self.counts["forward"] += 1

    def forward(self, x: Tensor, level: float) -> Tensor:
        made: Tensor = self.net(_Tap.apply(x, self.counts), level)  # type: ignore[no-untyped-call]
        return made


def test_a_step_costs_three_forward_equivalents_with_a_gradient_and_one_without() -> None:
    counted = Counted(seeded(SmallUNet, 0).double().requires_grad_(False))
    with torch.no_grad():
        trajectory(steps_of(counted), normal(0))
    assert counted.counts == {"forward": STEPS, "backward": 0}
    counted.counts.update(forward=0)
    gradient(trajectory, steps_of(counted))
    assert counted.counts == {"forward": 2 * STEPS, "backward": STEPS}


class Ledger:
    """Bytes that autograd holds: now, and at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def pack(self, tensor: Tensor) -> Any:
        ledger = self

        class Held:
            def __init__(self) -> None:
                self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
                ledger.now += self.size
                ledger.most = max(ledger.most, ledger.now)

            def __del__(self) -> None:
                ledger.now -= self.size

        return Held()

    def during(self, run: Callable[[], Any]) -> Any:
        with torch.autograd.graph.saved_tensors_hooks(self.pack, lambda held: held.tensor):
            return run()


STATE = 3 * 2 * 8 * 8 * 8  # bytes


@pytest.mark.parametrize("count", [1, 2, STEPS])
def test_going_forward_the_states_are_kept_and_nothing_else(net: SmallUNet, count: int) -> None:
    ledger, x = Ledger(), normal(0).requires_grad_()
    out = ledger.during(lambda: trajectory(steps_of(net)[:count], x))
    assert ledger.now == count * STATE
    del out
    assert ledger.now == 0


def test_going_backward_the_activations_of_one_step_are_held_at_a_time(net: SmallUNet) -> None:
    def most(run: Any, count: int) -> int:
        ledger = Ledger()
        ledger.during(lambda: gradient(run, steps_of(net)[:count]))
        return ledger.most

    one = most(plain, 1)
    assert one > 5 * STATE
    for count in (2, STEPS):
        assert most(plain, count) > (count - 1) * 5 * STATE, "plain autograd is no longer the dear way"
        assert most(trajectory, count) <= one + (count + 3) * STATE


def test_without_a_gradient_the_same_comes_out_bit_for_bit(net: SmallUNet) -> None:
    with_gradient, _ = gradient(trajectory, steps_of(net))
    with torch.no_grad():
        assert torch.equal(trajectory(steps_of(net), normal(0).requires_grad_()), with_gradient)
    without = trajectory(steps_of(net), normal(0))
    assert torch.equal(without, with_gradient) and not without.requires_grad


def test_noise_that_a_step_draws_itself_spoils_the_gradient(net: SmallUNet) -> None:
    """Why noise is drawn before: computed for the second time, such a step is another function.

    Noise that is added last would do no harm (the states are kept); the network sees this.
    """
    generator = torch.Generator().manual_seed(5)

    def drawing(state: Tensor) -> Tensor:
        fresh = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
        return step_of(net, state + fresh, level=0.5, noise=torch.zeros(SHAPE, dtype=torch.float64))

    def run(how: Any) -> tuple[Tensor, Tensor]:
        generator.manual_seed(5)
        return gradient(how, [drawing] * STEPS)

    (ours, spoilt), (theirs, right) = run(trajectory), run(plain)
    assert torch.equal(ours, theirs)
    assert float((spoilt - right).norm() / right.norm()) > 0.01


def test_the_start_is_not_written_to(net: SmallUNet) -> None:
    x = normal(0).requires_grad_()
    trajectory(steps_of(net), x).sum().backward()  # type: ignore[no-untyped-call]
    assert torch.equal(x.detach(), normal(0))


def test_no_steps_are_the_identity() -> None:
    x = normal(0).requires_grad_()
    assert trajectory([], x) is x


def test_a_second_derivative_is_refused(net: SmallUNet) -> None:
    """It would lack all that goes through the steps, and nothing would say so."""
    x = normal(0).requires_grad_()
    out = trajectory(steps_of(net), x).square().sum() + x.pow(3).sum()
    with pytest.raises(RuntimeError, match="expected to be differentiated once, got create_graph=True"):
        torch.autograd.grad(out, x, create_graph=True)
