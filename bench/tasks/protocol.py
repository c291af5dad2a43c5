"""What an evaluation protocol is: how one block of a suite is measured. Torch-free until it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.construct import construct
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.types import Counts

if TYPE_CHECKING:
    from trustdm.bench.assets.spec import AssetSpec
    from trustdm.bench.runner.job import Job
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import MetricSpec


@dataclass(frozen=True)
class BlockResult:
    """Records, counts that summarise checks (summed over blocks), and arrays worth keeping."""

    records: Records
    diagnostics: dict[str, float] = field(default_factory=dict)
    artefacts: dict[str, NDArray[Any]] = field(default_factory=dict)


class EvaluationProtocol:
    """Base of every evaluation, constructed as ``cls(registry, **params)`` from a suite's table.

    A subclass prepares whatever it needs (images, seeds, an extractor) in ``run``, from the job: its digest then covers
    what a position means.
    """

    def check(self, suite: Suite) -> None:
        """Raises UsageError where the protocol is not defined."""

    def probes(self) -> tuple[str, ...]:
        """What is looked at for each example, in order."""
        raise NotImplementedError

    def passes(self, classes: int, draws: int) -> Counts:
        """The most passes one position can take; for the estimate of a dry run."""
        raise NotImplementedError

    def code(self, suite: Suite) -> tuple[object, ...]:
        """The marked objects whose source decides the outcome: the protocol, its attacks, an extractor."""
        return (type(self),)

    def assets(self, suite: Suite) -> Mapping[str, AssetSpec]:
        """What must be prepared before a block can be run, by the name that ``Job.asset`` takes; nothing by default."""
        return {}

    def metric_fault(self, metric: MetricSpec) -> tuple[str, str] | None:
        """Expected and got, where a metric cannot be told from the records of this protocol."""
        return None

    @staticmethod
    def record_fault(records: Records) -> str:
        """What contradicts itself in the records of one block that was not computed here; empty if nothing does."""
        return ""

    def run(self, job: Job) -> BlockResult:
        """Evaluates one block.

        Raises:
            SetupError: what it needs is not on this machine.
            ContractError: the method broke its contract.
        """
        raise NotImplementedError

    def seconds(self, job: Job) -> float | None:
        """About how long the block of ``job`` takes; None: a few positions are run and scaled."""
        return None


def batches(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """``rows``, at most ``size`` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def record_fault(registry: Registry, *, strangers: bool = False) -> Callable[[str, Records], str]:
    """Asks the registered protocols, by name, what contradicts itself in records.

    One that is not registered cannot be asked: that is a fault, unless ``strangers`` may keep what they have.
    """
    known = registry.names("protocol")

    def fault(protocol: str, records: Records) -> str:
        if protocol not in known and strangers:
            return ""
        if protocol not in known:
            return (
                f"protocol: expected one of {', '.join(known)}, got {protocol[:80]!r}, which cannot check its "
                "records; if it is of a task from outside, install its package"
            )
        kind: type[EvaluationProtocol] = registry.get("protocol", protocol).load()
        return kind.record_fault(records)

    return fault


def build(registry: Registry, protocol: str, params: Mapping[str, Any], where: str) -> EvaluationProtocol:
    """The protocol of that name with the parameters of a suite.

    Raises:
        UsageError: a parameter that it does not take, or of another type.
    """
    result: EvaluationProtocol = construct(registry.get("protocol", protocol).load(), params, where, registry)
    return result
