"""Frozen values that travel between the layers; standard library only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from fractions import Fraction

from trustdm.bench.hashing import sha256_of


class Status(IntEnum):
    """How one probe (the clean image, one attack) of one example ended.

    MADE: something was made that is judged later, together with others: an image, the counts of noisy draws.
    """

    CORRECT = 0
    WRONG = 1
    NOT_RUN = 2
    FAILED = 3
    ABSTAINED = 4
    MADE = 5


class Origin(StrEnum):
    """Where a number came from."""

    MEASURED = "measured"
    REPORTED = "reported"
    CLAIMED = "claimed"


class Verification(StrEnum):
    """What a second, independent run of the same cell said."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    NOT_REPRODUCED = "not reproduced"


@dataclass(frozen=True, slots=True)
class Budget:
    """What an adversary may add to an image: ``norm`` "linf" or "l2", ``eps`` an exact fraction of the [0, 1] range."""

    norm: str
    eps: Fraction

    @property
    def radius(self) -> float:
        return float(self.eps)


@dataclass(frozen=True, slots=True)
class CellIdentity:
    """Everything that may move a number, and nothing else; ``key`` is its SHA-256.

    Never part of it: limits, jobs, device batch size, device (ARCHITECTURE: identity).
    ``weights`` are hex SHA-256 digests of the bytes of every checkpoint the method is composed of, and then the keys of
    the assets that were prepared for the cell; ``randomness`` and
    ``gradient`` are what the card says: the one decides how often an example is drawn, the other what was attacked.
    """

    method: str
    method_version: str
    method_params: tuple[tuple[str, object], ...]
    weights: tuple[str, ...]
    suite: str
    suite_version: int
    suite_digest: str
    data_digest: str
    evaluation: str
    protocol: str
    protocol_version: str
    params: str
    block_rule: str
    precision: str
    seed: int
    randomness: str = "none"
    gradient: str = "exact"

    @property
    def key(self) -> str:
        return sha256_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Block:
    """Positions ``start <= i < stop`` of the suite's frozen test list: the unit of execution and of commit."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Counts:
    """Images sent forward, and images a gradient was taken for; counted by the harness."""

    forwards: int = 0
    gradients: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one block took. Seconds are wall and process (or device) time; ``memory`` is peak bytes, 0 if unknown."""

    wall: float = 0.0
    device: float = 0.0
    forwards: int = 0
    gradients: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in the metric's unit with its 95% interval and the number of examples behind it.

    ``detail`` says more in words where there is more to say: the spread over several sets, say.
    """

    value: float
    low: float
    high: float
    n: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Provenance of one invocation; ``facts`` are name/value texts (versions, hardware, settings)."""

    id: str
    started: str
    command: str
    commit: str
    dirty: bool | None
    facts: dict[str, str] = field(default_factory=dict)


def blocks_of(total: int, first: int, most: int) -> tuple[Block, ...]:
    """Cuts ``total`` examples into blocks that start at ``first`` and double the covered range up to ``most`` each.

    A small limit is then cheap and exact at every power-of-two multiple of ``first``, and a full run uses large
    blocks. The cut depends on nothing else, so a limited run and a full run share their blocks.
    """
    blocks: list[Block] = []
    start, size = 0, min(first, most)
    while start < total:
        blocks.append(Block(start, min(start + size, total)))
        start += size
        size = min(start, most)
    return tuple(blocks)
