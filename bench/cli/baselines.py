"""``trustdm baselines``: the full-size results that come with the package, into a database."""

from __future__ import annotations

import typer

from trustdm.bench.cli.options import Db


def add(app: typer.Typer) -> None:
    """Adds it."""
    app.command()(baselines)


def baselines(db: Db = None) -> None:
    """Bring in the full-size results that come with trustdm: rows to compare with, marked `imported: trustdm`."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.shipped import import_shipped
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db)) as store:
        added = import_shipped(store)
        suites = sorted({held.suite for held in store.contents()})
    console.say(f"{api.database_name(db)}: {added} blocks of the shipped results added; suites: {', '.join(suites)}")
