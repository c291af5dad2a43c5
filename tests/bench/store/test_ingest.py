"""Records that do not fit their block are refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.records import Records
from trustdm.bench.store import ingest
from trustdm.bench.store.store import Store
from trustdm.bench.types import Block

BLOCK = Block(4, 8)


def rows(probe: str = "clean", n: int = 4, **columns: object) -> Records:
    return Records.of(probe, np.arange(n), np.zeros(n), **columns)  # type: ignore[arg-type]


GOOD = Records.concat([rows(), rows("pgd"), rows("pgd", draw=1)])


@pytest.mark.parametrize("order", [np.arange(12), np.arange(12)[::-1], np.random.default_rng(0).permutation(12)])
def test_whole_records_are_taken_in_any_order(order: np.ndarray) -> None:
    shuffled = Records(**{name: getattr(GOOD, name)[order] for name in vars(GOOD)})
    ingest.check_records("here", BLOCK, shuffled)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (Records.empty(), "expected records of 4 examples, got 0"),
        (rows(n=3), "expected records of 4 examples, got 3"),
        (rows(n=5), "expected records of 4 examples, got 5"),
        (GOOD.where(np.arange(12) != 6), "probe 'pgd', draw 0: expected each example once, got 3 rows"),
        (Records.concat([GOOD, rows("pgd", n=1)]), "probe 'pgd', draw 0: expected each example once, got 5 rows"),
        (Records.concat([GOOD, GOOD.where(np.arange(12) == 11)]), "probe 'pgd', draw 1: .* got 5 rows"),
        (Records.concat([rows(), Records.of("b", [0, 1, 1, 2], [0] * 4)]), "probe 'b', draw 0: expected each example"),
        (Records.of("a", [-1, 0, 1, 2], [0] * 4), "example expected at least 0, got -1"),
        (rows(draw=-1), "draw expected at least 0, got -1"),
        (Records.of("a", range(4), [0, 1, 6, 0]), "status expected 0 to 5, got 6"),
        (Records.of("a", range(4), [0, 1, -1, 0]), "status expected 0 to 5, got -1"),
        (rows(label=[0, 1, -2, 3]), "label expected at least -1, got -2"),
        (rows(norm=[0, 1, -0.5, float("nan")]), "norm expected at least 0, got -0.5"),
    ],
)
def test_records_that_do_not_fit(records: Records, message: str) -> None:
    with pytest.raises(StoreError, match=f"^here: {message}"):
        ingest.check_records("here", BLOCK, records)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
def test_any_number_of_rows(store: Store, sample: ModuleType, count: int) -> None:
    cell, block = sample.cell(store, planned=1000), Block(0, count)
    sample.run(store)
    given = rows(n=count, value=np.random.default_rng(count).normal(size=count))
    assert store.commit(cell.id, sample.row(block), given)
    assert store.records(cell.id).equals(given)


@pytest.mark.parametrize("spoil", [lambda r: r.status, lambda r: r.norm])
def test_the_database_checks_once_more(
    store: Store, sample: ModuleType, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Records], np.ndarray]
) -> None:
    """A bug of ours that gets past the checks meets the constraints of the table."""
    from sqlalchemy.exc import IntegrityError

    monkeypatch.setattr(ingest, "check_records", lambda *_: None)
    cell, block = sample.cell(store), Block(0, 4)
    sample.run(store)
    given = rows(norm=np.ones(4))
    spoil(given)[1] = -3
    with pytest.raises(IntegrityError):
        store.commit(cell.id, sample.row(block), given)
    assert store.blocks(cell.id) == {}
