"""What a reader must know about a row, whatever its task: from the card, and from the statuses of its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from trustdm.bench.summary.cell import CellView
from trustdm.bench.tasks.contract import Flag, Task
from trustdm.bench.types import Status


def untimed(cell: CellView) -> bool:
    """A block of the harness that took no time at all."""
    return not cell.reported and cell.result.untimed > 0


CORE = (
    Flag("randomized", "warn", "Gives different outputs for the same input."),
    Flag("gradient-surrogate", "warn", "Declares a stand-in for its true gradient."),
    Flag("gradient-bpda", "warn", "Declares a gradient that is replaced in the backward pass (BPDA)."),
    Flag("gradient-none", "warn", "Declares that it has no gradient to follow."),
    Flag("failures", "bad", "The method failed on some examples; the suite says how those count."),
    Flag("block-seeded", "info", "Draws from global generators, which the harness seeds for each block of examples."),
    Flag("keyed-noise", "info", "Randomized, with noise that the harness passes in."),
    Flag("external-data", "info", "Made with data from outside the suite."),
    Flag("generated-data", "info", "Made with generated data."),
    Flag("selection-data", "info", "Settings were chosen on further data, as the card declares."),
    Flag("cost-missing", "warn", "Says that blocks of it took no time, which the harness never writes.", untimed, True),
)


def of_card(card: Mapping[str, object]) -> Iterable[str]:
    """The flags that a method's card raises."""
    randomness, gradient = card.get("randomness", "none"), card.get("gradient", "exact")
    if randomness != "none":
        yield "randomized"
        yield "keyed-noise" if randomness == "keyed" else str(randomness)
    if gradient != "exact":
        yield f"gradient-{gradient}"
    for kind in ("external", "generated", "selection"):
        if card.get(f"{kind}_data"):
            yield f"{kind}-data"


def of_cell(cell: CellView) -> Iterable[str]:
    """The flags that the records and counts of a cell raise: a failure, those of the task, and doubts about what was
    measured elsewhere (what was measured here, the harness wrote itself)."""
    if bool(np.any(cell.table.status == Status.FAILED)):
        yield "failures"
    for flag in (*CORE, *cell.suite.task.flags):
        if not (flag.doubt and cell.result.own) and flag.when(cell):
            yield flag.name


def doubts(cell: CellView) -> Iterator[Flag]:
    """The flags of a cell that are raised by what the harness would hardly have written; whoever measured it."""
    for flag in (*CORE, *cell.suite.task.flags):
        if flag.doubt and flag.when(cell):
            yield flag


def words(task: Task | None, name: str) -> Flag:
    """The flag of that name as a task words it; an unknown one is explained by its name."""
    known = {flag.name: flag for flag in (*CORE, *(task.flags if task else ()))}
    return known.get(name, Flag(name, "warn", f"Flagged by the harness: {name}."))
