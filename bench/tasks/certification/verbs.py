"""The verbs of this task on the command line; imports what a verb needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trustdm.bench.cli.options import Db


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command("import-log")(import_log)


def import_log(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A log with the columns idx, label, predict, radius, correct, time.")],
    suite: Annotated[str, typer.Option(help="The certified suite it belongs to.")],
    evaluation: Annotated[str, typer.Option(help="The evaluation of that suite: sigma-1-2, say.")],
    name: Annotated[str, typer.Option(help="What the row is called.")],
    source: Annotated[str, typer.Option(help="The publication, and where in it.")],
    alpha: Annotated[str, typer.Option(help="As its authors say: 1/1000, say.")] = "",
    draws: Annotated[int, typer.Option(max=10**12, help="Noisy images for each image, as its authors say.")] = 0,
    cumulative: Annotated[
        bool | None,
        typer.Option(help="Whether `correct` counts the images so far; only for files that can be read both ways."),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Take a file that is cut off, and flag the row.")] = False,
    db: Db = None,
) -> None:
    """Read a published log of certificates as a reported row, image by image."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.cli.command import told
    from trustdm.bench.tasks.certification import import_log as log

    kind = None if cumulative is None else log.KINDS[cumulative]
    request = log.Request(file, suite, evaluation, name, source, alpha, draws, kind, partial, told(context))
    raise typer.Exit(log.run(request, api.database(db), console.say))
