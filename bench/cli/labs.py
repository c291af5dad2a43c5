"""The verbs that say whose measurements a database holds: ``db labs``, ``db name-lab``."""

from __future__ import annotations

from typing import Annotated

import typer

from trustdm.bench.cli.options import Db, Json


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command("labs")(labs)
    app.command("name-lab")(name_lab)


def labs(db: Db = None, json_: Json = False) -> None:
    """List the labs (databases) whose measurements are here: this one, and those that were imported."""
    import json
    from dataclasses import asdict

    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        found = store.labs()
    if json_:
        console.say(json.dumps([asdict(lab) for lab in found], indent=1))
        return
    for lab in found:
        whose = "this database" if lab.own else "imported"
        console.say(f"{lab.id}  {lab.name or '(no name)'}  {whose}, {lab.cells} cells")


def name_lab(
    lab: Annotated[str, typer.Argument(help="Its id as `db labs` prints it, or the beginning of it.")],
    name: Annotated[str, typer.Argument(help="What boards call it; an empty text takes the name away.")],
    db: Db = None,
) -> None:
    """Name a lab: its rows show the name, and come before those of labs without one."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), must_exist=True) as store:
        named = store.name_lab(lab, name)
    console.say(f"{named.id}  {named.name or '(no name)'}")
