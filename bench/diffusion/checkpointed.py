"""A trajectory whose exact gradient needs the memory of its states, not of the activations that lead to them.

Autograd keeps every activation of every step, a stochastic adjoint (Li et al. 2020) solves another equation backwards
and is only near the gradient of what was computed. Here the states are kept and each step is computed once more when
its gradient is asked for: the gradient of the discrete trajectory, exactly, for a forward pass more (Chen et al. 2016,
"Training deep nets with sublinear memory cost").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# step(state) -> state: a function of the state alone. Whatever noise it adds was drawn before: a step that drew its own
# would be another function when it is computed for the second time.
Step = Callable[[Tensor], Tensor]


class _Trajectory(torch.autograd.Function):
    """States are saved going forward; going backward, each step is computed again from the state before it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: Sequence[Step]) -> Tensor:
        states = [x.detach()]
        for step in steps:
            states.append(step(states[-1]))
        ctx.steps = tuple(steps)
        ctx.save_for_backward(*states[:-1])
        return states[-1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        if torch.is_grad_enabled():  # create_graph: a second derivative would lack all that goes through the steps
            raise RuntimeError("trajectory: expected to be differentiated once, got create_graph=True")
        for step, state in zip(reversed(ctx.steps), reversed(ctx.saved_tensors), strict=True):
            leaf = state.detach().requires_grad_()
            with torch.enable_grad():
                after = step(leaf)
            (grad,) = torch.autograd.grad(after, leaf, grad)
        return grad, None


def trajectory(steps: Sequence[Step], x: Tensor) -> Tensor:
    """``x`` after each of ``steps`` in turn; differentiable once, at three forward equivalents a step.

    A forward pass without a graph, one with, and one backward pass to the input: the weights must be frozen, for
    gradients to them are not computed.

    Raises:
        RuntimeError: when a gradient is asked for with ``create_graph``.
    """
    if not steps:
        return x
    if torch.is_grad_enabled() and x.requires_grad:
        return _Trajectory.apply(x, steps)  # type: ignore[no-any-return,no-untyped-call]
    for step in steps:
        x = step(x)
    return x
