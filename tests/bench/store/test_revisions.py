"""What moves the revision of a cell: all that may move a number or a mark of it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.records import Records, failed
from trustdm.bench.store import writing
from trustdm.bench.store.rows import BlockRow
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

Change = Callable[[Store, ModuleType], object]
FIRST, LATER = Block(0, 8), Block(16, 32)
LATE = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def watched(store: Store, sample: ModuleType) -> Store:
    """Cells 1 (a block), 2 (a block that failed) and 3 (nothing), and 4 that would correct 1 if it had a block."""
    sample.run(store, "run-1")
    sample.run(store, "run-2")
    for seed in range(3):
        sample.cell(store, seed=seed)
    sample.cell(store, seed=0, fresh=True)
    store.commit(1, sample.row(FIRST), sample.records(FIRST))
    store.commit(2, lost(sample), failed(sample.examples_of(FIRST)))
    return store


def lost(sample: ModuleType, **changes: object) -> BlockRow:
    row: BlockRow = sample.row(FIRST, **({"status": "failed", "error": "a"} | changes))
    return row


def fail_again(**changes: object) -> Change:
    return lambda store, sample: store.commit(2, lost(sample, **changes), failed(sample.examples_of(FIRST)))


def fail_with_more_records(store: Store, sample: ModuleType) -> None:
    parts = [Records.of(probe, sample.examples_of(FIRST), [3] * 8) for probe in "ab"]
    store.commit(2, lost(sample), Records.concat(parts))


def remove(store: Store, _: ModuleType) -> None:
    with store.database.writing() as connection:
        assert writing.forget(connection, 2, [0]) == 1


def sql(text: str) -> Change:
    def change(store: Store, _: ModuleType) -> None:
        with store.database.writing() as connection:
            assert connection.exec_driver_sql(text).rowcount == 1

    return change


def block(cell_id: int, extent: Block) -> Change:
    return lambda store, sample: store.commit(cell_id, sample.row(extent), sample.records(extent))


MOVES: dict[str, tuple[set[int], Change]] = {
    "a first block": ({3}, block(3, FIRST)),
    "one more block": ({1}, block(1, LATER)),
    "a block that takes the place of a failure": ({2}, block(2, FIRST)),
    "a failure that failed later": ({2}, fail_again(finished=LATE)),
    "a failure that failed in another run": ({2}, fail_again(run_id="run-2")),
    "a failure with more records": ({2}, fail_with_more_records),
    "a block that was removed": ({2}, remove),
    "a first block of what corrects another": ({1, 4}, block(4, FIRST)),
    "its weights": ({1}, lambda store, _: store.set_state_digest(1, "d" * 64)),
    "its verification": ({1}, sql("UPDATE cell SET verification = 'verified' WHERE id = 1")),
    "its origin": ({2}, sql("UPDATE cell SET origin = 'claimed' WHERE id = 2")),
    "its lab": ({3}, sql("UPDATE cell SET lab = 'x' WHERE id = 3")),
    "how much is planned": ({1}, sql("UPDATE cell SET planned = 65 WHERE id = 1")),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_it(watched: Store, sample: ModuleType, name: str) -> None:
    cells, change = MOVES[name]
    before = watched.revisions()
    change(watched, sample)
    after = watched.revisions()
    assert {i for i in before if before[i] != after[i]} == cells
    assert len(set(after.values())) == len(after) == 4


def commit_again(store: Store, sample: ModuleType) -> None:
    assert not store.commit(1, sample.row(FIRST, finished=LATE), sample.records(FIRST, seed=7))


NOTHING: dict[str, Change] = {
    "a run that ends": lambda store, _: store.finish_run("run-1", 0),
    "another run": lambda store, sample: sample.run(store, "run-3"),
    "a block that is there": commit_again,
    "another suite": lambda store, sample: sample.cell(store, suite="another"),
    "an attempt without blocks": lambda store, sample: sample.cell(store, seed=1, fresh=True),
    "its assets": lambda store, sample: store.link_assets(3, {"weights": sample.asset()}),
    "care": lambda store, _: (store.check(), store.collect()),
    "its records looked at": lambda store, _: [len(r.records) for r in store.results()],
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_does_not(watched: Store, sample: ModuleType, name: str) -> None:
    before = watched.revisions()
    NOTHING[name](watched, sample)
    after = watched.revisions()
    assert {i: after[i] for i in before} == before


def test_of_one_suite(watched: Store, sample: ModuleType) -> None:
    there = sample.cell(watched, suite="another")
    every = watched.revisions()
    assert watched.revisions("another") == {there.id: every[there.id]}
    assert watched.revisions("digits-linf") == {i: every[i] for i in range(1, 5)}
    assert watched.revisions("nothing") == {}
    assert {r.id: r.revision for r in watched.results()} == every
    assert {r.id: r.revision for r in watched.results(method="plain")} == every


def test_a_copy_of_the_store_has_the_same(tmp_path: Path, sample: ModuleType) -> None:
    with Store.open(tmp_path / "bench.db") as store:
        sample.fill(store)
        first = store.revisions()
    (tmp_path / "copy.db").write_bytes((tmp_path / "bench.db").read_bytes())
    with Store.open(tmp_path / "copy.db") as store:
        assert store.revisions() == first


class TestHeld:
    """What is exported of a cell is followed as well: how its runs ended, its assets."""

    @staticmethod
    def revisions(store: Store) -> dict[int, str]:
        return {held.id: held.revision for held in store.contents()}

    @pytest.mark.parametrize("name", [name for name, (cells, _) in MOVES.items() if cells <= {1, 2}])
    def test_what_moves_a_revision_moves_it(self, watched: Store, sample: ModuleType, name: str) -> None:
        cells, change = MOVES[name]
        before = self.revisions(watched)
        assert set(before) == {1, 2}
        change(watched, sample)
        after = self.revisions(watched)
        assert {i for i in before if before[i] != after.get(i)} == cells

    def test_a_run_that_ends_moves_the_cells_that_it_computed(self, watched: Store, sample: ModuleType) -> None:
        watched.commit(3, sample.row(FIRST, "run-2"), sample.records(FIRST))
        before = self.revisions(watched)
        watched.finish_run("run-2", 0)
        after = self.revisions(watched)
        assert {i for i in after if before[i] != after[i]} == {3}

    def test_assets_move_it(self, watched: Store, sample: ModuleType) -> None:
        before = self.revisions(watched)
        watched.link_assets(1, {"weights": sample.asset()})
        after = self.revisions(watched)
        assert before[1] != after[1] and before[2] == after[2]

    def test_a_cell_without_blocks_holds_nothing(self, watched: Store, sample: ModuleType) -> None:
        assert [held.id for held in watched.contents()] == [1, 2]
        watched.commit(3, sample.row(FIRST), sample.records(FIRST), {}, {"x": np.ones(2)})
        assert [held.id for held in watched.contents()] == [1, 2, 3]
