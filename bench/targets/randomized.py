"""A randomized method as adaptive attacks see it: many draws at once, fixed draws, and its parts where it has some."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.method import TorchNoise
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target


class DrawnTarget(Protocol):
    """What an attack on a randomized method may ask of it; ``access`` on its card says which part it takes."""

    classes: int
    randomized: bool

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (B, K) under one new draw."""
        ...

    def many(self, x: Tensor, draws: int) -> Iterator[Tensor]:
        """Logits (m, B, K) of ``draws`` new draws, as many at once as the batch size allows; a gradient reaches x."""
        ...

    def fixed(self, draws: int) -> DrawnTarget:
        """The method under ``draws`` draws that do not change: an average over them is a plain function."""
        ...


class _Stacked(Noise):
    """Noise of several draws of the same examples, one after the other: what a keyed method is given for a batch."""

    def __init__(self, parts: Sequence[Noise]):
        super().__init__(parts[0].key, np.concatenate([part.examples for part in parts]))
        self._parts = parts

    def normal(self, use: str, shape: Sequence[int]) -> NDArray[np.float32]:
        return np.concatenate([part.normal(use, shape) for part in self._parts])

    def uniform(self, use: str, shape: Sequence[int]) -> NDArray[np.float32]:
        return np.concatenate([part.uniform(use, shape) for part in self._parts])


class RandomizedTarget(Target):
    """A ``Target`` whose draws are batched.

    Every call takes new draws, derived from the key, the number of calls made and the examples of the batch; one that
    was ``fixed`` takes the same ones again. ``batch_size`` bounds the rows of a forward pass. ``thing`` is the loaded
    method, for the parts that it may have: ``purify`` and ``classify_purified`` (``bench.methods.purify``).
    """

    def __init__(self, target: Target, thing: Any, examples: NDArray[np.int64], batch_size: int):
        super().__init__(target._classify, target._card, target.meter, target._key, examples)
        self._batch_size = batch_size
        self._thing = thing
        self._frozen = 0

    @property
    def stages(self) -> bool:
        """Whether the method can be taken apart into a purifier and a classifier."""
        return callable(getattr(self._thing, "purify", None)) and callable(
            getattr(self._thing, "classify_purified", None)
        )

    def __call__(self, x: Tensor) -> Tensor:
        if not self._frozen:
            return super().__call__(x)
        return torch.cat(list(self.many(x, self._frozen))).mean(0)

    def many(self, x: Tensor, draws: int) -> Iterator[Tensor]:
        """Logits (m, B, K) of ``draws`` draws in all, in parts of at most ``batch_size`` rows, at least one draw each.

        Each part has a graph of its own: take its gradient before the next one is asked for, and it is freed.
        """
        call = 0 if self._frozen else self._next_call()
        step = max(1, self._batch_size // max(1, len(x)))
        for first in range(0, draws, step):
            yield self._stacked(x, call, range(first, min(first + step, draws)))

    def fixed(self, draws: int = 1) -> RandomizedTarget:
        """The average of the logits over ``draws`` draws that are the same at every call.

        Only a keyed method can be held fixed; of a block-seeded one every call is another draw.
        """
        return self._with(frozen=draws) if self._card.randomness == "keyed" else self

    def knowing(self, noise: Noise) -> RandomizedTarget:
        """The method under this very noise, as one who knows the random numbers sees it: deterministic."""
        call, card = self._classify, self._card.model_copy(update={"randomness": "none"})
        keyed = self._card.randomness == "keyed"

        def classify(x: Tensor) -> Any:
            return call(x, TorchNoise(noise, x.device)) if keyed else call(x)

        return self._with(classify=classify, card=card)

    def bare(self) -> Target:
        """The classifier behind the purifier, without it: deterministic."""
        card = self._card.model_copy(update={"randomness": "none", "gradient": "exact"})
        return Target(self._thing.classify_purified, card, self.meter, self._key, self._examples)

    def straight_through(self) -> RandomizedTarget:
        """The method with an identity for the gradient of its purifier (BPDA, Athalye et al. 2018, section 4.1)."""
        thing = self._thing

        def classify(x: Tensor, *noise: Any) -> Tensor:
            with torch.no_grad():
                purified = thing.purify(x, *noise)
            answer: Tensor = thing.classify_purified(purified + (x - x.detach()))
            return answer

        return self._with(classify=classify)

    def _with(self, **changes: Any) -> RandomizedTarget:
        other = copy.copy(self)
        vars(other).update({f"_{name}": value for name, value in changes.items()}, _calls=0)
        other.randomized = other._card.randomness != "none"
        return other

    def _next_call(self) -> int:
        self._calls += 1
        return self._calls

    def _stacked(self, x: Tensor, call: int, draws: range) -> Tensor:
        noise = _Stacked([Noise(f"{self._key}/call {call}", self._rows(x), draw) for draw in draws])
        repeated = x.repeat(len(draws), *[1] * (x.dim() - 1))
        return self._logits(repeated, noise).view(len(draws), len(x), -1)
