"""The verbs that look after checkpoints, the database and the machine: train, weights, db, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trustdm.bench.cli import hiding, labs
from trustdm.bench.cli.options import Db, Plugins
from trustdm.bench.errors import TrustdmError


def add(app: typer.Typer) -> None:
    """Adds them."""
    db = typer.Typer(help="Look after the result database.", no_args_is_help=True)
    weights = typer.Typer(help="Turn checkpoints into files that can be trusted.", no_args_is_help=True)
    app.command()(train)
    app.command()(doctor)
    app.add_typer(db, name="db")
    app.add_typer(weights, name="weights")
    weights.command("convert")(weights_convert)
    weights.command("hash")(weights_hash)
    db.command("check")(db_check)
    labs.add(db)
    hiding.add(db)
    db.command("collect")(db_collect)


def train(
    name: Annotated[str, typer.Argument(help="A method that comes with a recipe: NAME, or NAME:option=value.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints.")] = Path("checkpoints"),
    checkpoint_every: Annotated[
        int, typer.Option(metavar="STEPS", help="How often the state is kept, where the recipe can be resumed.")
    ] = 500,
    plugin: Plugins = None,
) -> None:
    """Reproduce the checkpoints of a method by its own recipe, and compare their hashes with the card's.

    A training that was stopped goes on from the state in --out. Diffusion models take options: mnist16-edm:rung=D.
    """
    from trustdm.bench.cli import train as training_command

    raise typer.Exit(training_command.run(name, out, tuple(plugin or ()), checkpoint_every))


def weights_convert(
    source: Annotated[Path, typer.Argument(help="A training checkpoint (.pt, .pth, .ckpt, .bin).")],
    target: Annotated[Path, typer.Argument(help="The safetensors file to write.")],
    prefer: Annotated[
        str, typer.Option(help="Which weights, where there are several: ema, raw, or the name of a key.")
    ] = "ema",
) -> None:
    """Turn a training checkpoint (EMA, optimiser, DataParallel prefixes) into safetensors, and print its hash."""
    from trustdm.bench.cli import console
    from trustdm.bench.training.convert import convert

    console.say(str(convert(source, target, prefer=prefer)))


def weights_hash(files: list[Path]) -> None:
    """Print the SHA-256 of checkpoint files, as a card names them."""
    from trustdm.bench.cli import console
    from trustdm.bench.hashing import sha256_file

    for file in files:
        try:
            digest = sha256_file(file)
        except OSError as error:
            got = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
            raise TrustdmError(f"{file}: expected a checkpoint file, got {got}") from error
        console.say(f"{digest}  {file}")


def db_check(db: Db = None) -> None:
    """Check every block, record, key and artefact, and whether they can be; exit 1 if anything is wrong.

    What is only unlikely, or could not be told on this machine, is said and changes no exit code.
    """
    from trustdm.bench import api, plugins
    from trustdm.bench.cli import console
    from trustdm.bench.store.examiner import Examiner
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        found = store.examined(Examiner(plugins.load(), strangers=True))
    for problem in found.problems:
        console.warn(f"trustdm: {problem}")
    console.doubts(found.doubts, found.unchecked)
    beside = f", {len(found.doubts)} doubts" if found.doubts else ""
    console.say(f"{api.database_name(db)}: {len(found.problems) or 'no'} problems{beside}")
    raise typer.Exit(1 if found.problems else 0)


def db_collect(db: Db = None) -> None:
    """Remove artefact files that nothing refers to."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), must_exist=True) as store:
        console.say(f"{store.collect()} bytes removed")


def doctor(
    db: Db = None,
    plugin: Plugins = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Import every package and load every method, too: takes longer.")
    ] = False,
) -> None:
    """Say what this machine can run, and what is missing."""
    from trustdm.bench.cli import doctor as examination

    raise typer.Exit(examination.report(db, tuple(plugin or ()), thorough=thorough))
