"""Reads a run file and trusts nothing in it: types, ranges, lengths, keys, digests, and that it all fits together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trustdm.bench.conforms import Conformance, fault
from trustdm.bench.errors import RunFileError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.records import Records
from trustdm.bench.store import consistency, runchecks, runformat, runrecords, suitetext
from trustdm.bench.store.fields import INT64, SHOWN, UID, Field, load
from trustdm.bench.store.packed import Arrays
from trustdm.bench.store.rows import AssetRow, BlockRow, NewCell, RunRow, frozen
from trustdm.bench.store.writing import CellMarks
from trustdm.bench.types import Block, CellIdentity, Cost, Origin, Verification

NAMES = ("schema", "suite", "method", "params", "suites", "cards", "runs", "cells")
OPTIONAL = ("assets", "uses", "conformance", "checked")
"""Names that a file has only where its cells were computed from prepared assets, or its method was checked."""
CELL = (
    *("uid", "lab", "key", "supersedes", "origin", "verification", "created", "planned", "code_digest", "state_digest"),
    *("card", "identity", "blocks"),
)
DEEPEST = 4
"""How many lists of a parameter of a method may lie in each other."""
MOST_SECONDS = 1e10
"""What a block or an asset may have taken: three hundred years, so that no sum over a cell overflows."""
MOST_COUNT = 10**15
MOST_NUMBER = 1e100
BLOCK = (
    *("start", "stop", "status", "error", "run", "finished", "device", "batch_size", "attempts", "cost"),
    *("diagnostics", "artefacts", "examples", "records"),
)


@dataclass(frozen=True)
class FileBlock:
    """A block of a run file; ``arrays`` are the fields and digests of its artefacts, which lie ``beside``."""

    row: BlockRow
    records: Records
    diagnostics: dict[str, float]
    arrays: dict[str, tuple[Field, str]]
    beside: Arrays
    where: str

    @property
    def content(self) -> dict[str, object]:
        """What an export would say of this block, artefacts aside."""
        return runformat.block_content(self.row, self.records, self.diagnostics, {})

    @property
    def digests(self) -> dict[str, str]:
        return {name: digest for name, (_, digest) in self.arrays.items()}

    def load(self) -> dict[str, NDArray[Any]]:
        """The artefacts themselves."""
        return {name: self.beside.read(field, digest) for name, (field, digest) in self.arrays.items()}


@dataclass(frozen=True)
class FileCell:
    """A cell of a run file; ``supersedes`` is the uid of the cell that it corrects.

    Its verification is not taken over: whoever sends results cannot verify them.
    """

    new: NewCell
    marks: CellMarks
    supersedes: str | None
    blocks: list[FileBlock]
    assets: dict[str, AssetRow]
    where: str
    conformance: Conformance | None = None


@dataclass(frozen=True)
class RunFile:
    """All of a run file, checked."""

    path: Path
    runs: list[RunRow]
    cells: list[FileCell]


def parse(path: Path) -> RunFile:
    """The content of a run file, once its form, every artefact beside it, and that it fits together have been checked.

    Whether what it says can be is another question: ``examining.require``.

    Raises:
        RunFileError: one line with the place in the file, what was expected and what was got.
    """
    top = load(path)
    found = top.entries().get("schema", Field("none", ""))
    if found.value != runformat.SCHEMA:
        got = f"got {str(found.value)[:60]}; it was written by another version"
        raise RunFileError(f"{path}: schema: expected {runformat.SCHEMA}, {got}")
    content = top.of([*NAMES, *(name for name in OPTIONAL if name in top.entries())])
    known = _Known(content, Arrays(path))
    cells = [known.cell(field) for field in content["cells"].items()]
    if len({c.marks.uid for c in cells}) < len(cells):
        raise content["cells"].error("cells with a uid of their own", "a uid twice")
    for uid, field in (*known.uses.items(), *known.checked.items()):
        if uid not in {c.marks.uid for c in cells}:
            raise field.error("the uid of one of the file's cells", uid)
    return RunFile(path, list(known.runs.values()), cells)


class _Known:
    """What the parts of a run file refer to: its suites, cards and runs."""

    def __init__(self, content: Mapping[str, Field], artefacts: Arrays):
        self.artefacts = artefacts
        self.suite = content["suite"].text()
        self.method = _method(content["method"])
        self.params = frozen(content["params"].value)
        self.suites: dict[tuple[int, str], str] = _once(content["suites"], map(_suite, content["suites"].items()))
        self.told = {key: suitetext.read(text) for key, text in self.suites.items()}
        self.ends = {key: suitetext.end_of_examples(suite) for key, suite in self.told.items()}
        self.cards: dict[str, dict[str, object]] = _once(content["cards"], map(_card, content["cards"].items()))
        self.assets: dict[tuple[str, str], AssetRow] = {}
        if "assets" in content:
            self.assets = _once(content["assets"], map(_asset_row, content["assets"].items()))
        self.uses: dict[str, Field] = content["uses"].entries() if "uses" in content else {}
        self.outcomes: dict[str, Conformance] = {}
        if "conformance" in content:
            self.outcomes = _once(content["conformance"], map(runchecks.parse, content["conformance"].items()))
        self.checked: dict[str, Field] = content["checked"].entries() if "checked" in content else {}
        self.runs: dict[str, RunRow] = _once(content["runs"], map(_run, content["runs"].items()))

    def cell(self, field: Field) -> FileCell:
        part = field.of(CELL)
        identity = _identity(part["identity"])
        if part["key"].hash() != identity.key:
            raise part["key"].error(f"{identity.key} (the SHA-256 of the identity)")
        if (identity.suite, identity.method, identity.method_params) != (self.suite, self.method, self.params):
            got = f"{identity.suite}, {identity.method}, {identity.method_params}"
            raise part["identity"].error(f"suite, method and params of the file ({self.suite}, {self.method})", got)
        content = self._content(part["identity"], identity)
        planned = part["planned"].integer(1)
        part["verification"].one_of(v.value for v in Verification)
        marks = CellMarks(
            uid=part["uid"].text(UID, "32 digits in lower case hex"),
            lab=part["lab"].text(UID, "32 digits in lower case hex"),
            created=part["created"].time(),
            state_digest=state.text() if (state := part["state_digest"].or_none()) else None,
            origin=Origin(part["origin"].one_of(o.value for o in Origin)),
        )
        return FileCell(
            new=NewCell(
                identity,
                planned,
                part["code_digest"].text(),
                self._card(part["card"], identity),
                content,
            ),
            marks=marks,
            supersedes=old.text(UID, "the uid of a cell") if (old := part["supersedes"].or_none()) else None,
            assets=self._assets(part["uid"].text()),
            blocks=self._blocks(part["blocks"], planned, identity),
            where=field.where,
            conformance=self._conformance(marks, identity, part["code_digest"].text()),
        )

    def _conformance(self, marks: CellMarks, identity: CellIdentity, code: str) -> Conformance | None:
        """How the method of a cell did in conformance checks, as the file says."""
        named = self.checked.get(marks.uid)
        if named is None:
            return None
        found = self.outcomes.get(named.text())
        if found is None:
            raise named.error("the uid of one of the file's outcomes of checks")
        if found.lab != marks.lab:
            raise named.error(f"an outcome that lab {marks.lab} found", found.lab)
        if words := fault(found.about, found.key, identity, code):
            raise RunFileError(f"{named.where}: {words}")
        return found

    def _card(self, field: Field, identity: CellIdentity) -> dict[str, object]:
        card = self.cards.get(field.hash())
        if card is None:
            raise field.error("the digest of one of the file's cards")
        if (card.get("name"), card.get("version")) != (identity.method, identity.method_version):
            got = f"the card of {card.get('name')} {card.get('version')}"
            raise field.error(f"the card of {identity.method} {identity.method_version}", got)
        return card

    def _content(self, field: Field, identity: CellIdentity) -> str:
        content = self.suites.get((identity.suite_version, identity.suite_digest))
        if content is None:
            raise field.error("a version and digest of one of the file's suites", identity.suite_digest)
        suite = self.told[identity.suite_version, identity.suite_digest]
        named = suitetext.protocol_of(suite, identity.evaluation)
        if named not in (None, identity.protocol):
            raise field.error(f"the protocol {named} of the suite's {identity.evaluation}", identity.protocol)
        return content

    def _assets(self, uid: str) -> dict[str, AssetRow]:
        """What the file says a cell was computed from."""
        used = self.uses.get(uid)
        return {} if used is None else {name: self._asset(field) for name, field in used.entries().items()}

    def _asset(self, field: Field) -> AssetRow:
        key, content = (part.hash() for part in field.items(2))
        if (key, content) not in self.assets:
            raise field.error("the key and content of one of the file's assets")
        return self.assets[key, content]

    def _blocks(self, field: Field, planned: int, identity: CellIdentity) -> list[FileBlock]:
        blocks, reached = [], 0
        listed = self.ends[identity.suite_version, identity.suite_digest]
        end = INT64 + 1 if listed is None else max(listed, planned)
        for item in field.items():
            block = self._block(item, end)
            extent = block.row.block
            if extent.start < reached or extent.stop > planned:
                raise item.error(f"an extent within {reached}..{planned}", f"{extent.start}..{extent.stop}")
            reached = extent.stop
            blocks.append(block)
        return blocks

    def _block(self, field: Field, end: int) -> FileBlock:
        """``end``: examples are below it, for they are in the suite's test list or positions."""
        part = field.of(BLOCK)
        start = part["start"].integer()
        extent = Block(start, part["stop"].integer(start + 1))
        examples = [f.integer(0, end - 1) for f in part["examples"].items(len(extent))]
        if sorted(set(examples)) != examples:
            raise part["examples"].error("rising numbers, each once")
        if part["run"].text() not in self.runs:
            raise part["run"].error("the id of one of the file's runs")
        row = BlockRow(
            block=extent,
            status=part["status"].one_of(("done", "failed")),
            run_id=part["run"].text(),
            finished=part["finished"].time(),
            batch_size=part["batch_size"].integer(),
            device=part["device"].text(),
            attempts=part["attempts"].integer(),
            cost=_cost(part["cost"]),
            error=part["error"].text(),
        )
        return FileBlock(
            row=row,
            records=_records(part["records"], examples),
            diagnostics={n: f.number(-MOST_NUMBER, MOST_NUMBER) for n, f in part["diagnostics"].entries().items()},
            arrays={name: (f, self._artefact(f)) for name, f in part["artefacts"].entries().items()},
            beside=self.artefacts,
            where=field.where,
        )

    def _artefact(self, field: Field) -> str:
        part = field.of(("sha256", "dtype", "shape"))
        digest = part["sha256"].hash()
        values = self.artefacts.read(field, digest)
        if [values.dtype.str, list(values.shape)] != [part["dtype"].value, part["shape"].value]:
            raise field.error(f"dtype {values.dtype.str!r} and shape {list(values.shape)} as in the file")
        return digest


def _records(field: Field, examples: list[int]) -> Records:
    records = runrecords.parse(field, examples)
    if problem := consistency.problem(records):
        raise RunFileError(f"{field.where}: {problem}")
    return records


def _once(field: Field, pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise field.error("each of them once", f"{key} twice")
        found[key] = value
    return found


def _suite(field: Field) -> tuple[tuple[int, str], str]:
    part = field.of(("version", "digest", "content"))
    content = "\n".join(line.text() for line in part["content"].items())
    return (part["version"].integer(), part["digest"].text()), content


def _card(field: Field) -> tuple[str, dict[str, object]]:
    part = field.of(("digest", "card"))
    card = {name: f.value for name, f in part["card"].entries().items()}
    if part["digest"].hash() != sha256_of(card):
        raise part["digest"].error(f"{sha256_of(card)} (the SHA-256 of the card)")
    _check_card(part["card"])
    return sha256_of(card), card


def _check_card(field: Field) -> None:
    from pydantic import ValidationError

    from trustdm.bench.contracts import MethodCard

    try:
        MethodCard.model_validate_json(canonical_json(field.value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place, got = ".".join(map(str, first["loc"]))[:SHOWN], f"{first['msg']}: {first['input']!r}"
        raise field.error(f"the card of a method with a good {place!r}", got) from error


def _method(field: Field) -> str:
    from trustdm.bench.contracts import NAME

    return field.text(NAME, "a name of at most 80 letters, digits, '.', '_' and '-'")


def _asset_row(field: Field) -> tuple[tuple[str, str], AssetRow]:
    part = field.of(f.name for f in fields(AssetRow))
    row = AssetRow(
        key=part["key"].hash(),
        content=part["content"].hash(),
        identity=part["identity"].text(),
        code_digest=part["code_digest"].text(),
        bytes=part["bytes"].integer(0, INT64),
        cost=_cost(part["cost"]),
    )
    if hashlib.sha256(row.identity.encode()).hexdigest() != row.key:
        raise part["key"].error("the SHA-256 of the identity")
    return (row.key, row.content), row


def _run(field: Field) -> tuple[str, RunRow]:
    part = field.of(f.name for f in fields(RunRow))
    run = RunRow(
        id=part["id"].text(),
        started=part["started"].time(),
        finished=finished.time() if (finished := part["finished"].or_none()) else None,
        exit_code=code.integer(-INT64) if (code := part["exit_code"].or_none()) else None,
        command=part["command"].text(),
        commit=part["commit"].text(),
        dirty=dirty.boolean() if (dirty := part["dirty"].or_none()) else None,
        facts={name: f.text() for name, f in part["facts"].entries().items()},
    )
    return run.id, run


def _identity(field: Field) -> CellIdentity:
    part, values = field.of(f.name for f in fields(CellIdentity)), dict[str, Any]()
    for name, kind in ((f.name, str(f.type)) for f in fields(CellIdentity)):
        item = part[name]
        if kind == "int":
            values[name] = item.integer(-INT64, INT64)
        elif kind == "str":
            values[name] = item.text()
        else:
            values[name] = tuple(_pair(f) if "object" in kind else f.text() for f in item.items())
    names = [name for name, _ in values["method_params"]]
    if len(set(names)) < len(names):
        raise part["method_params"].error("each parameter once", ", ".join(names))
    return CellIdentity(**values)


def _pair(field: Field) -> tuple[str, object]:
    """A parameter of a method: a plain value, or a list of such, as a command line or a plugin gives one."""
    name, value = field.items(2)
    return name.text(), frozen(_plain(value).value)


def _plain(field: Field, depth: int = 0) -> Field:
    if isinstance(field.value, dict) or depth > DEEPEST:
        raise field.error("a text, a number, true, false, null or a list of these")
    for item in field.items() if isinstance(field.value, list) else ():
        _plain(item, depth + 1)
    return field


def _cost(field: Field) -> Cost:
    part = field.of(f.name for f in fields(Cost))
    counts = {name: part[name].integer(0, MOST_COUNT) for name in ("forwards", "gradients", "memory")}
    wall, device = (part[name].number(0, MOST_SECONDS) for name in ("wall", "device"))
    return Cost(wall=wall, device=device, **counts)
