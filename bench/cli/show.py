"""``trustdm list`` and ``trustdm show``; torch-free."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from trustdm.bench import api, plugins, reported
from trustdm.bench.cli import console
from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.plugins import load_suite, stored_suite
from trustdm.bench.registry import Entry
from trustdm.bench.shipped import untested
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows

KINDS = ("method", "dataset", "attack", "weight_attack", "protocol", "extractor", "step", "task", "capability")
"""What is listed, in this order."""


def print_all(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Prints suites and every registered plugin; broken plugins are named on standard error."""
    catalogue = plugins.load(files)
    for problem in catalogue.problems:
        console.warn(f"trustdm: plugin left out: {problem}")
    suites = [catalogue.suite(name) for name in shipped()]
    if as_json:
        listed: dict[str, object] = {
            kind: [e.card.model_dump(mode="json") for e in catalogue.registry.entries(kind)] for kind in KINDS
        }
        console.say(json.dumps({"suite": [_suite_facts(s) for s in suites], **listed}, indent=1))
        return
    console.out.print(_suite_table(suites))
    for kind in KINDS:
        console.out.print(_plugin_table(kind, catalogue.registry.entries(kind)))


def _suite_facts(suite: Suite) -> dict[str, object]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "dataset": suite.data.dataset,
        "task": suite.task.name,
        "asks": suite.task.says(suite)[0],
        "demo": suite.size.demo,
        "full": suite.size.full,
        "metrics": [m.name for m in suite.metrics],
        "untested": untested(suite),
    }


def _suite_table(suites: Sequence[Suite]) -> Table:
    table = Table(title="suites", title_justify="left")
    for heading in ("name", "version", "task", "demo / full", "title", ""):
        table.add_column(heading, overflow="fold")
    for s in suites:
        mark = "untested at full size" if untested(s) else ""
        size = f"{s.size.demo or 'none'} / {s.size.full}"
        console.add(table, s.name, str(s.version), s.task.says(s)[0], size, s.title, mark)
    return table


def _plugin_table(kind: str, entries: Sequence[Entry]) -> Table:
    table = Table(title=f"{kind}s", title_justify="left")
    for heading in ("name", "version", "what it is"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        console.add(table, entry.name, entry.card.version, entry.card.summary)
    return table


def show(name: str, db: str | None, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Prints the rows of a suite, or the card of a plugin with a method's rows.

    Raises:
        UnknownName: neither a suite nor a plugin is called that.
    """
    catalogue = plugins.load(files)
    suite = _suite(name, catalogue)
    if suite is not None:
        _show_suite(suite, db, as_json=as_json)
        return
    for kind in KINDS:
        if name in catalogue.registry.names(kind):
            _show_plugin(catalogue.registry.get(kind, name), db, as_json=as_json)
            return
    if (db is not None or Path(api.database(db)).exists()) and _show_stored(name, db, as_json=as_json):
        return
    known = shipped() + [n for kind in KINDS for n in catalogue.registry.names(kind)]
    raise UnknownName("name", name, known)


def _show_stored(name: str, db: str | None, *, as_json: bool) -> bool:
    """Shows a suite or a method that only the database knows; False if it does not."""
    with Store.open(api.database(db), read_only=True) as store:
        cells = store.cells(suite=name) or store.cells(method=name)
    if not cells:
        return False
    suites = {c.identity.suite: stored_suite(c.suite_content, f"{api.database(db)}: {name}") for c in cells}
    if name in suites:
        _show_suite(suites[name], db, as_json=as_json)
        return True
    found = [(s, r) for s in suites.values() for r in stored_rows(s, db) if r.method == name]
    _print_card("method", cells[-1].card, found, as_json=as_json)
    return True


def _suite(name: str, catalogue: plugins.Catalogue) -> Suite | None:
    try:
        return catalogue.suite(name)
    except UnknownName:
        return None


def _show_suite(suite: Suite, db: str | None, *, as_json: bool) -> None:
    found = stored_rows(suite, db)
    if as_json:
        console.say(json.dumps([row.as_json() for row in found], indent=1))
        return
    console.say(f"{suite.title}\n{suite.description.strip()}")
    for line in suite.task.says(suite)[1:]:
        console.say(line)
    if untested(suite, sum(r.completeness == "full" for r in found)):
        console.say("untested: this suite has not been run at full size yet")
    console.out.print(console.board(suite, found))
    for note in console.notes(found):
        console.say(note)
    for test in sorted({r.rank_test for r in found if r.rank_test}):
        console.say(f"ranks: {test}")


def _show_plugin(entry: Entry, db: str | None, *, as_json: bool) -> None:
    found = []
    if entry.kind == "method":
        found = [(s, r) for s in map(load_suite, shipped()) for r in stored_rows(s, db) if r.method == entry.name]
    _print_card(entry.kind, entry.card.model_dump(mode="json"), found, as_json=as_json)


def _print_card(kind: str, card: dict[str, Any], found: Sequence[tuple[Suite, Row]], *, as_json: bool) -> None:
    if as_json:
        console.say(json.dumps({"kind": kind, "card": card, "rows": [r.as_json() for _, r in found]}, indent=1))
        return
    console.say(f"{kind} {card['name']}")
    for field, value in card.items():
        if value not in ("", [], None, False):
            console.say(f"  {field}: {value}")
    for suite, row in found:
        console.out.print(console.board(suite, [row]))


def show_reported(name: str, *, as_json: bool) -> None:
    """Prints the published numbers that belong to a suite, each with its source.

    Raises:
        UnknownName: there are none of that name.
    """
    if name not in reported.suites():
        raise UnknownName("suite with reported numbers", name, reported.suites())
    if as_json:
        console.say(json.dumps(reported.as_json(name), indent=1))
        return
    table = Table(title=f"{name}: reported, not measured here", title_justify="left")
    for heading in ("system", "variant", "metric", "value", "n", "source", "flags"):
        table.add_column(heading, overflow="fold")
    for row in reported.reported(name):
        shown = (row.system, row.told, row.words, row.value, row.n, row.source.citation, " ".join(row.flags))
        console.add(table, *("" if value is None else str(value) for value in shown))
    console.out.print(table)


def stored_rows(suite: Suite, db: str | None) -> list[Row]:
    """The rows of a suite in the database; none where there is no database yet."""
    url = api.database(db)
    if "://" not in url and not Path(url).exists():
        if db is not None:
            raise SuiteError(url, "--db", "a result database", "no such file")
        return []
    with Store.open(url, read_only=True) as store:
        return rows(suite, store.results(suite.name))
