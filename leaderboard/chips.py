"""What the marks and flags of a row mean, in one place: every chip on every page comes from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trustdm.bench.reported import labels
from trustdm.leaderboard.models import Chip

if TYPE_CHECKING:
    from trustdm.bench.summary.rows import Row

MARKS: dict[str, dict[str, tuple[str, str]]] = {
    "origin": {
        "measured": ("quiet", "Run by this harness; every record is stored."),
        "reported": ("info", "Taken from a publication, with its source; not run here."),
        "claimed": ("warn", "Stated by the submitter; not run here."),
    },
    "currency": {
        "current": ("quiet", "Measured under the suite as it is now."),
        "stale": ("warn", "Measured under an older version of the suite or its data; not comparable, so not ranked."),
        "superseded": ("warn", "A later run corrects this one; kept for the record."),
    },
    "completeness": {
        "full": ("quiet", "Everything that the suite asks for was run."),
        "preview": ("info", "Only the first part was run; ranked among equal previews, never among full rows."),
    },
    "verification": {
        "unverified": ("quiet", "Nobody has repeated the run independently yet."),
        "verified": ("good", "An independent second run gave the same result."),
        "not reproduced": ("bad", "An independent second run did not give this result."),
    },
}

FLAGS: dict[str, tuple[str, str]] = {
    "randomized": ("warn", "Gives different outputs for the same image; AutoAttack may overstate its robustness."),
    "probabilities": ("warn", "Outputs are probabilities, not logits; attacks that follow gradients may fail."),
    "zero-gradients": ("warn", "The gradient is zero for some examples; attacks that follow it are blind there."),
    "square-helps": ("warn", "Square, which uses no gradient, breaks more than the attacks that do: masked gradients."),
    "optimises-at-test-time": ("warn", "Takes gradients while it predicts; AutoAttack may overstate its robustness."),
    "gradient-surrogate": ("warn", "Attacks follow a stand-in for the true gradient, as the card declares."),
    "gradient-bpda": ("warn", "Attacks follow a gradient that is replaced in the backward pass (BPDA)."),
    "gradient-none": ("warn", "No gradient to follow: only attacks that need none are meaningful."),
    "missing-verdicts": ("warn", "Some verdicts are missing; the metrics that need them are left out."),
    "projected": ("info", "An attack left the budget; the harness projected its images back."),
    "data-unverified": ("warn", "The data could not be checked against the digest in the suite."),
    "cut-off": ("warn", "The published log that this was read from ends early; the examples after it are missing."),
    "failures": ("bad", "The method failed on some examples; the suite says how those count."),
    "block-seeded": ("info", "Draws from global generators, which the harness seeds for each block of examples."),
    "keyed-noise": ("info", "Randomized, with noise that the harness passes in."),
    "external-data": ("info", "Made with data from outside the suite."),
    "generated-data": ("info", "Made with generated data."),
    "selection-data": ("info", "Settings were chosen on further data, as the card declares."),
}

# What some flags mean on the board of a generator, which nobody attacks.
GENERATOR: dict[str, str] = {
    "randomized": "Draws random numbers of its own: an image does not depend on its seed alone.",
    "gradient-surrogate": "Declares a stand-in for its true gradient; without meaning for a generator.",
    "gradient-bpda": "Declares a replaced gradient; without meaning for a generator.",
    "gradient-none": "Declares that it has no gradient; without meaning for a generator.",
    "failures": "The generator failed on some images, so no distance is given.",
}

# And on a certified board, where certificates hold whatever is tried.
CERTIFIED: dict[str, str] = {
    "randomized": "Draws random numbers of its own, beyond the noise that the harness adds.",
    "keyed-noise": "Randomized, with noise that the harness passes in, new for each draw.",
    "gradient-surrogate": "Declares a stand-in for its true gradient; a certificate needs none.",
    "gradient-bpda": "Declares a replaced gradient; a certificate needs none.",
    "gradient-none": "Declares that it has no gradient; a certificate needs none.",
    "optimises-at-test-time": "Takes gradients while it predicts.",
    "cut-off": "The published log that this was read from ends early; the images after it are missing.",
    "failures": "The method failed on some images, so nothing is said of the evaluation they belong to.",
}
WORDS = {"generated": GENERATOR, "certified": CERTIFIED}

IMPORTED = Chip("imported", "info", "Measured in another store; its records were imported.")
TONES = {"suspect": "bad", "best-of-three": "info", "best-snapshot": "info", "pre-trained": "quiet"}
UNTESTED = Chip("untested", "warn", "No method has been measured on the whole test list of this version yet.")


def marks(row: Row, imported: bool = False) -> tuple[Chip, ...]:
    """The four independent marks of a row: origin, currency, completeness, verification; and whether it was
    imported."""
    values = {
        "origin": row.origin.value,
        "currency": row.currency,
        "completeness": row.completeness,
        "verification": row.verification.value,
    }
    return (*(mark(kind, value) for kind, value in values.items()), *([IMPORTED] if imported else []))


def mark(kind: str, value: str) -> Chip:
    """The chip of one mark; an unknown value is shown as it is."""
    tone, title = MARKS[kind].get(value, ("warn", f"{kind}: {value}"))
    return Chip(value, tone, title)


def flag(name: str, task: str = "") -> Chip:
    """The chip of a flag on a board of that ``task`` (``tasks.kind``); an unknown one is explained by its name."""
    tone, title = FLAGS.get(name, ("warn", f"Flagged by the harness: {name}."))
    return Chip(name.replace("-", " ").replace("_", " "), tone, WORDS.get(task, {}).get(name, title))


def flags(row: Row, task: str = "") -> tuple[Chip, ...]:
    return tuple(flag(name, task) for name in row.flags)


def reported(flags: Sequence[str]) -> tuple[Chip, ...]:
    """The chips of the flags of a published number."""
    return tuple(Chip(name.replace("-", " "), TONES.get(name, "warn"), title) for name, title in labels(flags))


def legend() -> tuple[tuple[str, tuple[Chip, ...]], ...]:
    """Every mark with its meaning, by kind."""
    return tuple((kind.capitalize(), tuple(mark(kind, value) for value in values)) for kind, values in MARKS.items())
