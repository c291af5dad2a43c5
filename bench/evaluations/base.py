"""What an evaluation protocol is given and gives back; protocols are torch-free until they run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import UsageError
from trustdm.bench.records import Records
from trustdm.bench.registry import Registry
from trustdm.bench.types import Block, Budget, Counts

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.perturb.target import Target


@dataclass(frozen=True)
class Context:
    """One block, ready to run.

    ``x`` (B, C, H, W) float32 in [0, 1] and ``y`` (B,) int64 are on the device; ``examples`` (B,) are indices in the
    data set. ``key`` is the cell's key: all randomness derives from it. ``draws`` is 1 for a deterministic method.
    """

    target: Target
    x: Tensor
    y: Tensor
    examples: NDArray[np.int64]
    verified: NDArray[np.bool_]
    block: Block
    key: str
    budget: Budget
    draws: int
    batch_size: int

    def batches(self, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int64]]:
        """Row numbers of the block (or of ``rows``), at most ``batch_size`` at a time."""
        rows = np.arange(len(self.examples)) if rows is None else rows
        for start in range(0, len(rows), self.batch_size):
            yield rows[start : start + self.batch_size]


@dataclass(frozen=True)
class BlockResult:
    """Records, counts that summarise checks (summed over blocks), and arrays worth keeping."""

    records: Records
    diagnostics: dict[str, float] = field(default_factory=dict)
    artefacts: dict[str, NDArray[Any]] = field(default_factory=dict)


class EvaluationProtocol(Protocol):
    """An evaluation, constructed as ``cls(registry, **params)`` from a suite's table."""

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError where the protocol is not defined."""
        ...

    def passes(self, classes: int, draws: int) -> Counts:
        """The most passes one example can take."""
        ...

    def probes(self) -> tuple[str, ...]:
        """What is looked at for each example, in order."""
        ...

    def code(self) -> tuple[object, ...]:
        """The objects whose source decides the outcome (the protocol, its attacks)."""
        ...

    def run(self, context: Context) -> BlockResult:
        """Evaluates one block."""
        ...


def construct(cls: Any, params: Mapping[str, Any], where: str, *first: Any) -> Any:
    """``cls(*first, **params)`` with the names and types of ``params`` checked against its signature.

    Raises:
        UsageError: one line that says where, what was expected and what was got.
    """
    own = list(inspect.signature(cls).parameters.values())[len(first) :]
    accepted = {p.name: p for p in own if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    for name, value in params.items():
        if name not in accepted:
            raise UsageError(f"{where}.{name}: expected one of {', '.join(accepted) or 'no parameter'}, got {name!r}")
        default = accepted[name].default
        if default is not inspect.Parameter.empty and not _fits(value, default):
            raise UsageError(f"{where}.{name}: expected {type(default).__name__}, got {value!r}")
    for name, p in accepted.items():
        if p.default is inspect.Parameter.empty and name not in params:
            raise UsageError(f"{where}.{name}: expected a value, got none")
    try:
        return cls(*first, **params)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float | str) and isinstance(value, int | float):
        return isinstance(default, float)
    return isinstance(value, type(default))


def build(registry: Registry, protocol: str, params: Mapping[str, Any], where: str) -> EvaluationProtocol:
    """The protocol of that name with the parameters of a suite."""
    result: EvaluationProtocol = construct(registry.get("protocol", protocol).load(), params, where, registry)
    return result
