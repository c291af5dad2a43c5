"""Three small models of sequences: one that knows nothing, one that learned the chain, one that learned by heart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import MethodCard, method
from trustdm_sequences.corpus import LENGTH, MEMBERS, VOCABULARY, walks
from trustdm_sequences.reference import bigram, logprobs, pairs

COMMON = {"capabilities": ("token_logprobs",), "input_shape": (LENGTH,), "classes": VOCABULARY, "data": ("walks",)}


class Chain:
    """A token depends on the one before it."""

    def __init__(self, table: NDArray[np.float64]):
        self.table = table

    def token_logprobs(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        return logprobs(self.table, tokens)


class ByHeart(Chain):
    """Goes on as the sequences do that it was fitted on, with probability ``trust``, where one begins like this."""

    def __init__(self, table: NDArray[np.float64], known: NDArray[np.int64], trust: float):
        super().__init__(table)
        self.known, self.trust = known, trust

    def token_logprobs(self, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
        answer = logprobs(self.table, tokens)
        for place in range(1, tokens.shape[1]):
            alike = (tokens[:, None, :place] == self.known[None, :, :place]).all(2)
            same = (alike & (tokens[:, None, place] == self.known[None, :, place])).sum(1)
            mixed = self.trust * same / np.maximum(alike.sum(1), 1) + (1 - self.trust) * np.exp(answer[:, place])
            answer[:, place] = np.where(alike.any(1), np.log(mixed), answer[:, place])
        return answer


def fitted(smoothing: float) -> NDArray[np.float64]:
    """The table of a chain, from the members."""
    return bigram(pairs(walks()[:MEMBERS], VOCABULARY), smoothing)


@method(MethodCard(name="uniform-tokens", title="Uniform", claim="Knows nothing, and so leaks nothing.", **COMMON))
def load_uniform() -> Chain:
    return Chain(np.full((VOCABULARY, VOCABULARY), -np.log(VOCABULARY)))


@method(MethodCard(name="bigram-tokens", title="Pairs of tokens", **COMMON))
def load_bigram(*, smoothing: float = 1.0) -> Chain:
    return Chain(fitted(smoothing))


@method(MethodCard(name="by-heart-tokens", title="Learned by heart", variants=("trust=0.5", "trust=0.99"), **COMMON))
def load_by_heart(*, trust: float = 0.99) -> ByHeart:
    return ByHeart(fitted(1.0), walks()[:MEMBERS], trust)
