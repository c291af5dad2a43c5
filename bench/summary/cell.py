"""One cell as metrics, flags and pages look at it: its suite, its result, and its records as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import CellResult, Records
from trustdm.bench.suite.further import evaluation_of
from trustdm.bench.summary.coverage import Verdicts, complete, tabulate
from trustdm.bench.types import Origin, Status

if TYPE_CHECKING:
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.suite.models import Evaluation


def on_suite(suite: Suite, result: CellResult) -> bool:
    """Whether a cell was measured on the suite as it is now."""
    return (result.identity.suite_version, result.identity.suite_digest) == (suite.version, suite.digest)


@dataclass(frozen=True, eq=False)
class CellView:
    """A cell of ``suite``; nothing is read from the store before it is asked for."""

    suite: Suite
    result: CellResult

    @property
    def records(self) -> Records:
        """The records, in the canonical order."""
        return self.result.records

    @property
    def current(self) -> bool:
        """Whether the cell was measured on the suite as it is now."""
        return on_suite(self.suite, self.result)

    @property
    def reported(self) -> bool:
        """Whether the records were published by somebody else; then every record is one example."""
        return self.result.origin is Origin.REPORTED

    @property
    def spec(self) -> Evaluation | None:
        """The evaluation as the suite has it now, or a further one; None where it has none of that name."""
        identity = self.result.identity
        return evaluation_of(self.suite, identity.evaluation, identity.params)

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The parameters of the evaluation: the suite's, or for a cell of another version its own."""
        if self.spec is not None and self.current:
            return self.spec.params
        stored = json.loads(self.result.identity.params or "{}")
        return stored if isinstance(stored, dict) else {}

    @property
    def per_example(self) -> int:
        """How many positions of the cell are one example."""
        return 1 if self.reported else self.suite.positions(self.result.identity.evaluation).per_example

    @cached_property
    def table(self) -> Verdicts:
        """One line for each position and draw, with the status at every probe in the order they were run.

        Raises:
            StoreError: a record is there twice.
        """
        return tabulate(self.records, self.suite.task.probe_order(self.params), where=f"cell {self.result.id}")

    @property
    def examples(self) -> int:
        """How many examples have records."""
        return len(np.unique(self.table.example)) // self.per_example

    @property
    def failed(self) -> int:
        """On how many of these the method failed at every probe of every draw."""
        lines = np.all(self.table.status == Status.FAILED, axis=1)
        every = len(np.unique(self.table.example)) - len(np.unique(self.table.example[~lines]))
        return every // self.per_example

    @property
    def whole(self) -> bool:
        """Whether every position of the evaluation is there for every draw, no verdict missing.

        Of a suite as it once was only the number of positions is known: there the cell must have as many.
        """
        if self.current and not self.reported:
            wanted = self.suite.positions(self.result.identity.evaluation).ids
            return self.spec is not None and complete(self.table, wanted)
        enough = len(np.unique(self.table.example)) >= self.result.planned
        return enough and complete(self.table, self.table.example)

    def count(self, name: str) -> float:
        """A count of the diagnostics, summed over the blocks; 0 where there is none."""
        return self.result.diagnostics.get(name, 0.0)

    def arrays(self, name: str) -> NDArray[Any] | None:
        """The arrays of that name of all blocks, end to end; None where a block that is done has none."""
        return self.result.arrays(name)
