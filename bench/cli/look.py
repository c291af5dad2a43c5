"""The verbs that look: list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from trustdm.bench.cli.options import Db, Json, Plugins, Wide


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command("list")(list_)
    app.command("show")(show)


def list_(plugin: Plugins = None, wide: Wide = False, json_: Json = False) -> None:
    """List suites, methods, data sets, attacks and protocols."""
    from trustdm.bench.cli import show as listing

    if code := listing.print_all(tuple(plugin or ()), as_json=json_, wide=wide):
        raise typer.Exit(code)


def show(
    name: str,
    db: Db = None,
    plugin: Plugins = None,
    reported: Annotated[bool, typer.Option("--reported", help="The published numbers of a suite instead.")] = False,
    wide: Wide = False,
    json_: Json = False,
) -> None:
    """Show a suite with its rows, or the card of a method, data set, attack, extractor or protocol."""
    from trustdm.bench.cli import show as listing

    if reported:
        listing.show_reported(name, as_json=json_, wide=wide)
    elif code := listing.show(name, db, tuple(plugin or ()), as_json=json_, wide=wide):
        raise typer.Exit(code)
