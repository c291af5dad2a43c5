"""What the page of a method shows of its attacks: attack by attack, attacked images, and example by example."""

from __future__ import annotations

from typing import cast

import numpy as np

from trustdm.bench.printable import printable
from trustdm.bench.records import Records
from trustdm.bench.suite.further import falling
from trustdm.bench.tasks.robustness import adapted
from trustdm.bench.tasks.robustness.metrics import curve
from trustdm.bench.tasks.robustness.task import CLEAN
from trustdm.bench.types import Status
from trustdm.leaderboard import cells as formats
from trustdm.leaderboard import columns, outcomes
from trustdm.leaderboard.boards import Board, Entry, Part, Source
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.sections import Head, Line, OnPage, PicturesSection, Section, Sections, TableSection
from trustdm.leaderboard.tasks.robustness import gallery, words

NOTE = (
    "For each example: the clean image, the attacked one, and the difference, amplified until its largest entry is "
    "black or white (the budget is {budget})."
)
OUTSIDE = (
    "Attacks that the suite does not list, run under its protocol. The least that one of them left takes the place of "
    "what the suite's own attacks left, where it was measured on the row's images, here or by the lab of the row."
)
EXAMPLES = "The verdict, the class predicted, and the margin of the true class over the best other one."


def sections(board: Board, entry: Entry, page: OnPage) -> Sections:
    """All of it, for one row."""
    ladders = [ladder for part in entry.parts if (ladder := _table(part)) is not None]
    albums: list[Section] = []
    files: dict[str, bytes] = {}
    note = NOTE.format(budget=words.budget(board.suite))
    for part in entry.parts:
        images = gallery.kept(cast("Source", board.extra), part)
        if images is not None:
            pictures, needed = gallery.pictures(images, page.root, wrong_before(part.result.records))
            albums.append(PicturesSection(f"Attacked images, {part.evaluation}", pictures, note, across=3))
            files |= needed
    examples = outcomes.table(board, entry, page.records, EXAMPLES, frozenset({CLEAN}))
    outside = from_outside(board, entry)
    shown = (*ladders, *([outside] if outside else []), *albums, *([examples] if examples else []))
    return Sections(shown, files)


def from_outside(board: Board, entry: Entry) -> TableSection | None:
    """What attacks left that the suite does not list, and whose they are; None where there were none."""
    suite = board.suite
    named = [metric for metric in falling(suite) if any(metric.name in r.metrics for r in entry.row.further)]
    heads = (*(Head(columns.label(suite, metric)) for metric in named), *map(Head, ("By", "Images", "Counts")))
    lines = [
        Line(
            printable(result.label),
            (
                *(formats.share(result.metrics.get(metric.name)) for metric in named),
                Cell(printable(", ".join(result.by)) or "not stated"),
                Cell(f"{result.n:,}", state="count"),
                Cell(
                    "yes" + (", the least" if result.lowers else "")
                    if result.counts
                    else f"no: {printable(result.why)}"
                ),
            ),
        )
        for result in entry.row.further
    ]
    return TableSection("Attacks from outside", heads, tuple(lines), OUTSIDE, "Attack") if lines else None


def _table(part: Part) -> TableSection | None:
    return under_each_attack(part) if adapted.adaptive(part.view) else attack_by_attack(part)


def under_each_attack(part: Part) -> TableSection:
    """Each attack, run and end of a search by itself: the mean over draws, a majority of them, all of them."""
    lines = []
    for probe in part.view.table.probes:
        told = adapted.at_probe(part.view, probe)
        norms = part.result.records.norm[part.result.records.probe == probe]
        size = "" if probe == CLEAN or np.all(np.isnan(norms)) else f"{float(np.nanmax(norms)):.4g}"
        lines.append(Line(probe, (*(formats.share(value) for value in told.values()), Cell(size, state="count"))))
    heads = (Head("Mean over draws"), Head("Majority of draws"), Head("Worst draw"), Head("Largest perturbation"))
    return TableSection(f"Under each attack, {part.evaluation}", heads, tuple(lines), corner="Attack")


def attack_by_attack(part: Part) -> TableSection | None:
    """What still holds after each attack, and how often each status was given; None where there is one probe only."""
    table = part.view.table
    if len(table.probes) < 2:
        return None
    values = dict(curve(part.view))
    seen = [status for status in Status if np.any(table.status == status)]
    lines = []
    for probe, column in zip(table.probes, table.status.T, strict=True):
        counts = (Cell(str(int((column == status).sum())), state="count") for status in seen)
        lines.append(Line(probe, (formats.share(values.get(probe)), *counts)))
    heads = (Head("Robust accuracy so far"), *(Head(outcomes.WORDS[status]) for status in seen))
    return TableSection(f"Attack by attack, {part.evaluation}", heads, tuple(lines), corner="After")


def wrong_before(records: Records) -> frozenset[int]:
    """The examples that were right in no draw of the clean image: attacks leave those alone."""
    clean = records.where(records.probe == CLEAN)
    right = clean.example[clean.status == Status.CORRECT]
    return frozenset(np.setdiff1d(clean.example, right).tolist())
