"""The verbs of this task on the command line; imports what a verb needs when it is called."""

from __future__ import annotations

import typer

from trustdm.bench.tasks.robustness.commands import attack, export, judge


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command("attack")(attack.attack)
    app.command("export-attacked")(export.export_attacked)
    app.command("judge")(judge.judge)
