"""``trustdm list`` and ``trustdm show``; torch-free."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from trustdm.bench import api, plugins, reported
from trustdm.bench.cli import console as terminal
from trustdm.bench.errors import SuiteError, UnknownName
from trustdm.bench.registry import Entry
from trustdm.bench.shipped import untested
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite, load_suite, shipped, stored_suite
from trustdm.bench.summary.rows import Row, rows
from trustdm.bench.tasks.generation.metrics import floor_of

KINDS = ("method", "dataset", "attack", "protocol", "extractor")


def print_all(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Prints suites and every registered plugin; broken plugins are named on standard error."""
    catalogue = plugins.load(files)
    for problem in catalogue.problems:
        terminal.warn(f"trustdm: plugin left out: {problem}")
    suites = [load_suite(name) for name in shipped()]
    if as_json:
        listed: dict[str, object] = {
            kind: [e.card.model_dump(mode="json") for e in catalogue.registry.entries(kind)] for kind in KINDS
        }
        terminal.say(json.dumps({"suite": [_suite_facts(s) for s in suites], **listed}, indent=1))
        return
    terminal.out.print(_suite_table(suites))
    for kind in KINDS:
        terminal.out.print(_plugin_table(kind, catalogue.registry.entries(kind)))


def task(suite: Suite) -> str:
    """What a suite asks of a method, in two or three words."""
    if suite.adversary is not None:
        return f"withstand {suite.adversary.norm} {suite.adversary.eps}"
    return "certify in l2" if suite.certification else "generate"


def _task_lines(suite: Suite) -> list[str]:
    if suite.adversary is not None:
        who = f"adversary: {suite.adversary.norm} {suite.adversary.eps}; {suite.adversary.knows}"
        return [who, f"wins when: {suite.adversary.wins}"]
    floor = floor_of(suite, suite.generation.set) if suite.generation else None
    if suite.generation is None or floor is None:
        return []
    return [f"held-out real images, {floor.n:,} of them: {floor.value:.3g} [{floor.low:.3g}, {floor.high:.3g}]"]


def _suite_facts(suite: Suite) -> dict[str, object]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "dataset": suite.data.dataset,
        "task": task(suite),
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
        terminal.add(table, s.name, str(s.version), task(s), size, s.title, mark)
    return table


def _plugin_table(kind: str, entries: Sequence[Entry]) -> Table:
    table = Table(title=f"{kind}s", title_justify="left")
    for heading in ("name", "version", "what it is"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        terminal.add(table, entry.name, entry.card.version, entry.card.summary)
    return table


def show(name: str, db: str | None, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Prints the rows of a suite, or the card of a plugin with a method's rows.

    Raises:
        UnknownName: neither a suite nor a plugin is called that.
    """
    catalogue = plugins.load(files)
    suite = _suite(name)
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


def _suite(name: str) -> Suite | None:
    try:
        return load_suite(name)
    except UnknownName:
        return None


def _show_suite(suite: Suite, db: str | None, *, as_json: bool) -> None:
    found = stored_rows(suite, db)
    if as_json:
        terminal.say(json.dumps([row.as_json() for row in found], indent=1))
        return
    terminal.say(f"{suite.title}\n{suite.description.strip()}")
    for line in _task_lines(suite):
        terminal.say(line)
    if untested(suite, sum(r.completeness == "full" for r in found)):
        terminal.say("untested: this suite has not been run at full size yet")
    terminal.out.print(terminal.board(suite, found))
    for note in terminal.notes(found):
        terminal.say(note)
    for test in sorted({r.rank_test for r in found if r.rank_test}):
        terminal.say(f"ranks: {test}")


def _show_plugin(entry: Entry, db: str | None, *, as_json: bool) -> None:
    found = []
    if entry.kind == "method":
        found = [(s, r) for s in map(load_suite, shipped()) for r in stored_rows(s, db) if r.method == entry.name]
    _print_card(entry.kind, entry.card.model_dump(mode="json"), found, as_json=as_json)


def _print_card(kind: str, card: dict[str, Any], found: Sequence[tuple[Suite, Row]], *, as_json: bool) -> None:
    if as_json:
        terminal.say(json.dumps({"kind": kind, "card": card, "rows": [r.as_json() for _, r in found]}, indent=1))
        return
    terminal.say(f"{kind} {card['name']}")
    for field, value in card.items():
        if value not in ("", [], None, False):
            terminal.say(f"  {field}: {value}")
    for suite, row in found:
        terminal.out.print(terminal.board(suite, [row]))


def show_reported(name: str, *, as_json: bool) -> None:
    """Prints the published numbers that belong to a suite, each with its source.

    Raises:
        UnknownName: there are none of that name.
    """
    if name not in reported.suites():
        raise UnknownName("suite with reported numbers", name, reported.suites())
    if as_json:
        terminal.say(json.dumps(reported.as_json(name), indent=1))
        return
    table = Table(title=f"{name}: reported, not measured here", title_justify="left")
    for heading in ("system", "variant", "metric", "value", "n", "source", "flags"):
        table.add_column(heading, overflow="fold")
    for row in reported.reported(name):
        shown = (row.system, row.told, row.metric, row.value, row.n, row.source.citation, " ".join(row.flags))
        terminal.add(table, *("" if value is None else str(value) for value in shown))
    terminal.out.print(table)


def stored_rows(suite: Suite, db: str | None) -> list[Row]:
    """The rows of a suite in the database; none where there is no database yet."""
    url = api.database(db)
    if "://" not in url and not Path(url).exists():
        if db is not None:
            raise SuiteError(url, "--db", "a result database", "no such file")
        return []
    with Store.open(url, read_only=True) as store:
        return rows(suite, store.results(suite.name))
