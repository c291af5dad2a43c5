"""The true labels of a suite's examples, where its data set is on this machine: read once, a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import SuiteError
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data
from trustdm.bench.tasks.claim import UNKNOWN

if TYPE_CHECKING:
    from trustdm.bench.contracts import Dataset
    from trustdm.bench.suite.load import Suite

PART = 256
"""Examples that are read at once: only their labels are kept."""


class Labels:
    """The labels of one suite. ``missing`` says why some could not be read; empty where nothing is missing."""

    def __init__(self, suite: Suite, registry: Registry):
        self.suite = suite.name
        self.missing = ""
        self._suite = suite
        self._registry = registry
        self._data: Dataset | None = None
        self._opened = False
        self._known: dict[int, int] = {}

    def of(self, examples: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels (n,) of ``examples``, ``UNKNOWN`` where they are not here.

        Raises:
            SuiteError: the data set is here, and the suite does not fit it.
        """
        wanted = np.unique(examples)
        new = wanted[[int(i) not in self._known for i in wanted]] if len(wanted) else wanted
        for start in range(0, len(new), PART):
            part = new[start : start + PART]
            self._known |= dict(zip(part.tolist(), self._read(part).tolist(), strict=True))
        return np.array([self._known[int(i)] for i in examples], dtype=np.int64)

    def _read(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        nothing = np.full(len(part), UNKNOWN, dtype=np.int64)
        try:
            data = self._open()
            return nothing if data is None else np.asarray(data.read(part)[1], dtype=np.int64).reshape(len(part))
        except SuiteError:
            raise
        except (
            Exception
        ) as error:  # whatever a data set raises where some of its files are missing: nothing is compared
            self.missing = self.missing or " ".join(str(error).split())
            return nothing

    def _open(self) -> Dataset | None:
        """The data set; None where it is not looked for. A stranger's options name files on another machine: never
        one that is read because somebody's run file says so."""
        if self._opened:
            return self._data
        self._opened = True
        options, name = sorted(self._suite.data.options), self._suite.data.dataset
        if options:
            self.missing = f"the suite gives the data set {name} the options {', '.join(options)}"
        elif name not in self._registry.names("dataset"):
            self.missing = f"no data set {name} is installed"
        else:
            self._data = open_data(self._suite, self._registry)
        return self._data
