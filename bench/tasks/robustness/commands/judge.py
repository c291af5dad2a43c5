"""``trustdm judge``: images that were made elsewhere, as an attack on a method."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trustdm.bench.cli.options import Db, Plugins


def judge(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An npz file with x_adv (n, C, H, W) float32 and examples (n,).")],
    suite: Annotated[str, typer.Option(help="The suite whose test examples they are made from.")],
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:key=value,...]", help="A method that they are shown to; may be repeated."),
    ] = None,
    by: Annotated[list[str] | None, typer.Option(help="Who is to be named for them; may be repeated.")] = None,
    name: Annotated[str, typer.Option(help="What they are called on the board; default: given- and their hash.")] = "",
    plugin: Plugins = None,
    db: Db = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Images at once on the device; 0: a whole block.")
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes, one torch thread each.")] = 1,
) -> None:
    """Judge images that were made elsewhere, once they are found to be within the suite's budget and the box.

    Where they leave less than the suite's own attacks, the number falls and names whoever made them. Images of the
    first examples that are not in the file stay as they are.
    """
    from trustdm.bench import plugins
    from trustdm.bench.attacks.given_images import GivenImages
    from trustdm.bench.cli import console
    from trustdm.bench.cli.command import told
    from trustdm.bench.errors import UsageError
    from trustdm.bench.hashing import sha256_file
    from trustdm.bench.registry import MARK
    from trustdm.bench.request import Request
    from trustdm.bench.suite.data import open_data
    from trustdm.bench.tasks.robustness import given, outside
    from trustdm.bench.tasks.robustness.commands.against import Target, run

    if not method:
        raise UsageError("--method: expected a method that the images are shown to, got none")
    files = tuple(plugin or ())
    catalogue = plugins.load(files).checked()
    board = catalogue.suite(suite)
    images, examples = given.read(file)
    digest = sha256_file(file)
    card = getattr(GivenImages, MARK)[0].card
    further = outside.further(board, name or f"given-{digest[:8]}", card, {"sha256": digest}, by or ())
    given.require(file, board, open_data(board, catalogue.registry), images, examples)
    limit = given.reach(board, examples)
    if missing := limit - len(examples):
        console.warn(f"trustdm: {file}: {missing} of the first {limit} examples are not in it, and stay as they are")
    request = Request(
        suites=(suite,),
        plugins=files,
        device=device,
        batch_size=batch_size,
        jobs=jobs,
        limit=limit,
        command=told(context),
        further=(further,),
    )
    with _images_at(file):
        code = run(request, Target(board, tuple(method), catalogue, db), dry_run=False)
    raise typer.Exit(code)


@contextmanager
def _images_at(file: Path) -> Iterator[None]:
    """While it lasts, the attack finds its images there, in worker processes too."""
    from trustdm.bench.attacks.given_images import VARIABLE

    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(file.resolve())
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
