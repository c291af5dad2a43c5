"""Generation: images of a list of seeds, and what a frozen extractor sees in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.store.consistency import amount_fault
from trustdm.bench.tasks.generation.task import generation
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol, batches
from trustdm.bench.types import Counts, Status

if TYPE_CHECKING:
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite

GALLERY = 64
PROBE = "sample"


@protocol(
    ProtocolCard(
        name="generation",
        version="1",
        summary="features of the images of many seeds",
        task="generation",
        value="network evaluations that the image took",
    )
)
class Generation(EvaluationProtocol):
    """One probe, "sample", for each seed.

    A record's value is the number of network evaluations (NFE) that its image took, as the harness counted them; its
    label the class asked for. Artefacts: ``features`` (B, d) of the 8-bit images, and the first images themselves.

    Args:
        steps: what the generator is asked for; what one is, it says.
    """

    def __init__(self, registry: Registry, *, steps: int):
        if type(steps) is not int or steps < 1:
            raise UsageError(f"steps: expected a whole number of at least 1, got {steps!r}")
        self._registry = registry
        self.steps = steps

    def check(self, suite: Suite) -> None:
        """The extractor must be registered."""
        self._registry.get("extractor", generation(suite).extractor)

    def passes(self, classes: int, draws: int) -> Counts:
        """An estimate for two passes a step; a sampler may take more."""
        return Counts(forwards=2 * self.steps)

    def probes(self) -> tuple[str, ...]:
        return (PROBE,)

    def code(self, suite: Suite) -> tuple[object, ...]:
        return (Generation, self._registry.get("extractor", generation(suite).extractor).load())

    @staticmethod
    def record_fault(records: Records) -> str:
        """An image is made, by a finite number of network evaluations."""
        return amount_fault(records)

    def run(self, job: Job) -> BlockResult:
        """Samples the block in batches, rounds to 8 bits, extracts features."""
        from trustdm.bench.features.quantise import quantised
        from trustdm.bench.targets.sample import GeneratorTarget
        from trustdm.bench.targets.seeds import labels_of, seeds_of
        from trustdm.bench.tasks.generation.extractor import suite_extractor

        suite, card, table = job.suite, job.card, generation(job.suite)
        extract = job.kept(
            ("extractor", suite.digest, job.device), lambda: suite_extractor(suite, job.registry, job.device)
        )
        seeds = seeds_of(job.positions, job.seed)
        asked = labels_of(seeds, table.labels, suite.data.classes) if card.classes else None
        source = GeneratorTarget(job.method.thing, job.method.call, card, job.meter, job.device)
        images, features = [], []
        evaluations = np.zeros(len(seeds))
        for part in batches(np.arange(len(seeds)), job.batch_size):
            labels = None if asked is None else asked[part]
            sampled, passes = source([seeds[i] for i in part], labels, self.steps)
            rounded = quantised(sampled, table.quantise)
            evaluations[part] = passes / len(part)
            features.append(extract(rounded))
            images.append(rounded.cpu().numpy())
        artefacts = {"features": np.concatenate(features)}
        if job.block.start < GALLERY:
            artefacts["samples"] = np.concatenate(images)[: GALLERY - job.block.start]
        label = np.full(len(seeds), -1) if asked is None else asked
        status = np.full(len(seeds), Status.MADE)
        return BlockResult(
            Records.of(PROBE, job.positions, status, label=label, value=evaluations),
            {f"passes {name}": float(count) for name, count in source.passes.items()},
            artefacts,
        )
