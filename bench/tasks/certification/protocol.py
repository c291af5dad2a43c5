"""Certification by randomized smoothing: class counts under Gaussian noise, from which certificates are computed later.

"certified" stores counts of a fixed number of draws (Cohen et al. 2019), so that another alpha or radius needs no new
draws. "certified-sequential" stops as soon as its declared radii are decided; what it found holds for these only.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.runner.job import BlockResult, NoisyContext, Setting
from trustdm.bench.smoothing.sequential import DEFAULT, Plan
from trustdm.bench.types import Counts, Status

PROBE = "draws"
SELECTION, ESTIMATION = "selection", "estimation"


@protocol(
    ProtocolCard(
        name="certified",
        version="1",
        summary="class counts of a fixed number of noisy draws, in chunks",
        capability="classify_noisy",
    )
)
class Certified:
    """One probe, "draws", for each chunk of draws of each image; ``sigma`` is a fraction in text, [0, 1] pixel units.

    Chunk 0 of an image selects its class, the others estimate; a record's label is the class that came most often in
    its chunk, its value the number of draws. Artefacts: ``counts`` (B, K) and ``truth`` (B,), the image's label.
    """

    def __init__(self, registry: Registry, *, sigma: str):
        self.sigma = _sigma(sigma)

    def check(self, setting: Setting) -> None:
        """The suite must say how many draws there are."""
        _table(setting)

    def passes(self, classes: int, draws: int) -> Counts:
        """Those of a whole chunk of a thousand: chunks are what is planned."""
        return Counts(forwards=1000)

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, setting: Setting) -> tuple[object, ...]:
        return (Certified,)

    def run(self, context: NoisyContext) -> BlockResult:
        """Counts classes; the noise of a position depends on the cell and the position alone."""
        from trustdm.bench.tasks.certification.votes import Stream, check, class_counts

        check(context, self.sigma)
        table = context.certification
        rows = range(len(context.position))
        draws = {row: _draws(table, int(context.chunk[row])) for row in rows}
        uses = {row: ESTIMATION if context.chunk[row] else SELECTION for row in rows}
        streams = {row: Stream.of(context, row, uses[row]) for row in rows}
        counts = class_counts(context, self.sigma, streams, draws)
        return _result(context, counts.argmax(axis=1), counts.sum(axis=1), {"counts": counts.astype(np.int32)})


@protocol(
    ProtocolCard(
        name="certified-sequential",
        version="1",
        summary="declared radii, certified from as few noisy draws as it takes",
        capability="classify_noisy",
    )
)
class SequentiallyCertified:
    """One probe, "draws", for each image: the class that was tested, and the draws that it took.

    ``radii`` are declared here, as fractions in text; ``alpha``, ``cap`` and ``procedure`` as in
    ``smoothing.sequential.Plan``. Artefacts: ``successes`` and ``trials`` (B, looks), ``truth`` (B,).
    """

    def __init__(
        self,
        registry: Registry,
        *,
        sigma: str,
        radii: list[Any],
        alpha: str = "1/1000",
        cap: int = 100_000,
        procedure: str = DEFAULT,
    ):
        if not isinstance(radii, list) or not all(isinstance(r, str) for r in radii):
            raise UsageError(f"radii: expected a list of fractions in text, got {radii!r}")
        self.sigma = _sigma(sigma)
        self._facts: dict[str, Any] = {
            "radii": tuple(float(_fraction(r, "radii")) for r in radii),
            "sigma": self.sigma,
            "alpha": float(_fraction(alpha, "alpha")),
            "cap": cap,
            "procedure": procedure,
        }
        self.plan(1)

    def plan(self, selection: int) -> Plan:
        """What is tested, fixed before the first draw."""
        return Plan(**self._facts, selection=selection)

    def check(self, setting: Setting) -> None:
        """The suite must say how many draws select."""
        _table(setting)

    def passes(self, classes: int, draws: int) -> Counts:
        """At most; most images stop far earlier."""
        return Counts(forwards=int(self._facts["cap"]))

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, setting: Setting) -> tuple[object, ...]:
        return (SequentiallyCertified,)

    def run(self, context: NoisyContext) -> BlockResult:
        """Looks at the counts as planned; images that are decided are drawn no more."""
        from trustdm.bench.tasks.certification.votes import Stream, check, class_counts

        check(context, self.sigma)
        rows = np.arange(len(context.position))
        first = {int(r): Stream.of(context, int(r), SELECTION) for r in rows}
        table = context.certification
        selected = class_counts(context, self.sigma, first, dict.fromkeys(first, table.selection)).argmax(axis=1)
        plan = self.plan(table.selection)
        successes = np.zeros((len(rows), len(plan.chunks)), dtype=np.int32)
        trials = np.zeros_like(successes)
        streams = {int(r): Stream.of(context, int(r), ESTIMATION) for r in rows}
        going = rows
        for look, draws in enumerate(plan.chunks):
            counts = class_counts(context, self.sigma, streams, {int(r): draws for r in going})
            successes[going, look] = counts[going, selected[going]]
            trials[going, look] = draws
            going = rows[plan.decide(successes[:, : look + 1], trials[:, : look + 1]).open]
            if not len(going):
                break
        used = table.selection + trials.sum(axis=1)
        return _result(context, selected, used, {"successes": successes, "trials": trials})


def _draws(table: Any, chunk: int) -> int:
    """The draws of a chunk: the selection, or a part of the estimation."""
    if chunk == 0:
        return int(table.selection)
    return int(min(table.chunk, table.estimation - (chunk - 1) * table.chunk))


def _result(
    context: NoisyContext, label: NDArray[np.int64], draws: NDArray[np.int64], artefacts: dict[str, NDArray[Any]]
) -> BlockResult:
    truth = context.y[context.image]
    status = np.full(len(truth), Status.MADE)
    records = Records.of(PROBE, context.position, status, label=label, value=draws)
    return BlockResult(records, {"noisy_images": float(draws.sum())}, artefacts | {"truth": truth.astype(np.int64)})


def _sigma(text: str) -> float:
    return float(_fraction(text, "sigma"))


def _fraction(text: object, what: str) -> Fraction:
    try:
        if isinstance(text, str) and (value := Fraction(text)) >= 0 and (value or what == "radii"):
            return value
    except (ValueError, ZeroDivisionError):
        pass
    raise UsageError(f'{what}: expected a positive fraction in text, such as "1/4", got {text!r}')


def _table(setting: Setting) -> None:
    if setting.certification is None:
        raise UsageError("certified: expected a suite with a table [certification], got one without")
