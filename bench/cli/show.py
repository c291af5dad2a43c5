"""``trustdm list`` and ``trustdm show``; torch-free.

The store, and whatever sums up, is imported where rows are shown: a listing needs neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustdm.bench import plugins
from trustdm.bench.cli import boards, console, explain, listings
from trustdm.bench.errors import SuiteError, UnknownName, UsageError
from trustdm.bench.plainfiles import there
from trustdm.bench.plan import ALL, MethodSpec, described
from trustdm.bench.registry import Entry
from trustdm.bench.shipped import shipped_rows, untested
from trustdm.bench.suite.load import Suite, parse_stored, shipped

if TYPE_CHECKING:
    from trustdm.bench.store.store import Store
    from trustdm.bench.summary.cache import FactsCache
    from trustdm.bench.summary.row import Row

KINDS = ("method", "dataset", "attack", "weight_attack", "task", "protocol", "extractor", "step", "capability")
"""What is listed, in this order."""


def print_all(files: tuple[Path, ...], *, as_json: bool, wide: bool = False) -> int:
    """Prints suites and every registered plugin; broken plugins are named on standard error.

    Returns:
        The exit code: 2 if a plugin file that was named could not be loaded.
    """
    catalogue = plugins.load(files)
    code = _left_out(catalogue)
    suites = [catalogue.suite(name) for name in shipped()]
    if as_json:
        listed: dict[str, object] = {
            kind: [e.card.model_dump(mode="json") for e in catalogue.registry.entries(kind)] for kind in KINDS
        }
        console.say(json.dumps({"suite": [_suite_facts(s) for s in suites], **listed}, indent=1))
        return code
    console.table(listings.suites(suites), wide=wide)
    for kind in KINDS:
        console.table(listings.plugins(kind, catalogue.registry.entries(kind)), wide=wide)
    return code


def _left_out(catalogue: plugins.Catalogue) -> int:
    """Says which plugins could not be loaded; the exit code of a verb that did all else: 2 if one was named."""
    for problem in catalogue.problems:
        console.warn(f"trustdm: plugin left out: {problem}")
    return 2 if catalogue.named else 0


def _suite_facts(suite: Suite) -> dict[str, object]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "dataset": suite.data.dataset,
        "task": suite.task.name,
        "asks": suite.task.asks(suite),
        "demo": suite.size.demo,
        "full": suite.size.full,
        "metrics": [m.name for m in suite.metrics],
        "untested": untested(suite),
    }


def show(name: str, db: str | None, files: tuple[Path, ...], *, as_json: bool, wide: bool = False) -> int:
    """Prints the rows of a suite, or the card of a plugin with its parameters; ``wide``: rows with every metric.

    "NAME:key=value" of a method shows the card and the options that it has with these parameters.

    Returns:
        The exit code: 2 if a plugin file that was named could not be loaded.

    Raises:
        UnknownName: neither a suite nor a plugin is called that.
        UsageError: parameters that the method does not take, or for which it has no card.
        PluginError: the same, and a plugin file that was named could not be loaded.
    """
    catalogue = plugins.load(files)
    with catalogue.explained():
        _show(name, db, catalogue, as_json=as_json, wide=wide)
    return _left_out(catalogue)


def _show(name: str, db: str | None, catalogue: plugins.Catalogue, *, as_json: bool, wide: bool) -> None:
    from trustdm.bench import api

    head = name.partition(":")[0]
    if head != name and head in catalogue.registry.names("method"):
        name, spec = head, MethodSpec.parse(name, catalogue.registry)
    else:
        spec = None
    suite = _suite(name, catalogue)
    if suite is not None:
        _show_suite(suite, db, as_json=as_json, wide=wide)
        return
    for kind in KINDS:
        if name in catalogue.registry.names(kind):
            shown = _Shown(catalogue.registry.get(kind, name), spec, catalogue)
            _show_plugin(shown, db, as_json=as_json, wide=wide)
            return
    held = db is not None or there(Path(api.database(db)))
    if held and _show_stored(name, db, catalogue, as_json=as_json, wide=wide):
        return
    known = shipped() + [n for kind in KINDS for n in catalogue.registry.names(kind)]
    raise UnknownName("name", name, known)


def _show_stored(name: str, db: str | None, catalogue: plugins.Catalogue, *, as_json: bool, wide: bool) -> bool:
    """Shows a suite or a method that only the database knows; False if it does not."""
    from trustdm.bench import api
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        cells = store.cells(suite=name) or store.cells(method=name)
    if not cells:
        return False
    if name in {c.identity.suite for c in cells}:
        suite = parse_stored(cells[-1].suite_content, f"{api.database_name(db)}: {name}", catalogue.tasks)
        _show_suite(suite, db, as_json=as_json, wide=wide)
        return True
    _print_card("method", cells[-1].card, method_rows(name, db, catalogue), as_json=as_json, wide=wide)
    return True


def _suite(name: str, catalogue: plugins.Catalogue) -> Suite | None:
    try:
        return catalogue.suite(name)
    except UnknownName:
        return None


def _show_suite(suite: Suite, db: str | None, *, as_json: bool, wide: bool) -> None:
    found = stored_rows(suite, db)
    if as_json:
        console.say(json.dumps([row.as_json() for row in found], indent=1))
        return
    console.tell(f"{suite.title}\n{suite.description.strip()}")
    for line in suite.task.says(suite)[1:]:
        console.tell(line)
    if untested(suite, sum(r.completeness == "full" for r in found)):
        console.say("untested: this suite has not been run at full size yet")
    if found:
        console.table(boards.board(suite, found), wide=wide)
    for line in (*boards.notes(found), *boards.tests(suite, found), *boards.offers(suite, found, shipped_rows(suite))):
        console.tell(line)


@dataclass(frozen=True)
class _Shown:
    """A plugin that is shown; a method perhaps with parameters."""

    entry: Entry
    spec: MethodSpec | None
    catalogue: plugins.Catalogue

    @property
    def given(self) -> dict[str, object]:
        return dict(self.spec.params) if self.spec else {}

    def card(self) -> dict[str, Any]:
        card = described(self.catalogue.registry, self.spec)[0] if self.spec else self.entry.card
        return {k: v for k, v in card.model_dump(mode="json").items() if k != "defaults"}


def _show_plugin(shown: _Shown, db: str | None, *, as_json: bool, wide: bool) -> None:
    card, kind = shown.card(), shown.entry.kind
    found = explain.explained(shown.entry, shown.given)
    measured = method_rows(card["name"], db, shown.catalogue) if kind == "method" else []
    if as_json:
        told = {"kind": kind, "card": card, "parameters": explain.as_json(found)}
        console.say(json.dumps(told | {"rows": [r.as_json() for _, r in measured]}, indent=1))
        return
    _tell_card(kind, {k: v for k, v in card.items() if k != "variants"})
    _tell_parameters(shown, found)
    _tables(measured, wide=wide)


def _tell_parameters(shown: _Shown, found: explain.Explained) -> None:
    """The parameters, where in a suite they are set, and the variants as they are typed."""
    entry, registry = shown.entry, shown.catalogue.registry
    if found.problem:
        console.tell(found.problem)
    if found.parameters:
        console.table(explain.grid(entry, found.parameters, registry))
    for line in found.lines:
        console.tell(line)
    if entry.kind in explain.IN_SUITES:
        for line in explain.places(entry, [shown.catalogue.suite(name) for name in shipped()], registry):
            console.tell(line)
    if variants := getattr(entry.card, "variants", ()):
        console.tell(f"variants; all of them: --method {entry.name}:{ALL}")
        for line in explain.typed(entry.name, variants):
            console.say(f"  {line}")


def _print_card(
    kind: str, card: dict[str, Any], measured: Sequence[tuple[Suite, Row]], *, as_json: bool, wide: bool
) -> None:
    if as_json:
        console.say(json.dumps({"kind": kind, "card": card, "rows": [r.as_json() for _, r in measured]}, indent=1))
        return
    _tell_card(kind, card)
    _tables(measured, wide=wide)


def _tell_card(kind: str, card: dict[str, Any]) -> None:
    console.say(f"{kind} {card['name']}")
    for field, value in card.items():
        if value not in ("", [], None, False):
            console.tell(f"  {field}: {value}")


def _tables(measured: Sequence[tuple[Suite, Row]], *, wide: bool) -> None:
    for suite in dict.fromkeys(suite.name for suite, _ in measured):
        found = [(s, row) for s, row in measured if s.name == suite]
        console.table(boards.board(found[0][0], [row for _, row in found]), wide=wide)


def show_reported(name: str, *, as_json: bool, wide: bool = False) -> None:
    """Prints the published numbers that belong to a suite, each with its source.

    Raises:
        UnknownName: there are none of that name.
    """
    from trustdm.bench import reported

    if name in shipped() and name not in reported.suites():
        known = ", ".join(reported.suites())
        raise UsageError(f"{name}: no published numbers are known of this suite; there are some of {known}")
    if name not in reported.suites():
        raise UnknownName("suite with reported numbers", name, reported.suites())
    if as_json:
        console.say(json.dumps(reported.as_json(name), indent=1))
        return
    console.table(listings.reported(name, reported.reported(name)), wide=wide)


def stored_rows(suite: Suite, db: str | None) -> list[Row]:
    """The rows of a suite in the database; none where there is no database yet."""
    from trustdm.bench import api
    from trustdm.bench.store.store import Store
    from trustdm.bench.summary.cache import FactsCache

    url = api.database(db)
    if "://" not in url and not Path(url).exists():
        return stored_rows_missing(db, url)
    with Store.open(url, read_only=True) as store, FactsCache.beside(url) as cache:
        return board_rows(suite, store, cache)


def board_rows(suite: Suite, store: Store, cache: FactsCache) -> list[Row]:
    """The rows of a suite in an open store."""
    from trustdm.bench.summary import broken
    from trustdm.bench.summary.rows import rows

    results = store.results(suite.name)
    found = rows(suite, results, cache.of(suite, results))
    if words := broken.warning([*broken.named(found), *store.unreadable(suite.name)]):
        console.warn(f"trustdm: {words}")
    return found


def method_rows(name: str, db: str | None, catalogue: plugins.Catalogue) -> list[tuple[Suite, Row]]:
    """The rows of a method on every board that it has some on, shipped suites first; none without a database.

    A suite that is not shipped is the one that is stored, as its newest cell has it.
    """
    from trustdm.bench import api
    from trustdm.bench.store.store import Store
    from trustdm.bench.summary.cache import FactsCache

    url = api.database(db)
    if "://" not in url and not Path(url).exists():
        return stored_rows_missing(db, url)
    with Store.open(url, read_only=True) as store, FactsCache.beside(url) as cache:
        contents = {cell.identity.suite: cell.suite_content for cell in store.cells(method=name)}
        suites = [_known_suite(suite, content, api.database_name(db), catalogue) for suite, content in contents.items()]
        return [(s, r) for s in suites if s for r in board_rows(s, store, cache) if r.method == name]


def _known_suite(name: str, content: str, where: str, catalogue: plugins.Catalogue) -> Suite | None:
    """A suite by name or, where none is shipped, as it is stored; None (and a line) if no task here reads it."""
    if name in shipped():
        return catalogue.suite(name)
    try:
        return parse_stored(content, f"{where}: {name}", catalogue.tasks)
    except SuiteError as error:
        console.warn(f"trustdm: suite left out: {error}")
        return None


def stored_rows_missing(db: str | None, url: str) -> list[Any]:
    """No rows, where no database was named.

    Raises:
        SuiteError: one was, and is not there.
    """
    if db is not None:
        raise SuiteError(url, "--db", "a result database", "no such file")
    return []
