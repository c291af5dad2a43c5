"""What a comparison of two rows says: separated, tied, or that n is too small to tell; and what n could separate.

Two rows are *separated* where the test of the pair, corrected for all pairs, says so. Of the others, two are *tied*
where the corrected interval of their difference lies within a margin that nobody would care about; everywhere else the
data leave open whether they differ. (Absence of a significant difference is no evidence of a tie.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["separated", "tied", "n too small to tell"]
SEPARATED: Verdict = "separated"
TIED: Verdict = "tied"
OPEN: Verdict = "n too small to tell"
SHARE_MARGIN = 0.02
RELATIVE_MARGIN = 0.1
"""Two points of a share, a tenth of the larger of two other values: what a suite without a margin calls a tie."""


def pair_errors(values: Floats) -> Floats:
    """Standard errors (m, m) of the mean differences of the rows of ``values`` (m, n), NaN left out pair by pair.

    Two rows that share fewer than two examples have an infinite one: nothing is known of their difference.
    """
    known = ~np.isnan(values)
    filled, mask = np.where(known, values, 0.0), known.astype(np.float64)
    count = mask @ mask.T
    shared = np.maximum(count, 1)
    gap = (filled @ mask.T - mask @ filled.T) / shared
    squares = (filled**2) @ mask.T + mask @ (filled**2).T - 2 * filled @ filled.T
    variance = np.maximum(squares / shared - gap**2, 0.0)
    return np.where(count < 2, np.inf, np.sqrt(variance / np.maximum(shared - 1, 1)))


def z_errors(errors: Sequence[float]) -> Floats:
    """The same from each row's own standard error (m,), for independent statistics."""
    squares = np.asarray(errors, dtype=np.float64) ** 2
    return np.asarray(np.sqrt(squares[:, None] + squares[None, :]))


def quantile(level: float, pairs: int) -> float:
    """The normal quantile that a difference must exceed, in standard errors, among that many pairs (Bonferroni)."""
    from scipy.special import ndtri

    return float(ndtri(1 - level / (2 * max(pairs, 1))))


def smallest_separable(errors: Floats, level: float, n: int | None, *, binary: bool) -> float | None:
    """The least difference that a group could separate, in the metric's unit; None for a row that is alone.

    None too where no example is shared by all rows (``n`` is 0), or no pair has an error that is known.

    For 0/1 values of ``n`` examples it is exact: the least count b of examples that all speak for one row and make
    McNemar's test, 2^(1 - b), reject at the corrected level. For others it is the least corrected half-width.
    """
    m = len(errors)
    pairs = m * (m - 1) // 2
    apart = errors[np.triu_indices(m, 1)]
    apart = apart[np.isfinite(apart)]
    if not len(apart) or n == 0:
        return None
    if binary and n:
        return float(min(1.0, np.ceil(1 + np.log2(pairs / level)) / n))
    return float(quantile(level, pairs) * apart.min())


def margins(unit: str, values: Sequence[float], margin: float | None) -> Floats:
    """The margin (m, m) of each pair: the suite's, or the usual one of the unit."""
    size = np.abs(np.asarray(values, dtype=np.float64))
    if margin is not None or unit == "share":
        return np.full((len(size), len(size)), SHARE_MARGIN if margin is None else margin)
    return np.asarray(RELATIVE_MARGIN * np.maximum(size[:, None], size[None, :]))


def unseen(level: float, pairs: int, n: int) -> float:
    """The greatest share of examples that may tell two rows apart although none of ``n`` did, at the corrected level.

    1 - (level / pairs)^(1 / n): exact for independent examples (the rule of three is its approximation).
    """
    return float(1 - (level / max(pairs, 1)) ** (1 / max(n, 1)))


def against_best(
    better: NDArray[np.bool_], gap: Floats, errors: Floats, z: float, margin: Floats, least: float = 0.0
) -> list[Verdict | None]:
    """The verdict of each row against the best one of its group; None for the best itself.

    ``better`` and ``gap`` (m, m) as in ``bench.stats``, ``errors`` (m, m) of the differences, ``margin``
    (m, m) as ``margins`` gives it. No interval has a half-width below
    ``least``: rows that agree on a handful of examples have no spread, and are not known to be equal.
    """
    best = int(np.argmax(gap.sum(axis=1)))
    verdicts: list[Verdict | None] = []
    for i in range(len(gap)):
        if i == best:
            verdicts.append(None)
        elif better[best, i] or better[i, best]:
            verdicts.append(SEPARATED)
        else:
            verdicts.append(TIED if abs(gap[best, i]) + max(z * errors[best, i], least) <= margin[best, i] else OPEN)
    return verdicts
