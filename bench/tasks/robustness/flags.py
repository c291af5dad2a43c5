"""What a reader must know about a row under attack: AutoAttack's warnings (Croce and Hein 2020), and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trustdm.bench.tasks.contract import Flag
from trustdm.bench.tasks.robustness.adapted import (
    draws_ignored,
    gradient_unverified,
    idle,
    scores_help,
    transfer_helps,
    unmounted,
)
from trustdm.bench.tasks.robustness.eot import without_eot
from trustdm.bench.tasks.robustness.verdicts import survival_scores
from trustdm.bench.types import Status

if TYPE_CHECKING:
    from trustdm.bench.summary.cell import CellView

SQUARE_MARGIN = 0.002
"""By how much Square must lower survival before a board warns; the margin AutoAttack uses (Croce and Hein 2020)."""
UNBOUNDED_SHARE = 0.25
"""Share of a few images that may survive the few steps of an attack without a bound."""


def randomized(cell: CellView) -> bool:
    """Logits differed between equal forwards."""
    return cell.count("randomized_rows") > 0


def probabilities(cell: CellView) -> bool:
    """Every output was a probability vector."""
    return cell.result.diagnostics.get("probability_rows", -1) == cell.count("checked_rows") > 0


def zero_gradients(cell: CellView) -> bool:
    """The gradient of the margin vanished for some image."""
    return cell.count("zero_gradient_rows") > 0


def optimises(cell: CellView) -> bool:
    """Backward passes were made inside a forward."""
    return cell.count("test_time_optimisation") > 0


def projected(cell: CellView) -> bool:
    """An attack left the budget."""
    return cell.count("projected_rows") > 0


def unverified(cell: CellView) -> bool:
    """Images could not be checked against the digest."""
    return cell.count("unverified_rows") > 0


def missing_verdicts(cell: CellView) -> bool:
    """Some verdict of some example is missing."""
    return survival_scores(cell.table, "", "wrong") is None


def square_helps(cell: CellView) -> bool:
    """Square breaks what the attacks before it left, over the set."""
    table = cell.table
    before = table.probes[: table.probes.index("square")] if "square" in table.probes else ()
    if not set(before) - {"clean"}:
        return False
    left, after = survival_scores(table, before[-1], "wrong"), survival_scores(table, "square", "wrong")
    if left is None or after is None or not len(left.values):
        return False
    return float(left.values.mean() - after.values.mean()) > SQUARE_MARGIN + 1e-12


def unbounded_leaves(cell: CellView) -> bool:
    """Images stayed correct under an attack without a bound."""
    return cell.count("unbounded_left_rows") > UNBOUNDED_SHARE * cell.count("unbounded_rows")


def margin_rises(cell: CellView) -> bool:
    """An attack with twice the budget left a larger margin."""
    return cell.count("margin_rises") > 0


def too_few_passes(cell: CellView) -> bool:
    """Fewer images were sent forward than were judged."""
    judged = np.isin(cell.records.status, (Status.CORRECT, Status.WRONG, Status.ABSTAINED))
    return not cell.reported and cell.result.cost.forwards < int(judged.sum())


FLAGS: tuple[Flag, ...] = (
    Flag(
        "randomized",
        "warn",
        "Gives different outputs for the same image; attacks that do not average over draws overstate its robustness.",
        randomized,
    ),
    Flag(
        "no-eot",
        "bad",
        "Randomized, and no attack averaged over its draws (EOT): its robust accuracy may be overstated.",
        without_eot,
    ),
    Flag(
        "gradient-unverified",
        "bad",
        "The gradient that attacks followed is not that of the method, or vanishes: what they left says little.",
        gradient_unverified,
    ),
    Flag(
        "draws-ignored",
        "bad",
        "Declared randomized, and answers the same under every draw: its attackers may have averaged over nothing.",
        draws_ignored,
    ),
    Flag(
        "transfer-helps",
        "warn",
        "Images made against the bare classifier break more than attacks that know the purifier: masked gradients.",
        transfer_helps,
    ),
    Flag(
        "scores-help",
        "warn",
        "An attack without gradients breaks more than those with: masked gradients.",
        scores_help,
    ),
    Flag(
        "unbounded-leaves-accuracy",
        "warn",
        "Images stay correct under an attack without a bound: it does not search where the method is weak.",
        unbounded_leaves,
    ),
    Flag(
        "margin-rises",
        "warn",
        "An attack with twice the budget does less: it does not follow the loss.",
        margin_rises,
    ),
    Flag(
        "not-mounted",
        "info",
        "Attacks that take a purifier and a classifier apart, or know its noise, could not be mounted on this method.",
        unmounted,
    ),
    Flag(
        "probabilities",
        "warn",
        "Outputs are probabilities, not logits; attacks that follow gradients may fail.",
        probabilities,
    ),
    Flag(
        "zero-gradients",
        "warn",
        "The gradient is zero for some examples; attacks that follow it are blind there.",
        zero_gradients,
    ),
    Flag(
        "square-helps",
        "warn",
        "Square, which uses no gradient, breaks more than the attacks that do: masked gradients.",
        square_helps,
    ),
    Flag(
        "optimises-at-test-time",
        "warn",
        "Takes gradients while it predicts; AutoAttack may overstate its robustness.",
        optimises,
    ),
    Flag(
        "missing-verdicts",
        "warn",
        "Some verdicts are missing; the metrics that need them are left out.",
        missing_verdicts,
    ),
    Flag(
        "passes-missing",
        "warn",
        "Says that fewer images were sent through the method than it has verdicts.",
        too_few_passes,
        doubt=True,
    ),
    Flag(
        "attack-idle",
        "warn",
        "Says that an attack changed no image, which the shipped ones always do.",
        idle,
        doubt=True,
    ),
    Flag("projected", "info", "An attack left the budget; the harness projected its images back.", projected),
    Flag("data-unverified", "warn", "The data could not be checked against the digest in the suite.", unverified),
    Flag("gradient-surrogate", "warn", "Attacks follow a stand-in for the true gradient, as the card declares."),
    Flag("gradient-bpda", "warn", "Attacks follow a gradient that is replaced in the backward pass (BPDA)."),
    Flag("gradient-none", "warn", "No gradient to follow: only attacks that need none are meaningful."),
)
