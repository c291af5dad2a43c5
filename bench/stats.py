"""Numbers in, intervals, p-values and rank intervals out: numpy and scipy, no randomness, nothing about records.

Shares are in [0, 1]; ``level`` of an interval is its coverage (0.95), ``level`` of a test its error rate (0.05).
scipy is imported where it is used: it doubles the time that a listing takes to start.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustdm.bench.types import Estimate

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]

MCNEMAR, SIGN_FLIP, PAIRED_T, Z_TEST = "exact McNemar", "exact sign-flip", "paired t", "z-test of distances"
_MOST_PARTS = 64
_MOST_SUM = 1 << 20


def wilson(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> Bounds:
    """Low and high end of Wilson's score interval for ``k`` successes in ``n`` trials; (0, 1) where ``n`` is 0.

    Neither has to be an integer: an effective sample size is allowed. Wilson 1927.
    """
    from scipy.special import ndtri

    k, n = _trials(k, n, level)
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    size = np.maximum(n, np.finfo(float).tiny)
    p = k / size
    centre = (k + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (n * p * (1 - p) + z2 / 4)) / (n + z2)
    low = np.where(k <= 0, 0.0, np.clip(centre - half, 0, 1))
    high = np.where(k >= n, 1.0, np.clip(centre + half, 0, 1))
    return low, high


def clopper_pearson(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> Bounds:
    """Low and high end of the exact interval for ``k`` successes in ``n`` trials; (0, 1) where ``n`` is 0.

    Covers with probability at least ``level`` for every true share. Clopper and Pearson 1934.
    """
    from scipy.special import betaincinv

    k, n = _trials(k, n, level)
    tail = (1 - level) / 2
    low = np.where(k <= 0, 0.0, betaincinv(np.maximum(k, 1), n - k + 1, tail))
    high = np.where(k >= n, 1.0, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail))
    return low, high


def clustered(means: ArrayLike, draws: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean of per-example shares, with an interval that takes the example as the unit; n counts examples.

    ``means`` (n,) in [0, 1]; ``draws`` (n,) repetitions behind each. Wilson's interval at the effective sample size
    p (1 - p) / Var(mean), where the variance is that between examples, times the squared ratio of the normal to
    Student's quantile (Korn and Graubard 1998, there with Clopper-Pearson). It is kept between two ends that hold for
    draws that are exchangeable within an example, whose correlation is never negative: as many as there are examples
    (draws repeat each other) and n^2 / sum(1 / draws) (draws are independent). With one draw each this is Wilson's
    interval, exactly. Where all verdicts agree nothing is known about the correlation, and the lower end is taken.
    Where fewer than about five examples decide the share it covers less (0.90). No examples: NaN, (0, 1).
    """
    shares, counts = np.asarray(means, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if shares.shape != counts.shape or shares.ndim != 1 or np.any(counts < 1) or np.any((shares < 0) | (shares > 1)):
        raise ValueError(f"expected n shares in [0, 1] with n positive counts, got {shares.shape} and {counts.shape}")
    n = len(shares)
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    p = min(float(shares.mean()), 1.0)
    size = _effective_size(shares, counts, level)
    low, high = wilson(p * size, size, level)
    return Estimate(p, min(float(low), p), max(float(high), p), n)


def mcnemar_exact(b: ArrayLike, c: ArrayLike) -> Floats:
    """Two-sided exact p-values for ``b`` examples that only the first got right and ``c`` that only the second did.

    Twice the smaller binomial tail, at most 1; 1 where no example tells the two apart. McNemar 1947, conditional.
    """
    from scipy.special import betainc

    b, c = np.asarray(b, dtype=np.float64), np.asarray(c, dtype=np.float64)
    fewer, more = np.minimum(b, c), np.maximum(b, c)
    # P(Binomial(b + c, 1/2) <= fewer), by the incomplete beta function; it wants positive parameters.
    tail = betainc(np.maximum(more, 1), fewer + 1, 0.5)
    return np.where(b == c, 1.0, np.minimum(1.0, 2 * tail))


def paired_test(a: ArrayLike, b: ArrayLike) -> tuple[float, str]:
    """Two-sided p-value of "both are equally good" from one value for each example, and the name of the test.

    Examples where either value is NaN are left out. 0/1 values: exact McNemar. Shares of a few draws: the sign-flip
    permutation test, in its exact distribution (the differences are multiples of one step, so the distribution of
    their sum is a product of binomials); McNemar's test is its special case. Anything else: the paired t-test.
    Nothing is drawn at random.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"expected two vectors over the same examples, got {first.shape} and {second.shape}")
    both = ~(np.isnan(first) | np.isnan(second))
    first, second = first[both], second[both]
    if _binary(first) and _binary(second):
        return float(mcnemar_exact(np.sum(first > second), np.sum(first < second))), MCNEMAR
    difference = first - second
    steps = _as_steps(difference)
    return (_paired_t(difference), PAIRED_T) if steps is None else (_sign_flip(steps), SIGN_FLIP)


def pairwise(values: ArrayLike) -> tuple[Floats, Floats, str]:
    """For each pair of rows: two-sided p-value, mean difference (row minus column), and the tests' names.

    ``values`` (m, n): one value for each method and example, higher is better, NaN where there is none; a pair is
    compared on the examples that both have. The p-values (m, m) are symmetric with 1 on the diagonal.
    """
    table = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(table)
    filled, mask = np.where(known, table, 0.0), known.astype(np.float64)
    shared = mask @ mask.T
    gap = (filled @ mask.T - mask @ filled.T) / np.maximum(shared, 1)
    if _binary(filled):
        only = filled @ (mask - filled).T
        return mcnemar_exact(only, only.T), gap, MCNEMAR
    p, names = np.ones_like(gap), set()
    for i, j in combinations(range(len(table)), 2):
        p[i, j], name = paired_test(table[i], table[j])
        p[j, i] = p[i, j]
        names.add(name)
    return p, gap, " and ".join(sorted(names)) or MCNEMAR


def z_pairwise(values: ArrayLike, errors: ArrayLike, direction: int) -> tuple[Floats, Floats, str]:
    """As ``pairwise``, from a statistic of each row and its standard error (m,): z-tests of independent statistics.

    ``direction`` is 1 where higher is better, -1 where lower is. Positively correlated errors (generators that are
    given the same seeds, say) make the test cautious.
    """
    from scipy.special import ndtr

    value, se = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    gap = direction * (value[:, None] - value[None, :])
    error = np.sqrt(se[:, None] ** 2 + se[None, :] ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(gap == 0, 0.0, np.abs(gap) / error)
    return 2 * ndtr(-z), gap, Z_TEST


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values (m,), in the order given: reject those up to the level, and the chance that any rejected
    hypothesis is true is at most the level, whatever the dependence. Holm 1979."""
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def significantly_better(p: ArrayLike, gap: ArrayLike, level: float = 0.05) -> NDArray[np.bool_]:
    """Which row is better than which column (m, m), by Holm's method over all m (m - 1) / 2 pairs.

    ``p`` and ``gap`` as ``pairwise`` returns them: two-sided p-values, and differences where positive is better. The
    chance that equal rows are told apart is at most ``level``, whatever the dependence. That a row is put on the
    wrong side is bounded so for independent pairs (Shaffer 1980); for paired verdicts it is checked by simulation.
    """
    table, difference = np.asarray(p, dtype=np.float64), np.asarray(gap, dtype=np.float64)
    upper = np.triu_indices(len(table), 1)
    separated = np.zeros(table.shape, dtype=bool)
    separated[upper] = holm(table[upper]) <= level
    return np.asarray((separated | separated.T) & (difference > 0))


def rank_intervals(better: ArrayLike) -> list[tuple[int, int]]:
    """The lowest and highest rank each of m methods can have, given who is significantly better than whom.

    ``better`` (m, m): row better than column. Low is 1 + the number significantly better, high is m - the number
    significantly worse. Where the chance of any wrong entry is at most the level, all intervals hold the true ranks
    at once with probability 1 - level. Mogstad, Romano, Shaikh and Wilhelm 2024.
    """
    table = np.asarray(better, dtype=bool)
    low, high = 1 + table.sum(axis=0), len(table) - table.sum(axis=1)
    return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


def _trials(k: ArrayLike, n: ArrayLike, level: float) -> Bounds:
    k, n = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not np.all((k >= 0) & (k <= n)):
        raise ValueError(f"expected 0 <= k <= n, got k={k} and n={n}")
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, got {level}")
    return k, n


def _effective_size(shares: Floats, draws: Floats, level: float) -> float:
    from scipy.special import ndtri, stdtrit

    n, p = len(shares), float(shares.mean())
    between = float(shares.var(ddof=1)) / n if n > 1 else 0.0
    spread = p * (1 - p)
    if n == 1 or spread <= 0:
        return float(n)
    most = n * n / float(np.sum(1 / draws))
    # The variance is itself estimated, from n examples: Student's quantile in place of the normal one.
    shrink = float(ndtri(0.5 + level / 2) / stdtrit(n - 1, 0.5 + level / 2)) ** 2
    size = most if between * most <= spread else spread / between
    return float(np.clip(size * shrink, n, most))


def _binary(values: Floats) -> bool:
    return bool(np.all((values == 0) | (values == 1)))


def _as_steps(difference: Floats) -> NDArray[np.int64] | None:
    """The non-zero differences as whole multiples of one step, or None where there is no such step of use."""
    moved = difference[np.abs(difference) > 1e-12]
    if not len(moved):
        return np.zeros(0, dtype=np.int64)
    scaled = moved / np.abs(moved).min()
    for parts in range(1, _MOST_PARTS + 1):
        steps = np.rint(scaled * parts)
        if np.abs(steps).sum() > _MOST_SUM:
            return None
        if np.all(np.abs(steps - scaled * parts) < 1e-9 * parts * np.maximum(1, np.abs(scaled))):
            return np.asarray(steps, dtype=np.int64)
    return None


def _sign_flip(steps: NDArray[np.int64]) -> float:
    """P(|sum of steps with random signs| >= |their sum|), from the characteristic function of the sum.

    With B(v) of the n(v) steps of size v positive, the sum is 2 W - K, where W = sum of v B(v) and K = sum of sizes;
    the transform of W is a phase times a product of cos(v w / 2)^n(v). Exact to about 1e-14.
    """
    total, observed = int(np.abs(steps).sum()), abs(int(steps.sum()))
    if observed == 0:
        return 1.0
    size = 1 << int(total).bit_length()
    index = np.arange(size // 2 + 1)

    def angle(factor: int) -> Floats:
        # Reduced as integers, so that nothing is rounded before the cosine.
        return np.asarray(np.pi / size * (index * factor % (2 * size)))

    spectrum = np.exp(-1j * angle(total))
    for value, count in zip(*np.unique(np.abs(steps), return_counts=True), strict=True):
        spectrum *= np.cos(angle(int(value))) ** int(count)
    mass = np.fft.irfft(spectrum, size)
    tail = float(np.clip(mass[: (total - observed) // 2 + 1], 0, None).sum())
    return min(1.0, max(2 * tail, 2.0 ** (1 - min(len(steps), 1000))))


def _paired_t(difference: Floats) -> float:
    from scipy.special import stdtr

    n = len(difference)
    error = float(difference.std(ddof=1)) / np.sqrt(n)
    return float(2 * stdtr(n - 1, -abs(float(difference.mean())) / error))
