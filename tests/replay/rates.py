"""Success probabilities of the images of a certified model, and what a procedure would spend and certify on them.

The frozen set (``frozen_rates.csv``, made by ``reconstruction``) stands for the certificates of Cohen et al. 2019; a
log of one's own gives the same by ``of_log``. Replaying uses random numbers of a seed, and no model.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.reconstruction import ABSTAINED, ALPHA, CORRECT, HERE, TABLE, TRIALS
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.smoothing.fixed import largest_radius, least_successes
from trustdm.bench.smoothing.logs import Log
from trustdm.bench.smoothing.sequential import Plan

Floats = NDArray[np.float64]

ABSTAINED_RATES: Final = (0.3, 0.5)


@dataclass(frozen=True, eq=False)
class Rates:
    """m images under noise ``sigma``: ``top`` (m,) the probability of the class that is tested, ``correct`` (m,)
    whether that is the label, ``abstained`` (m,) whether the fixed test abstained, ``successes`` (m,) the count of that
    class in ``trials`` draws."""

    sigma: float
    trials: int
    successes: NDArray[np.int64]
    correct: NDArray[np.bool_]
    abstained: NDArray[np.bool_]

    @property
    def top(self) -> Floats:
        """(successes + 1/2) / (trials + 1): not 1 where all draws agreed."""
        return np.asarray((self.successes + 0.5) / (self.trials + 1))

    @property
    def label(self) -> Floats:
        """The probability of the label: for wrong images the most it can be, 1 - top."""
        return np.where(self.correct | self.abstained, self.top, 1 - self.top)


@dataclass(frozen=True, eq=False)
class Replay:
    """Averages over ``repeats`` streams of draws for each image.

    ``draws`` a mean for each image, without those of the selection (m,); ``certified`` the share that is certified at
    each radius of the plan and tested on the right class (G,); ``fixed`` the same for Cohen et al.'s test of all draws
    of the same streams.
    """

    repeats: int
    draws: Floats
    certified: Floats
    fixed: Floats

    def reduction(self, plan: Plan) -> float:
        """How many times fewer draws than a fixed number, those of the selection included on both sides."""
        return (plan.selection + plan.cap) / (plan.selection + float(self.draws.mean()))


def settings() -> tuple[str, ...]:
    """The names of the frozen settings: data set and sigma."""
    return tuple(row.setting for row in TABLE)


def frozen(setting: str) -> Rates:
    """The frozen images of a setting, made from a published summary; see ``reconstruction`` for what is made up."""
    rows = _frozen().get(setting)
    if rows is None:
        raise UnknownName("setting", setting, settings())
    sigma = next(row.sigma for row in TABLE if row.setting == setting)
    outcomes = [row["outcome"] for row in rows]
    return Rates(
        sigma=sigma,
        trials=TRIALS,
        successes=np.array([int(row["successes"]) for row in rows], dtype=np.int64),
        correct=np.array([outcome == CORRECT for outcome in outcomes]),
        abstained=np.array([outcome == ABSTAINED for outcome in outcomes]),
    )


def of_log(log: Log, sigma: float, trials: int = TRIALS, alpha: float = ALPHA) -> Rates:
    """The images of a log: the counts that ``certify`` turns into its radii.

    Abstentions get probabilities evenly spread from 0.3 to 0.5, which the log does not say.

    Raises:
        UsageError: a radius is larger than any that ``trials`` draws can certify, even if it was rounded up to be
            printed: the log has another alpha, sigma or number of draws.
    """
    most, gone = largest_radius(trials, sigma, alpha), log.predicted < 0
    worst = int(log.least_radius.argmax())
    if log.least_radius[worst] > most:
        raise UsageError(
            f"image {log.index[worst]}: expected a radius up to {most:.4g}, the largest for sigma {sigma}, "
            f"{trials} draws and alpha {alpha}, got {log.radius[worst]:.4g}; give the values the log was made with"
        )
    successes = np.minimum(least_successes(trials, log.radius, sigma, alpha), trials)
    low, high = ABSTAINED_RATES
    spread = low + (high - low) * (np.arange(int(gone.sum())) + 0.5) / max(int(gone.sum()), 1)
    successes[gone] = (spread * trials).astype(np.int64)
    return Rates(sigma, trials, successes, log.correct, gone)


def replay(plan: Plan, rates: Rates, repeats: int = 10, seed: int = 0) -> Replay:
    """What ``plan`` spends and certifies on these images, beside the fixed test on the same draws.

    The tested class is taken to be the most frequent one (which 100 draws find nearly always where anything can be
    certified), or the label where the plan has no selection.
    """
    rng = np.random.default_rng(seed)
    p = rates.label if plan.selection == 0 else rates.top
    right = rates.correct if plan.selection else np.ones(len(p), dtype=bool)
    least = least_successes(plan.cap, plan.radii, plan.sigma, plan.alpha)
    sizes = np.broadcast_to(plan.chunks, (len(p), len(plan.chunks)))
    draws, certified, fixed = np.zeros(len(p)), np.zeros(len(least)), np.zeros(len(least))
    for _ in range(repeats):
        counts = rng.binomial(sizes, p[:, None])
        found = plan.decide(counts, sizes)
        draws += found.used
        certified += ((found.certified[:, None] > np.arange(len(least))) & right[:, None]).mean(axis=0)
        fixed += ((counts.sum(axis=1)[:, None] >= least) & right[:, None]).mean(axis=0)
    return Replay(repeats, draws / repeats, certified / repeats, fixed / repeats)


@lru_cache(maxsize=1)
def _frozen(path: Path = HERE) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["setting"], []).append(row)
    return found
