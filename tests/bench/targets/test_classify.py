from __future__ import annotations

import numpy as np
import pytest
import torch

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter, out_of_memory
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target

CARD = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4)
X = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))


def target(classify: object, randomness: str = "none") -> Target:
    card = CARD.model_copy(update={"randomness": randomness})
    return Target(classify, card, Meter(), "key")  # type: ignore[arg-type]


def test_passes_are_counted_image_by_image() -> None:
    t = target(lambda x: x.flatten(1) * 2)
    t(X)
    assert (t.meter.forwards, t.meter.gradients) == (5, 0)
    x = X.clone().requires_grad_()
    for _ in range(3):
        torch.autograd.grad(t(x[:2]).sum(), x)
    assert (t.meter.forwards, t.meter.gradients) == (11, 6)


def test_gradients_pass_through_unchanged() -> None:
    x = X.clone().requires_grad_()
    gradient = torch.autograd.grad((target(lambda z: z.flatten(1) ** 2)(x)).sum(), x)[0]
    torch.testing.assert_close(gradient, 2 * X)


def test_a_method_without_gradients_gives_zeros() -> None:
    x = X.clone().requires_grad_()
    logits = target(lambda z: z.detach().flatten(1))(x)
    assert torch.equal(torch.autograd.grad(logits.sum(), x)[0], torch.zeros_like(X))
    torch.testing.assert_close(logits, X.flatten(1))


@pytest.mark.parametrize(
    ("classify", "message"),
    [
        (lambda x: x, r"expected logits of shape \(5, 4\), got \(5, 1, 2, 2\)"),
        (lambda x: x.flatten(1) * float("inf"), "expected finite logits, got NaN or infinity for 5 of 5"),
        (lambda x: x.flatten(1).double() * 1e300, "expected finite logits, got NaN or infinity for 5 of 5, as float32"),
        (lambda x: x.flatten(1).long(), "expected floating point logits, got torch.int64"),
        (lambda x: None, r"expected a tensor of logits \(5, 4\), got NoneType"),
        (lambda x: 1 / 0, "toy: classify raised ZeroDivisionError: division by zero"),
    ],
)
def test_broken_contracts_are_named(classify: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        target(classify)(X)


def test_running_out_of_memory_is_not_the_fault_of_the_method() -> None:
    def greedy(x: torch.Tensor) -> torch.Tensor:
        return torch.empty(2**60)

    with pytest.raises(RuntimeError) as caught:
        target(greedy)(X)
    assert out_of_memory(caught.value) and not out_of_memory(RuntimeError("shapes do not match"))


def test_keyed_noise_is_fixed_for_rows_and_new_for_every_call() -> None:
    t = target(lambda x, noise: x.flatten(1) + noise.normal("n", (4,)), "keyed")
    assert not torch.equal(t(X), t(X))
    noise = Noise("judge", [3, 1, 4, 1, 5])
    fixed = t.on(noise)(X)
    assert torch.equal(fixed, t.on(noise)(X))
    part = np.array([4, 0])
    torch.testing.assert_close(t.on(noise.rows(part))(X[part]), fixed[part])
