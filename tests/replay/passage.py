"""How a sequential test ends when each draw succeeds with a probability p: exact, by the recursion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.smoothing.boundaries import Boundary, Walk

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Passage:
    """How a test ends when the probability of success is ``p``: probabilities (L,) of stopping at each look.

    ``undecided`` is that of reaching the last look without an answer; ``lost`` what the recursion cut off.
    """

    p: float
    certified: Floats
    refuted: Floats
    undecided: float
    lost: float

    def mean_draws(self, looks: Integers) -> float:
        """The expected number of draws."""
        return float((self.certified + self.refuted) @ looks + (self.undecided + self.lost) * looks[-1])


def passage(rule: Boundary, p: float, *, give_up: bool = True) -> Passage:
    """How the test ends when each draw succeeds with probability ``p``; ``give_up=False`` ignores ``refute``.

    The error of a test is ``passage(rule, p0, give_up=False)``: it then holds even for who goes on where the test
    would have given up.
    """
    walk, certified, refuted = Walk(p), [], []
    for draws, least, most in zip(np.diff(rule.looks, prepend=0), rule.certify, rule.refute, strict=True):
        walk.advance(int(draws))
        certified.append(walk.take_above(int(least)))
        refuted.append(walk.take_below(int(most)) if give_up else 0.0)
    return Passage(p, np.array(certified), np.array(refuted), float(walk.mass.sum()), walk.lost)


def error(rule: Boundary, p: float) -> float:
    """The probability that the test certifies although the probability of success is ``p``; giving up is ignored."""
    found = passage(rule, p, give_up=False)
    return float(found.certified.sum()) + found.lost
