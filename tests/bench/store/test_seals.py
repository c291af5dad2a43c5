"""What a digest covers, that it is the same on its way in and read back, and that every writer keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sqlalchemy import select

from trustdm.bench.records import failed
from trustdm.bench.store import reading, runfiles, runimport, schema, sealing, seals, writing
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def sealed(store: Store, cell_id: int) -> dict[int, str]:
    with store.database.reading() as connection:
        return {b.row.start: str(b.sealed) for b in sealing.stored_blocks(connection, cell_id)}


def computed(store: Store, cell_id: int) -> dict[int, str]:
    with store.database.reading() as connection:
        records = reading.by_block(connection, cell_id)
        return {b.row.start: b.digest(records) for b in sealing.stored_blocks(connection, cell_id)}


def test_read_back_everything_has_the_digest_it_was_stored_with(store: Store, sample: ModuleType) -> None:
    """Subnormals, infinities, -0.0 and none included, on every database."""
    for cell in sample.fill(store):
        assert sealed(store, cell.id) == computed(store, cell.id)
    assert store.check() == []


def test_every_later_change_by_the_store_is_sealed(store: Store, sample: ModuleType, tmp_path: Path) -> None:
    sample.fill(store)
    store.finish_run("run-2", 2)
    store.link_assets(2, {"more": sample.asset("more")})
    store.set_state_digest(2, "e" * 64)
    block = Block(0, 8)
    assert store.commit(3, sample.row(block, "run-2"), sample.records(block), {"n": -0.0}, sample.arrays(block))
    paths = runfiles.export(store, tmp_path / "out")
    with Store.open(tmp_path / "new" / "bench.db") as other:
        assert sum(runimport.import_file(other, path) for path in paths) == 5
        (lab,) = [lab.id for lab in other.labs() if not lab.own]
        other.name_lab(lab, "elsewhere")
        assert other.check() == []
        assert {s for c in other.cells() for s in sealed(other, c.id).values()} == {
            s for c in store.cells() for s in sealed(store, c.id).values()
        }, "the same blocks have the same digests in every store"
    assert store.check() == []


def test_a_block_that_gives_way_is_taken_out_of_the_sum(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    block = Block(0, 8)
    with store.database.reading() as connection:
        empty = connection.execute(select(schema.cell_seal)).one()
    store.commit(cell.id, sample.row(block, status="failed", error="x"), failed(sample.examples_of(block)))
    with store.database.writing() as connection:
        assert writing.forget(connection, cell.id, [0]) == 1
        assert connection.execute(select(schema.cell_seal)).one() == empty


def test_sums_do_not_depend_on_the_order() -> None:
    digests = [seals.digest([i]) for i in range(3)]
    total = seals.added("0", digests)
    assert total == seals.added("0", reversed(digests)) and len(total) == 64
    assert seals.added(total, digests, -1) == "0" * 64


@pytest.mark.parametrize(
    ("one", "other"), [([1, 23], [12, 3]), ([1], ["1"]), ([1], [1.0]), ([None], ["n"]), ([""], [])]
)
def test_no_two_lists_look_alike(one: list[object], other: list[object]) -> None:
    assert seals.digest(one) != seals.digest(other)
    assert seals.digest([-0.0]) == seals.digest([0.0])


@pytest.mark.parametrize("column", ["example", "draw", "probe", "status", "label", "value", "norm"])
def test_every_column_of_a_record_counts(sample: ModuleType, column: str) -> None:
    block = Block(0, 8)
    values, records = writing.block_values(sample.row(block), 24), sample.records(block)
    changed = getattr(records, column).copy()
    changed[3] = "other" if column == "probe" else np.nextafter(0.5, 1) if column in ("value", "norm") else 5
    shuffled = records.where(np.argsort(np.arange(24) % 5))
    digest = seals.of_block(values, records, {}, [])
    assert seals.of_block(values, shuffled, {}, []) == digest
    assert seals.of_block(values, replace(records, **{column: changed}), {}, []) != digest
