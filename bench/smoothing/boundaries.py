"""Where a test of "the success probability is at most p0" stops, and with what probability: exact, by recursion.

A test looks at the number of successes S after n_1 < n_2 < ... < n_L draws. It certifies at the first look with
S >= certify[j] and gives up at the first with S <= refute[j]; whichever comes first. All probabilities follow from the
distribution of S among the paths that go on (Armitage, McPherson and Rowe 1969), which is carried from look to look by
convolution with a binomial. What is cut off at the far ends is added up and counted as an error.

S grows with p in every path (draw with one uniform number for each p), and so does the event that it reaches the upper
boundary before the lower: the error at p0 bounds that at every p below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SPARE: Final = 1e-6
"""The share of a budget that is left unspent, for rounding: the recursion's relative error is below 1e-9."""
TRIM: Final = 1e-20
"""Mass that may be cut off at one end of a distribution at one look."""


@dataclass(frozen=True, eq=False)
class Boundary:
    """The stopping rule of one test: ``looks`` (L,) draws, ``certify`` (L,) and ``refute`` (L,) successes.

    certify[j] = looks[j] + 1 means that look j cannot certify, refute[j] = -1 that it cannot refute.
    """

    looks: Integers
    certify: Integers
    refute: Integers


class Walk:
    """The distribution of the number of successes among the paths that have not stopped: ``mass`` from ``low`` on.

    ``lost`` is what was cut off at the ends.
    """

    def __init__(self, p: float):
        self.p, self.low, self.mass, self.lost = p, 0, np.ones(1), 0.0

    def advance(self, draws: int) -> None:
        if not len(self.mass):
            return
        shift, step = binomial(draws, self.p)
        self.mass = np.convolve(self.mass, step)
        self.low += shift
        below = int(np.searchsorted(np.cumsum(self.mass), TRIM))
        above = int(np.searchsorted(np.cumsum(self.mass[::-1]), TRIM))
        if below + above < len(self.mass):
            end = len(self.mass) - above
            self.lost += float(self.mass[:below].sum() + self.mass[end:].sum())
            self.mass, self.low = self.mass[below:end], self.low + below

    def least_above(self, budget: float) -> int:
        """The least c with P(S >= c) <= budget."""
        tail = np.cumsum(self.mass[::-1])
        return self.low + len(self.mass) - int(np.searchsorted(tail, budget, side="right"))

    def most_below(self, budget: float) -> int:
        """The greatest c with P(S <= c) <= budget."""
        return self.low - 1 + int(np.searchsorted(np.cumsum(self.mass), budget, side="right"))

    def take_above(self, least: int) -> float:
        """Removes the paths with S >= least and returns their probability."""
        keep = min(max(least - self.low, 0), len(self.mass))
        taken = float(self.mass[keep:].sum())
        self.mass = self.mass[:keep]
        return taken

    def take_below(self, most: int) -> float:
        """Removes the paths with S <= most and returns their probability."""
        drop = min(max(most + 1 - self.low, 0), len(self.mass))
        taken = float(self.mass[:drop].sum())
        self.mass, self.low = self.mass[drop:], self.low + drop
        return taken


def binomial(draws: int, p: float) -> tuple[int, Floats]:
    """The binomial distribution: the least number of successes that is kept, and the probabilities from there on.

    Built from ratios of neighbours around the mode, so that it is exact to about 1e-13 for any number of draws; what
    is left out has a probability below 1e-20.
    """
    if p <= 0 or p >= 1:
        return (0 if p <= 0 else draws), np.ones(1)
    half = 12 * np.sqrt(draws * p * (1 - p)) + 40
    first, last = max(0, int(draws * p - half)), min(draws, int(draws * p + half) + 1)
    k = np.arange(first + 1, last + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log((draws - k + 1) / k * (p / (1 - p))))])
    mass = np.exp(logs - logs.max())
    return first, mass / mass.sum()


def spending_upper(looks: Integers, p0: float, spend: Floats) -> Integers:
    """The least boundary whose error at ``p0`` up to look j is at most spend[j], for every j (Lan and DeMets 1983).

    ``spend`` (L,) rises. What discreteness leaves unspent at one look is there for the next.
    """
    walk, spent, found = Walk(p0), 0.0, []
    for draws, total, n in zip(np.diff(looks, prepend=0), spend * (1 - SPARE), looks, strict=True):
        walk.advance(int(draws))
        least = min(walk.least_above(max(total - spent - walk.lost, 0.0)), int(n) + 1)
        spent += walk.take_above(least)
        found.append(least)
    return np.array(found, dtype=np.int64)


def spending_lower(looks: Integers, p0: float, spend: Floats) -> Integers:
    """The greatest boundary that a path at ``p0`` falls to, up to look j, with probability at most spend[j]."""
    walk, spent, found = Walk(p0), 0.0, []
    for draws, total in zip(np.diff(looks, prepend=0), spend * (1 - SPARE), strict=True):
        walk.advance(int(draws))
        most = max(walk.most_below(max(total - spent - walk.lost, 0.0)), -1)
        spent += walk.take_below(most)
        found.append(most)
    return np.array(found, dtype=np.int64)


def mixture(looks: Integers, p0: float, odds: float) -> tuple[Integers, Integers]:
    """The counts at which the Beta(1/2, 1/2) mixture's likelihood ratio against ``p0`` reaches ``odds``.

    (L,) least successes above n p0, and (L,) most below. log E = log B(k + 1/2, n - k + 1/2) - log B(1/2, 1/2)
    - k log p0 - (n - k) log(1 - p0) is convex in k; for the true p = p0 it is a martingale, and for p < p0 it is below
    one wherever k/n > p0, so P(ever E >= odds with k/n > p0) <= 1/odds (Ville 1939; Robbins 1970).
    """
    from scipy.special import betaln

    def evidence(k: Integers) -> Floats:
        against = k * np.log(p0) + (looks - k) * np.log1p(-p0)
        return np.asarray(betaln(k + 0.5, looks - k + 0.5) - betaln(0.5, 0.5) - against)

    def search(inside: Integers, outside: Integers) -> Integers:
        """The value nearest to ``inside`` that reaches the odds, between it (not counted) and ``outside``."""
        while np.any(np.abs(outside - inside) > 1):
            middle = (inside + outside) // 2
            reached = evidence(middle) >= np.log(odds)
            moved = np.abs(outside - inside) > 1
            outside = np.where(moved & reached, middle, outside)
            inside = np.where(moved & ~reached, middle, inside)
        return outside

    centre = np.floor(looks * p0).astype(np.int64)
    return search(centre, looks + 1), search(centre + 1, np.full_like(looks, -1))


def curtailed(looks: Integers, least: int) -> Boundary:
    """The rule that stops as soon as it is certain whether the last look will show at least ``least`` successes."""
    certify = np.where(least <= looks, least, looks + 1)
    refute = np.maximum(least - 1 - (looks[-1] - looks), -1)
    return Boundary(looks, certify, refute)


def hopeless(looks: Integers, certify: Integers) -> Integers:
    """(L,) the most successes with which no later look can certify any more; at the last look, too few to certify."""
    # S + n_i - n_j < certify_i for all later looks i; a look that cannot certify (certify_i = n_i + 1) never binds.
    slack = certify - looks
    ahead = np.minimum.accumulate(np.append(slack[1:], slack[-1])[::-1])[::-1]
    return np.asarray(np.clip(looks + ahead - 1, -1, certify - 1))


def geometric(first: int, cap: int, ratio: float) -> Integers:
    """Looks from ``first`` to ``cap``, each about ``ratio`` times the one before."""
    looks = [min(first, cap)]
    while looks[-1] < cap:
        looks.append(min(cap, max(looks[-1] + 1, round(looks[-1] * ratio))))
    return np.array(looks, dtype=np.int64)
