"""The verb that looks at data: what the table [data] of a suite has to say about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustdm.bench.cli.options import Json, Plugins
from trustdm.bench.printable import printable

if TYPE_CHECKING:
    from trustdm.bench.registry import Registry
    from trustdm.bench.suite.facts import DataFacts

MOST_CLASSES = 100
"""Counts of so many classes are printed; all of them by --json."""
Named = Annotated[
    str,
    typer.Option(
        "--dataset",
        metavar="NAME[:key=value,...]",
        help="A registered data set, with its options; beside a path, the one that reads it.",
    ),
]


def add(app: typer.Typer) -> None:
    """Adds it."""
    data = typer.Typer(help="Look at data: your own, or a registered data set.", no_args_is_help=True)
    data.command("digest")(digest)
    app.add_typer(data, name="data")


def digest(
    path: Annotated[Path | None, typer.Argument(help="An .npz file, or a folder with a folder for each class.")] = None,
    dataset: Named = "",
    plugin: Plugins = None,
    json_: Json = False,
) -> None:
    """Print what a suite needs to say about data: the table [data], and how many examples each class has.

    The path in it starts at this folder, where the suite file is then meant to be.
    """
    from trustdm.bench.cli import console

    facts = look(path, dataset, Path(), registered(plugin))
    if json_:
        console.say(json.dumps(_as_json(facts), indent=1))
        return
    from trustdm.bench.suite.written import toml

    for line in _counted(facts):
        console.say(f"# {line}")
    console.say(toml({"data": table_of(facts)}).rstrip())


def registered(plugin: list[Path] | None) -> Registry:
    """Everything that is registered, those of plugin files included; broken ones are told on standard error."""
    from trustdm.bench import plugins
    from trustdm.bench.cli import console

    catalogue = plugins.load(tuple(plugin or ()))
    for problem in catalogue.problems:
        console.warn(f"trustdm: plugin left out: {problem}")
    return catalogue.registry


def look(path: Path | None, dataset: str, root: Path, registry: Registry) -> DataFacts:
    """The facts of what is named on the command line, for a suite file in the folder ``root``.

    Raises:
        TrustdmError: it is named wrongly, missing or broken.
    """
    from trustdm.bench.suite.facts import Wanted, find

    name, options = _named(dataset)
    return find(Wanted(path, name, options, root), registry)


def _named(text: str) -> tuple[str, dict[str, object]]:
    from trustdm.bench.errors import UsageError

    name, _, tail = text.partition(":")
    options: dict[str, object] = {}
    for item in filter(None, tail.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key.isidentifier() or key in options:
            raise UsageError(f"--dataset {text}: expected NAME:key=value,key=value, got {item!r}")
        options[key] = value_of(value)
    return name, options


def value_of(text: str) -> Any:
    """What a value on the command line means: a number, true, false or a quoted text as in TOML; else the text."""
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except (ValueError, RecursionError):  # no TOML, a number without end, lists without end
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def table_of(facts: DataFacts) -> dict[str, Any]:
    """The table [data], without splits."""
    table = facts.table.model_dump(mode="json", exclude_none=True, exclude={"options"})
    return table | ({"options": dict(facts.table.options)} if facts.table.options else {})


def _counted(facts: DataFacts) -> list[str]:
    counts = facts.counts()
    names = dict(enumerate(facts.class_names))
    each = [f"{k}{f' ({names[k]})' if names.get(k, str(k)) != str(k) else ''}: {n}" for k, n in counts.items()]
    more = [f"and {len(each) - MOST_CLASSES} classes more"] if len(each) > MOST_CLASSES else []
    lines = [f"{len(facts)} examples; of class {', '.join(each[:MOST_CLASSES] + more)}"]
    if missing := facts.table.classes - len(counts):
        lines.append(f"no example of {missing} of the {facts.table.classes} classes")
    return [printable(line) for line in lines]


def _as_json(facts: DataFacts) -> dict[str, object]:
    counts = {str(k): n for k, n in facts.counts().items()}
    names = {"class_names": list(facts.class_names)} if facts.class_names else {}
    return {"size": len(facts), "counts": counts, **names, "data": table_of(facts)}
