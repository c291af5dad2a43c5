"""How a purifier is called, and what tells one from another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from trustdm.bench.capabilities.purify import PURIFY, Purifier
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.registry import loaded
from trustdm.bench.targets.purify import call, questions

CARD = MethodCard(name="pur", capabilities=("purify",), input_shape=(2, 3, 3), classes=0, randomness="keyed")


def card(randomness: str) -> MethodCard:
    return CARD.model_copy(update={"randomness": randomness})


def test_a_keyed_one_is_given_noise_and_the_others_are_not() -> None:
    seen: list[tuple[Any, ...]] = []

    def purify(*given: Any) -> None:
        seen.append(given)

    for randomness in ("keyed", "none", "block-seeded"):
        call(purify, card(randomness), torch.zeros(1), "noise")
    assert [len(given) for given in seen] == [2, 1, 1] and seen[0][1] == "noise"


def asked(purify: Any, randomness: str = "keyed") -> Tensor:
    return questions(None, purify, card(randomness), "cpu")


def test_answers_repeat_and_tell_purifiers_apart() -> None:
    def adds(x: Tensor, noise: Any) -> Tensor:
        return x + 0.1 * noise.normal("a", (2, 3, 3))

    first = asked(adds)
    assert first.shape == (2 * 2 * 3 * 3,) and torch.equal(asked(adds), first)
    assert not torch.equal(asked(lambda x, noise: adds(x, noise) + 1e-6), first)
    assert not torch.equal(asked(lambda x, noise: x + 0.1 * noise.normal("b", (2, 3, 3))), first)


def test_global_generators_are_seeded_for_it_and_put_back() -> None:
    before = torch.get_rng_state()
    answers = [asked(lambda x: x + torch.randn(x.shape), "block-seeded") for _ in range(2)]
    assert torch.equal(*answers) and torch.equal(torch.get_rng_state(), before)


def test_what_it_raises_or_returns_wrong_is_one_line() -> None:
    with pytest.raises(ContractError, match=r"^pur: purify raised ZeroDivisionError: division by zero$"):
        asked(lambda x, noise: 1 / 0)
    with pytest.raises(ContractError, match=r"^pur: purify: expected a tensor, got list$"):
        asked(lambda x, noise: [x])


def test_the_capability_names_what_is_here() -> None:
    assert loaded(PURIFY.questions) is questions
    assert loaded(PURIFY.checks)


def test_a_purifier_fits_any_number_of_classes_and_one_shape() -> None:
    assert PURIFY.misfit(CARD, (2, 3, 3), 10) == ""
    assert PURIFY.misfit(CARD, (1, 3, 3), 10) == "expected input shape (1, 3, 3), got (2, 3, 3)"
    assert PURIFY.card_fault(CARD) == ""


def test_what_has_the_method_is_a_purifier() -> None:
    class One:
        def purify(self, x: Tensor, noise: Any) -> Tensor:
            return x

    assert isinstance(One(), Purifier) and not isinstance(object(), Purifier)
