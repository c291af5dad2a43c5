"""Outcomes of conformance checks in a store: linked to cells, told apart by lab, sealed, read from older schemas."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

OTHER = "0" * 32


def test_a_cell_refers_to_its_outcome(store: Store, sample: ModuleType) -> None:
    cell, further = sample.cell(store), sample.cell(store, seed=1)
    found = sample.conformance(cell, store.lab)
    store.link_conformance(found, [cell.id])
    assert store.get_cell(cell.id).conformance == found
    assert [c.conformance for c in store.cells()] == [found, None] and store.get_cell(further.id).conformance is None
    assert store.check() == []


def test_results_have_it_and_revisions_follow_it(store: Store, sample: ModuleType) -> None:
    sample.run(store)
    cell = sample.cell(store)
    store.commit(cell.id, sample.row(Block(0, 8)), sample.records(Block(0, 8)))
    before, held = store.revisions(), store.contents()
    found = sample.conformance(cell, store.lab)
    store.link_conformance(found, [cell.id])
    assert store.results()[0].conformance == found
    assert store.revisions() != before and store.contents() != held


def test_the_newest_of_this_store_is_found(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    first = sample.conformance(cell, store.lab)
    later = sample.conformance(cell, store.lab, uid="1" * 32, created="2026-01-01T00:00:00+00:00")
    theirs = sample.conformance(cell, OTHER, uid="2" * 32, created="2027-01-01T00:00:00+00:00")
    assert store.conformance(first.key) is None
    for found in (first, later, theirs):
        store.link_conformance(found, [])
    assert store.conformance(first.key) == later and store.conformance("0" * 64) is None


def test_another_outcome_takes_the_place_of_the_first(store: Store, sample: ModuleType) -> None:
    cell = sample.cell(store)
    store.link_conformance(sample.conformance(cell, store.lab), [cell.id])
    later = sample.conformance(cell, store.lab, uid="1" * 32)
    store.link_conformance(later, [cell.id])
    assert store.get_cell(cell.id).conformance == later and store.check() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"key": "0" * 64}, "the SHA-256 of what it is about"), ({"lab": OTHER}, "expected that of lab")],
)
def test_one_of_something_else_is_found(store: Store, sample: ModuleType, changes: dict[str, str], words: str) -> None:
    cell = sample.cell(store)
    store.link_conformance(sample.conformance(cell, changes.pop("lab", store.lab), **changes), [cell.id])
    (problem,) = store.check()
    assert problem.startswith(f"cell {cell.id}: conformance: ") and words in problem


def test_a_database_of_schema_6_has_none_and_can_be_read(tmp_path: Path, sample: ModuleType) -> None:
    golden = Path(__file__).parents[2] / "golden"
    with Store.open(golden / "v6.db", read_only=True) as store:
        assert {c.conformance for c in store.cells()} == {None} and store.conformance("0" * 64) is None
    with Store.open(golden / "v7.db", read_only=True) as store:
        found = [c.conformance for c in store.cells() if c.conformance]
        assert [each.failed for each in found] == [("check_repeatable",)]
