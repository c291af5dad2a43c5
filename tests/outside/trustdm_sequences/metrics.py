"""What is said of a model: how many members it gives away, and how well it predicts."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.summary.score import Score, shares
from trustdm.bench.types import Estimate, Status

if TYPE_CHECKING:
    from trustdm.bench.records import Records
    from trustdm.bench.suite.models import MetricSpec
    from trustdm.bench.summary.cell import CellView

Floats = NDArray[np.float64]


class Suspicion(NamedTuple):
    """For each sequence, ascending: its index in the data, whether it is a member, how much it looks like one."""

    example: NDArray[np.int64]
    member: NDArray[np.bool_]
    score: Floats


def at(records: Records, probe: str) -> Records:
    """What was said at a probe, in the order of the positions."""
    return records.where((records.probe == probe) & (records.status == Status.MADE)).sorted()


def suspicion(cell: CellView) -> Suspicion | None:
    """The mean over the masks of how much more likely the model finds a sequence than the reference does.

    A block may end between two masks of a sequence, which then does not count.
    """
    model, reference = at(cell.records, "model"), at(cell.records, "reference")
    place, first, masks = np.unique(model.example // cell.per_example, return_index=True, return_counts=True)
    whole = masks == cell.per_example
    if not whole.any():
        return None
    mean = np.add.reduceat(model.value - reference.value, first) / masks
    example = cell.suite.test[place[whole]]
    order = np.argsort(example)
    return Suspicion(example[order], model.label[first[whole]][order] == 1, mean[whole][order])


def recognised(known: Suspicion, allowed: int) -> NDArray[np.bool_]:
    """Which sequences look more like members than all but ``allowed`` of those that are none."""
    others = np.sort(known.score[~known.member])[::-1]
    return known.score > (others[allowed] if allowed < len(others) else -np.inf)


def true_positives(cell: CellView, spec: MetricSpec) -> Score | None:
    """The true positive rate at a false positive rate; with too few non-members that rate has no meaning."""
    known = suspicion(cell)
    if known is None or not known.member.any():
        return None
    rate, others = Fraction(spec.params["fpr"]), int((~known.member).sum())
    right = recognised(known, int(rate * others))
    values = np.where(known.member, right, np.nan)
    score = shares(known.example, values, known.member.astype(np.int64))
    least = -(-rate.denominator // rate.numerator)
    if score is None or others >= least:
        return score
    few = f"a false positive rate of {rate} takes at least {least} sequences that are no members, got {others}"
    return Score(score.estimate, score.examples, score.values, caveat=few)


def code_length(cell: CellView, spec: MetricSpec) -> Score | None:
    """The mean bits of a token, with Student's interval over the sequences."""
    said = at(cell.records, spec.probe or "model")
    if len(said) < 2:
        return None
    bits = code_length_of(said.value, cell.suite.data.shape[0])
    return Score(mean_of(bits), said.example, bits)


def code_length_of(likelihoods: Floats, length: int) -> Floats:
    """Bits a token takes in sequences of that length, from the natural logarithms of their likelihoods."""
    return np.asarray(-likelihoods / (np.log(2) * length))


def mean_of(values: Floats) -> Estimate:
    """The mean of at least two values with Student's 95% interval."""
    from scipy.special import stdtrit

    n, middle = len(values), float(values.mean())
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / n**0.5
    return Estimate(middle, middle - half, middle + half, n)
