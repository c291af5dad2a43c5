"""The verbs of this task on the command line; imports what a verb needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trustdm.bench.cli.options import Plugins


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command()(reference)


def reference(
    suite: Annotated[str, typer.Argument(help="A suite that measures generators.")],
    images: Annotated[
        Path | None, typer.Option(help="A folder of real images, for a suite without a data set of ours.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; by default that of the suite, in $TRUSTDM_DATA.")] = None,
    plugin: Plugins = None,
) -> None:
    """Build what generated images are compared with: a suite's features of real images."""
    from trustdm.bench.cli import console
    from trustdm.bench.tasks.generation import build_reference as builder

    raise typer.Exit(builder.run(suite, images, out, tuple(plugin or ()), console.say))
