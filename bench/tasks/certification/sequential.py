"""Certificates that stop as soon as their declared radii are decided; what they say holds for these radii only."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.smoothing.sequential import DEFAULT, Plan, Procedure
from trustdm.bench.tasks.certification.protocol import (
    ESTIMATION,
    PROBE,
    SELECTION,
    block_result,
    draws_fault,
    fraction_of,
    sigma_of,
)
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol
from trustdm.bench.types import Counts

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec


@protocol(
    ProtocolCard(
        name="certified-sequential",
        version="1",
        summary="declared radii, certified from as few noisy draws as it takes",
        task="certification",
        value="noisy draws that were classified",
    )
)
class SequentiallyCertified(EvaluationProtocol):
    """One probe, "draws", for each image: the class that was tested, and the draws that it took.

    Artefacts: ``successes`` and ``trials`` (B, looks), ``truth`` (B,).

    Args:
        sigma: standard deviation of the noise, a fraction in text, in units of the [0, 1] range.
        radii: the radii that are decided, fractions in text, in the same units.
        alpha: the probability with which a certificate may be wrong, a fraction in text.
        cap: the most draws that estimate.
        procedure: how it is tested; see ``smoothing.sequential.Plan``.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        sigma: str,
        radii: list[Any],
        alpha: str = "1/1000",
        cap: int = 100_000,
        procedure: Procedure = DEFAULT,
    ):
        if not isinstance(radii, list) or not all(isinstance(r, str) for r in radii):
            raise UsageError(f"radii: expected a list of fractions in text, got {radii!r}")
        self.sigma = sigma_of(sigma)
        self._facts: dict[str, Any] = {
            "radii": tuple(float(fraction_of(r, "radii")) for r in radii),
            "sigma": self.sigma,
            "alpha": float(fraction_of(alpha, "alpha")),
            "cap": cap,
            "procedure": procedure,
        }
        self.plan(1)

    def plan(self, selection: int) -> Plan:
        """What is tested, fixed before the first draw."""
        return Plan(**self._facts, selection=selection)

    def passes(self, classes: int, draws: int) -> Counts:
        """At most; most images stop far earlier."""
        return Counts(forwards=int(self._facts["cap"]))

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, suite: Suite) -> tuple[object, ...]:
        return (SequentiallyCertified,)

    def metric_fault(self, metric: MetricSpec) -> tuple[str, str] | None:
        """A certificate that stops early holds for its declared radii alone."""
        if metric.statistic == "draws":
            return None
        declared = self.plan(1).radii
        radius = "0" if metric.statistic == "abstention" else metric.params.get("radius")
        if radius is not None and float(Fraction(radius)) in declared:
            return None
        reason = (
            "a sequential certificate stops when its declared radii are decided and holds for these and their alpha"
        )
        wanted = f"radius {radius}" if radius is not None else f"the statistic {metric.statistic}"
        return f"one of the declared radii {', '.join(f'{r:g}' for r in declared)}: {reason}", wanted

    @staticmethod
    def record_fault(records: Records) -> str:
        """No image has a negative number of draws."""
        return draws_fault(records)

    def run(self, job: Job) -> BlockResult:
        """Looks at the counts as planned; images that are decided are drawn no more."""
        from trustdm.bench.tasks.certification.context import context_of
        from trustdm.bench.tasks.certification.votes import Stream, check, class_counts

        context = context_of(job)
        check(context, self.sigma)
        rows = np.arange(len(context.position))
        first = {int(r): Stream.of(context, int(r), SELECTION) for r in rows}
        selected = class_counts(context, self.sigma, first, dict.fromkeys(first, context.selection)).argmax(axis=1)
        plan = self.plan(context.selection)
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
        used = context.selection + trials.sum(axis=1)
        return block_result(context, selected, used, {"successes": successes, "trials": trials})
