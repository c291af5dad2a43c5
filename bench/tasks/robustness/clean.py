"""Clean accuracy: the label a method gives to unperturbed images."""

from __future__ import annotations

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.registry import Registry
from trustdm.bench.runner.job import BlockResult, Context, Setting
from trustdm.bench.types import Counts


@protocol(ProtocolCard(name="clean", version="1", summary="predicted label and margin of the unperturbed image"))
class Clean:
    """One probe, "clean", for each draw; keeps the logits of the first draw."""

    def __init__(self, registry: Registry):
        self._registry = registry

    def check(self, setting: Setting) -> None:
        """Defined everywhere."""

    def passes(self, classes: int, draws: int) -> Counts:
        return Counts(forwards=draws)

    def probes(self) -> tuple[str, ...]:
        return ("clean",)

    def code(self, setting: Setting) -> tuple[object, ...]:
        return (Clean,)

    def run(self, context: Context) -> BlockResult:
        """Forwards the block once for each draw."""
        from trustdm.bench.tasks.robustness import judging

        logits = [judging.logits(context, context.x, draw) for draw in range(context.draws)]
        return BlockResult(
            records=judging.records(context, "clean", logits),
            diagnostics={"unverified_rows": float((~context.verified).sum())},
            artefacts={"logits": logits[0].cpu().numpy()},
        )
