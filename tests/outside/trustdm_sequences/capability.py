"""Tokens in, the logarithm of each one's probability out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.rng import Noise

if TYPE_CHECKING:
    from torch import Tensor


class TokenLogprobs(Capability):
    """A model of sequences of tokens 0 to ``card.classes`` - 1, of the length that the card names."""

    name = "token_logprobs"
    summary = "sequences of whole numbers to the logarithm of each one's probability, given those before it"
    call = "token_logprobs(tokens)"
    questions = "trustdm_sequences.capability:questions"
    checks = "trustdm_sequences.checks:CHECKS"

    def card_fault(self, card: MethodCard) -> str:
        """The vocabulary must have at least two tokens, and an example must be one sequence."""
        if len(card.input_shape) != 1 or card.classes < 2:
            return f"expected one length and a vocabulary of at least 2, got {card.input_shape} and {card.classes}"
        return ""

    def misfit(self, card: MethodCard, shape: tuple[int, ...], classes: int) -> str:
        """Only the length counts: the classes of the data are members and others."""
        return super().misfit(card, shape, card.classes)


TOKEN_LOGPROBS = TokenLogprobs()


def asked(call: Callable[..., Any], card: MethodCard, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """The answer to ``tokens`` (n, L): natural logarithms (n, L), none above 0.

    Raises:
        ContractError: the method raised, or answered something else.
    """
    from trustdm.bench.method import contract_errors

    what = f"{card.name}: token_logprobs"
    with contract_errors(what):
        answer = np.asarray(call(tokens.copy()), dtype=np.float64)
    if answer.shape != tokens.shape:
        raise ContractError(f"{what}: expected an answer of shape {tokens.shape}, got {answer.shape}")
    if not np.isfinite(answer).all() or (answer > 1e-9).any():
        raise ContractError(f"{what}: expected finite logarithms of probabilities, got {answer.max():.4g} at most")
    return np.minimum(answer, 0.0)


def drawn(card: MethodCard, count: int) -> NDArray[np.int64]:
    """``count`` fixed sequences, uniform over the vocabulary."""
    uniform = Noise("sequences/questions", range(count)).uniform("tokens", card.input_shape)
    return np.minimum((uniform * card.classes).astype(np.int64), card.classes - 1)


def questions(thing: Any, call: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """The answers to four fixed sequences."""
    import torch

    return torch.from_numpy(asked(call, card, drawn(card, 4)).ravel())
