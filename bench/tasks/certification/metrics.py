"""Statistics of certificates: accuracy at a radius, average radius, abstention, draws; image by image."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.smoothing import accuracy
from trustdm.bench.summary.score import Score, single
from trustdm.bench.tasks.certification.certificates import certificates

if TYPE_CHECKING:
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView


def certified(cell: CellView, spec: MetricSpec) -> Score | None:
    """Share of images whose right label is certified at the metric's radius.

    Raises:
        UsageError: a sequential procedure did not declare this radius.
    """
    table = certificates(cell)
    if table is None:
        return None
    return single(table.example, table.reaches(float(Fraction(spec.params["radius"]))).astype(np.float64))


def abstention(cell: CellView, spec: MetricSpec) -> Score | None:
    """Share of images on which the method abstains."""
    table = certificates(cell)
    return None if table is None else single(table.example, table.abstained.astype(np.float64))


def average_radius(cell: CellView, spec: MetricSpec) -> Score | None:
    """The mean radius of the right label, 0 where it is wrong or abstained on (ACR, Zhai et al. 2020)."""
    table = certificates(cell)
    if table is None or table.radius is None:
        return None
    reach = accuracy.counted_radius(table.right & ~table.abstained, table.radius)
    return Score(accuracy.mean_estimate(reach, low=0.0), table.example, reach)


def draws(cell: CellView, spec: MetricSpec) -> Score | None:
    """The mean number of noisy copies of an image that were classified."""
    table = certificates(cell)
    if table is None or not table.draws.any():
        return None
    values = table.draws.astype(np.float64)
    return Score(accuracy.mean_estimate(values, low=0.0), table.example, values)
