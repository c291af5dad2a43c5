"""How the harness looks at the base classifier of a smoothed one: no gradients, images counted, labels checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter, TorchNoise, contract_errors, seeded
from trustdm.bench.rng import Noise

IMAGES = 2
SIGMA = 0.25


class NoisyTarget:
    """A base classifier as the harness calls it: no gradients, every image counted, labels checked."""

    def __init__(self, classify_noisy: Callable[..., Any], card: MethodCard, meter: Meter, key: str):
        self._call = classify_noisy
        self._card = card
        self._key = key
        self.meter = meter
        self.classes = card.classes

    def labels(self, x: Tensor, sigma: float, draws: NDArray[np.int64], use: str) -> Tensor:
        """int64 labels (B,) of noisy images (B, C, H, W); ``draws`` (B,) name what each row is a draw of.

        ``use`` tells the draws that select from those that estimate: the noise of a keyed method differs too.

        Raises:
            ContractError: it raised, or answered with something else than logits or labels.
        """
        return self._labels(self._answer(x, sigma, draws, f"inside/{use}")[0], len(x))

    def check(self, x: Tensor, sigma: float, draws: NDArray[np.int64]) -> None:
        """Refuses a classifier whose noise is not what its card says.

        The bound of Clopper and Pearson needs independent draws. A classifier that draws by itself without saying so
        cannot be repeated; one that keeps its noise makes all draws of an image alike in what it adds.

        Raises:
            ContractError: equal noise gives different answers, or new noise gives the same.
        """
        what = f"{self._card.name}: classify_noisy"
        first, _ = self._answer(x, sigma, draws, "check")
        self._labels(first, len(x))
        if not torch.equal(first, self._answer(x, sigma, draws, "check")[0]):
            raise ContractError(
                f"{what}: expected the same answer for the same input, got another: it draws random numbers without "
                'saying so; take them from the noise argument of a card with randomness="keyed"'
            )
        if self._card.randomness != "keyed":
            return
        again, drawn = self._answer(x, sigma, draws, "check again")
        # Labels may well be the same under other noise; logits are not.
        if not drawn or (again.is_floating_point() and torch.equal(first, again)):
            raise ContractError(
                f"{what}: expected new noise to change the answers of a keyed method, got the same ones: it keeps its "
                'noise, which voids the certificate, or needs none (randomness="none")'
            )

    def _answer(self, x: Tensor, sigma: float, draws: NDArray[np.int64], use: str) -> tuple[Tensor, bool]:
        """What it answers, and whether it asked for noise."""
        self.meter.forwards += len(x)
        given = x.clone()
        noise = _Asked(Noise(f"{self._key}/{use}", draws), x.device)
        extra = [noise] if self._card.randomness == "keyed" else []
        with torch.no_grad(), contract_errors(f"{self._card.name}: classify_noisy"):
            answer = self._call(given, sigma, *extra)
        if not torch.equal(given, x):
            raise ContractError(f"{self._card.name}: classify_noisy: expected its input unchanged, got it written to")
        if not isinstance(answer, Tensor):
            raise ContractError(
                f"{self._card.name}: classify_noisy: expected logits or labels, got {type(answer).__name__}"
            )
        return answer, noise.asked

    def _labels(self, answer: Tensor, n: int) -> Tensor:
        name = f"{self._card.name}: classify_noisy"
        if answer.ndim == 1 and not answer.is_floating_point():
            if len(answer) != n:
                raise ContractError(f"{name}: expected {n} labels, got {len(answer)}")
            low, high = int(answer.min()), int(answer.max())
            if low < 0 or high >= self.classes:
                raise ContractError(f"{name}: expected labels from 0 to {self.classes - 1}, got {low} to {high}")
            return answer.long()
        want = (n, self.classes)
        if tuple(answer.shape) != want or not answer.is_floating_point():
            raise ContractError(f"{name}: expected logits {want}, got {answer.dtype} of shape {tuple(answer.shape)}")
        if not bool(torch.isfinite(answer.float()).all()):
            raise ContractError(f"{name}: expected finite logits, got NaN or infinity, as float32")
        return answer.argmax(dim=1)


class _Asked(TorchNoise):
    """Noise that remembers whether anybody asked for it."""

    asked = False

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """As ``TorchNoise.normal``."""
        self.asked = True
        return super().normal(use, shape)

    def uniform(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """As ``TorchNoise.uniform``."""
        self.asked = True
        return super().uniform(use, shape)


def questions(thing: Any, classify_noisy: Callable[..., Any], card: MethodCard, device: str) -> Tensor:
    """What is answered to two images under moderate noise."""
    noise = Noise("describe", range(IMAGES))
    x = torch.from_numpy(noise.uniform("images", card.input_shape) + SIGMA * noise.normal("noise", card.input_shape))
    extra = [TorchNoise(noise, torch.device(device))] if card.randomness == "keyed" else []
    with seeded("describe"), torch.no_grad(), contract_errors(f"{card.name}: classify_noisy"):
        answer = classify_noisy(x.to(device), SIGMA, *extra)
    if not isinstance(answer, Tensor):
        raise ContractError(f"{card.name}: classify_noisy: expected a tensor, got {type(answer).__name__}")
    return answer.flatten()
