"""``trustdm export-attacked``: the attacked images of stored results, made again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustdm.bench.cli.options import Db, Plugins
from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from trustdm.bench.plan import PlannedCell
    from trustdm.bench.plugins import Catalogue
    from trustdm.bench.store.rows import BlockRow
    from trustdm.bench.store.store import Store
    from trustdm.bench.suite.load import Suite
    from trustdm.bench.summary.cell import CellView
    from trustdm.bench.tasks.robustness.remaking import Remade

Found = tuple["PlannedCell", "CellView", "list[BlockRow]"]


def export_attacked(  # noqa: PLR0913 - one parameter for each option
    suite: Annotated[str, typer.Argument(help="A name, or the path of a suite file.")],
    method: Annotated[str, typer.Option(metavar="NAME[:key=value,...]", help="A method with stored results.")],
    out: Annotated[Path, typer.Option(help="The npz file to be written.")],
    evaluation: Annotated[
        str, typer.Option(help="An evaluation; +NAME: an attack from outside. Default: the one that ranks.")
    ] = "",
    attack: Annotated[str, typer.Option(help="The label of one attack; docs/command-line.md says the default.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="The first examples only, in whole blocks.")] = None,
    plugin: Plugins = None,
    db: Db = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Write the attacked images of stored results: searched for again, and compared with the verdicts that are stored.

    The file has x_adv, examples, labels, and as texts suite, digest, method, attack; `trustdm judge` reads it.
    """
    from trustdm.bench import api, plugins
    from trustdm.bench.cli import console
    from trustdm.bench.store.store import Store
    from trustdm.bench.tasks.robustness.remaking import chosen

    if out.exists() or not out.absolute().parent.is_dir():
        got = "a file that is there already" if out.exists() else "one in a folder that is not there"
        raise UsageError(f"--out: expected a new file, got {out}, {got}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    files = tuple(plugin or ())
    catalogue = plugins.load(files).checked()
    board = catalogue.suite(suite)
    with Store.open(api.database(db), read_only=True) as store:
        cell, view, blocks = _stored(board, method, evaluation or board.ranking_metric.evaluation, catalogue, store)
        probe = chosen(view, attack)
        blocks = [block for block in blocks if limit is None or block.block.start < limit]
        settings = api.settings(device, files, store.database.name)
        parts = _remade(cell, view, blocks, probe, settings, catalogue)
    _write(out, parts, cell, attack or probe)
    console.say(f"{out}: {sum(len(part.examples) for part in parts)} images, as {probe} left them")


def _stored(suite: Suite, method: str, evaluation: str, catalogue: Catalogue, store: Store) -> Found:
    """The stored cell that is meant, as it would be planned, and its blocks that are done."""
    from trustdm.bench.plan import choose, plan_cells
    from trustdm.bench.suite.further import Further, credit, evaluation_of, is_further
    from trustdm.bench.summary.cell import CellView

    with catalogue.explained():
        specs = choose(suite, catalogue.registry, [method])
    stored = [c for c in store.cells(suite=suite.name, method=specs[0].name) if c.identity.evaluation == evaluation]
    live = {cell.key: cell for cell in stored if not cell.superseded}
    further = [
        Further(evaluation[1:], spec, credit(cell.identity.params))
        for cell in live.values()
        if is_further(evaluation) and (spec := evaluation_of(suite, evaluation, cell.identity.params))
    ]
    if is_further(evaluation) and not further:
        raise _nothing(suite, method, evaluation)
    planned = plan_cells(
        suite, specs[:1], catalogue.registry, evaluations=() if further else (evaluation,), further=further
    )
    for cell in planned:
        row = live.get(cell.identity.key)
        blocks = [] if row is None else [b for b in store.blocks(row.id).values() if b.status == "done"]
        if row is not None and blocks:
            return cell, CellView(suite, store.result(row)), sorted(blocks, key=lambda b: b.block.start)
    raise _nothing(suite, method, evaluation)


def _nothing(suite: Suite, method: str, evaluation: str) -> UsageError:
    return UsageError(
        f"{suite.name}: expected stored results of {method} under {evaluation}, with the version, weights and "
        f"parameters that are here, got none; measure them: trustdm run {suite.name_or_file} --method {method}"
    )


def _remade(
    cell: PlannedCell,
    view: CellView,
    blocks: list[BlockRow],
    probe: str,
    settings: object,
    catalogue: Catalogue,
) -> list[Remade]:
    """The images of every block.

    Raises:
        UsageError: some verdict is another one than is stored: these are not the images that were judged.
    """
    import numpy as np

    from trustdm.bench.method import seeded
    from trustdm.bench.runner.session import Session, exact_arithmetic, one_thread
    from trustdm.bench.runner.units import Unit
    from trustdm.bench.tasks.robustness.remaking import differing, remade

    session = Session(settings, catalogue.registry)  # type: ignore[arg-type]
    protocol, assets = session.protocol(cell), session.prepare(cell)
    parts, other, total = [], 0, 0
    for block in blocks:
        job = session.job(Unit(cell, block.block), assets)
        job = replace(job, batch_size=block.batch_size or len(block.block))
        with one_thread(), exact_arithmetic(), seeded(cell.identity.key, block.block.start):
            part = remade(job, protocol, probe)  # type: ignore[arg-type]
        records = view.records.where(np.isin(view.records.example, part.examples))
        other, total = other + differing(records, part.records), total + len(part.records)
        parts.append(part)
    if other:
        raise UsageError(
            f"{cell}: expected the verdicts that are stored, got {other} of {total} others: the code, the weights or "
            "the arithmetic of this machine differ from those of the run; nothing was written"
        )
    return parts


def _write(out: Path, parts: list[Remade], cell: PlannedCell, attack: str) -> None:
    """The same arrays give the same bytes."""
    import numpy as np

    arrays: dict[str, Any] = {
        "x_adv": np.concatenate([part.images for part in parts]),
        "examples": np.concatenate([part.examples for part in parts]),
        "labels": np.concatenate([part.labels for part in parts]),
        "suite": np.array(cell.suite.name),
        "digest": np.array(cell.suite.digest),
        "method": np.array(str(cell.spec)),
        "attack": np.array(attack),
    }
    unfinished = out.with_name(f"{out.name}.part")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, **arrays)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
