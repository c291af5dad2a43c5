"""``trustdm train``: a method's checkpoints again, by its own recipe, on the training split of its data."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trustdm.bench import plugins
from trustdm.bench.cli import console
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.plan import MethodSpec
from trustdm.bench.registry import Entry
from trustdm.bench.suite.data import open_data
from trustdm.bench.suite.load import Suite
from trustdm.bench.training.recipes import TrainOptions, TrainReport, declared_suite, duration_of, recipe_of, reproduce

INTERRUPTED = 3
QUIET = 60.0  # seconds between two lines where there is no console
SMOOTH = 0.98  # how much of the shown loss is kept in each step


def run(text: str, folder: Path, files: tuple[Path, ...], every: int = 500) -> int:
    """Trains NAME or NAME:option=value, writes its checkpoints into ``folder`` and compares them with the card.

    ``every``: after how many steps the state is kept, for recipes that can be resumed.
    """
    catalogue = plugins.load(files).checked()
    asked = MethodSpec.parse(text)
    entry = catalogue.registry.get("method", asked.name)
    recipe_of(entry)
    if every < 1:
        raise UsageError(f"--checkpoint-every: expected at least 1, got {every}")
    suite = _suite_of(entry, catalogue)
    images, labels = open_data(suite, catalogue.registry).read(suite.train)
    if known := duration_of(entry):
        console.warn(f"the shipped files took {known}")
    try:
        with _bars() as bars:
            on_step = _shown(bars, f"training {asked} on {len(labels)} images")
            report = reproduce(entry, images, labels, folder, on_step, TrainOptions(dict(asked.params), every))
    except KeyboardInterrupt:
        console.warn(f"stopped; a recipe that can be resumed kept its state in {folder}: the same command goes on")
        return INTERRUPTED
    _tell(asked, report)
    return 0


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console.err, disable=not console.err.is_terminal)


def _shown(bars: Progress, title: str) -> Callable[[int, int, float], None]:
    """Follows a training: a bar with the smoothed loss, or a line now and then where there is no console."""
    task = bars.add_task(title, total=None)
    loss, last, first = 0.0, time.monotonic(), 0

    def on_step(step: int, total: int, value: float) -> None:
        nonlocal loss, last, first
        if not first:
            first, loss = step, value
            bars.reset(task, completed=step - 1, total=total, description=title)
        loss = SMOOTH * loss + (1 - SMOOTH) * value
        bars.update(task, completed=step, total=total, description=f"{title}, loss {loss:.4f}")
        if bars.disable and time.monotonic() - last >= QUIET:
            last = time.monotonic()
            console.warn(f"step {step} of {total}, loss {loss:.4f}")

    return on_step


def _tell(asked: MethodSpec, report: TrainReport) -> None:
    for file in report.files:
        console.say(f"{file.path}  sha256 {file.sha256}")
    console.say(f"{report.examples} images, {report.seconds:.0f} s")
    if asked.params:
        console.say(
            f"not the shipped recipe; its hashes are what a card, or the parameter weights= of {asked.name}, names"
        )
    elif report.same:
        console.say("the same bytes as the shipped checkpoint")
    else:
        wanted = ", ".join(file.expected for file in report.files if not file.same)
        console.say(
            f"other bytes than the card's {wanted}: expected on another machine or other versions; "
            "judge it by its results"
        )


def _suite_of(entry: Entry, catalogue: plugins.Catalogue) -> Suite:
    """The suite whose training split a recipe takes: the one that it declares.

    Raises:
        UsageError: it declares none, or the suite has other data than the method's card.
    """
    name, card = declared_suite(entry), cast(MethodCard, entry.card)
    suite = catalogue.suite(name)
    if card.data and suite.data.dataset not in card.data:
        raise UsageError(
            f"method {card.name}: SUITE = {name!r}: expected a suite of {' or '.join(card.data)}, got one of "
            f"{suite.data.dataset}"
        )
    return suite
