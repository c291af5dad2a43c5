"""The verbs that take a cell off every board, and put it back: ``db hide``, ``db unhide``, ``db hidden``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trustdm.bench.cli.options import Db, Json

if TYPE_CHECKING:
    from trustdm.bench.store.hiding import Hidden

Cell = Annotated[
    str, typer.Argument(help="Its id as `db check` prints it, or its uid in a run file, or the beginning.")
]


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command("hide")(hide)
    app.command("unhide")(unhide)
    app.command("hidden")(hidden)


def hide(
    cell: Cell,
    why: Annotated[str, typer.Option("--why", help="The reason, which `db hidden` prints.")],
    db: Db = None,
) -> None:
    """Hide a cell: it is in no row, on no page and in no export until `db unhide`. Nothing is removed."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), must_exist=True) as store:
        console.say(_line(store.hide(cell, why)))


def unhide(cell: Cell, db: Db = None) -> None:
    """Show a hidden cell again."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), must_exist=True) as store:
        console.say(_line(store.unhide(cell)))


def hidden(db: Db = None, json_: Json = False) -> None:
    """List the hidden cells, each with the reason."""
    import json
    from dataclasses import asdict

    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        found = store.hidden()
    if json_:
        console.say(json.dumps([asdict(cell) for cell in found], indent=1))
        return
    for cell in found:
        console.say(_line(cell))


def _line(cell: Hidden) -> str:
    from trustdm.bench.cli.layout import plain

    return plain(f"cell {cell.id}  {cell.uid}  {cell.suite} / {cell.method}  since {cell.since[:10]}: {cell.why}")
