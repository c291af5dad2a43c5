"""Certification by randomized smoothing: class counts under Gaussian noise, from which certificates are computed later.

"certified" stores counts of a fixed number of draws (Cohen et al. 2019), so that another alpha or radius needs no new
draws.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.store.consistency import amount_fault
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol
from trustdm.bench.types import Counts, Status

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.tasks.certification.context import NoisyContext

PROBE = "draws"
SELECTION, ESTIMATION = "selection", "estimation"


@protocol(
    ProtocolCard(
        name="certified",
        version="1",
        summary="class counts of a fixed number of noisy draws, in chunks",
        task="certification",
        value="noisy draws that were classified",
    )
)
class Certified(EvaluationProtocol):
    """One probe, "draws", for each chunk of draws of each image.

    Chunk 0 of an image selects its class, the others estimate; a record's label is the class that came most often in
    its chunk, its value the number of draws. Artefacts: ``counts`` (B, K) and ``truth`` (B,), the image's label.

    Args:
        sigma: standard deviation of the noise, a fraction in text, in units of the [0, 1] range.
    """

    def __init__(self, registry: Registry, *, sigma: str):
        self.sigma = sigma_of(sigma)
        self._chunk = 0

    def check(self, suite: Suite) -> None:
        """The largest chunk of draws is what a position takes."""
        table = certification(suite)
        self._chunk = max(table.selection, min(table.chunk, table.estimation))

    def passes(self, classes: int, draws: int) -> Counts:
        """Those of a whole chunk: chunks are what is planned."""
        return Counts(forwards=self._chunk)

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, suite: Suite) -> tuple[object, ...]:
        return (Certified,)

    @staticmethod
    def record_fault(records: Records) -> str:
        """No chunk has a negative number of draws."""
        return draws_fault(records)

    def run(self, job: Job) -> BlockResult:
        """Counts classes; the noise of a position depends on the cell and the position alone."""
        from trustdm.bench.tasks.certification.context import context_of
        from trustdm.bench.tasks.certification.votes import Stream, check, class_counts

        context = context_of(job)
        check(context, self.sigma)
        rows = range(len(context.position))
        draws = {row: _draws(context, int(context.chunk[row])) for row in rows}
        uses = {row: ESTIMATION if context.chunk[row] else SELECTION for row in rows}
        streams = {row: Stream.of(context, row, uses[row]) for row in rows}
        counts = class_counts(context, self.sigma, streams, draws)
        return block_result(context, counts.argmax(axis=1), counts.sum(axis=1), {"counts": counts.astype(np.int32)})


def draws_fault(records: Records) -> str:
    """The first row without a finite number of draws, or that is of neither a run nor a published log, as one line.

    Rows of a log (``import_log``) are verdicts, and their values radii.
    """
    return amount_fault(records, (Status.MADE, Status.CORRECT, Status.WRONG, Status.ABSTAINED))


def _draws(context: NoisyContext, chunk: int) -> int:
    """The draws of a chunk: the selection, or a part of the estimation."""
    if chunk == 0:
        return context.selection
    return min(context.chunk_size, context.estimation - (chunk - 1) * context.chunk_size)


def block_result(
    context: NoisyContext, label: NDArray[np.int64], draws: NDArray[np.int64], artefacts: dict[str, NDArray[Any]]
) -> BlockResult:
    """Records and artefacts of a block: the labels that came most often, and the draws it took (B,)."""
    truth = context.y[context.image]
    status = np.full(len(truth), Status.MADE)
    records = Records.of(PROBE, context.position, status, label=label, value=draws)
    return BlockResult(records, {"noisy_images": float(draws.sum())}, artefacts | {"truth": truth.astype(np.int64)})


def sigma_of(text: str) -> float:
    """The standard deviation of the noise, from a fraction in text."""
    return float(fraction_of(text, "sigma"))


def fraction_of(text: object, what: str) -> Fraction:
    """The fraction that a text is; 0 only where ``what`` is "radii".

    Raises:
        UsageError: it is none, or negative.
    """
    try:
        if isinstance(text, str) and (value := Fraction(text)) >= 0 and (value or what == "radii"):
            return value
    except (ValueError, ZeroDivisionError):
        pass
    raise UsageError(f'{what}: expected a positive fraction in text, such as "1/4", got {text!r}')
