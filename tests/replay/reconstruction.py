"""A published summary of Cohen et al.'s certificates, and success counts of images that reproduce it.

The counts are made up, by rule: the summary says how many images lie between two radii, not where. They are not the
authors' logs. What the summary does not say is filled in as follows, and nothing is drawn at random.

- Correct images between two listed radii: evenly spread in radius, at the middles of equal parts.
- Correct images above the last listed radius that any reaches: some at the largest radius that n draws can certify,
  the others evenly spread up to it, the share such that the average certified radius comes out; where that average is
  too low for any at the top, all evenly spread over a shorter stretch.
- Wrong images: radii at the quantiles of the absolute value of a normal variable with standard deviation sigma.
- Abstentions: the probability of the top class evenly spread from 0.3 to 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.smoothing.fixed import largest_radius, least_successes

Floats = NDArray[np.float64]

TRIALS: Final = 100_000
ALPHA: Final = 0.001
HERE: Final = Path(__file__).parent / "frozen_rates.csv"
CORRECT, WRONG, ABSTAINED = "correct", "wrong", "abstained"


@dataclass(frozen=True, slots=True)
class Published:
    """One line of the summary: shares of ``images`` at each of ``radii``, of abstentions, and the average radius."""

    setting: str
    sigma: float
    images: int
    abstained: float
    average: float
    radii: tuple[float, ...]
    certified: tuple[float, ...]


_FINE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
TABLE: Final = (
    Published("cifar10-0.12", 0.12, 500, 0.038, 0.270, _FINE[:3], (0.814, 0.586, 0.0)),
    Published("cifar10-0.25", 0.25, 500, 0.086, 0.429, _FINE[:5], (0.748, 0.600, 0.428, 0.266, 0.0)),
    Published(
        "cifar10-0.50", 0.5, 500, 0.166, 0.538, _FINE[:8], (0.652, 0.546, 0.414, 0.320, 0.234, 0.152, 0.094, 0.0)
    ),
    Published(
        "cifar10-1.00",
        1.0,
        500,
        0.290,
        0.542,
        _FINE,
        (0.472, 0.392, 0.340, 0.278, 0.216, 0.174, 0.140, 0.100, 0.048, 0.020),
    ),
    Published("imagenet-0.25", 0.25, 427, 0.089, 0.477, _FINE[:5], (0.667, 0.581, 0.494, 0.375, 0.0)),
    Published(
        "imagenet-0.50", 0.5, 500, 0.164, 0.733, _FINE[:8], (0.572, 0.518, 0.458, 0.424, 0.372, 0.330, 0.286, 0.0)
    ),
    Published(
        "imagenet-1.00",
        1.0,
        500,
        0.296,
        0.875,
        _FINE,
        (0.436, 0.406, 0.378, 0.354, 0.326, 0.290, 0.260, 0.194, 0.148, 0.122),
    ),
)


def reconstruct(row: Published) -> list[tuple[int, str]]:
    """(successes of the top class in TRIALS draws, outcome) of each image of a line of the summary."""
    from scipy.special import ndtri

    images = [(count, CORRECT) for count in _counts(_correct(row), row.sigma)]
    abstained = round(row.abstained * row.images)
    wrong = row.images - len(images) - abstained
    radii = row.sigma * ndtri(0.5 + (np.arange(wrong) + 0.5) / (2 * wrong))
    images += [(count, WRONG) for count in _counts(radii, row.sigma)]
    rates = 0.3 + 0.2 * (np.arange(abstained) + 0.5) / abstained
    return images + [(int(TRIALS * rate), ABSTAINED) for rate in rates]


def write(path: Path = HERE) -> None:
    """Writes the counts of all settings, as comma-separated lines under a header."""
    lines = ["setting,outcome,successes"]
    lines += [f"{row.setting},{outcome},{count}" for row in TABLE for count, outcome in reconstruct(row)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _correct(row: Published) -> Floats:
    """The radii of the correct images, rising."""
    numbers = [round(share * row.images) for share in row.certified] + [0]
    top = max(i for i, number in enumerate(numbers) if number)
    inside = [_spread(row.radii[i], row.radii[i + 1], numbers[i] - numbers[i + 1]) for i in range(top)]
    below = np.concatenate([*inside, np.zeros(0)])
    return np.concatenate([below, _last(row, row.radii[top], numbers[top], float(below.sum()))])


def _last(row: Published, low: float, number: int, below: float) -> Floats:
    cap = largest_radius(TRIALS, row.sigma, ALPHA)
    mean = (row.average * row.images - below) / number
    middle = (low + cap) / 2
    if mean <= middle:
        return _spread(low, 2 * mean - low, number)
    at_top = round(number * min(1.0, (mean - middle) / (cap - middle)))
    return np.concatenate([_spread(low, cap, number - at_top), np.full(at_top, cap)])


def _spread(low: float, high: float, number: int) -> Floats:
    return low + (high - low) * (np.arange(number) + 0.5) / max(number, 1)


def _counts(radii: Floats, sigma: float) -> list[int]:
    return [int(count) for count in np.minimum(least_successes(TRIALS, radii, sigma, ALPHA), TRIALS)]


if __name__ == "__main__":
    write()
