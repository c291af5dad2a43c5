"""What is read is one state, in one order."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import reading
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def test_records_are_in_the_canonical_order_whatever_was_stored_first(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    examples = np.array([5, 3, 9, 1])
    given = Records.concat(
        Records.of(p, examples, [0, 1, 0, 1], value=np.arange(4.0)) for p in ("zeta", "alpha", "mid")
    )
    store.commit(cell.id, sample.row(Block(0, 4)), given)
    back = store.records(cell.id)
    assert back.example.tolist() == [1, 1, 1, 3, 3, 3, 5, 5, 5, 9, 9, 9]
    assert back.probe.tolist() == ["alpha", "mid", "zeta"] * 4
    assert back.equals(given)


def test_records_by_block(store: Store, sample: ModuleType) -> None:
    cell = sample.fill(store)[0]
    with store.database.reading() as connection:
        parts = reading.by_block(connection, cell.id)
    assert list(parts) == [0, 8, 16]
    for start, stop in ((0, 8), (8, 16), (16, 32)):
        assert parts[start].equals(sample.records(Block(start, stop)))


def test_a_reader_sees_one_state_throughout(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    with store.database.reading() as connection:
        before = reading.blocks(connection, cell.id)
        store.commit(cell.id, sample.row(Block(8, 16)), sample.records(Block(8, 16)))
        assert reading.blocks(connection, cell.id) == before
        assert len(reading.records(connection, cell.id)) == 24
    assert len(store.records(cell.id)) == 48


def test_no_such_cell(store: Store) -> None:
    with store.database.reading() as connection, pytest.raises(StoreError, match="cell 5: expected one that is stored"):
        reading.cell(connection, 5)
