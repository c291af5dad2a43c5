"""``trustdm attack``: somebody's own attack against methods that are on a board already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustdm.bench.cli.options import Db, Plugins
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackCard


def attack(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A plugin file with one @attack.")],
    suite: Annotated[str, typer.Option(help="The suite: a name, or the path of a suite file.")],
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:key=value,...]",
            help="A method; may be repeated. all: every method that has a row on the board (default).",
        ),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter of the attack; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the attack is called on the board; default: its own name.")] = "",
    plugin: Plugins = None,
    db: Db = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Images at once on the device; 0: a whole block.")
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes, one torch thread each.")] = 1,
    limit: Annotated[
        int | None, typer.Option(help="The first examples only, rounded up to whole blocks; as many as the rows have.")
    ] = None,
    max_hours: Annotated[float | None, typer.Option(min=0.0, help="Begin no block after so long (exit 3).")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed blocks again.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, superseding what is stored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run and what it would take.")] = False,
) -> None:
    """Run an attack of your own against methods of a board; where it leaves less, the number falls and names you.

    It is run and judged as the suite's own attacks are: images are projected to the budget, verdicts are the harness's.
    """
    from trustdm.bench import plugins
    from trustdm.bench.cli import measure
    from trustdm.bench.cli.command import told
    from trustdm.bench.request import Request
    from trustdm.bench.runner.run import Options
    from trustdm.bench.tasks.robustness import outside
    from trustdm.bench.tasks.robustness.commands.against import Target, run

    catalogue = plugins.load((file, *(plugin or ()))).checked()
    card = the_attack(file)
    board = catalogue.suite(suite)
    further = outside.further(board, name or card.name, card, params_of(card.name, param or ()), card.authors)
    request = Request(
        suites=(suite,),
        plugins=(file, *(plugin or ())),
        device=device,
        batch_size=batch_size,
        jobs=jobs,
        limit=limit,
        options=Options(fresh, retry_failed, measure.seconds(max_hours)),
        command=told(context),
        further=(further,),
    )
    target = Target(board, tuple(against or ("all",)), catalogue, db)
    raise typer.Exit(run(request, target, dry_run=dry_run))


def the_attack(file: Path) -> AttackCard:
    """The card of the one attack in a plugin file that is loaded.

    Raises:
        UsageError: there is none, or more than one.
    """
    from trustdm.bench.plugins import import_file
    from trustdm.bench.registry import entries_of

    found = [entry.card for entry in entries_of(import_file(file)) if entry.kind == "attack"]
    if len(found) != 1:
        got = ", ".join(card.name for card in found) or "none"
        raise UsageError(f"{file}: expected one class marked with @attack, got {got}")
    card: AttackCard = found[0]  # type: ignore[assignment]
    return card


def params_of(name: str, texts: list[str] | tuple[str, ...]) -> dict[str, object]:
    """Parameters as they are typed, "steps=20".

    Raises:
        UsageError: one without "=", or twice.
    """
    from trustdm.bench.plan import literal

    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier() or key in found:
            raise UsageError(f"--param of {name}: expected KEY=VALUE, each key once, got {text!r}")
        found[key] = literal(value)
    return found
