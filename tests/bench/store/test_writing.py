"""Steps of a write transaction that the store's own tests do not reach."""

from __future__ import annotations

from types import ModuleType

import pytest
from sqlalchemy import func, select

from trustdm.bench.errors import StoreError
from trustdm.bench.store import schema, writing
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block


def count(store: Store, name: str) -> int:
    with store.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one())


def test_suites_methods_and_probes_are_stored_once(store: Store, sample: ModuleType) -> None:
    sample.run(store)
    for seed in range(3):
        cell = sample.cell(store, seed=seed)
        store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    assert [count(store, name) for name in ("suite", "method", "probe", "cell")] == [1, 1, 2, 3]


def test_another_card_or_parameter_is_another_method(store: Store, sample: ModuleType) -> None:
    first = sample.cell(store)
    card = sample.CARD | {"title": "changed"}
    second = store.fresh_cell(sample.identity(), planned=64, code_digest="c", card=card, suite_content="")
    sample.cell(store, method_params=(("a", 1),))
    assert count(store, "method") == 3
    assert store.cells()[0].card == first.card
    assert second.card == card


def test_the_first_text_of_a_suite_stays(store: Store, sample: ModuleType) -> None:
    """The digest is the suite; a comment changed in its file is not."""
    sample.cell(store)
    other = store.cell(sample.identity(seed=9), planned=64, code_digest="c", card=sample.CARD, suite_content="# other")
    assert other.suite_content == sample.CONTENT


def test_a_block_of_no_cell(store: Store, sample: ModuleType) -> None:
    sample.run(store)
    with pytest.raises(StoreError, match=r"cell 77: expected a block within 0\.\.None, got 0\.\.8"):
        store.commit(77, sample.row(Block(0, 8)), sample.records(Block(0, 8)))


def test_forget_leaves_finished_blocks(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    sample.run(store)
    store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    with store.database.writing() as connection:
        assert writing.forget(connection, cell.id, [0]) == 0
    assert list(store.blocks(cell.id)) == [0]
