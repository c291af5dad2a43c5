"""What every kind of work on a suite may ask for: the data set, whatever is kept for the process, a device, a meter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
from trustdm.bench.suite.data import open_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustdm.bench.suite.load import Suite

T = TypeVar("T")
Kept = dict[object, Any]


@dataclass(frozen=True)
class Loaded:
    """A method on its device; ``call`` is what the task's capability is called by; ``state`` tells it from others."""

    thing: Any
    call: Callable[..., Any]
    card: MethodCard
    state: str


@dataclass(kw_only=True)
class Resources:
    """``key`` is the SHA-256 of an identity, from which all randomness derives; ``seed`` is the cell's.

    ``batch_size`` is how many rows the device takes at once; it may not move a number. ``assets`` are the folders of
    prepared assets, by name. ``loading`` sums the seconds spent on what is kept for the process.
    """

    method: Loaded
    suite: Suite
    registry: Registry
    key: str
    seed: int
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
        key = ("data", self.suite.digest)
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

    def asset(self, name: str) -> Path:
        """The folder of files of a prepared asset, under the name that it was asked for by.

        Raises:
            SetupError: none of that name was asked for.
        """
        if name not in self.assets:
            known = ", ".join(self.assets) or "none"
            raise SetupError(f"asset {name!r}: expected one that was declared ({known}), got another name")
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
