"""The certificates behind a row of a certified board: one table for each evaluation, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from trustdm.bench.smoothing import accuracy as curves
from trustdm.bench.smoothing import sequential
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.certification.certificates import Certificates, certificates
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.types import Estimate, Origin
from trustdm.leaderboard.boards import Entry, Part
from trustdm.leaderboard.tasks.certification.noise import is_sequential, listed, sigma_of
from trustdm.leaderboard.text import DASH

FIXED = "fixed n, Clopper-Pearson"


@dataclass(frozen=True)
class Track:
    """One evaluation of a row: its ``table`` of images, the noise ``sigma`` (as the suite writes it) and ``alpha``.

    ``alpha`` is None where a publication does not say it; ``radii`` are those that the suite has columns for, or that
    a sequential procedure declared.
    """

    evaluation: str
    sigma: Fraction
    alpha: Fraction | None
    procedure: str
    table: Certificates
    radii: tuple[Fraction, ...]
    reported: bool = False

    @property
    def sequential(self) -> bool:
        """Whether only the declared radii were decided."""
        return self.table.radius is None

    @property
    def n(self) -> int:
        return len(self.table.example)

    def certified(self, radius: float) -> Estimate:
        """Certified accuracy at ``radius`` with its 95% interval; of a sequential one at its declared radii only."""
        return curves.share(int(self.table.reaches(radius).sum()), self.n)

    @property
    def average(self) -> Estimate | None:
        """The average certified radius; None where radii are not known."""
        it = self.table
        return None if it.radius is None else curves.average_certified_radius(it.right & ~it.abstained, it.radius)

    @property
    def abstention(self) -> Estimate:
        """The share of images without a certificate."""
        return curves.share(int(self.table.abstained.sum()), self.n)

    @property
    def draws(self) -> Estimate | None:
        """The mean number of draws an image took; None where a publication does not say it."""
        return curves.mean_estimate(self.table.draws, low=0.0) if self.table.draws.any() else None

    @property
    def longest(self) -> float:
        """The largest radius with a right label; 0 without any."""
        it = self.table
        if it.radius is None:
            return max(it.declared)
        reached = it.radius[it.right & ~it.abstained]
        return float(reached.max()) if len(reached) else 0.0

    def likely(self, radius: float) -> float | None:
        """What the share at ``radius`` is at least, with probability 0.999, as some certificates may be wrong."""
        if self.alpha is None:
            return None
        return curves.surely_robust(self.certified(radius).value, self.n, float(self.alpha))


def tracks(suite: Suite, entry: Entry) -> tuple[Track, ...]:
    """The evaluations of a row that have certificates of at least one image, in the order of the suite."""
    of_parts = (_track(suite, part) for part in entry.parts if part.evaluation in suite.evaluations)
    return tuple(track for track in of_parts if track is not None)


def _track(suite: Suite, part: Part) -> Track | None:
    name, result = part.evaluation, part.result
    table, sigma = certificates(part.view), sigma_of(suite, name)
    if table is None or sigma is None or not len(table.example):
        return None
    asked = {m.params["radius"] for m in suite.metrics if m.evaluation == name and "radius" in m.params}
    radii = tuple(sorted(Fraction(radius) for radius in asked))
    if result.origin is Origin.REPORTED:
        return _published(part, sigma, table, radii)
    params = suite.evaluations[name].params
    if not is_sequential(suite, name):
        return Track(name, sigma, Fraction(certification(suite).alpha), FIXED, table, radii)
    declared = tuple(Fraction(str(r)) for r in params["radii"])
    alpha = Fraction(str(params.get("alpha", "1/1000")))
    how = params.get("procedure", sequential.DEFAULT)
    return Track(name, sigma, alpha, f"sequential: {how}, {listed(declared)}, alpha {alpha}", table, declared)


def _published(part: Part, sigma: Fraction, table: Certificates, radii: Sequence[Fraction]) -> Track:
    said = dict(part.result.identity.method_params)
    alpha = _alpha(said.get("alpha"))
    words = f"published log, alpha {alpha or 'not said'}"
    return Track(part.evaluation, sigma, alpha, words, table, tuple(radii), reported=True)


def _alpha(stated: object) -> Fraction | None:
    """What whoever imported a log said; it may be any text."""
    try:
        alpha = Fraction(str(stated))
    except (ValueError, ZeroDivisionError):
        return None
    return alpha if 0 < alpha < 1 else None


def reach(track: Track, at: int) -> tuple[float | None, str]:
    """The radius of the image at place ``at`` and its text; of a sequential one the largest declared that holds."""
    it = track.table
    if it.radius is not None:
        value = float(it.radius[at])
        return value, f"{value:.3g}"
    count = int(it.certified[at]) if it.certified is not None else 0
    return (it.declared[count - 1], str(track.radii[count - 1])) if count else (None, DASH)
