"""``trustdm import-log``: a published log of certificates as a reported row, image by image."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.hashing import canonical_json, sha256_file
from trustdm.bench.plugins import load_suite
from trustdm.bench.provenance import collect, now, program
from trustdm.bench.records import Records
from trustdm.bench.smoothing.fixed import least_alpha
from trustdm.bench.smoothing.logs import Log, read, summarise
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.types import Block, CellIdentity, Cost, Status

PROBE = "log"
ALPHA = re.compile(r"[\d./]{1,40}(?:[eE]-?\d{1,2})?")
Kind = Literal["cohen", "denoised"]
KINDS: dict[bool, Kind] = {False: "cohen", True: "denoised"}
"""Whether the column ``correct`` is cumulative."""
ROUNDING = 1e-3
"""By which share the alpha that radii imply may be above the one that is named: single precision moves a radius."""


@dataclass(frozen=True)
class Request:
    """What the file is: ``name`` of the system, ``source`` to cite, the ``evaluation`` of ``suite`` it belongs to.

    ``draws`` for an image and ``alpha`` as its authors say; ``partial`` takes a file that is cut off.
    ``command`` is stored.
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
    command: str = ""


def run(request: Request, db: str, say: Callable[[str], None] = print) -> int:
    """Stores the log as a cell of origin "reported" and says its summary."""
    suite = load_suite(request.suite)
    certification(suite)
    if request.evaluation not in suite.evaluations:
        known = ", ".join(suite.evaluations)
        raise UsageError(f"import-log: expected an evaluation of a certified suite, one of {known}, got another")
    _check(request)
    span = int(suite.test[-1] - suite.test[0]) + int(suite.test[1] - suite.test[0] if len(suite.test) > 1 else 1)
    log = read(request.file, images=span, partial=request.partial, kind=request.kind)
    implied = _implied_alpha(request, suite, log)
    records = records_of(log, suite, request.file)
    with Store.open(db) as store:
        cell = store.reported_cell(
            _identity(request, suite),
            planned=len(suite.test),
            code_digest=sha256_file(request.file),
            card=_card(request, suite, implied).model_dump(mode="json"),
            suite_content=suite.content,
        )
        info = collect(request.command or program(), {"log": request.file.name, "format": log.kind})
        store.begin_run(info)
        cost = Cost(wall=float(log.seconds.sum()))
        block = BlockRow(Block(0, len(records)), "done", info.id, now(), 0, "as reported", 1, cost)
        facts = {"missing_rows": float(len(suite.test) - len(records)), "draws": float(request.draws)}
        contradicted = {"alpha_contradicted": float(implied.contradicted), "implied_alpha": implied.alpha}
        store.commit(cell.id, block, records, facts | contradicted)
        store.finish_run(info.id, 0)
    found = summarise(log, (0.0, 0.25, 0.5, 1.0))
    shares = ", ".join(f"{r:g}: {e.value:.3f}" for r, e in zip(found.grid, found.certified, strict=True))
    say(f"{len(records)} images; certified at {shares}; average radius {found.average.value:.3f}")
    say(f"{implied.words}; the row is flagged" if implied.contradicted else implied.words)
    return 0


def _check(request: Request) -> None:
    """What the user says about a log.

    Raises:
        UsageError: no source, or an alpha or a number of draws that is none.
    """
    if not request.source.strip():
        raise UsageError("--source: expected the publication, and where in it, got nothing")
    if request.draws < 0:
        raise UsageError(f"--draws: expected a number of noisy images, got {request.draws}")
    _alpha(request)


def _alpha(request: Request) -> float | None:
    """The alpha that the log's authors name; None where they name none."""
    if not request.alpha:
        return None
    try:
        value = Fraction(request.alpha) if ALPHA.fullmatch(request.alpha) else Fraction(0)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value < Fraction(1, 2):
        raise UsageError(f"--alpha: expected a fraction between 0 and 1/2, such as 1/1000, got {request.alpha[:60]!r}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Implied:
    """The least ``alpha`` with which the radii of a log can be certified, and whether the one named is below it."""

    alpha: float
    contradicted: bool
    words: str


def _implied_alpha(request: Request, suite: Suite, log: Log) -> Implied:
    """What the largest radius says about alpha, as little as it can have been before it was rounded to be printed.

    Raises:
        DataError: no alpha below one half gives that radius: the log is of another sigma, or in other units.
    """
    sigma = float(Fraction(str(suite.evaluations[request.evaluation].params["sigma"])))
    draws = request.draws or certification(suite).estimation
    worst = int(log.least_radius.argmax())
    alpha, named = least_alpha(draws, sigma, float(log.least_radius[worst])), _alpha(request)
    most = f"radius {log.radius[worst]:g} from {draws:,} draws at sigma {sigma:g}"
    if alpha >= 0.5:
        raise DataError(
            f"{request.file}: expected radii that some alpha below 1/2 can certify, got {most}; is it of another "
            f"evaluation, in other units, or of another number of draws (--draws)?"
        )
    contradicted = named is not None and alpha > named * (1 + ROUNDING)
    words = f"{most} needs an alpha of at least {alpha:.3g}"
    if contradicted:
        words += f", not {request.alpha} as named"
    return Implied(alpha, contradicted, words)


def records_of(log: Log, suite: Suite, where: Path) -> Records:
    """One record for each image: status, predicted class, and the radius, negative where the class is wrong.

    Raises:
        DataError: an image that the suite does not test.
    """
    examples: NDArray[np.int64] = log.index + int(suite.test[0])
    unknown = np.flatnonzero(~np.isin(examples, suite.test))
    if len(unknown):
        raise DataError(
            f"{where}: expected images that {suite.name} tests, idx 0 being its image {suite.test[0]}; got idx "
            f"{log.index[unknown[0]]}, which it does not"
        )
    most = max(int(log.label.max()), int(log.predicted.max()))
    if most >= suite.data.classes or int(log.label.min()) < 0:
        raise DataError(f"{where}: expected labels from 0 to {suite.data.classes - 1}, got {most}")
    abstained = log.predicted < 0
    status = np.where(abstained, Status.ABSTAINED, np.where(log.correct, Status.CORRECT, Status.WRONG))
    value = np.where(log.correct, 1.0, -1.0) * log.radius
    return Records.of(PROBE, examples, status, label=log.predicted, value=np.where(abstained, 0.0, value))


def _name(request: Request) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.name).strip("-._")[:80]
    if not name:
        raise UsageError(f"--name: expected letters or digits, got {request.name!r}")
    return name


def _card(request: Request, suite: Suite, implied: Implied) -> MethodCard:
    said = f" A {implied.words}." if implied.contradicted else ""
    return MethodCard(
        name=_name(request),
        title=request.name[:200],
        summary=f"Read from a published log of certificates; not run here.{said}",
        paper=request.source[:500],
        tags=("reported",),
        capabilities=("classify_noisy",),
        input_shape=suite.data.shape,
        classes=suite.data.classes,
    )


def _identity(request: Request, suite: Suite) -> CellIdentity:
    said = {"alpha": request.alpha, "draws": request.draws}
    return CellIdentity(
        method=_name(request),
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
