"""What a reader must know about a certified row: certificates hold whatever is tried, so gradients do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustdm.bench.tasks.contract import Flag
from trustdm.bench.types import Status

if TYPE_CHECKING:
    from trustdm.bench.summary.cell import CellView


def cut_off(cell: CellView) -> bool:
    """A published log that ends early."""
    return cell.count("missing_rows") > 0


def alpha_contradicted(cell: CellView) -> bool:
    """A published log with a radius that its draws can not certify at the alpha that its authors name."""
    return cell.count("alpha_contradicted") > 0


def too_few_passes(cell: CellView) -> bool:
    """Fewer images were sent forward than there were noisy draws."""
    made = cell.records.status == Status.MADE
    return not cell.reported and cell.result.cost.forwards < float(cell.records.value[made].sum())


FLAGS: tuple[Flag, ...] = (
    Flag(
        "passes-missing",
        "warn",
        "Says that fewer noisy images were sent through the method than it was given.",
        too_few_passes,
        doubt=True,
    ),
    Flag(
        "cut-off",
        "warn",
        "The published log that this was read from ends early; the images after it are missing.",
        cut_off,
    ),
    Flag(
        "alpha-contradicted",
        "warn",
        "The published log has radii that need a larger error probability (alpha) than is named for it; which one, its "
        "summary says.",
        alpha_contradicted,
    ),
    Flag("randomized", "warn", "Draws random numbers of its own, beyond the noise that the harness adds."),
    Flag("keyed-noise", "info", "Randomized, with noise that the harness passes in, new for each draw."),
    Flag("gradient-surrogate", "warn", "Declares a stand-in for its true gradient; a certificate needs none."),
    Flag("gradient-bpda", "warn", "Declares a replaced gradient; a certificate needs none."),
    Flag("gradient-none", "warn", "Declares that it has no gradient; a certificate needs none."),
    Flag("failures", "bad", "The method failed on some images, so nothing is said of the evaluation they belong to."),
)
