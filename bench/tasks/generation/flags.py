"""What a reader must know about a row of generated images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.tasks.contract import Flag
from trustdm.bench.types import Status

if TYPE_CHECKING:
    from trustdm.bench.summary.cell import CellView

HALF = 0.5
"""Network evaluations that sums of shares may be off by."""


def too_few_passes(cell: CellView) -> bool:
    """Fewer images were sent forward than the network evaluations of all images add up to."""
    made = cell.records.status == Status.MADE
    return not cell.reported and cell.result.cost.forwards + HALF < float(cell.records.value[made].sum())


FLAGS: tuple[Flag, ...] = (
    Flag("randomized", "warn", "Draws random numbers of its own: an image does not depend on its seed alone."),
    Flag("gradient-surrogate", "warn", "Declares a stand-in for its true gradient; without meaning for a generator."),
    Flag("gradient-bpda", "warn", "Declares a replaced gradient; without meaning for a generator."),
    Flag("gradient-none", "warn", "Declares that it has no gradient; without meaning for a generator."),
    Flag("failures", "bad", "The generator failed on some images, so no distance is given."),
    Flag(
        "passes-missing",
        "warn",
        "Says that fewer images were sent through networks than its network evaluations add up to.",
        too_few_passes,
        doubt=True,
    ),
)
