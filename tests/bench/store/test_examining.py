"""A run file and a store say the same of a cell, and a fault names its place in either."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trustdm.bench.errors import RunFileError, StoreError
from trustdm.bench.store import examining, reading, runfiles, runparse
from trustdm.bench.store.account import CellAccount, Finding
from trustdm.bench.store.rows import RunRow
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def of_store(store: Store) -> list[CellAccount]:
    with store.database.reading() as connection:
        rows = reading.cells(connection)
        return [examining.of_store(connection, store.shards, r, reading.by_block(connection, r.id)) for r in rows]


def of_file(folder: Path) -> list[CellAccount]:
    found = []
    for path in sorted(folder.glob("*/*.json"), reverse=True):
        file = runparse.parse(path)
        found += [examining.of_file(cell, {run.id: run for run in file.runs}) for cell in file.cells]
    return found


def test_a_file_and_a_store_say_the_same(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    runfiles.export(store, tmp_path / "out")
    stored, read = of_store(store), of_file(tmp_path / "out")
    assert len(stored) == len(read) == 3
    key = lambda cell: (cell.identity.key, cell.created)  # noqa: E731 - the order of both lists
    for mine, theirs in zip(sorted(stored, key=key), sorted(read, key=key), strict=True):
        for name in ("identity", "planned", "origin", "created", "card", "suite_content"):
            assert getattr(mine, name) == getattr(theirs, name)
        assert [b.row for b in mine.blocks] == [b.row for b in theirs.blocks]
        assert {run: theirs.runs[run] for run in mine.runs} == dict(mine.runs)
        for a, b in zip(mine.blocks, theirs.blocks, strict=True):
            assert a.records.equals(b.records) and dict(a.diagnostics) == b.diagnostics
            for name in ("x_adv", "empty", "big endian", "nothing"):
                assert (a.array(name) is None) == (b.array(name) is None)
                assert a.array(name) is None or np.array_equal(a.array(name), b.array(name))


class Says:
    """An examiner with something to say of every run or cell."""

    def __init__(self, run: list[Finding], cell: list[Finding]):
        self._run, self._cell = run, cell

    def run(self, run: RunRow) -> list[Finding]:
        return self._run

    def cell(self, cell: CellAccount) -> list[Finding]:
        return self._cell


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (Says([Finding("fault", "wrong", "commit")], []), "plain.json.runs[0].commit: wrong"),
        (Says([], [Finding("fault", "wrong", "planned")]), "plain.json.cells[0].planned: wrong"),
        (Says([], [Finding("fault", "wrong", "examples", Block(8, 16))]), ".cells[0].blocks[1].examples: wrong"),
        (Says([], [Finding("fault", "wrong", "", Block(8, 16))]), "plain.json.cells[0].blocks[1]: wrong"),
    ],
)
def test_a_fault_has_its_place_in_the_file(
    store: Store, tmp_path: Path, sample: ModuleType, says: Any, message: str
) -> None:
    sample.fill(store)
    runfiles.export(store, tmp_path / "out", method="plain")
    file = runparse.parse(tmp_path / "out" / "digits-linf" / "plain.json")
    with pytest.raises(RunFileError) as error:
        examining.require(file, says)
    assert str(error.value).endswith(message)
    doubt = Says([Finding("doubt", "odd")], [])
    assert examining.require(file, doubt) == [f"{file.path}.runs[{i}]: odd" for i in range(2)]  # type: ignore[arg-type]


def test_arrays_without_their_folder_are_an_error_of_the_store(store: Store, sample: ModuleType) -> None:
    sample.fill(store)
    with store.database.reading() as connection:
        row = reading.cells(connection)[0]
        account = examining.of_store(connection, None, row, reading.by_block(connection, row.id))
    assert account.blocks[0].array("nothing") is None
    with pytest.raises(StoreError, match="artefact 'x_adv': expected a folder with the shards"):
        account.blocks[0].array("x_adv")
