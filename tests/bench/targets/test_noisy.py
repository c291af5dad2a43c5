"""The base classifier of a smoothed one: labels of noisy images, checked; noise that is what the card says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter
from trustdm.bench.targets.noisy import NoisyTarget, questions

CARD = MethodCard(name="toy", capabilities=("classify_noisy",), input_shape=(1, 2, 2), classes=4)
X = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
DRAWS = np.arange(5)


def target(call: Callable[..., Any], randomness: str = "none", key: str = "key") -> NoisyTarget:
    return NoisyTarget(call, CARD.model_copy(update={"randomness": randomness}), Meter(), key)


def flat(x: Tensor, sigma: float) -> Tensor:
    return x.flatten(1)


def keyed(x: Tensor, sigma: float, noise: Any) -> Tensor:
    return x.flatten(1) + noise.normal("own", (4,))


def test_logits_and_labels_say_the_same() -> None:
    source = target(flat)
    labels = source.labels(X, 0.5, DRAWS, "selection")
    assert labels.tolist() == X.flatten(1).argmax(1).tolist() and labels.dtype == torch.int64
    again = target(lambda x, sigma: x.flatten(1).argmax(1).int()).labels(X, 0.5, DRAWS, "selection")
    assert again.tolist() == labels.tolist() and again.dtype == torch.int64
    assert (source.meter.forwards, source.meter.gradients) == (5, 0)


def test_no_gradients_are_kept() -> None:
    weight = torch.ones(1, requires_grad=True)

    def call(x: Tensor, sigma: float) -> Tensor:
        assert not (x * weight).requires_grad
        return x.flatten(1)

    target(call).labels(X, 0.5, DRAWS, "selection")


def test_keyed_noise_belongs_to_the_draw_and_the_use() -> None:
    seen: list[Tensor] = []

    def call(x: Tensor, sigma: float, noise: Any) -> Tensor:
        seen.append(noise.normal("own", (3,)))
        return x.flatten(1)

    source = target(call, "keyed")
    for draws, use in ((DRAWS, "selection"), (DRAWS[::-1], "selection"), (DRAWS, "estimation")):
        source.labels(X, 0.5, draws.copy(), use)
    assert torch.equal(seen[0], seen[1].flip(0)) and not torch.equal(seen[0], seen[2])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(4, dtype=torch.int64), "expected 5 labels, got 4"),
        (torch.full((5,), 4), "expected labels from 0 to 3, got 4 to 4"),
        (torch.full((5,), -1), "expected labels from 0 to 3, got -1 to -1"),
        (torch.zeros(5), r"expected logits \(5, 4\), got torch.float32 of shape \(5,\)"),
        (torch.zeros(5, 3), r"expected logits \(5, 4\), got torch.float32 of shape \(5, 3\)"),
        (torch.zeros(5, 4, dtype=torch.int64), r"expected logits \(5, 4\), got torch.int64"),
        (torch.full((5, 4), float("nan")), "expected finite logits, got NaN or infinity"),
        (torch.full((5, 4), 1e300, dtype=torch.float64), "expected finite logits, got NaN or infinity, as float32"),
        ([0] * 5, "expected logits or labels, got list"),
    ],
)
def test_what_is_neither_logits_nor_labels_is_refused(answer: object, message: str) -> None:
    with pytest.raises(ContractError, match=f"toy: classify_noisy: {message}"):
        target(lambda x, sigma: answer).labels(X, 0.5, DRAWS, "selection")


def test_its_input_is_not_written_to_and_what_it_raises_is_its_fault() -> None:
    with pytest.raises(ContractError, match="expected its input unchanged, got it written to"):
        target(lambda x, sigma: x.mul_(2).flatten(1)).labels(X, 0.5, DRAWS, "selection")
    with pytest.raises(ContractError, match="toy: classify_noisy raised ZeroDivisionError"):
        target(lambda x, sigma: 1 / 0).labels(X, 0.5, DRAWS, "selection")


def test_honest_classifiers_pass_the_check() -> None:
    target(flat).check(X, 0.5, DRAWS)
    target(keyed, "keyed").check(X, 0.5, DRAWS)
    # labels may well be the same under other noise, if it asked for some
    target(lambda x, sigma, noise: (0 * noise.uniform("u", (1,))[:, 0]).long(), "keyed").check(X, 0.5, DRAWS)


@pytest.mark.parametrize(
    ("call", "randomness", "message"),
    [
        (lambda x, sigma: x.flatten(1) + torch.randn(5, 4), "none", "it draws random numbers without saying so"),
        (lambda x, sigma, noise: x.flatten(1), "keyed", "it keeps its noise, which voids the certificate, or needs"),
        (lambda x, sigma, noise: x.flatten(1).argmax(1), "keyed", "it keeps its noise"),
    ],
)
def test_a_classifier_that_would_void_the_bound_is_refused(call: Any, randomness: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        target(call, randomness).check(X, 0.5, DRAWS)


def test_questions_tell_one_classifier_from_another() -> None:
    asked = questions(None, flat, CARD, "cpu")
    assert asked.shape == (8,) and torch.equal(asked, questions(None, flat, CARD, "cpu"))
    assert not torch.equal(asked, questions(None, lambda x, sigma: 2 * x.flatten(1), CARD, "cpu"))
    noisy = CARD.model_copy(update={"randomness": "keyed"})
    assert torch.equal(questions(None, keyed, noisy, "cpu"), questions(None, keyed, noisy, "cpu"))
    with pytest.raises(ContractError, match="toy: classify_noisy: expected a tensor, got int"):
        questions(None, lambda x, sigma: 3, CARD, "cpu")
