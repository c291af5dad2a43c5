"""The verbs that measure: run, demo. Torch and the store are imported when they are needed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustdm.bench.cli.command import told
from trustdm.bench.cli.exchange import publish
from trustdm.bench.cli.look import show
from trustdm.bench.cli.options import EPILOG, Db, Plugins
from trustdm.bench.errors import TrustdmError

if TYPE_CHECKING:
    from trustdm.bench.api import Prepared
    from trustdm.bench.request import Request
    from trustdm.bench.runner.run import Report
    from trustdm.bench.store.store import Store


APART = True
"""Methods run in worker processes, also with one job: what they do to their process is not done to this one."""


def add(app: typer.Typer) -> None:
    """Adds them."""
    app.command(epilog=EPILOG)(run)
    app.command()(demo)


def run(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    suites: Annotated[list[str], typer.Argument(metavar="SUITE...", help="Names, or paths of suite files.")],
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME[:key=value,...]",
            help="Default: every method that fits, in all its variants; NAME:all.",
        ),
    ] = None,
    plugin: Plugins = None,
    db: Db = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[
        int,
        typer.Option(
            min=0, max=2**31 - 1, help="Images at once on the device; 0: a whole block. Halved when memory runs out."
        ),
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes, one torch thread each.")] = 1,
    limit: Annotated[
        int | None, typer.Option(help="The first examples only, rounded up to whole blocks: a preview row.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="The demo size that each suite declares.")] = False,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, max=2**63 - 1, help="Instead of the suite's seeds; may be repeated.")
    ] = None,
    evaluation: Annotated[
        list[str] | None,
        typer.Option(
            help="One of the suite's evaluations, also an optional one; may be repeated. Default: the others."
        ),
    ] = None,
    max_hours: Annotated[float | None, typer.Option(min=0.0, help="Begin no block after so long (exit 3).")] = None,
    block_minutes: Annotated[
        float | None,
        typer.Option(min=0.0, help="Give up a block that takes longer, and its evaluation (exit 3)."),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed blocks again.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, superseding what is stored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run and what it would take.")] = False,
) -> None:
    """Run suites: measure what the database lacks, commit block by block.

    Interrupt it, kill it, run it again: finished blocks are kept and never repeated.
    """
    from trustdm.bench.request import Request
    from trustdm.bench.runner.run import Options

    request = Request(
        suites=tuple(suites),
        methods=tuple(method or ()),
        plugins=tuple(plugin or ()),
        device=device,
        batch_size=batch_size,
        jobs=jobs,
        limit=limit,
        demo=demo,
        seeds=tuple(seed or ()),
        evaluations=tuple(evaluation or ()),
        options=Options(
            fresh,
            retry_failed,
            seconds(max_hours),
            seconds(block_minutes, "--block-minutes", "minutes", 60),
        ),
        command=told(context),
    )
    prepared = _prepare(request)
    raise typer.Exit(told_first(request, prepared, db) if dry_run else carried_out(request, prepared, db))


def seconds(value: float | None, option: str = "--max-hours", unit: str = "hours", each: int = 3600) -> float | None:
    """A time that was given in ``unit`` of ``each`` seconds.

    Raises:
        TrustdmError: it is none.
    """
    if value is not None and not 0 <= value < float("inf"):
        raise TrustdmError(f"{option}: expected a number of {unit} of at least 0, got {value}")
    return None if value is None else value * each


def _prepare(request: Request) -> Prepared:
    from trustdm.bench import api

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepared = api.prepare(request)
    explain(request, prepared)
    return prepared


def explain(request: Request, prepared: Prepared) -> None:
    """Says on standard error what of a request may be meant otherwise, and which plugins could not be loaded."""
    from trustdm.bench.cli import console

    for problem in prepared.problems:
        console.warn(f"trustdm: plugin left out: {problem}")
    _explain_variants(request, prepared)
    if request.limit is not None and not request.demo:
        _explain_limit(request.limit, prepared)


def _explain_variants(request: Request, prepared: Prepared) -> None:
    """Says that a method which is named alone is not run in the variants of its card."""
    from trustdm.bench.cli import console
    from trustdm.bench.plan import ALL, variants

    for name in dict.fromkeys(name for name in request.methods if ":" not in name):
        known = [str(spec) for spec in variants(prepared.catalogue.registry, name)]
        if known != [name]:
            console.warn(
                f"trustdm: {name} is run as it is; it has {len(known)} variants: --method {name}:{ALL} runs them all, "
                f"trustdm show {name} names them"
            )


def _explain_limit(limit: int, prepared: Prepared) -> None:
    from trustdm.bench.cli import console

    for suite in prepared.suites:
        cell = next(c for c in prepared.cells if c.suite is suite)
        stop = -(-cell.blocks[-1].stop // suite.positions(cell.identity.evaluation).per_example)
        if stop != min(limit, suite.size.full):
            console.warn(f"trustdm: {suite.name}: --limit {limit} means {stop} examples: blocks are computed whole")


def carried_out(request: Request, prepared: Prepared, db: str | None) -> int:
    """Runs what was prepared, prints the boards, and returns the exit code."""
    from trustdm.bench import api
    from trustdm.bench.cli.interrupts import Interrupts
    from trustdm.bench.cli.progress import progress
    from trustdm.bench.store.store import Store

    told = progress(request.jobs)
    with Store.open(api.database(db)) as store, Interrupts(told.line) as interrupts:
        report = api.execute(request, prepared, store, told, interrupts.watch, apart=APART)
        interrupts.over()
        if not interrupts.at_once:
            _tables(store, prepared)
    return _conclude(report, fresh=request.options.fresh)


def _conclude(report: Report, *, fresh: bool) -> int:
    from trustdm.bench.cli import console

    for line in (*report.failed_checks, *report.lines):
        console.warn(f"trustdm: {line}")
    console.say(f"{report.done} blocks measured, {report.skipped} already there, {report.failed} failed")
    if report.stopped:
        without = ", without --fresh," if fresh else ""
        console.warn(f"trustdm: stopped before the end; the same command{without} goes on")
    return report.exit_code


def _tables(store: Store, prepared: Prepared) -> None:
    from trustdm.bench.cli import boards, console
    from trustdm.bench.cli.show import board_rows
    from trustdm.bench.summary.cache import FactsCache

    with FactsCache.beside(store.database.name) as cache:
        for suite in prepared.suites:
            console.table(boards.board(suite, board_rows(suite, store, cache)))


def told_first(request: Request, prepared: Prepared, db: str | None) -> int:
    """Says what would run and what it would take; the exit code."""
    from trustdm.bench import api
    from trustdm.bench.cli import console, listings
    from trustdm.bench.runner.checks import to_run
    from trustdm.bench.runner.estimate import estimate
    from trustdm.bench.runner.session import Session
    from trustdm.bench.store.store import Store

    url = api.database(db)
    stored: dict[str, set[int]] = {}
    registry, fresh = prepared.catalogue.registry, request.options.fresh
    checks = to_run(prepared.cells, None, registry, fresh=fresh)
    if "://" in url or Path(url).exists():
        with Store.open(url, read_only=True) as store:
            mine = [c for c in store.cells() if not c.superseded and c.lab == store.lab]
            stored = {c.key: _stored(store, c.id, request) for c in mine}
            checks = to_run(prepared.cells, store, registry, fresh=fresh)
    todo = []
    for cell in prepared.cells:
        have = set() if request.options.fresh else stored.get(cell.identity.key, set())
        todo.append((cell, [b for b in cell.blocks if b.start not in have]))
    settings = replace(prepared.settings, assets=api.assets_beside(url))
    found = estimate(Session(settings, registry), todo)
    console.table(listings.estimates(found, request.jobs))
    if checks:
        console.say(f"conformance checks first: {', '.join(f'{n} of {name}' for name, n in checks.items())}")
    for problem in dict.fromkeys(e.problem for e in found if e.problem):
        console.warn(f"trustdm: {problem}")
    if found and all(e.problem for e in found):
        return 1
    return 2 if prepared.problems or any(e.problem for e in found) else 0


def _stored(store: Store, cell_id: int, request: Request) -> set[int]:
    """The starts of the blocks that a run would leave as they are."""
    blocks = store.blocks(cell_id)
    return {s for s, b in blocks.items() if b.status == "done" or not request.options.retry_failed}


def demo(
    context: typer.Context,
    db: Db = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("site"),
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one for each core.")] = 0,
) -> None:
    """Measure the demo suites live, import the shipped full-size results, publish the pages."""
    from trustdm.bench import api
    from trustdm.bench.cli import console
    from trustdm.bench.request import Request
    from trustdm.bench.runner.run import Exit
    from trustdm.bench.shipped import demo_suites, import_shipped
    from trustdm.leaderboard.build import refuse_foreign

    refuse_foreign(out)  # before minutes of measuring, not after them
    jobs = jobs or os.cpu_count() or 1
    request = Request(suites=tuple(demo_suites()), demo=True, jobs=jobs, command=told(context))
    code = carried_out(request, _prepare(request), db)
    if code == Exit.STOPPED:
        raise typer.Exit(code)
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db)) as store:
        console.say(f"{import_shipped(store)} blocks imported from the shipped results/measured")
    publish(db=db, out=out)
    for name in demo_suites():
        show(name, db=db)
    console.say(f"database {api.database_name(db)}; open {(out / 'index.html').resolve()} in a browser")
    raise typer.Exit(code)
