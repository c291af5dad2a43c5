"""One block of one cell, ready to be measured: the method, the suite, and what a protocol may ask for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import Dataset, MethodCard
from trustdm.bench.errors import SetupError, TrustdmError
from trustdm.bench.method import Meter, seeded
from trustdm.bench.registry import Registry
from trustdm.bench.rng import Noise
from trustdm.bench.suite.data import open_data
from trustdm.bench.types import Block

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite

T = TypeVar("T")
Kept = dict[object, Any]


@dataclass(frozen=True)
class Loaded:
    """A method on its device; ``call`` is what the capability of the task is called by; ``state`` tells it from others."""

    thing: Any
    call: Callable[..., Any]
    card: MethodCard
    state: str


@dataclass
class Job:
    """One block of one cell, of whatever task.

    ``key`` is the cell's: all randomness derives from it. ``positions`` (B,) are those of the block among the
    evaluation's (``Suite.positions``), of which ``per_example`` neighbours are one example. ``draws`` is 1 for a
    deterministic method. ``batch_size`` is how many rows the device takes at once; it may not move a number.
    ``loading`` sums the seconds spent on what is kept for the process; they are no cost of the block.
    """

    method: Loaded
    suite: Suite
    registry: Registry
    key: str
    seed: int
    draws: int
    evaluation: str
    positions: NDArray[np.int64]
    per_example: int
    block: Block
    device: str
    batch_size: int
    meter: Meter
    keep: Kept = field(repr=False)
    assets: Mapping[str, Path] = field(default_factory=dict)
    loading: float = 0.0

    @property
    def card(self) -> MethodCard:
        """The card of the method."""
        return self.method.card

    def data(self) -> Dataset:
        """The suite's data set, opened once in a process and checked against the suite's digest.

        Raises:
            SetupError: it is missing, or is another data set than the suite's.
        """
        key = ("data", self.suite.data.digest or self.suite.digest)
        return self.kept(key, lambda: open_data(self.suite, self.registry))

    def read(self, index: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Examples (n, ...) and labels (n,) of the data set at ``index`` (n,).

        Raises:
            SetupError: some are not available on this machine.
        """
        data = self.data()
        with self._loading("read"):
            return data.read(index)

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` returns, made once in a process for ``key``: an extractor, a decoder.

        Its random numbers, if it draws any, belong to the key, and those of the block do not change.

        Raises:
            SetupError: it cannot be made; the line says why.
        """
        if key not in self.keep:
            with self._loading(str(key)):
                self.keep[key] = make()
        value: T = self.keep[key]
        return value

    def noise(self, use: str, draw: int = 0) -> Noise:
        """Noise whose row i belongs to (cell, ``use``, positions[i], ``draw``): also the keys of a watermark."""
        return Noise(f"{self.key}/{use}", self.positions, draw)

    def asset(self, name: str) -> Path:
        """The folder that a prepared step left for this cell, under the name that the protocol declared.

        Raises:
            SetupError: the protocol declared none of that name.
        """
        if name not in self.assets:
            raise SetupError(f"asset {name!r}: expected one that the protocol declares, got {', '.join(self.assets)}")
        return self.assets[name]

    @contextmanager
    def _loading(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with seeded("load", what):
                yield
        except SetupError:
            raise
        except TrustdmError as error:
            raise SetupError(str(error)) from error
        finally:
            self.loading += time.perf_counter() - began
