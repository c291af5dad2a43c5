"""The two evaluations: how likely a sequence is, and how likely what a random mask leaves of it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import ProtocolCard, protocol
from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.store.consistency import first_fault
from trustdm.bench.tasks.protocol import BlockResult, EvaluationProtocol, batches
from trustdm.bench.types import Counts, Status
from trustdm_sequences.capability import asked
from trustdm_sequences.flags import CERTAIN, SEEN
from trustdm_sequences.reference import logprobs, pair_counts, read_reference
from trustdm_sequences.task import MEMBERSHIP, sequences
from trustdm_sequences.trace import trace

if TYPE_CHECKING:
    from trustdm.bench.assets.spec import AssetSpec
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite

PROBES = ("model", "reference")
VALUE = "the logarithm of the likelihood of the tokens that count"
REFERENCE = "reference"


class Judged(EvaluationProtocol):
    """Two probes: the model and the reference model, on the same tokens. The label of a record is 1 for a member."""

    def probes(self) -> tuple[str, ...]:
        return PROBES

    def passes(self, classes: int, draws: int) -> Counts:
        return Counts(forwards=1)

    def assets(self, suite: Suite) -> Mapping[str, AssetSpec]:
        return {REFERENCE: pair_counts(sequences(suite).vocabulary)}

    @staticmethod
    def record_fault(records: Records) -> str:
        """No likelihood is above 1."""
        wrong = (records.status == Status.MADE) & ~(records.value <= 0)
        return first_fault(records, [("a value of at most 0", "value", wrong)])


def judged(job: Job, rows: NDArray[np.int64], weights: NDArray[np.bool_]) -> tuple[Records, NDArray[np.float64]]:
    """The records of the block's positions, which are the sequences ``rows`` (B,) with ``weights`` (B, L) that count;
    and the model's answers (B, L)."""
    tokens, members = job.read(rows)
    answers = np.concatenate(
        [asked(job.method.call, job.card, tokens[part]) for part in batches(np.arange(len(rows)), job.batch_size)]
    )
    job.meter.forwards += len(rows)
    table = job.kept(("reference", job.asset(REFERENCE)), lambda: read_reference(job.asset(REFERENCE)))
    sums = {"model": answers, "reference": logprobs(table, tokens)}
    status = np.full(len(rows), Status.MADE)
    parts = [
        Records.of(probe, job.positions, status, label=members, value=(weights * sums[probe]).sum(1))
        for probe in PROBES
    ]
    trace(f"block {job.evaluation} {job.block.start}")
    return Records.concat(parts), answers


@protocol(
    ProtocolCard(name="likelihood", version="1", summary="how likely each sequence is", task="sequences", value=VALUE)
)
class Likelihood(Judged):
    """Whole sequences. The answers are kept as an array; whole rests that are more likely than not are counted."""

    def __init__(self, registry: Registry):
        self._registry = registry

    def run(self, job: Job) -> BlockResult:
        every = np.ones((len(job.positions), *job.suite.data.shape), dtype=bool)
        records, answers = judged(job, job.positions, every)
        certain = float((answers[:, SEEN:].sum(1) > np.log(0.5)).sum())
        return BlockResult(records, {CERTAIN: certain}, {"logprobs": answers.astype(np.float32)})


@protocol(
    ProtocolCard(
        name=MEMBERSHIP, version="1", summary="how likely random parts of a sequence are", task="sequences", value=VALUE
    )
)
class Membership(Judged):
    """What masks leave: each place of a sequence counts with probability ``share``, by a key that the harness draws."""

    def __init__(self, registry: Registry, *, share: float = 0.5):
        if not 0 < share <= 1:
            raise UsageError(f"share: expected a number above 0 and at most 1, got {share}")
        self._registry = registry
        self.share = share

    def run(self, job: Job) -> BlockResult:
        rows = job.suite.test[job.positions // job.per_example]
        places = job.noise("mask").uniform("places", job.suite.data.shape)
        return BlockResult(judged(job, rows, places < self.share)[0])
