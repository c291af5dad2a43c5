"""What the marks and flags of a row mean, in one place: every chip on every page comes from here."""

from __future__ import annotations

from collections.abc import Sequence

from trustdm.bench.printable import printable
from trustdm.bench.reported import labels
from trustdm.bench.summary.flags import words
from trustdm.bench.summary.further import FurtherResult
from trustdm.bench.summary.row import Row
from trustdm.bench.tasks.contract import Task
from trustdm.leaderboard.models import Chip

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

CONFORMANCE: dict[str, tuple[str, str]] = {
    "passed": ("quiet", "The method passed the conformance checks of this harness."),
    "failed": ("bad", "The method failed conformance checks of this harness, so the row is not ranked: {names}."),
    "not run": ("quiet", "The conformance checks of this harness were not run on this method."),
}
"""How a method did in conformance checks; on a board only a failure has a chip."""
IMPORTED = "Measured by {who}, in another database; its records were imported, not measured here."
FELL = "A number of this row is what {who} left: less than what the suite's own evaluation did."
TONES = {"suspect": "bad", "best-of-three": "info", "best-snapshot": "info", "pre-trained": "quiet"}
UNTESTED = Chip("untested", "warn", "No method has been measured on the whole test list of this version yet.")


def marks(row: Row) -> tuple[Chip, ...]:
    """The four independent marks of a row: origin, currency, completeness, verification; whether it failed
    conformance checks, or was imported; and by what its numbers fell."""
    values = {
        "origin": row.origin.value,
        "currency": row.currency,
        "completeness": row.completeness,
        "verification": row.verification.value,
    }
    whose = [] if row.own else [imported(row)]
    failed = [conformance(row)] if row.failed_checks else []
    return (*(mark(kind, value) for kind, value in values.items()), *failed, *whose, *map(fell, row.fell_by))


def conformance(row: Row) -> Chip:
    """The chip that says how the method did in conformance checks."""
    return _conformance(row.conformance, ", ".join(printable(name) for name in row.failed_checks))


def _conformance(status: str, names: str) -> Chip:
    tone, title = CONFORMANCE[status]
    return Chip(f"conformance {status}", tone, title.format(names=names))


def fell(result: FurtherResult) -> Chip:
    """The chip of a further result by which a number of the row fell."""
    return Chip(f"fell by {printable(result.label)}", "info", FELL.format(who=printable(result.credited)))


def imported(row: Row) -> Chip:
    """The chip of a row that another lab measured, with whatever name it has here."""
    words = f"imported: {printable(row.lab_name)}" if row.lab_name else "imported"
    return Chip(words, "info", IMPORTED.format(who=printable(row.measured_by)))


def mark(kind: str, value: str) -> Chip:
    """The chip of one mark; an unknown value is shown as it is."""
    tone, title = MARKS[kind].get(value, ("warn", f"{kind}: {value}"))
    return Chip(value, tone, title)


def flag(name: str, task: Task) -> Chip:
    """The chip of a flag, as ``task`` words it; an unknown one is explained by its name."""
    worded = words(task, name)
    return Chip(name.replace("-", " ").replace("_", " "), worded.tone, worded.words)


def flags(row: Row, task: Task) -> tuple[Chip, ...]:
    """The chips of a row's flags."""
    return tuple(flag(name, task) for name in row.flags)


def reported(flags: Sequence[str]) -> tuple[Chip, ...]:
    """The chips of the flags of a published number."""
    return tuple(Chip(name.replace("-", " "), TONES.get(name, "warn"), title) for name, title in labels(flags))


def legend() -> tuple[tuple[str, tuple[Chip, ...]], ...]:
    """Every mark with its meaning, by kind."""
    marked = ((kind.capitalize(), tuple(mark(kind, value) for value in values)) for kind, values in MARKS.items())
    return (*marked, ("Conformance", tuple(_conformance(status, "named on its page") for status in CONFORMANCE)))
