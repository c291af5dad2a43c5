"""Scores of a finished sequential plan: of what it declared, and of nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import UsageError
from trustdm.bench.smoothing.accuracy import mean_estimate, share
from trustdm.bench.smoothing.sequential import Decisions, Plan
from trustdm.bench.types import Estimate


@dataclass(frozen=True, eq=False)
class SequentialSummary:
    """Scores of a finished plan. ``correct`` (m,): the tested class is the label.

    When to stop was decided for the plan's radii and alpha, so the counts say nothing exact about others: asking for
    another is an error. (Counts of a fixed number of draws can be scored at any.)
    """

    plan: Plan
    decisions: Decisions
    correct: NDArray[np.bool_]

    def __post_init__(self) -> None:
        waiting = int(self.decisions.open.sum())
        if waiting:
            raise UsageError(f"expected decisions for all images, got {waiting} that need more draws")
        if np.shape(self.correct) != self.decisions.certified.shape:
            expected = self.decisions.certified.shape
            raise UsageError(f"correct: expected one value for each image, {expected}, got {np.shape(self.correct)}")

    def certified_accuracy(self, radius: float, alpha: float | None = None) -> Estimate:
        """The share of images that are correct with at least ``radius``, one of the plan's; Wilson's 95% interval."""
        if alpha is not None and alpha != self.plan.alpha:
            raise self._refusal("alpha", alpha, f"alpha {self.plan.alpha}")
        if radius not in self.plan.radii:
            raise self._refusal("radius", radius, f"radii {list(self.plan.radii)}")
        passed = self.correct & (self.decisions.certified > self.plan.radii.index(radius))
        return share(int(passed.sum()), len(passed))

    def average_certified_radius(self) -> Estimate:
        """Always an error: a plan says which of its radii hold, not how large the radius is."""
        raise self._refusal("average certified radius", "any", f"radii {list(self.plan.radii)}")

    def abstention(self) -> Estimate:
        """The share of images for which radius 0 is not certified; an error unless 0 is one of the plan's radii."""
        if self.plan.radii[0] != 0:
            raise self._refusal("radius", 0.0, f"radii {list(self.plan.radii)}")
        return share(int(np.sum(self.decisions.certified == 0)), len(self.correct))

    def draws(self) -> Estimate:
        """The mean number of draws for an image, those of the selection included, with a 95% interval."""
        return mean_estimate(self.plan.selection + self.decisions.used, low=0.0)

    def reduction(self) -> float:
        """How many times fewer draws than a fixed number, the cap, would have been."""
        return (self.plan.selection + self.plan.cap) / self.draws().value

    def _refusal(self, what: str, got: object, planned: str) -> UsageError:
        reason = (
            f"drawing stopped as soon as {self.plan.procedure} had decided these, so other questions have no answer"
        )
        return UsageError(
            f"{what}: expected what the plan declared, {planned}, got {got}; {reason}; declare it and rerun"
        )
