"""What an evaluation protocol is given and gives back; protocols are torch-free until they run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
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

    from trustdm.bench.targets.classify import Target


class Generation(Protocol):
    """The ``[generation]`` table of a suite; see ``bench.suite.models.Generation``."""

    @property
    def labels(self) -> str: ...
    @property
    def quantise(self) -> str: ...
    @property
    def extractor(self) -> str: ...
    @property
    def extractor_sha256(self) -> str | None: ...


class Certification(Protocol):
    """The ``[certification]`` table of a suite; see ``bench.suite.models.Certification``."""

    @property
    def selection(self) -> int: ...
    @property
    def estimation(self) -> int: ...
    @property
    def chunk(self) -> int: ...


@dataclass(frozen=True)
class Setting:
    """What a suite says of its task: images of ``shape`` in ``classes``, attacked in ``budget``, made or certified."""

    shape: tuple[int, int, int]
    classes: int
    budget: Budget | None = None
    generation: Generation | None = None
    certification: Certification | None = None


@dataclass(frozen=True)
class Context:
    """One block of images to be classified, ready to run.

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
        yield from batches(np.arange(len(self.examples)) if rows is None else rows, self.batch_size)


class Source(Protocol):
    """A generator as the harness calls it; ``bench.targets.sample.GeneratorTarget``."""

    passes: dict[str, int]

    def __call__(self, seeds: Sequence[int], labels: NDArray[np.int64] | None, steps: int) -> tuple[Tensor, int]:
        """Images (n, C, H, W) in [0, 1], and how many images went through networks for them."""
        ...


@dataclass(frozen=True)
class SampleContext:
    """One block of images to be generated, ready to run.

    ``seeds`` (B,) are what the generator is given, ``labels`` (B,) the classes it shall make (None: no condition);
    ``examples`` (B,) are positions in the suite's list of seeds. ``features`` are those of uint8 images (n, C, H, W).
    """

    source: Source
    features: Callable[[Tensor], NDArray[np.floating[Any]]]
    seeds: tuple[int, ...]
    labels: NDArray[np.int64] | None
    examples: NDArray[np.int64]
    block: Block
    batch_size: int
    quantise: str


@dataclass(frozen=True)
class NoisyContext:
    """Images of one block to be certified, ready to run.

    Row i is ``position[i]`` of the evaluation: image ``image[i]`` of ``x`` (m, C, H, W) with label ``y`` (m,), and
    its ``chunk[i]``-th chunk of draws. ``source`` answers noisy images; ``key`` is the cell's.
    """

    source: NoisySource
    x: Tensor
    y: NDArray[np.int64]
    position: NDArray[np.int64]
    image: NDArray[np.int64]
    chunk: NDArray[np.int64]
    certification: Certification
    key: str
    batch_size: int


class NoisySource(Protocol):
    """A base classifier as the harness calls it; ``bench.tasks.certification.votes.NoisyTarget``."""

    classes: int

    def labels(self, x: Tensor, sigma: float, draws: NDArray[np.int64], use: str) -> Tensor:
        """int64 labels (B,) of noisy images (B, C, H, W); ``draws`` (B,) name the draw of each row, for ``use``."""
        ...

    def check(self, x: Tensor, sigma: float, draws: NDArray[np.int64]) -> None:
        """Refuses a classifier that draws without saying so, or that keeps the noise it should renew."""
        ...


def batches(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """``rows``, at most ``size`` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@dataclass(frozen=True)
class BlockResult:
    """Records, counts that summarise checks (summed over blocks), and arrays worth keeping."""

    records: Records
    diagnostics: dict[str, float] = field(default_factory=dict)
    artefacts: dict[str, NDArray[Any]] = field(default_factory=dict)


class EvaluationProtocol(Protocol):
    """An evaluation, constructed as ``cls(registry, **params)`` from a suite's table."""

    def check(self, setting: Setting) -> None:
        """Raises UsageError where the protocol is not defined."""
        ...

    def passes(self, classes: int, draws: int) -> Counts:
        """The most passes one example can take."""
        ...

    def probes(self) -> tuple[str, ...]:
        """What is looked at for each example, in order."""
        ...

    def code(self, setting: Setting) -> tuple[object, ...]:
        """The objects whose source decides the outcome (the protocol, its attacks, the extractor)."""
        ...

    def run(self, context: Any) -> BlockResult:
        """Evaluates one block, given the context of the capability on its card (``Context``, ``SampleContext``)."""
        ...


def construct(cls: Any, params: Mapping[str, Any], where: str, *first: Any) -> Any:
    """``cls(*first, **params)`` with the names and types of ``params`` checked against its signature.

    Raises:
        UsageError: one line that says where, what was expected and what was got.
    """
    own = list(inspect.signature(cls).parameters.values())[len(first) :]
    accepted = {p.name: p for p in own if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in own)
    for name, value in params.items():
        if name not in accepted:
            if open_ended:
                continue
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
