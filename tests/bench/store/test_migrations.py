"""From an empty database, from a golden one of every released schema, in a transaction each, never backwards."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from trustdm.bench.errors import StoreError
from trustdm.bench.store import migrations, runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

GOLDEN = Path(__file__).parents[2] / "golden"
RELEASED = {
    1: "d0c5defb9ab2c5a5",
    2: "78d6abc880d50211",
    3: "4a846b5d9c862661",
    4: "1aef129ac9f61bb9",
    5: "05da411ffa5bff68",
    6: "20432b45532d3442",
    7: "5d6b259911876d5e",
}
"""The first digits of the SHA-256 of each released step: its SQL must never change again."""


@pytest.fixture(params=range(1, len(migrations.STEPS) + 1))
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copy(GOLDEN / f"v{request.param}.db", tmp_path / "bench.db")
    shutil.copytree(GOLDEN / f"v{request.param}.artefacts", tmp_path / "artefacts")
    return tmp_path / "bench.db"


def test_released_steps_do_not_change() -> None:
    for number, digest in RELEASED.items():
        text = "\n".join(migrations.STEPS[number - 1])
        assert hashlib.sha256(text.encode()).hexdigest().startswith(digest), f"step {number} was changed"


def test_every_schema_has_its_golden_file() -> None:
    assert {p.name for p in GOLDEN.glob("v*.db")} == {f"v{i + 1}.db" for i in range(len(migrations.STEPS))}


def test_a_golden_database_opens_reads_and_grows(golden: Path, sample: ModuleType) -> None:
    with Store.open(golden) as store:
        assert store.check() == []
        cells = {(c.identity.method, c.attempt): c for c in store.cells()}
        assert set(cells) == {("plain", 1), ("plain", 2), ("other", 1)}
        plain = cells["plain", 1]
        assert (plain.identity, plain.superseded, plain.card) == (sample.identity(), True, sample.CARD)
        assert list(store.blocks(plain.id)) == [0, 8, 16]
        for start, row in store.blocks(plain.id).items():
            assert row == sample.row(row.block), start
        first = store.records(plain.id)
        assert len(first) == 3 * 32
        given = sample.records(Block(0, 8))
        assert first.where(np.isin(first.example, given.example)).equals(given)
        np.testing.assert_array_equal(store.artefact(plain.id, 0, "x_adv"), sample.arrays(Block(0, 8))["x_adv"])
        sample.run(store, "run-3")
        newest = sample.cell(store)
        assert newest.attempt == 2
        block = Block(8, 16)
        assert store.commit(
            newest.id, sample.row(block, "run-3"), sample.records(block), {"n": 1}, sample.arrays(block)
        )
        assert store.check() == []


def test_a_golden_database_can_be_read_where_it_lies(golden: Path) -> None:
    before = golden.read_bytes()
    with Store.open(golden, read_only=True) as store:
        assert [len(r.records) for r in store.results()] == [96, 24, 8]
        assert len(store.contents()) == len(set(store.revisions().values())) == 3
        assert store.check() == []
    assert golden.read_bytes() == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_assets_are_there_from_schema_3_on(number: int, tmp_path: Path, sample: ModuleType) -> None:
    shutil.copy(GOLDEN / f"v{number}.db", tmp_path / "bench.db")
    kept = {"weights": sample.asset(), "statistics": sample.asset("measure")} if number >= 3 else {}
    with Store.open(tmp_path / "bench.db") as store:
        cells = {(c.identity.method, c.attempt): store.assets(c.id) for c in store.cells()}
        assert cells == {("plain", 1): {}, ("plain", 2): {}, ("other", 1): kept}
        store.link_assets(store.cells()[0].id, {"more": sample.asset("more")})
        assert store.assets(store.cells()[0].id) == {"more": sample.asset("more")}


def test_a_golden_database_is_exported_as_ever(golden: Path, tmp_path: Path) -> None:
    with Store.open(golden) as store:
        paths = runfiles.export(store, tmp_path / "out")
    with Store.open(tmp_path / "new" / "bench.db") as store:
        assert sum(runimport.import_file(store, p) for p in paths) == 5


def test_steps_are_applied_once() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert migrations.version(connection) == 0
        applied = [migrations.step(connection) for _ in range(len(migrations.STEPS) + 2)]
        assert applied == [True] * len(migrations.STEPS) + [False] * 2
        assert migrations.version(connection) == len(migrations.STEPS)


def test_a_step_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: ModuleType
) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store:
        cells = sample.fill(store)
    broken = ("CREATE TABLE later (id {id})", "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    with pytest.raises(StoreError, match="no such table: nowhere") as error:
        Store.open(path)
    assert isinstance(error.value.__cause__, OperationalError)
    monkeypatch.undo()
    with Store.open(path) as store, store.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'later'").all() == []
        assert migrations.version(connection) == len(migrations.STEPS)
        assert store.cells() == cells


def test_the_next_step_is_applied_when_opened_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: ModuleType
) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store:
        cells = sample.fill(store)
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, ("CREATE TABLE later (id {id})",)))
    monkeypatch.setattr(migrations, "READABLE", len(migrations.STEPS))
    with pytest.raises(StoreError, match=f"expected schema {len(migrations.STEPS)}, got"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        assert store.cells() == cells
    Store.open(path, read_only=True).close()


def test_a_version_table_with_no_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    with Store.open(path) as store, store.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM schema_version")
    with pytest.raises(StoreError, match="schema_version: expected one row, got 0"):
        Store.open(path)
