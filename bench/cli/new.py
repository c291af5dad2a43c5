"""The verb that writes a suite file for data of one's own: it loads, and can be run at once."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustdm.bench.cli.data import Named, look
from trustdm.bench.cli.options import Plugins
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from trustdm.bench.registry import Registry
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.tasks.contract import Start, Task


def add(app: typer.Typer) -> None:
    """Adds it."""
    group = typer.Typer(help="Write a first version of something of your own.", no_args_is_help=True)
    group.command("suite")(suite)
    app.add_typer(group, name="new")


def suite(  # noqa: PLR0913 - one parameter for each option
    name: Annotated[str, typer.Argument(help="The name of the suite.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="An .npz file, or a folder with one for each class.")
    ] = None,
    dataset: Named = "",
    task: Annotated[str, typer.Option(help="What is asked (trustdm list); default: what classifiers are asked.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The suite file [NAME.toml].")] = None,
    test: Annotated[int | None, typer.Option(min=1, help="How many examples are measured [three tenths].")] = None,
    validation: Annotated[int | None, typer.Option(min=1, help="How many are for choosing [one tenth].")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the file, with dots: size.demo=16; repeatable."),
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Write a suite file for data of your own, with lists for training, choosing and measuring drawn from its digest.

    The same data give the same lists. Nothing is overwritten. What the task begins with is a proposal: read the file.
    """
    from trustdm.bench import plugins
    from trustdm.bench.cli import console, suitefile

    files = tuple(plugin or ())
    catalogue = plugins.load(files)
    for problem in catalogue.problems:
        console.warn(f"trustdm: plugin left out: {problem}")
    target = out or Path(f"{name}.toml")
    _check_place(name, target, suitefile.files_of(target))
    chosen = _task(task, catalogue.registry)
    facts = look(data, dataset, target.parent, catalogue.registry)
    sizes = suitefile.Sizes(test, validation)
    tables, start = suitefile.begun(name, chosen, facts, sizes, catalogue.registry)
    tables = suitefile.changed(tables, set_ or ())
    made = suitefile.checked(tables, target, catalogue)
    written = suitefile.write(tables, target)
    console.say(f"wrote {' and '.join(str(file) for file in written)}")
    for line in (*start.says, *_before(start, made, target), _run_line(made, target, files, catalogue.registry)):
        console.say(line)


def _check_place(name: str, target: Path, files: tuple[Path, ...]) -> None:
    """Refuses a name that is taken or none, and files that are there."""
    from trustdm.bench.contracts import NAME
    from trustdm.bench.suite.load import shipped

    if not re.fullmatch(NAME, name):
        raise UsageError(f"new suite: expected a name of letters, digits, '.', '_' and '-', got {name!r}")
    if name in shipped():
        raise UsageError(f"new suite: expected a name of its own, got {name}, which comes with trustdm")
    if target.suffix != ".toml":
        raise UsageError(f"--out: expected a file that ends in .toml, got {target}")
    if not target.parent.is_dir():
        raise UsageError(f"--out: expected a file in a folder that is there, got {target}")
    for file in files:
        if file.exists():
            raise UsageError(f"{file}: expected no such file, got one; it is not overwritten: move it, or use --out")


def _task(name: str, registry: Registry) -> Task:
    """The task of that name; without one, the only task that asks what every method does by default.

    Raises:
        UsageError: there is none, or there are several.
    """
    from trustdm.bench.capabilities.default import DEFAULT
    from trustdm.bench.tasks.contract import Task

    if name:
        registry.get("task", name)
    found = {entry.name: entry.card for entry in registry.entries("task") if isinstance(entry.card, Task)}
    begun = {known: task for known, task in found.items() if type(task).start is not Task.start}
    every = ", ".join(begun) or "none"
    if name and name not in begun:
        raise UsageError(
            f"--task {name}: expected a task that proposes a first suite ({every}), got one that does not: write the "
            "file by hand, from another suite of that task (docs/suites.md)"
        )
    usual = [known for known, task in begun.items() if task.capability in DEFAULT]
    if not name and len(usual) != 1:
        raise UsageError(f"--task: expected one of {every}, got nothing")
    return begun[name or usual[0]]


def _before(start: Start, made: Suite, target: Path) -> list[str]:
    """The commands that come before the first run."""
    folder = "" if target.parent == Path() else shlex.quote(f"{target.parent.as_posix()}/")
    names = {"suite": shlex.quote(target.as_posix()), "folder": folder, "name": made.name}
    return [f"next: {command.format(**names)}" for command in start.before]


def _run_line(made: Suite, target: Path, files: tuple[Path, ...], registry: Registry) -> str:
    """The command that measures a first few examples; of a method of one's own, where none that is there fits."""
    from trustdm.bench.plan import choose

    plugins = [word for file in files for word in ("--plugin", str(file))]
    words = shlex.join(["trustdm", "run", target.as_posix(), *plugins])
    if choose(made, registry, ()):
        return f"next: {words} --limit 8"
    return (
        f"next: {words} --plugin FILE.py --method NAME --limit 8, with a method of your own, for examples of shape "
        f"{made.data.shape} and {made.data.classes} classes (docs/submitting.md): none that is registered fits"
    )
