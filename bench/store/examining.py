"""Has the cells of a run file, or of a store, examined: from either to the one form, and from findings to lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from sqlalchemy import Connection

from trustdm.bench.errors import RunFileError, StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import reading
from trustdm.bench.store.account import BlockAccount, CellAccount, Finding
from trustdm.bench.store.rows import CellRow, RunRow
from trustdm.bench.store.runparse import FileBlock, FileCell, RunFile
from trustdm.bench.store.shards import Piece, Shards

if TYPE_CHECKING:
    from trustdm.bench.store.examiner import Examiner


def require(file: RunFile, examiner: Examiner) -> list[str]:
    """The doubts about a run file, one line each.

    Raises:
        RunFileError: the first thing in it that cannot be, with its place in the file.
    """
    doubts: list[str] = []
    for at, run in enumerate(file.runs):
        doubts += _sorted_out(examiner.run(run), f"{file.path}.runs[{at}]", {})
    runs = {run.id: run for run in file.runs}
    for cell in file.cells:
        places = {block.row.block.start: block.where for block in cell.blocks}
        doubts += _sorted_out(examiner.cell(of_file(cell, runs)), cell.where, places)
    return doubts


def _sorted_out(findings: Iterable[Finding], where: str, places: Mapping[int, str]) -> Iterator[str]:
    for found in findings:
        line = found.at(where if found.block is None else places.get(found.block.start, where))
        if found.kind == "fault":
            raise RunFileError(line)
        yield line


def of_file(cell: FileCell, runs: Mapping[str, RunRow]) -> CellAccount:
    """What a run file says of a cell."""
    return CellAccount(
        identity=cell.new.identity,
        planned=cell.new.planned,
        origin=cell.marks.origin,
        created=cell.marks.created,
        card=cell.new.card,
        suite_content=cell.new.suite_content,
        blocks=tuple(
            BlockAccount(
                block.row, block.records, block.diagnostics, partial(_array_of_file, block), tuple(block.arrays)
            )
            for block in cell.blocks
        ),
        runs=runs,
    )


def _array_of_file(block: FileBlock, name: str) -> NDArray[Any] | None:
    field, digest = block.arrays.get(name, (None, ""))
    return None if field is None else block.beside.read(field, digest)


def of_store(
    connection: Connection, shards: Shards | None, cell: CellRow, records: Mapping[int, Records]
) -> CellAccount:
    """What a store says of a cell; ``records`` are those of its blocks, by their start."""
    pieces: dict[int, dict[str, Piece]] = {}
    for start, piece in reading.pieces(connection, cell.id):
        pieces.setdefault(start, {})[piece.name] = piece
    rows = reading.blocks(connection, cell.id)
    counts = reading.block_diagnostics(connection, cell.id)
    return CellAccount(
        identity=cell.identity,
        planned=cell.planned,
        origin=cell.origin,
        created=cell.created,
        card=cell.card,
        suite_content=cell.suite_content,
        blocks=tuple(
            BlockAccount(row, records[start], counts.get(start, {}), partial(_stored, shards, kept), tuple(kept))
            for start, row in rows.items()
            for kept in [pieces.get(start, {})]
        ),
        runs={run.id: run for run in reading.runs(connection, cell.id)},
    )


def _stored(shards: Shards | None, pieces: Mapping[str, Piece], name: str) -> NDArray[Any] | None:
    piece = pieces.get(name)
    if piece is None:
        return None
    if shards is None:
        raise StoreError(f"artefact {name!r}: expected a folder with the shards, got none")
    return shards.read(piece)
