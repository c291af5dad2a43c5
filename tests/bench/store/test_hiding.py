"""Hidden cells: nowhere to be seen, and all there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.store import migrations, runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def test_a_hidden_cell_is_in_no_list_and_comes_back(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    plain, again, other = sample.fill(store)
    before = store.revisions()
    hidden = store.hide(other.uid, "not  ours")
    assert (hidden.id, hidden.uid, hidden.suite, hidden.method) == (other.id, other.uid, "digits-linf", "other")
    assert hidden.why == "not ours" and store.hidden() == [hidden]
    assert [cell.id for cell in store.cells()] == [plain.id, again.id]
    assert other.id not in {result.id for result in store.results()} | {held.id for held in store.contents()}
    assert [path.name for path in runfiles.export(store, tmp_path / "out")] == ["plain.json"]
    assert store.get_cell(other.id).uid == other.uid and store.check() == []
    store.unhide(other.uid[:10])
    assert store.hidden() == [] and len(store.cells()) == 3 and store.revisions() == before


def test_a_hidden_correction_corrects_nothing(store: Store, sample: ModuleType) -> None:
    plain, again, _ = sample.fill(store)
    assert store.get_cell(plain.id).superseded
    store.hide(str(again.id), "a wrong machine")
    assert not store.get_cell(plain.id).superseded
    assert sample.cell(store).id == plain.id  # resumed


def test_a_hidden_cell_is_not_resumed(store: Store, sample: ModuleType) -> None:
    sample.run(store)
    first = sample.cell(store)
    store.commit(first.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    store.hide(str(first.id), "a wrong machine")
    second = sample.cell(store)
    assert second.id != first.id and second.supersedes is None


def test_an_import_of_a_hidden_cell_stays_hidden(store: Store, tmp_path: Path, sample: ModuleType) -> None:
    sample.fill(store)
    runfiles.export(store, tmp_path / "out")
    with Store.open(tmp_path / "new.db") as other:
        runimport.import_folder(other, tmp_path / "out")
        uid = other.cells()[0].uid
        other.hide(uid, "forged")
        assert runimport.import_folder(other, tmp_path / "out") == 0
        assert [hidden.uid for hidden in other.hidden()] == [uid] and len(other.cells()) == 2


@pytest.mark.parametrize(("cell", "message"), [("", "got none such"), ("zz", "got none such"), ("77", "got none such")])
def test_a_cell_that_is_not_there(store: Store, sample: ModuleType, cell: str, message: str) -> None:
    sample.fill(store)
    with pytest.raises(UsageError, match=message):
        store.hide(cell, "odd")


@pytest.mark.parametrize("why", ["", " \n", "a\x1b[31m", "x" * 501])
def test_a_reason_is_asked_for(store: Store, sample: ModuleType, why: str) -> None:
    first, *_ = sample.fill(store)
    with pytest.raises(UsageError, match="--why: expected a reason"):
        store.hide(first.uid, why)


def test_an_older_database_that_is_only_read_hides_nothing(tmp_path: Path, sample: ModuleType) -> None:
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection, connection:
        connection.execute("DROP TABLE hidden")
        connection.execute("UPDATE schema_version SET version = ?", [migrations.STEPS.index(migrations.HIDING)])
    with Store.open(tmp_path / "bench.db", read_only=True) as store:
        assert store.hidden() == [] and len(store.cells()) == 3
