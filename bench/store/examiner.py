"""What this machine can see of a cell that it did not measure; one place, which an import and a check of a store share.

A *fault* cannot be: two things that were handed in contradict each other, the suite, the protocol or the data set that
is here. An import refuses it. A *doubt* is unlikely of this harness: it becomes a flag of the row. Nobody can see here
whether numbers that fit together were measured; a second run shows that (docs/decisions/015-examined-results.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import StoreError, SuiteError, TrustdmError
from trustdm.bench.plan import MOST_SEED, fits
from trustdm.bench.plugins import Catalogue
from trustdm.bench.store import suitetext, times
from trustdm.bench.store.account import BlockAccount, CellAccount, Finding, fault
from trustdm.bench.store.rows import RunRow
from trustdm.bench.store.truth import Labels
from trustdm.bench.suite.further import evaluation_of, params_of
from trustdm.bench.suite.load import Suite, parse_stored
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.coverage import FAILURE
from trustdm.bench.summary.flags import doubts
from trustdm.bench.tasks.claim import ROWS, Claim, ClaimedBlock
from trustdm.bench.tasks.protocol import build, record_fault
from trustdm.bench.types import Origin, Status, blocks_of

Stage = Callable[[], Iterator[Finding]]


class Examiner:
    """Examines cells by what is installed here. ``strangers``: a cell whose protocol or task is not installed may keep
    what it has, and is said to be unchecked; otherwise that is a fault.
    """

    def __init__(self, catalogue: Catalogue, *, strangers: bool = False, now: datetime | None = None):
        self._registry = catalogue.registry
        self._tasks = catalogue.tasks
        self._strangers = strangers
        self._now = now or datetime.now(UTC)
        self._record_fault = record_fault(catalogue.registry, strangers=strangers)
        self._suites: dict[str, Suite | SuiteError] = {}
        self._labels: dict[str, Labels] = {}

    def run(self, run: RunRow) -> list[Finding]:
        """What is wrong with a run."""
        return list(times.of_run(run, self._now))

    def cell(self, cell: CellAccount) -> list[Finding]:
        """What is wrong with a cell. What rests on something that is wrong already is not looked at."""
        found = [*times.of_cell(cell, self._now), *self._records(cell)]
        suite = self._suite(cell)
        if isinstance(suite, Finding):
            return [*found, suite]
        stages: list[Stage] = [partial(_identity, cell, suite), partial(_planned, cell, suite)]
        if cell.origin is Origin.MEASURED:
            stages += [partial(self._method, cell, suite), partial(_cut, cell, suite), partial(_failed, cell)]
            stages += [partial(self._probes, cell, suite)]
        stages += [partial(_examples, cell, suite), partial(self._contradictions, cell, suite)]
        stages += [partial(_arrays, cell, suite)]
        for stage in stages:
            if any(each.kind == "fault" for each in found):
                return found
            found += stage()
        return found if any(each.kind == "fault" for each in found) else [*found, *_doubts(cell, suite)]

    def unread(self) -> list[str]:
        """Why some labels could not be compared with the data set's, one line for each suite."""
        found = [labels for labels in self._labels.values() if labels.missing]
        return sorted({f"labels of {labels.suite}: not compared: {labels.missing}" for labels in found})

    def _records(self, cell: CellAccount) -> Iterator[Finding]:
        """What the protocol sees in the records of each block by themselves."""
        for block in cell.blocks:
            if problem := self._record_fault(cell.identity.protocol, block.records):
                yield Finding("fault", problem, "records", block.row.block)

    def _suite(self, cell: CellAccount) -> Suite | Finding:
        """The suite that is stored with a cell, if it is the one that the identity names."""
        text, identity = cell.suite_content, cell.identity
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in self._suites:
            try:
                self._suites[key] = parse_stored(text, f"the content of suite {identity.suite}", self._tasks)
            except SuiteError as error:
                self._suites[key] = error
        suite = self._suites[key]
        if isinstance(suite, SuiteError):
            foreign = self._strangers and not self._tasks.keys() & suitetext.read(text).keys()
            return Finding("unchecked" if foreign else "fault", str(suite), "identity.suite_digest")
        said = {"suite": suite.name, "suite_version": suite.version, "suite_digest": suite.digest}
        for name, expected in said.items():
            if (got := getattr(identity, name)) != expected:
                return fault(f"identity.{name}", f"{expected}, as the content of the suite has it", got)
        return suite

    def _method(self, cell: CellAccount, suite: Suite) -> Iterator[Finding]:
        """Whether the card can be that of a method which was run on the suite, and whether the identity is its."""
        try:
            card = MethodCard.model_validate(dict(cell.card))
        except ValidationError as error:
            yield fault("card", "the card of a method", error.errors(include_url=False)[0]["msg"])
            return
        it, named = cell.identity, tuple(file.sha256 for file in card.weights)
        if problem := fits(card, suite, self._registry):
            yield Finding("fault", problem, "card")
        for name in ("randomness", "gradient"):
            if getattr(it, name) != getattr(card, name):
                yield fault(f"identity.{name}", f"{getattr(card, name)}, as the card says", getattr(it, name))
        if it.weights[: len(named)] != named:
            yield fault("identity.weights", f"the hashes on the card first, {', '.join(named)}", ", ".join(it.weights))

    def _probes(self, cell: CellAccount, suite: Suite) -> Iterator[Finding]:
        """A block that is done has every probe of its protocol, and no more draws than its method is given."""
        spec = evaluation_of(suite, cell.identity.evaluation, cell.identity.params)
        if spec is None:
            return
        try:
            probes = set(build(self._registry, spec.protocol, spec.params, "the evaluation").probes())
        except TrustdmError:  # an attack from outside, say, that is not installed: its task may still know the names
            probes = set(suite.task.probe_order(spec.params))
        draws = _draws(cell, suite)
        for block in _done(cell):
            got = set(np.unique(block.records.probe).tolist())
            if probes and got != probes:
                yield fault("records", f"the probes {_listed(probes)}", _listed(got), block.row.block)
            elif (most := int(block.records.draw.max(initial=0))) >= draws:
                words = f"at most {draws} draws, as the suite and the card ask"
                yield fault("records", words, most + 1, block.row.block)

    def _contradictions(self, cell: CellAccount, suite: Suite) -> Iterator[Finding]:
        """What only the suite's task can see."""
        try:
            for found in suite.task.contradictions(self._claim(cell, suite)):
                yield Finding("fault", found.words, found.part, found.block)
        except StoreError:  # an array that cannot be read is a problem of the store
            raise
        except SuiteError as error:  # the data set that is here does not fit the suite
            yield Finding("fault", str(error), "identity.suite_digest")
        except (TrustdmError, ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
            yield Finding("fault", f"cannot be judged: {' '.join(str(error).split())}", "blocks")

    def _labels_of(self, suite: Suite) -> Labels:
        if suite.digest not in self._labels:
            self._labels[suite.digest] = Labels(suite, self._registry)
        return self._labels[suite.digest]

    def _claim(self, cell: CellAccount, suite: Suite) -> Claim:
        ids = suite.positions(cell.identity.evaluation).ids
        return Claim(
            suite=suite,
            identity=cell.identity,
            card=MethodCard.model_validate(dict(cell.card)),
            draws=_draws(cell, suite),
            reported=cell.origin is not Origin.MEASURED,
            blocks=tuple(_claimed(block, ids) for block in _done(cell)),
            truth=self._labels_of(suite).of,
            registry=self._registry,
        )


def _identity(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    """What of the identity follows from the suite."""
    it = cell.identity
    spec, params = evaluation_of(suite, it.evaluation, it.params), params_of(suite, it.evaluation, it.params)
    if spec is None or params is None:
        yield fault("identity.evaluation", f"one of {_listed(suite.evaluations)}", it.evaluation)
        return
    if cell.origin is not Origin.MEASURED:
        if not suitetext.is_table(it.params):
            yield fault("identity.params", "an object in JSON", it.params)
        return
    expected: dict[str, object] = {
        "protocol": spec.protocol,
        "params": params,
        "block_rule": suite.block_rule,
        "precision": suite.precision,
    }
    if (digest := suite.task.pinned_data(suite)) is not None:
        expected["data_digest"] = digest
    for name, value in expected.items():
        if getattr(it, name) != value:
            yield fault(f"identity.{name}", f"{value}, as the suite says", getattr(it, name))
    if it.seed > MOST_SEED:
        yield fault("identity.seed", f"at most {MOST_SEED}", it.seed)


def _planned(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    """A whole cell has every position of its evaluation; where somebody else's records were read, every example."""
    positions = suite.positions(cell.identity.evaluation)
    total, what = len(positions.ids), "positions"
    if cell.origin is not Origin.MEASURED:
        total, what = total // positions.per_example, "examples"
    if cell.planned != total:
        yield fault("planned", f"{total}, the {what} of {cell.identity.evaluation} in the suite", cell.planned)


def _cut(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    """The blocks are those that the positions are cut into."""
    total = len(suite.positions(cell.identity.evaluation).ids)
    cut = blocks_of(total, suite.size.first_block, suite.size.block)
    known = {block.start: block.stop for block in cut}
    for row in (block.row for block in cell.blocks):
        if known.get(row.block.start) != row.block.stop:
            near = max((b for b in cut if b.start <= row.block.start), key=lambda b: b.start)
            words = f"a block of the cut {suite.block_rule}, such as {near.start}..{near.stop}"
            yield fault("", words, f"{row.block.start}..{row.block.stop}", row.block)


def _examples(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    """Records are of the positions of their block; what was published may be of any of them."""
    ids = suite.positions(cell.identity.evaluation).ids
    for block in cell.blocks:
        extent, got = block.row.block, np.unique(block.records.example)
        if cell.origin is not Origin.MEASURED:
            odd = np.setdiff1d(got, suite.test if len(suite.test) else ids)
            words = "examples that the suite tests"
        else:
            expected = np.sort(ids[extent.start : extent.stop])
            odd = np.setdiff1d(got, expected)
            odd = odd if len(got) == len(expected) else np.setxor1d(got, expected)
            words = f"the {len(expected)} positions of the suite from {extent.start} on, {_span(expected)}"
        if len(odd):
            yield fault(
                "examples", words, int(odd[0]) if len(odd) == 1 else f"{odd[0]} and {len(odd) - 1} others", extent
            )


def _arrays(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    """Arrays are those that the task reads, each as it reads them."""
    forms = suite.task.arrays(suite, cell.identity.protocol)
    if forms is None:
        return
    for block in cell.blocks:
        sizes = {ROWS: len(block.row.block)}
        for name in block.names:
            if name not in forms:
                yield fault("artefacts", f"{_listed(forms)} and nothing else", repr(name), block.row.block)
            elif (array := block.array(name)) is not None and (words := forms[name].fault(array, sizes)):
                yield Finding("fault", f"{name}: {words}", "artefacts", block.row.block)


def _failed(cell: CellAccount) -> Iterator[Finding]:
    """A block in which the method failed says so of each example; one that is done has no error."""
    for block in cell.blocks:
        row, records = block.row, block.records
        if row.status == "failed" and not ((records.status == Status.FAILED) & (records.probe == FAILURE)).all():
            yield fault("records", f"the probe {FAILURE} alone, as the block failed", _listed(records.probe), row.block)
        if row.status == "done" and row.error:
            yield fault("error", "none, as the block is done", repr(row.error), row.block)


def _doubts(cell: CellAccount, suite: Suite) -> Iterator[Finding]:
    for flag in doubts(CellView(suite, cell.result())):
        yield Finding("doubt", f"{flag.name}: {flag.words}")


def _claimed(block: BlockAccount, ids: NDArray[np.int64]) -> ClaimedBlock:
    extent = block.row.block
    return ClaimedBlock(extent, ids[extent.start : extent.stop], block.records, block.diagnostics, block.array)


def _draws(cell: CellAccount, suite: Suite) -> int:
    """How many draws a method is given: the suite's, where it is randomized (``plan.PlannedCell.draws``)."""
    return suite.draws if cell.identity.randomness != "none" else 1


def _done(cell: CellAccount) -> list[BlockAccount]:
    return [block for block in cell.blocks if block.row.status == "done"]


def _span(ids: NDArray[np.int64]) -> str:
    return f"{ids[0]} to {ids[-1]}" if len(ids) else "none"


def _listed(names: Iterable[object]) -> str:
    return ", ".join(sorted({str(name) for name in names})) or "none"
