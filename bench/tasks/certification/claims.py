"""What cannot be in handed-in counts of noisy draws: sums, chunks, the order of looks, the true labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.tasks.certification.protocol import PROBE
from trustdm.bench.tasks.certification.sequential import SequentiallyCertified
from trustdm.bench.tasks.certification.task import CHUNKED, SEQUENTIAL, certification, chunks_of
from trustdm.bench.tasks.claim import UNKNOWN, Claim, ClaimedBlock, Contradiction
from trustdm.bench.types import Status


def contradictions(claim: Claim) -> Iterator[Contradiction]:
    """What cannot be in a cell of this task's own protocols; a published log has verdicts and radii alone."""
    if claim.identity.protocol not in (CHUNKED, SEQUENTIAL) or claim.reported:
        return
    judge = _chunks if claim.identity.protocol == CHUNKED else _looks
    for block in claim.blocks:
        found = _shared(block, claim)
        yield from found or judge(block, claim)


def _shared(block: ClaimedBlock, claim: Claim) -> list[Contradiction]:
    """What holds for both protocols: one draw, made, of a known class; and the labels that the data set has."""
    records, classes = block.records, claim.suite.data.classes
    if records.draw.any() or (records.status != Status.MADE).any():
        return [block.wrong("records", "expected one draw of each position, made, got others")]
    if ((records.label < 0) | (records.label >= classes)).any():
        odd = records.label[(records.label < 0) | (records.label >= classes)][0]
        return [block.wrong("records", f"expected labels from 0 to {classes - 1}, got {odd}")]
    return list(_truth(block, claim))


def _truth(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    truth = _whole(block, "truth", 1)
    if isinstance(truth, Contradiction):
        yield truth
        return
    chunks = chunks_of(claim.suite, claim.identity.evaluation)
    known = claim.truth(claim.suite.test[block.positions // chunks])
    wrong = (known != UNKNOWN) & (known != truth)
    outside = (truth < 0) | (truth >= claim.suite.data.classes)
    if (wrong | outside).any():
        at = int(np.argmax(wrong | outside))
        expected = known[at] if wrong[at] else f"a class below {claim.suite.data.classes}"
        words = f"truth[{at}]: expected {expected}, as the data set has it, got {truth[at]}"
        yield block.wrong("artefacts", words)


def _chunks(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    """Each position has the counts of as many draws as its chunk has, and says which class came most often."""
    counts = _whole(block, "counts", 2)
    if isinstance(counts, Contradiction):
        yield counts
        return
    table, chunks = certification(claim.suite), chunks_of(claim.suite, claim.identity.evaluation)
    if counts.shape[1] != claim.suite.data.classes or (counts < 0).any():
        yield block.wrong("artefacts", f"counts: expected counts of {claim.suite.data.classes} classes, got others")
        return
    wanted = np.array([table.selection, *[table.chunk] * (chunks - 1)])
    wanted[-1] = table.estimation - (chunks - 2) * table.chunk
    expected, made = wanted[block.positions % chunks], counts.sum(axis=1, dtype=np.int64)
    if (made != expected).any():
        at = int(np.argmax(made != expected))
        yield block.wrong("artefacts", f"counts[{at}]: expected {expected[at]} draws, got {made[at]}")
        return
    yield from _agree(block, made, counts.argmax(axis=1))


def _looks(block: ClaimedBlock, claim: Claim) -> Iterator[Contradiction]:
    """Draws were made chunk by chunk as planned, and as long as it took to decide: no longer, and not shorter."""
    successes, trials = _whole(block, "successes", 2), _whole(block, "trials", 2)
    if isinstance(successes, Contradiction) or isinstance(trials, Contradiction):
        yield from (each for each in (successes, trials) if isinstance(each, Contradiction))
        return
    selection = certification(claim.suite).selection
    spec = claim.suite.evaluations[claim.identity.evaluation]
    plan = SequentiallyCertified(claim.registry, **spec.params).plan(selection)
    if trials.shape[1] != len(plan.chunks):
        yield block.wrong("artefacts", f"trials: expected {len(plan.chunks)} looks, got {trials.shape[1]}")
        return
    decided, drawn = plan.decide(successes, trials), trials.sum(axis=1, dtype=np.int64)
    wrong = (drawn != decided.used) | decided.open
    if wrong.any():
        at = int(np.argmax(wrong))
        expected = "more draws, as nothing is decided yet" if decided.open[at] else f"{decided.used[at]} draws"
        yield block.wrong("artefacts", f"trials[{at}]: expected {expected}, got {drawn[at]}")
        return
    yield from _agree(block, selection + drawn, None)


def _agree(block: ClaimedBlock, draws: NDArray[np.int64], label: NDArray[np.int64] | None) -> Iterator[Contradiction]:
    """Records say what the arrays say: the number of draws, and the class."""
    rows, order = block.rows(PROBE), block.by_example
    wrong = rows.value != draws[order]
    if label is not None:
        wrong |= rows.label != label[order]
    if wrong.any():
        at = int(np.argmax(wrong))
        named = "" if label is None else f" and the class {label[order][at]}"
        got = f"{rows.value[at]:g} and {rows.label[at]}"
        words = f"example {rows.example[at]}: expected {draws[order][at]} draws{named}, as its counts have, got {got}"
        yield block.wrong("records", words)


def _whole(block: ClaimedBlock, name: str, dimensions: int) -> NDArray[Any] | Contradiction:
    """An array of whole numbers with a row for each position, or what is wrong with it."""
    array = block.array(name)
    if array is None:
        return block.wrong("artefacts", f"expected {name!r}, got none of that name")
    if array.dtype.kind not in "iu" or array.ndim != dimensions or len(array) != len(block.positions):
        expected = f"whole numbers in {dimensions} dimensions, a row for each of {len(block.positions)} positions"
        return block.wrong("artefacts", f"{name}: expected {expected}, got {array.dtype} {array.shape}")
    return array
