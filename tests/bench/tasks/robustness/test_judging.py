from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter
from trustdm.bench.targets.classify import Target
from trustdm.bench.tasks.robustness import judging
from trustdm.bench.tasks.robustness.context import Context
from trustdm.bench.types import Block, Budget, Status

X = torch.rand(6, 1, 2, 2, generator=torch.Generator().manual_seed(1))


def context(classify: object, randomness: str = "none", batch_size: int = 4) -> Context:
    card = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4, randomness=randomness)  # type: ignore[arg-type]
    return Context(
        target=Target(classify, card, Meter(), "key"),  # type: ignore[arg-type]
        x=X,
        y=X.flatten(1).argmax(1),
        examples=np.arange(10, 16),
        verified=np.array([True, True, False, True, True, True]),
        block=Block(0, 6),
        key="key",
        budget=Budget("linf", Fraction(1, 10)),
        draws=1 if randomness == "none" else 3,
        batch_size=batch_size,
    )


def test_the_margin_is_true_minus_largest_other() -> None:
    scores = torch.tensor([[1.0, 4.0, 2.5], [0.0, -1.0, 3.0]])
    assert judging.margin(scores, torch.tensor([1, 0])).tolist() == [1.5, -3.0]


def test_an_honest_network_raises_no_warning() -> None:
    counts = judging.warnings(context(lambda x: 3 * x.flatten(1) - 7))
    assert counts == {
        "checked_rows": 6,
        "unverified_rows": 1,
        "randomized_rows": 0,
        "probability_rows": 0,
        "zero_gradient_rows": 0,
        "test_time_optimisation": 0,
    }


def _optimises(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        z = x.detach().clone().requires_grad_()
        (z**2).sum().backward()
    return x.flatten(1)


@pytest.mark.parametrize(
    ("classify", "name", "count"),
    [
        (lambda x: x.flatten(1) + 0.1 * torch.randn(len(x), 4), "randomized_rows", 6),
        (lambda x: x.flatten(1).softmax(1), "probability_rows", 6),
        (lambda x: (x.flatten(1) > 0.5).float() + 0 * x.flatten(1), "zero_gradient_rows", 6),
        (lambda x: x.detach().flatten(1), "zero_gradient_rows", 6),
        (_optimises, "test_time_optimisation", 2 * judging.REPEATS),
    ],
)
def test_each_warning_is_raised_by_what_it_is_about(classify: object, name: str, count: int) -> None:
    assert judging.warnings(context(classify))[name] == count


@pytest.mark.parametrize("randomness", ["none", "block-seeded"])
def test_a_method_that_draws_must_say_so(randomness: str) -> None:
    seen = context(lambda x: x.flatten(1) + 0.1 * torch.randn(len(x), 4), randomness)
    first = judging.logits(seen, X, 0)
    if randomness == "none":
        with pytest.raises(ContractError, match=r'others for 6 of 6: .* declare it with randomness="block-seeded"'):
            judging.require_declared(seen, first)
    else:
        judging.require_declared(seen, first)
    still = context(lambda x: 3 * x.flatten(1) + 1e-6 * torch.randn(len(x), 4))
    judging.require_declared(still, judging.logits(still, X, 0))


def test_draws_of_a_keyed_method_do_not_depend_on_batches() -> None:
    def noisy(x: torch.Tensor, noise: object) -> torch.Tensor:
        return x.flatten(1) + noise.normal("n", (4,))  # type: ignore[attr-defined, no-any-return]

    a, b = context(noisy, "keyed", 4), context(noisy, "keyed", 1)
    for draw in range(2):
        torch.testing.assert_close(judging.logits(a, X, draw), judging.logits(b, X, draw))
    assert not torch.equal(judging.logits(a, X, 0), judging.logits(a, X, 1))
    rows = np.array([5, 2])
    torch.testing.assert_close(judging.logits(a, X[rows], 0, rows), judging.logits(a, X, 0)[torch.as_tensor(rows)])


def test_verdicts_have_one_row_for_each_draw() -> None:
    c = context(lambda x: x.flatten(1))
    scores = [X.flatten(1), -X.flatten(1)]
    records = judging.records(c, "clean", scores)
    assert records.draw.tolist() == [0] * 6 + [1] * 6
    assert records.status.tolist() == [Status.CORRECT] * 6 + [Status.WRONG] * 6
    assert records.example.tolist() == [*range(10, 16)] * 2 and np.all(records.value[:6] > 0)
