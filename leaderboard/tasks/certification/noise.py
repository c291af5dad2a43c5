"""The noise of a certified suite's evaluations, and how many draws they take: in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.certification.certificates import SEQUENTIAL
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.types import Estimate


def sigmas(suite: Suite) -> list[Fraction]:
    """The noise levels of a certified board, ascending."""
    of_evaluations = {sigma_of(suite, name) for name in suite.evaluations}
    return sorted(sigma for sigma in of_evaluations if sigma is not None)


def sigma_of(suite: Suite, evaluation: str) -> Fraction | None:
    """The noise of an evaluation; None where it has none."""
    spec = suite.evaluations.get(evaluation)
    level = spec.params.get("sigma") if spec else None
    return Fraction(str(level)) if level is not None else None


def is_sequential(suite: Suite, evaluation: str) -> bool:
    """Whether an evaluation draws as few as it takes for declared radii."""
    spec = suite.evaluations.get(evaluation)
    return spec is not None and spec.protocol == SEQUENTIAL


def whole(suite: Suite) -> int:
    """The draws of an image where their number is fixed: those that select and those that estimate."""
    it = certification(suite)
    return it.selection + it.estimation


def reduction(suite: Suite, draws: Estimate) -> str:
    """ "8.9× fewer than 10,100"; empty where it is as many."""
    fixed = whole(suite)
    if not fixed or not draws.value or draws.value >= 0.995 * fixed:
        return ""
    return f"{fixed / draws.value:.3g}× fewer than {fixed:,}"


def listed(radii: Iterable[object]) -> str:
    """Radii as "radius 1/2" or "radii 1/4, 1/2"."""
    words = [str(radius) for radius in radii]
    return f"radi{'us' if len(words) == 1 else 'i'} {', '.join(words)}"
