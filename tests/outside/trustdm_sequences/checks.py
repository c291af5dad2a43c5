"""Checks of ``token_logprobs``; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

import numpy as np

from trustdm.bench.checks.cases import Check, MethodCase, require
from trustdm_sequences.capability import asked, drawn

ROWS = 5


def check_answers(case: MethodCase) -> str | None:
    """Every token of every sequence has the logarithm of a probability."""
    asked(case.loaded.token_logprobs, case.card, drawn(case.card, ROWS))
    return None


def check_alone(case: MethodCase) -> str | None:
    """A sequence is judged as it is alone: others in the batch do not count."""
    tokens, call = drawn(case.card, ROWS), case.loaded.token_logprobs
    together = asked(call, case.card, tokens)
    for i in range(ROWS):
        alone = asked(call, case.card, tokens[i : i + 1])[0]
        require(np.allclose(alone, together[i]), f"expected sequence {i} alone to be judged as in the batch")
    return None


def check_sums_to_one(case: MethodCase) -> str | None:
    """The probabilities of all tokens at the last place add up to 1, and what comes later does not count."""
    tokens = np.repeat(drawn(case.card, 1), case.card.classes, axis=0)
    tokens[:, -1] = np.arange(case.card.classes)
    answers = asked(case.loaded.token_logprobs, case.card, tokens)
    total = float(np.exp(answers[:, -1]).sum())
    require(abs(total - 1) < 1e-6, f"expected the probabilities of a next token to add up to 1, got {total:.6f}")
    require(np.ptp(answers[:, :-1], axis=0).max() < 1e-9, "expected earlier tokens not to depend on the last one")
    return None


CHECKS: tuple[Check, ...] = (check_answers, check_alone, check_sums_to_one)
