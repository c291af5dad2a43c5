"""What cannot be in handed-in records of images under attack, beside the budget, the true labels and the counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import Records
from trustdm.bench.store.consistency import Mask, first_fault
from trustdm.bench.suite.further import evaluation_of
from trustdm.bench.tasks.claim import UNKNOWN, Claim, ClaimedBlock, Contradiction
from trustdm.bench.tasks.robustness.records_check import CLEAN
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Budget, Status

ATTACKED = ("adversarial", "adaptive")
OURS = ("clean", *ATTACKED)
ROUNDING = 1e-6
"""By which share a norm may exceed eps: candidates are projected exactly, their difference is rounded to float32."""
PER_EXAMPLE = ("unverified_rows", "randomized_rows", "probability_rows", "zero_gradient_rows")
"""Counts of a block of attacks that are at most one for each example."""
GATE = ("gate_wrong_rows", "gate_unrepeatable_rows")
"""Counts among the images that the gate looked at."""


def contradictions(claim: Claim) -> Iterator[Contradiction]:
    """What cannot be in a cell of this task's own protocols."""
    if claim.identity.protocol not in OURS:
        return
    budget = budget_of(claim.suite)
    for block in claim.blocks:
        if words := first_fault(block.records, _rules(block.records, claim, budget)):
            yield block.wrong("records", words)
        if not claim.reported:
            yield from _draws(block, claim.draws)
            yield from _counts(
                block, attacked=claim.identity.protocol in ATTACKED, adaptive=claim.identity.protocol == ATTACKED[1]
            )
        yield from _gallery(block, claim, budget)


def _rules(records: Records, claim: Claim, budget: Budget) -> list[tuple[str, str, Mask]]:
    right, wrong = records.status == Status.CORRECT, records.status == Status.WRONG
    truth = claim.truth(records.example)
    known, same = truth != UNKNOWN, records.label == truth
    searched = (right | wrong) & (records.probe != CLEAN)
    most = budget.radius * (1 + ROUNDING)
    return [
        ("a verdict, as the block is done", "", (records.status == Status.FAILED) & (not claim.reported)),
        (f"a label below {claim.suite.data.classes}", "label", records.label >= claim.suite.data.classes),
        ("the label that the data set has", "label", right & known & ~same),
        ("another label than the data set has", "label", wrong & known & same),
        ("a norm", "norm", searched & np.isnan(records.norm)),
        (f"a norm of at most eps, {budget.eps}", "norm", records.norm > most),
    ]


def _draws(block: ClaimedBlock, draws: int) -> Iterator[Contradiction]:
    """Every probe is judged under every draw: fewer could have been chosen."""
    for probe in np.unique(block.records.probe):
        got = np.unique(block.records.draw[block.records.probe == probe])
        if len(got) != draws:
            yield block.wrong("records", f"probe {str(probe)!r}: expected {draws} draws, got {len(got)}")
            return


def _counts(block: ClaimedBlock, *, attacked: bool, adaptive: bool) -> Iterator[Contradiction]:
    """The harness counts in every block; without a count a warning would stay away."""
    size = float(len(block.positions))
    expected = {"checked_rows": (size, size)} if attacked else {}
    expected |= dict.fromkeys(PER_EXAMPLE if attacked else PER_EXAMPLE[:1], (0.0, size))
    if adaptive:
        ran = (block.records.probe != CLEAN) & (block.records.status != Status.NOT_RUN)
        looked_at = block.diagnostics.get("gate_rows", 0.0)
        expected |= {"same_draw_rows": (0.0, size)}
        if ran.any():  # without the gate's counts, a wrong gradient would stay unseen
            expected |= {"gate_rows": (1.0, 2 * size)} | dict.fromkeys(GATE, (0.0, looked_at))
    for name, (low, high) in expected.items():
        got = block.diagnostics.get(name)
        if got is None or not low <= got <= high:
            words = f"{high:g}" if low == high else f"{low:g} to {high:g}"
            yield block.wrong("diagnostics", f"{name}: expected {words}, got {got}")
            return


def _gallery(block: ClaimedBlock, claim: Claim, budget: Budget) -> Iterator[Contradiction]:
    """The images that a page shows: pixels within the budget of each other, of the block's first examples."""
    x, moved = block.array("x"), block.array("x_adv")
    if x is None or moved is None:
        return
    shape = claim.suite.data.shape
    for name, images in (("x", x), ("x_adv", moved)):
        if images.dtype.kind != "f" or images.shape[1:] != shape or not 0 < len(images) <= len(block.positions):
            yield block.wrong(
                "artefacts", f"{name}: expected images {shape} in floats, got {images.dtype} {images.shape}"
            )
            return
        if not ((images >= 0) & (images <= 1)).all():
            yield block.wrong("artefacts", f"{name}: expected pixels from 0 to 1, got others")
            return
    if len(x) != len(moved) or _distance(x, moved, budget) > budget.radius * (1 + ROUNDING):
        yield block.wrong("artefacts", f"x_adv: expected images within {budget.eps} of those of x, got others")
        return
    first = block.positions[: len(x)]
    truth = claim.truth(first)
    expected = {"gallery_examples": first, "gallery_labels": truth}
    shown = block.array("gallery_predictions")
    if shown is not None and shown.dtype.kind == "i" and shown.shape == first.shape and shown.max() < 2**31:
        expected["gallery_predictions"] = _last_labels(block.records, claim, first)  # another form is refused as such
    for name, values in expected.items():
        got = block.array(name)
        if got is not None and not (got.shape == values.shape and ((got == values) | (values == UNKNOWN)).all()):
            yield block.wrong("artefacts", f"{name}: expected those of the first {len(x)} examples, got others")


def _last_labels(records: Records, claim: Claim, examples: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the records say each of the ``examples`` (n,) was taken for last, under the first draw."""
    labels = np.full(len(examples), UNKNOWN, dtype=np.int64)
    spec = evaluation_of(claim.suite, claim.identity.evaluation, claim.identity.params)
    for probe in claim.suite.task.probe_order(spec.params if spec else {}):
        said = records.where((records.probe == probe) & (records.draw == 0) & (records.status != Status.NOT_RUN))
        known = {int(example): int(label) for example, label in zip(said.example, said.label, strict=True)}
        labels = np.array(
            [known.get(int(e), int(old)) for e, old in zip(examples, labels, strict=True)], dtype=np.int64
        )
    return labels


def _distance(x: NDArray[Any], moved: NDArray[Any], budget: Budget) -> float:
    """The largest perturbation (``perturb.budget.norms``, without torch)."""
    delta = np.abs(moved.astype(np.float64) - x.astype(np.float64)).reshape(len(x), -1)
    sizes = delta.max(1) if budget.norm == "linf" else np.sqrt((delta**2).sum(1))
    return float(sizes.max())
