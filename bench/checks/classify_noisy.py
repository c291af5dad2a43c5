"""Checks of ``classify_noisy``; each raises ContractError, or returns why it does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.capabilities.classify_noisy import CLASSIFY_NOISY
from trustdm.bench.checks.cases import KEY, ROWS, Check, MethodCase, generators_untouched, require, require_close
from trustdm.bench.checks.classify import ROW_TOLERANCE, check_load_is_repeatable
from trustdm.bench.errors import ContractError, TrustdmError
from trustdm.bench.rng import Noise

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.targets.noisy import NoisyTarget

LEVELS = (0.25, 0.5, 1.0)
"""The standard deviations that images are usually smoothed with, in units of [0, 1]."""


def check_noisy_answers(case: MethodCase) -> str | None:
    """Answers are finite logits (B, K) or labels from 0 to K - 1, for one image and for several: they are the votes."""
    sigma = _level(case)
    for count in (1, ROWS):
        _labels(case, _noisy(case, sigma)[:count], sigma)
    return None


def check_noisy_levels(case: MethodCase) -> str | None:
    """Each usual noise level gets an answer, or a refusal in one line: pixels of noisy images go far beyond [0, 1]."""
    refused = []
    for sigma in LEVELS:
        if refusal := _refusal(case, sigma):
            refused.append(f"sigma {sigma:g}: {refusal}")
        else:
            _labels(case, _noisy(case, sigma), sigma)
    return f"it refuses {'; '.join(refused)}" if refused else None


def check_noisy_levels_apart(case: MethodCase) -> str | None:
    """Levels asked for before do not count: a denoiser that keeps the first removes too much or too little."""
    accepted = [sigma for sigma in LEVELS if not _refusal(case, sigma)]
    if len(accepted) < 2:
        return "it takes one level only"
    first, last = accepted[0], accepted[-1]
    other = case.load()
    _answer(case, _noisy(case, last), last, thing=other)
    after = _answer(case, _noisy(case, first), first, thing=other)
    before = _answer(case, _noisy(case, first), first)
    _require_same(after, before, f"expected the same answers at sigma {first:g} before and after sigma {last:g}")
    return None


def check_noisy_input_not_modified(case: MethodCase) -> str | None:
    """Noisy images stay as they are: the runner refuses a classifier that writes to its input."""
    import torch

    sigma = _level(case)
    x = _noisy(case, sigma)
    _answer(case, x, sigma)
    require(torch.equal(x, _noisy(case, sigma)), "expected the input to stay as it was, got it modified in place")
    return None


def check_noisy_alone(case: MethodCase) -> str | None:
    """A draw alone gets the answer it gets in a batch: the bound on the certified radius needs independent votes."""
    sigma = _level(case)
    together = _answer(case, _noisy(case, sigma), sigma)
    for i in range(ROWS):
        alone = _answer(case, _noisy(case, sigma)[i : i + 1], sigma, [i])
        _require_same(alone[0], together[i], f"expected draw {i} alone to get its answer in the batch")
    return None


def check_noisy_permutation(case: MethodCase) -> str | None:
    """Answers move with their draws: nothing depends on the place in the batch."""
    sigma, order = _level(case), [3, 0, 5, 1, 4, 2]
    x = _noisy(case, sigma)
    moved = _answer(case, x[order], sigma, order)
    _require_same(moved, _answer(case, x, sigma)[order], "expected answers to move with their draws")
    return None


def check_noisy_repeatable(case: MethodCase) -> str | None:
    """The same draws (and noise) get the same answers, bit for bit: a certificate could not be checked again."""
    import torch

    sigma = _level(case)
    first, second = (_answer(case, _noisy(case, sigma), sigma) for _ in range(2))
    require(
        torch.equal(first, second),
        "expected the same answers to the same draws, got others; take random numbers from the noise argument of a "
        "card with randomness 'keyed'",
    )
    return None


def check_noisy_noise_is_used(case: MethodCase) -> str | None:
    """A keyed method asks for its noise, and new noise changes its logits: draws that share it are not independent."""
    if case.card.randomness != "keyed":
        return f"randomness is {case.card.randomness}"
    sigma = _level(case)
    _target(case).check(_noisy(case, sigma), sigma, np.arange(ROWS))
    return None


def check_noisy_generators(case: MethodCase) -> str | None:
    """No global generator is drawn from (or seeded): votes would depend on what ran before."""
    sigma = _level(case)
    with generators_untouched("classify_noisy"):
        _answer(case, _noisy(case, sigma), sigma)
    return None


def check_noisy_state(case: MethodCase) -> str | None:
    """Parameters and buffers stay as loaded: votes of later draws would be those of another classifier."""
    from trustdm.bench.training.weights import state_digest

    sigma, thing = _level(case), case.load()
    before = state_digest(thing)
    if before is None:
        return "it holds no parameters or buffers"
    for _ in range(2):
        _answer(case, _noisy(case, sigma), sigma, thing=thing)
    require(state_digest(thing) == before, "expected the same parameters and buffers after classify_noisy, got others")
    return None


def _noisy(case: MethodCase, sigma: float) -> Tensor:
    """A new float32 (6, C, H, W): the images of the case with Gaussian noise of that level, not clipped."""
    return case.images + sigma * case.normal("noise", case.card.input_shape)


def _answer(case: MethodCase, x: Tensor, sigma: float, draws: Sequence[int] = range(ROWS), thing: Any = None) -> Tensor:
    """Its answer to draws ``x``, as it is; row i takes the noise of ``draws[i]``."""
    import torch

    from trustdm.bench.method import TorchNoise

    classify = case.able(CLASSIFY_NOISY, thing)
    extra = [TorchNoise(Noise(KEY, draws), x.device)] if case.card.randomness == "keyed" else []
    with torch.no_grad():
        answer: Tensor = classify(x, sigma, *extra)
    return answer


def _target(case: MethodCase) -> NoisyTarget:
    """The method as the runner looks at it, but that it may write to its input, which has a check of its own."""
    from trustdm.bench.method import Meter
    from trustdm.bench.targets.noisy import NoisyTarget

    classify = case.able(CLASSIFY_NOISY)
    return NoisyTarget(lambda x, *rest: classify(x.clone(), *rest), case.card, Meter(), KEY)


def _labels(case: MethodCase, x: Tensor, sigma: float) -> Tensor:
    """Its labels of draws ``x``, where the runner accepts them."""
    return _target(case).labels(x, sigma, np.arange(len(x)), "conformance")


def _refusal(case: MethodCase, sigma: float) -> str:
    """The one line with which it refuses a noise level, which must name sigma; empty where it answers."""
    try:
        _answer(case, _noisy(case, sigma)[:1], sigma, [0])
    except (ValueError, TrustdmError) as error:
        said = str(error)
        require("sigma" in said and "\n" not in said, f"expected a refusal in one line that names sigma, got {said!r}")
        return said
    return ""


def _level(case: MethodCase) -> float:
    """The least level that it answers at.

    Raises:
        ContractError: there is none.
    """
    for sigma in LEVELS:
        if not _refusal(case, sigma):
            return sigma
    levels = ", ".join(f"{sigma:g}" for sigma in LEVELS)
    raise ContractError(f"expected an answer at one of the noise levels {levels}, got refusals")


def _require_same(got: Tensor, expected: Tensor, what: str) -> None:
    """Raises ContractError where logits are not close, or labels not equal."""
    import torch

    if expected.is_floating_point():
        require_close(got, expected, ROW_TOLERANCE, what)
    else:
        require(torch.equal(got, expected), f"{what}, got {got.tolist()} in place of {expected.tolist()}")


CHECKS: tuple[Check, ...] = (
    check_noisy_answers,
    check_noisy_levels,
    check_noisy_levels_apart,
    check_noisy_input_not_modified,
    check_noisy_alone,
    check_noisy_permutation,
    check_noisy_repeatable,
    check_noisy_noise_is_used,
    check_noisy_generators,
    check_noisy_state,
    check_load_is_repeatable,
)
