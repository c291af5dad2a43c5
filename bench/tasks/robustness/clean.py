"""Clean accuracy: the label a method gives to unperturbed images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol
from trustdm.bench.tasks.robustness.records_check import margin_fault
from trustdm.bench.tasks.robustness.task import CLASSIFIED, PASSES
from trustdm.bench.types import Counts

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job


@protocol(
    ProtocolCard(
        name="clean",
        version="1",
        summary="predicted label and margin of the unperturbed image",
        task="robustness",
        value="margin: the true logit minus the largest other one",
    )
)
class Clean(EvaluationProtocol):
    """One probe, "clean", for each draw."""

    def __init__(self, registry: Registry):
        self._registry = registry

    def passes(self, classes: int, draws: int) -> Counts:
        return Counts(forwards=max(draws, 2))

    def probes(self) -> tuple[str, ...]:
        return ("clean",)

    @staticmethod
    def record_fault(records: Records) -> str:
        """A verdict must follow from its margin."""
        return margin_fault(records)

    def run(self, job: Job) -> BlockResult:
        """Forwards the block once for each draw."""
        from trustdm.bench.targets.passes import entered, network_passes
        from trustdm.bench.tasks.robustness import judging
        from trustdm.bench.tasks.robustness.context import context_of

        context, thing = context_of(job), job.method.thing
        with entered(thing) as rows:
            logits = [judging.logits(context, context.x, draw) for draw in range(context.draws)]
        judging.require_declared(context, logits[0])
        return BlockResult(
            records=judging.records(context, "clean", logits),
            diagnostics={
                "unverified_rows": float((~context.verified).sum()),
                PASSES: float(network_passes(thing, rows)),
                CLASSIFIED: float(len(context.examples) * context.draws),
            },
        )
