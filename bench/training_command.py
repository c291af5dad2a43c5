"""``trustdm train``: a method's checkpoint again, by its own recipe, on the training split of its data."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from rich.progress import Progress

from trustdm.bench import plugins, terminal
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.suite import Suite, load_suite, open_data, shipped
from trustdm.bench.training.recipes import recipe_of, reproduce


def run(name: str, folder: Path, files: tuple[Path, ...]) -> int:
    """Trains, writes the checkpoint into ``folder`` and prints how its hash compares with the card's."""
    registry = plugins.load(files).registry
    entry = registry.get("method", name)
    recipe_of(entry)
    suite = _suite_of(cast(MethodCard, entry.card))
    images, labels = open_data(suite, registry).read(suite.train)
    with Progress(console=terminal.err, disable=not terminal.err.is_terminal) as bars:
        task = bars.add_task(f"training {name} on {len(labels)} images", total=None)
        report = reproduce(
            entry,
            images,
            labels,
            folder,
            lambda step, total, loss: bars.update(task, completed=step, total=total, description=f"loss {loss:.3f}"),
        )
    terminal.say(f"{report.path}  sha256 {report.sha256}  ({report.examples} images, {report.seconds:.0f} s)")
    if report.same:
        terminal.say("the same bytes as the shipped checkpoint")
    else:
        terminal.say(
            f"other bytes than the card's {report.expected}: expected on another machine or other versions; "
            "judge it by its results"
        )
    return 0


def _suite_of(card: MethodCard) -> Suite:
    for suite in map(load_suite, shipped()):
        if suite.data.dataset in card.data:
            return suite
    raise UsageError(f"method {card.name}: expected a card that names a data set of a shipped suite, got {card.data}")
