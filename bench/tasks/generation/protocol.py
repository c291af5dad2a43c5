"""Generation: images of a list of seeds, and what a frozen extractor sees in them."""

from __future__ import annotations

import numpy as np

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.runner.job import BlockResult, SampleContext, Setting, batches
from trustdm.bench.types import Counts, Status

GALLERY = 64
PROBE = "sample"


@protocol(
    ProtocolCard(name="generation", version="1", summary="features of the images of many seeds", capability="sample")
)
class Generation:
    """One probe, "sample", for each seed, after ``steps`` steps of the generator.

    A record's value is the number of network evaluations (NFE) that its image took, as the harness counted them; its
    label the class asked for. Artefacts: ``features`` (B, d) of the 8-bit images, and the first images themselves.
    """

    def __init__(self, registry: Registry, *, steps: int):
        if type(steps) is not int or steps < 1:
            raise UsageError(f"steps: expected a whole number of at least 1, got {steps!r}")
        self._registry = registry
        self.steps = steps

    def check(self, setting: Setting) -> None:
        """The suite must say how images are compared."""
        if setting.generation is None:
            raise UsageError("generation: expected a suite with a table [generation], got one without")
        self._registry.get("extractor", setting.generation.extractor)

    def passes(self, classes: int, draws: int) -> Counts:
        """An estimate for two passes a step; a sampler may take more."""
        return Counts(forwards=2 * self.steps)

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, setting: Setting) -> tuple[object, ...]:
        name = setting.generation.extractor if setting.generation else ""
        return (Generation, self._registry.get("extractor", name).load())

    def run(self, context: SampleContext) -> BlockResult:
        """Samples the block in batches, rounds to 8 bits, extracts features."""
        from trustdm.bench.targets.sample import quantised

        images, features = [], []
        evaluations = np.zeros(len(context.seeds))
        for part in batches(np.arange(len(context.seeds)), context.batch_size):
            labels = None if context.labels is None else context.labels[part]
            made, passes = context.source([context.seeds[i] for i in part], labels, self.steps)
            rounded = quantised(made, context.quantise)
            evaluations[part] = passes / len(part)
            features.append(context.features(rounded))
            images.append(rounded.cpu().numpy())
        labels = np.full(len(context.seeds), -1) if context.labels is None else context.labels
        status = np.full(len(context.seeds), Status.MADE)
        artefacts = {"features": np.concatenate(features)}
        if context.block.start < GALLERY:
            artefacts["samples"] = np.concatenate(images)[: GALLERY - context.block.start]
        return BlockResult(
            Records.of(PROBE, context.examples, status, label=labels, value=evaluations),
            {f"passes {name}": float(count) for name, count in context.source.passes.items()},
            artefacts,
        )
