"""Certificates of declared radii from as few draws as it takes, each wrong with probability at most alpha.

A radius r is certified by rejecting "the class has probability at most p0 = Phi(r / sigma)". A ``Plan`` names the
radii, the error and the looks at the counts before the first draw; what it decides holds for these only. Nothing but
the counts at the looks may decide when to stop.

Several radii share one stream of draws, each tested at alpha, the smallest first: a radius counts only if all smaller
ones are certified. If the truth lies between two radii, any wrong certificate includes a wrong one for the next radius
above the truth, so that the chance of any is at most alpha (Marcus, Peritz and Gabriel 1976).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.errors import UsageError
from trustdm.bench.smoothing.boundaries import (
    Boundary,
    Integers,
    curtailed,
    geometric,
    hopeless,
    mixture,
    spending_lower,
    spending_upper,
)
from trustdm.bench.smoothing.fixed import (
    check_alpha,
    check_sigma,
    counts_of,
    largest_radius,
    least_successes,
)

Procedure = Literal["curtailed", "e-process", "group-sequential"]

DEFAULT: Final[Procedure] = "group-sequential"
FIRST: Final = 10
RATIO: Final = 1.25
STEPS: Final = 50
"""Looks of a curtailed test, evenly spaced."""
FINAL: Final = 0.5
"""The share of alpha that is kept for the last look."""


@dataclass(frozen=True)
class Plan:
    """What will be tested, fixed before the first draw.

    ``radii`` rise, in [0, 1] pixel units like ``sigma``; radius 0 is the question whether to abstain. ``alpha`` is the
    probability of error for an image; ``cap`` the most draws; ``looks`` the numbers of draws after which the counts are
    looked at (left out: from 10, each a quarter more than the one before, to the cap; 50 even steps if curtailed).

    ``selection`` draws choose the class that fresh draws then test: a certificate that can be deployed. 0: the known
    label is tested instead, which gives certified accuracy and nothing else.

    ``procedure``:

    - "group-sequential": the least boundary that spends half of alpha evenly over the looks and the rest at the last;
      gives up along the mirrored boundary that errs with probability ``futility`` at p0.
    - "e-process": a Beta(1/2, 1/2) mixture at alpha / 2 and Clopper-Pearson at the cap at alpha / 2; gives up where
      the mirrored mixture reaches 1 / futility.
    - "curtailed": Cohen et al.'s test at the cap, stopped when its outcome is certain: identical decisions.
    """

    radii: tuple[float, ...]
    sigma: float
    alpha: float = 0.001
    cap: int = 100_000
    procedure: Procedure = DEFAULT
    selection: int = 100
    futility: float = 0.01
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_sigma(self.sigma)
        check_alpha(self.alpha)
        _require(self.procedure in get_args(Procedure), "procedure", f"one of {get_args(Procedure)}", self.procedure)
        _require(_whole(self.cap) and self.cap >= 1, "cap", "a positive number of draws", self.cap)
        _require(_whole(self.selection) and self.selection >= 0, "selection", "a number of draws", self.selection)
        _require(0 < self.futility < 0.5, "futility", "a probability between 0 and 0.5", self.futility)
        radii = tuple(float(r) for r in self.radii)
        valid = bool(radii) and radii[0] >= 0 and bool(np.all(np.isfinite(radii))) and _rising(radii)
        _require(valid, "radii", "at least one radius from 0, rising", self.radii)
        looks = self.looks or self._usual_looks()
        valid = all(map(_whole, looks)) and looks[0] >= 1 and looks[-1] == self.cap and _rising(looks)
        _require(valid, "looks", f"rising numbers of draws that end at the cap, {self.cap}", self.looks)
        for name in ("sigma", "alpha", "futility"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("cap", "selection"):
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "radii", radii)
        object.__setattr__(self, "looks", tuple(int(n) for n in looks))

    def _usual_looks(self) -> tuple[int, ...]:
        if self.procedure == "curtailed":  # a look costs nothing here, and nothing is decided early
            return tuple(-(-self.cap * i // STEPS) for i in range(1, STEPS + 1) if self.cap >= STEPS or i == STEPS)
        return tuple(int(n) for n in geometric(FIRST, self.cap, RATIO))

    @property
    def chunks(self) -> tuple[int, ...]:
        """The numbers of draws from each look to the next."""
        return tuple(int(n) for n in np.diff(self.looks, prepend=0))

    def boundaries(self) -> tuple[Boundary, ...]:
        """The stopping rule of each radius."""
        return _boundaries(self)

    def decide(self, successes: ArrayLike, trials: ArrayLike) -> Decisions:
        """What is decided so far about m images.

        Args:
            successes: (m, J) draws of the tested class in each chunk, in order, from the first; J up to the number of
                chunks.
            trials: (m, J) draws in each chunk: as in ``chunks``, and 0 from the first chunk on that is not drawn yet.

        Raises:
            UsageError: other chunks than the plan's, or more successes than draws.
        """
        counts, done = self._chunks(successes, trials)
        total = counts.cumsum(axis=1)
        images, last = len(total), len(self.looks)
        seen = np.arange(total.shape[1]) < done[:, None]
        certified, stop = np.zeros(images, dtype=np.int64), np.zeros(images, dtype=np.int64)
        going, ended = np.ones(images, dtype=bool), np.zeros(images, dtype=bool)
        for rule in self.boundaries():
            up = _first(seen & (total >= rule.certify[: total.shape[1]]), last)
            down = _first(seen & (total <= rule.refute[: total.shape[1]]), last)
            stop = np.where(going & (np.minimum(up, down) < last), np.maximum(stop, np.minimum(up, down)), stop)
            certified += going & (up < down)
            ended |= going & (down < up)
            going &= up < down
        ended |= going
        drawn = np.concatenate([[0], self.looks])[done]
        used = np.where(ended, np.asarray(self.looks)[stop], drawn)
        return Decisions(certified, ~ended, used)

    def _chunks(self, successes: ArrayLike, trials: ArrayLike) -> tuple[Integers, Integers]:
        k, n = counts_of(successes, "successes"), counts_of(trials, "trials")
        if k.shape != n.shape or k.ndim != 2 or k.shape[1] > len(self.looks):
            expected = f"(images, chunks) with at most {len(self.looks)} chunks"
            raise UsageError(f"expected successes and trials of one shape, {expected}, got {k.shape} and {n.shape}")
        done = np.sum(n > 0, axis=1)
        sizes = np.where(np.arange(n.shape[1]) < done[:, None], np.array(self.chunks)[: n.shape[1]], 0)
        for wrong, what in ((n != sizes, "chunks as planned"), (k > n, "at most as many successes as draws")):
            if wrong.any():
                i, j = (int(x[0]) for x in np.nonzero(wrong))
                planned = self.chunks[j]
                raise UsageError(
                    f"image {i}, chunk {j}: expected {what} ({planned} draws), got {k[i, j]} of {n[i, j]} draws"
                )
        return k, done


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a plan has decided about m images.

    ``certified`` (m,) how many of the radii, from the smallest, are certified; ``open`` (m,) whether more draws are
    needed; ``used`` (m,) draws up to the deciding look (so far, where it is open), without those of the selection.
    """

    certified: Integers
    open: NDArray[np.bool_]
    used: Integers


@lru_cache(maxsize=64)
def _boundaries(plan: Plan) -> tuple[Boundary, ...]:
    return tuple(_boundary(plan, radius) for radius in plan.radii)


def _boundary(plan: Plan, radius: float) -> Boundary:
    from scipy.special import ndtr

    looks = np.asarray(plan.looks, dtype=np.int64)
    p0, alpha = float(ndtr(radius / plan.sigma)), plan.alpha
    if plan.procedure == "curtailed" or radius > largest_radius(plan.cap, plan.sigma, alpha):
        return curtailed(looks, int(least_successes(plan.cap, radius, plan.sigma, alpha)))
    even = np.arange(1, len(looks) + 1) / len(looks)
    if plan.procedure == "e-process":
        certify, refute = mixture(looks, p0, 2 / alpha)[0], mixture(looks, p0, 1 / plan.futility)[1]
        certify[-1] = min(certify[-1], int(least_successes(plan.cap, radius, plan.sigma, alpha / 2)))
    else:
        spend = alpha * np.append(even[:-1] * (1 - FINAL), 1.0)
        certify, refute = spending_upper(looks, p0, spend), spending_lower(looks, p0, plan.futility * even)
    return Boundary(looks, certify, np.minimum(np.maximum(refute, hopeless(looks, certify)), certify - 1))


def _first(found: NDArray[np.bool_], none: int) -> Integers:
    """The index of the first True of each row, ``none`` where there is none."""
    if found.shape[1] == 0:
        return np.full(len(found), none)
    return np.where(found.any(axis=1), found.argmax(axis=1), none)


def _rising(values: tuple[float, ...] | tuple[int, ...]) -> bool:
    return all(b > a for a, b in pairwise(values))


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _require(valid: bool, name: str, expected: str, got: object) -> None:
    if not valid:
        raise UsageError(f"plan: {name}: expected {expected}, got {got}")
