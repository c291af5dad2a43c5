"""``trustdm import-log``: a published log of certificates as a reported row, image by image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import terminal
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.provenance import collect, command_line, now
from trustdm.bench.records import Records
from trustdm.bench.smoothing.logs import Log, read, summarise
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite import Suite, load_suite
from trustdm.bench.types import Block, CellIdentity, Cost, Status, canonical_json, sha256_file

PROBE = "log"
Kind = Literal["cohen", "denoised"]
KINDS: dict[bool, Kind] = {False: "cohen", True: "denoised"}
"""Whether the column ``correct`` is cumulative."""


@dataclass(frozen=True)
class Request:
    """What the file is: ``name`` of the system, ``source`` to cite, the ``evaluation`` of ``suite`` it belongs to.

    ``draws`` for an image and ``alpha`` as its authors say; ``partial`` takes a file that is cut off.
    """

    file: Path
    suite: str
    evaluation: str
    name: str
    source: str
    alpha: str = ""
    draws: int = 0
    kind: Kind | None = None
    partial: bool = False


def run(request: Request, db: str) -> int:
    """Stores the log as a cell of origin "reported" and prints its summary."""
    suite = load_suite(request.suite)
    if suite.certification is None or request.evaluation not in suite.evaluations:
        known = ", ".join(suite.evaluations)
        raise UsageError(f"import-log: expected an evaluation of a certified suite, one of {known}, got another")
    log = read(request.file, partial=request.partial, kind=request.kind)
    records = records_of(log, suite, request.file)
    with Store.open(db) as store:
        cell = store.reported_cell(
            _identity(request, suite),
            planned=len(records) + log.missing,
            code_digest=sha256_file(request.file),
            card=_card(request, suite).model_dump(mode="json"),
            suite_content=suite.content,
        )
        info = collect(command_line(), {"log": request.file.name, "format": log.kind})
        store.begin_run(info)
        cost = Cost(wall=float(log.seconds.sum()))
        block = BlockRow(Block(0, len(records)), "done", info.id, now(), 0, "as reported", 1, cost)
        store.commit(cell.id, block, records, {"missing_rows": float(log.missing), "draws": float(request.draws)})
        store.finish_run(info.id, 0)
    found = summarise(log, (0.0, 0.25, 0.5, 1.0))
    shares = ", ".join(f"{r:g}: {e.value:.3f}" for r, e in zip(found.grid, found.certified, strict=True))
    terminal.say(f"{len(records)} images; certified at {shares}; average radius {found.average.value:.3f}")
    return 0


def records_of(log: Log, suite: Suite, where: Path) -> Records:
    """One record for each image: status, predicted class, and the radius, negative where the class is wrong.

    Raises:
        DataError: an image that the suite does not test.
    """
    examples: NDArray[np.int64] = log.index + (int(suite.test[0]) - int(log.index[0]))
    unknown = np.flatnonzero(~np.isin(examples, suite.test))
    if len(unknown):
        raise DataError(
            f"{where}: expected images that {suite.name} tests, got idx {log.index[unknown[0]]}; its list starts at "
            f"{suite.test[0]} and has {len(suite.test)} images"
        )
    abstained = log.predicted < 0
    status = np.where(abstained, Status.ABSTAINED, np.where(log.correct, Status.CORRECT, Status.WRONG))
    value = np.where(log.correct, 1.0, -1.0) * log.radius
    return Records.of(PROBE, examples, status, label=log.predicted, value=np.where(abstained, 0.0, value))


def _card(request: Request, suite: Suite) -> MethodCard:
    return MethodCard(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", request.name).strip("-")[:80] or "log",
        title=request.name[:200],
        summary="Read from a published log of certificates; not run here.",
        paper=request.source[:500],
        tags=("reported",),
        capabilities=("classify_noisy",),
        input_shape=suite.data.shape,
        classes=suite.data.classes,
    )


def _identity(request: Request, suite: Suite) -> CellIdentity:
    said = {"alpha": request.alpha, "draws": request.draws}
    return CellIdentity(
        method=_card(request, suite).name,
        method_version="1",
        method_params=tuple(sorted((k, v) for k, v in said.items() if v)),
        weights=(),
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        data_digest=suite.data.digest or "",
        evaluation=request.evaluation,
        protocol="log",
        protocol_version="1",
        params=canonical_json({}),
        block_rule="whole",
        precision="as reported",
        seed=0,
    )
