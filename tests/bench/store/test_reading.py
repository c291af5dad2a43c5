"""What is read is one state, in one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest
from sqlalchemy import event

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import reading
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block, RunInfo


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


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Every statement that the database is sent meanwhile."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(store.database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store.database.engine, "before_cursor_execute", note)


def test_results_read_no_records_until_they_are_looked_at(store: Store, sample: ModuleType) -> None:
    sample.fill(store)

    def reads(sent: list[str]) -> int:
        return sum("FROM record" in statement for statement in sent)

    with statements(store) as sent:
        results = store.results()
        assert [(r.count, r.filled) for r in results] == [(96, True), (24, True), (8, True)]
        assert reads(sent) == 0
        assert results[0].records is results[0].records
        assert reads(sent) == 1
        results[0].forget()
        assert len(results[0].records) == 96
        assert reads(sent) == 2


@pytest.mark.parametrize(
    "read",
    [Store.results, Store.revisions, Store.contents, Store.blocks_of, Store.record_counts, Store.cells],
    ids=lambda read: read.__name__,
)
def test_many_cells_take_no_more_queries_than_few(
    store: Store, sample: ModuleType, read: Callable[[Store], object]
) -> None:
    sample.fill(store)
    with statements(store) as few:
        read(store)
    for seed in range(1, 6):
        cell = sample.cell(store, seed=seed)
        store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)), {"n": 1.0})
    with statements(store) as many:
        read(store)
    assert many == few != []


def test_what_is_read_of_all_is_what_is_read_of_each(store: Store, sample: ModuleType) -> None:
    sample.fill(store)
    sample.cell(store, seed=9)
    filled = [c for c in store.cells() if store.blocks(c.id)]
    assert store.blocks_of() == {c.id: tuple(store.blocks(c.id).values()) for c in filled}
    assert store.record_counts() == {c.id: len(store.records(c.id)) for c in filled}
    assert [(h.id, h.suite, h.method) for h in store.contents()] == [
        (c.id, c.identity.suite, c.identity.method) for c in filled
    ]
    for result in store.results():
        blocks = store.blocks(result.id).values()
        assert result.cost.forwards == sum(b.cost.forwards for b in blocks)
        assert result.cost.memory == max((b.cost.memory for b in blocks), default=0)
        assert result.cost.wall == pytest.approx(sum(b.cost.wall for b in blocks))
        assert set(result.errors) == {b.error for b in blocks if b.error}
        assert result.revision == store.revisions()[result.id]
        with store.database.reading() as connection:
            assert result.diagnostics == reading.diagnostics(connection, result.id)


def test_blocks_of_one_suite_or_method(store: Store, sample: ModuleType) -> None:
    plain, again, other = sample.fill(store)
    assert set(store.blocks_of("digits-linf")) == {plain.id, again.id, other.id}
    assert set(store.blocks_of("digits-linf", "plain")) == {plain.id, again.id}
    assert set(store.blocks_of(method="other")) == {other.id}
    assert store.blocks_of("nothing") == store.blocks_of(method="nobody") == {}


def test_runs_have_their_own_facts(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    for i in range(3):
        store.begin_run(RunInfo(f"r{i}", sample.FINISHED, "x", "", None, {"n": str(i)} if i else {}))
    store.commit(cell.id, sample.row(Block(0, 8), "r2"), sample.records(Block(0, 8)))
    with store.database.reading() as connection:
        parts = [reading.runs(connection), reading.runs(connection, ids=["r1", "?"]), reading.runs(connection, cell.id)]
    facts = [{run.id: run.facts for run in part} for part in parts]
    assert facts == [{"r0": {}, "r1": {"n": "1"}, "r2": {"n": "2"}}, {"r1": {"n": "1"}}, {"r2": {"n": "2"}}]
