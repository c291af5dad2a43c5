"""The verbs that bring results in and out: publish, export, import."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trustdm.bench.cli.options import Db
from trustdm.bench.errors import TrustdmError

MOST = 5
"""So many names are listed where what was asked for is not there."""


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command()(publish)
    app.command()(export)
    app.command("import")(import_)


def publish(
    db: Db = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("site"),
    suite: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Suite files of your own to publish too; repeatable.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish into a folder with files of others, replacing what is in the way.")
    ] = False,
) -> None:
    """Write the static leaderboard pages."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.shipped import known_suites
    from trustdm.bench.store.store import Store
    from trustdm.bench.summary import broken
    from trustdm.bench.summary.cache import FactsCache
    from trustdm.leaderboard.build import build_site

    with Store.open(api.database(db), read_only=True) as store:
        suites = known_suites(store, suite or [])
        with FactsCache.beside(api.database(db)) as cache:
            report = build_site(store, out, suites, cache, jobs=os.cpu_count() or 1, force=force)
    for name in report.left_out:
        remedy = "install the package of its task, or give its file with --suite"
        console.warn(f"trustdm: results of {name} left out: their suite cannot be read here; {remedy}")
    if words := broken.warning(report.broken):
        console.warn(f"trustdm: {words}")
    console.say(f"{report.written} pages written, {report.unchanged} unchanged: {(out / 'index.html').resolve()}")


def export(
    folder: Annotated[Path, typer.Argument(help="Where the run files go, one for each suite and method.")],
    db: Db = None,
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    method: Annotated[str | None, typer.Option(help="Only this method.")] = None,
) -> None:
    """Write results as run files: JSON that can be reviewed in a pull request and imported without loss."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.store import runfiles
    from trustdm.bench.store.store import Store

    suite = _suite_name(suite)
    with Store.open(api.database(db), read_only=True) as store:
        written = runfiles.export(store, folder, suite=suite, method=method)
        held = [] if written else [(cell.suite, cell.method) for cell in store.contents()]
    for path in written:
        console.say(str(path))
    if not written:
        raise TrustdmError(f"{api.database_name(db)}: nothing to export; {_lacking(suite, method, held)}")


def _lacking(suite: str | None, method: str | None, held: Sequence[tuple[str, str]]) -> str:
    """What was expected of a database with results of these suites and methods, and what it has instead."""
    wanted = [f"method {method!r}"] if method else []
    wanted += [f"suite {suite!r}"] if suite else []
    of_suite = [pair for pair in held if pair[0] == suite] or held
    there = sorted({m if method else s for s, m in of_suite})
    near = difflib.get_close_matches(method or suite or "", there, n=MOST) or there
    got = ", ".join(map(repr, near[:MOST])) + (", ..." if len(near) > MOST else "")
    return f"expected results of {' on '.join(wanted) or 'any method'}, got {got or 'none'}"


def _suite_name(text: str | None) -> str | None:
    """The name of a suite that was given by name or by file."""
    if text is None or not text.endswith(".toml"):
        return text
    from trustdm.bench.plugins import load_suite

    return load_suite(text).name


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Run files, or folders of them.")],
    db: Db = None,
) -> None:
    """Read run files into the database; importing twice changes nothing.

    What contradicts itself, its suite, its protocol or the data set that is here is refused.
    """
    from trustdm.bench import api, plugins
    from trustdm.bench.cli import console
    from trustdm.bench.store import runimport
    from trustdm.bench.store.examiner import Examiner
    from trustdm.bench.store.store import Store

    examiner = Examiner(plugins.load())
    with Store.open(api.database(db)) as store:
        for path in paths:
            read = runimport.read_folder if path.is_dir() else runimport.read_file
            found = read(store, path, examiner)
            console.doubts(found.doubts, [])
            console.say(f"{path}: {found.cells} cells, {found.blocks} blocks added, {len(found.doubts) or 'no'} doubts")
    console.doubts([], examiner.unread())
