"""The command line. Every command imports what it needs when it is called, so that help and listings are quick."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustdm.bench.errors import TrustdmError

if TYPE_CHECKING:
    from trustdm.bench.api import Prepared, Request
    from trustdm.bench.runner.run import Report, Runner
    from trustdm.bench.store.store import Store

EPILOG = "Exit codes: 0 done, 1 error, 2 some units failed, 3 stopped before the end."

app = typer.Typer(
    name="trustdm",
    help="Measured, resumable, traceable evaluations of trustworthy diffusion models.\n\n"
    "Three verbs: run a suite, show its rows, publish the leaderboard. "
    "A method of your own is one Python file: --plugin FILE.py (docs/submitting.md).",
    epilog=EPILOG,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db_app = typer.Typer(help="Look after the result database.", no_args_is_help=True)
weights_app = typer.Typer(help="Turn checkpoints into files that can be trusted.", no_args_is_help=True)
app.add_typer(db_app, name="db")
app.add_typer(weights_app, name="weights")

Db = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="Database: a path or SQLAlchemy URL [$TRUSTDM_DB or results/bench.db]."),
]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE", help="A plugin file of your own; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Handles options that belong to no command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"trustdm {installed('trustdm')}")
        raise typer.Exit


@app.command("list")
def list_(plugin: Plugins = None, json_: Json = False) -> None:
    """List suites, methods, data sets, attacks and protocols."""
    from trustdm.bench.cli import show as listing

    listing.print_all(tuple(plugin or ()), as_json=json_)


@app.command()
def show(
    name: str,
    db: Db = None,
    plugin: Plugins = None,
    reported: Annotated[bool, typer.Option("--reported", help="The published numbers of a suite instead.")] = False,
    json_: Json = False,
) -> None:
    """Show a suite with its rows, or the card of a method, data set, attack, extractor or protocol."""
    from trustdm.bench.cli import show as listing

    if reported:
        listing.show_reported(name, as_json=json_)
    else:
        listing.show(name, db, tuple(plugin or ()), as_json=json_)


@app.command(epilog=EPILOG)
def run(  # noqa: PLR0913 - one parameter for each option
    suites: Annotated[list[str], typer.Argument(metavar="SUITE...", help="Names, or paths of suite files.")],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME[:key=value,...]", help="Default: every method that fits; repeatable."),
    ] = None,
    plugin: Plugins = None,
    db: Db = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[
        int, typer.Option(min=0, help="Images at once on the device; 0: a whole block. Halved when memory runs out.")
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes, one torch thread each.")] = 1,
    limit: Annotated[
        int | None, typer.Option(help="The first examples only, rounded up to whole blocks: a preview row.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="The demo size that each suite declares.")] = False,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="Instead of the suite's seeds; may be repeated.")
    ] = None,
    max_hours: Annotated[
        float | None, typer.Option(min=0.0, help="Stop at a block boundary after so long (exit 3).")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed blocks again.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, superseding what is stored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run and what it would take.")] = False,
) -> None:
    """Run suites: measure what the database lacks, commit block by block.

    Interrupt it, kill it, run it again: finished blocks are kept and never repeated.
    """
    from trustdm.bench.api import Request
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
        options=Options(fresh, retry_failed, _seconds(max_hours)),
    )
    code = _dry_run(request, db) if dry_run else _run(request, db)
    raise typer.Exit(code)


def _seconds(hours: float | None) -> float | None:
    if hours is not None and not 0 <= hours < float("inf"):
        raise TrustdmError(f"--max-hours: expected a number of hours of at least 0, got {hours}")
    return None if hours is None else hours * 3600


def _prepare(request: Request) -> Prepared:
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepared = api.prepare(request)
    for problem in prepared.problems:
        terminal.warn(f"trustdm: plugin left out: {problem}")
    if request.limit is not None and not request.demo:
        _explain_limit(request.limit, prepared)
    return prepared


def _explain_limit(limit: int, prepared: Prepared) -> None:
    from trustdm.bench.cli import console as terminal

    for suite in prepared.suites:
        cell = next(c for c in prepared.cells if c.suite is suite)
        stop = -(-cell.blocks[-1].stop // suite.chunks(cell.identity.evaluation))
        if stop != min(limit, suite.size.full):
            terminal.warn(f"trustdm: {suite.name}: --limit {limit} means {stop} examples: blocks are computed whole")


def _run(request: Request, db: str | None) -> int:
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.store.store import Store

    prepared = _prepare(request)
    with Store.open(api.database(db)) as store:
        report = api.execute(request, prepared, store, terminal.progress(), _stop_on_signals)
        _tables(store, prepared)
    return _conclude(report, fresh=request.options.fresh)


def _conclude(report: Report, *, fresh: bool) -> int:
    from trustdm.bench.cli import console as terminal

    for line in report.lines:
        terminal.warn(f"trustdm: {line}")
    terminal.say(f"{report.done} blocks measured, {report.skipped} already there, {report.failed} failed")
    if report.stopped:
        without = ", without --fresh," if fresh else ""
        terminal.warn(f"trustdm: stopped before the end; the same command{without} goes on")
    return report.exit_code


def _tables(store: Store, prepared: Prepared) -> None:
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.summary.rows import rows

    for suite in prepared.suites:
        terminal.out.print(terminal.board(suite, rows(suite, store.results(suite.name))))


def _stop_on_signals(runner: Runner) -> None:
    """The first Ctrl-C or SIGTERM stops at a block boundary; the second one stops at once."""

    def stop(number: int, _: Any) -> None:
        signal.signal(number, signal.SIG_DFL)
        sys.stderr.write("\ntrustdm: finishing the blocks in flight; once more to stop at once\n")
        runner.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _dry_run(request: Request, db: str | None) -> int:
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.runner.estimate import estimate
    from trustdm.bench.runner.session import Session
    from trustdm.bench.store.store import Store

    prepared = _prepare(request)
    url = api.database(db)
    stored: dict[str, set[int]] = {}
    if "://" in url or Path(url).exists():
        with Store.open(url, read_only=True) as store:
            mine = [c for c in store.cells() if not c.superseded and c.lab == store.lab]
            stored = {c.key: _stored(store, c.id, request) for c in mine}
    todo = []
    for cell in prepared.cells:
        have = set() if request.options.fresh else stored.get(cell.identity.key, set())
        todo.append((cell, [b for b in cell.blocks if b.start not in have]))
    found = estimate(Session(prepared.settings, prepared.catalogue.registry), todo)
    terminal.out.print(terminal.estimates(found, request.jobs))
    for problem in dict.fromkeys(e.problem for e in found if e.problem):
        terminal.warn(f"trustdm: {problem}")
    if found and all(e.problem for e in found):
        return 1
    return 2 if prepared.problems or any(e.problem for e in found) else 0


def _stored(store: Store, cell_id: int, request: Request) -> set[int]:
    """The starts of the blocks that a run would leave as they are."""
    blocks = store.blocks(cell_id)
    return {s for s, b in blocks.items() if b.status == "done" or not request.options.retry_failed}


@app.command()
def demo(
    db: Db = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("site"),
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one for each core.")] = 0,
) -> None:
    """Measure the demo suites live, import the shipped full-size results, publish the pages."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.shipped import demo_suites, import_shipped

    jobs = jobs or os.cpu_count() or 1
    request = api.Request(suites=tuple(demo_suites()), demo=True, jobs=jobs)
    code = _run(request, db)
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db)) as store:
        terminal.say(f"{import_shipped(store)} blocks imported from the shipped results/measured")
    publish(db=db, out=out)
    for name in demo_suites():
        show(name, db=db)
    terminal.say(f"database {api.database(db)}; open {(out / 'index.html').resolve()} in a browser")
    raise typer.Exit(code)


@app.command()
def publish(
    db: Db = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("site"),
    suite: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Suite files of your own to publish too; repeatable.")
    ] = None,
) -> None:
    """Write the static leaderboard pages."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.shipped import known_suites
    from trustdm.bench.store.store import Store
    from trustdm.leaderboard.build import build_site

    with Store.open(api.database(db), read_only=True) as store:
        report = build_site(store, out, known_suites(store, suite or []))
    for name in report.left_out:
        terminal.warn(f"trustdm: results of {name} left out: their suite cannot be read; give its file with --suite")
    terminal.say(f"{report.written} pages written, {report.unchanged} unchanged: {(out / 'index.html').resolve()}")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the run files go, one for each suite and method.")],
    db: Db = None,
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    method: Annotated[str | None, typer.Option(help="Only this method.")] = None,
) -> None:
    """Write results as run files: JSON that can be reviewed in a pull request and imported without loss."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.store import runfiles
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        written = runfiles.export(store, folder, suite=_suite_name(suite), method=method)
    for path in written:
        terminal.say(str(path))
    if not written:
        raise TrustdmError(f"{api.database(db)}: nothing to export; expected results of suite {suite or 'any'}")


def _suite_name(text: str | None) -> str | None:
    """The name of a suite that was given by name or by file."""
    if text is None or not text.endswith(".toml"):
        return text
    from trustdm.bench.suite.load import load_suite

    return load_suite(text).name


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Run files, or folders of them.")],
    db: Db = None,
) -> None:
    """Read run files into the database; importing twice changes nothing."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.store import runfiles
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db)) as store:
        for path in paths:
            added = runfiles.import_folder(store, path) if path.is_dir() else runfiles.import_file(store, path)
            terminal.say(f"{path}: {added} blocks added")


@app.command("import-log")
def import_log(  # noqa: PLR0913 - one parameter for each option
    file: Annotated[Path, typer.Argument(help="A log with the columns idx, label, predict, radius, correct, time.")],
    suite: Annotated[str, typer.Option(help="The certified suite it belongs to.")],
    evaluation: Annotated[str, typer.Option(help="The evaluation of that suite: sigma-1-2, say.")],
    name: Annotated[str, typer.Option(help="What the row is called.")],
    source: Annotated[str, typer.Option(help="The publication, and where in it.")],
    alpha: Annotated[str, typer.Option(help="As its authors say: 1/1000, say.")] = "",
    draws: Annotated[int, typer.Option(help="Noisy images for each image, as its authors say.")] = 0,
    cumulative: Annotated[
        bool | None,
        typer.Option(help="Whether `correct` counts the images so far; only for files that can be read both ways."),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Take a file that is cut off, and flag the row.")] = False,
    db: Db = None,
) -> None:
    """Read a published log of certificates as a reported row, image by image."""
    from trustdm.bench import api
    from trustdm.bench.tasks.certification import import_log as log_command

    kind = None if cumulative is None else log_command.KINDS[cumulative]
    request = log_command.Request(file, suite, evaluation, name, source, alpha, draws, kind, partial)
    raise typer.Exit(log_command.run(request, api.database(db)))


@app.command()
def reference(
    suite: Annotated[str, typer.Argument(help="A suite that measures generators.")],
    images: Annotated[
        Path | None, typer.Option(help="A folder of real images, for a suite without a data set of ours.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; by default that of the suite, in $TRUSTDM_DATA.")] = None,
    plugin: Plugins = None,
) -> None:
    """Build what generated images are compared with: a suite's features of real images."""
    from trustdm.bench.tasks.generation import build_reference as reference_command

    raise typer.Exit(reference_command.run(suite, images, out, tuple(plugin or ())))


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="A method that comes with a recipe: NAME, or NAME:option=value.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints.")] = Path("checkpoints"),
    checkpoint_every: Annotated[
        int, typer.Option(metavar="STEPS", help="How often the state is kept, where the recipe can be resumed.")
    ] = 500,
    plugin: Plugins = None,
) -> None:
    """Reproduce the checkpoints of a method by its own recipe, and compare their hashes with the card's.

    A training that was stopped goes on from the state in --out. Diffusion models take options: mnist16-edm:rung=D.
    """
    from trustdm.bench.cli import train as training_command

    raise typer.Exit(training_command.run(name, out, tuple(plugin or ()), checkpoint_every))


@weights_app.command("convert")
def weights_convert(
    source: Annotated[Path, typer.Argument(help="A training checkpoint (.pt, .pth, .ckpt, .bin).")],
    target: Annotated[Path, typer.Argument(help="The safetensors file to write.")],
    prefer: Annotated[
        str, typer.Option(help="Which weights, where there are several: ema, raw, or the name of a key.")
    ] = "ema",
) -> None:
    """Turn a training checkpoint (EMA, optimiser, DataParallel prefixes) into safetensors, and print its hash."""
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.training.convert import convert

    terminal.say(str(convert(source, target, prefer=prefer)))


@weights_app.command("hash")
def weights_hash(files: list[Path]) -> None:
    """Print the SHA-256 of checkpoint files, as a card names them."""
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.hashing import sha256_file

    for file in files:
        if not file.is_file():
            raise TrustdmError(f"{file}: expected a checkpoint file, got no such file")
        terminal.say(f"{sha256_file(file)}  {file}")


@db_app.command("check")
def db_check(db: Db = None) -> None:
    """Check every block, record, key and artefact; exit 1 if anything is wrong."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), read_only=True) as store:
        problems = store.check()
    for problem in problems:
        terminal.warn(f"trustdm: {problem}")
    terminal.say(f"{api.database(db)}: {len(problems) or 'no'} problems")
    raise typer.Exit(1 if problems else 0)


@db_app.command("collect")
def db_collect(db: Db = None) -> None:
    """Remove artefact files that nothing refers to."""
    from trustdm.bench import api
    from trustdm.bench.cli import console as terminal
    from trustdm.bench.store.store import Store

    with Store.open(api.database(db), must_exist=True) as store:
        terminal.say(f"{store.collect()} bytes removed")


@app.command()
def doctor(db: Db = None, plugin: Plugins = None) -> None:
    """Say what this machine can run, and what is missing."""
    from trustdm.bench.cli import doctor as examination

    raise typer.Exit(examination.report(db, tuple(plugin or ())))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a user's mistake is one line, a bug of ours a traceback."""
    try:
        code = app(arguments, prog_name="trustdm", standalone_mode=False)
    except typer.Abort:
        return 3
    except TrustdmError as error:
        _complain(str(error))
        return 1
    except Exception as error:
        # Typer keeps the class of its usage errors private; they are told by what they can do.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(f"{explain()}\n")
            return 0
        _complain(explain())
        return 1
    return int(code or 0)


def _complain(text: str) -> None:
    sys.stderr.write(f"trustdm: {' '.join(text.split())}\n")


if __name__ == "__main__":
    sys.exit(main())
