"""Cells of a database as they are examined, and what happens when something in one of them is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench import plugins
from trustdm.bench.store import examining, reading
from trustdm.bench.store.account import BlockAccount, CellAccount
from trustdm.bench.store.examiner import Examiner
from trustdm.bench.store.store import Store


def accounts(db: Path) -> dict[str, CellAccount]:
    """What a store says of its cells, by evaluation."""
    with Store.open(str(db), read_only=True) as store, store.database.reading() as connection:
        return {
            row.identity.evaluation: examining.of_store(
                connection, store.shards, row, reading.by_block(connection, row.id)
            )
            for row in reading.cells(connection)
        }


def found(account: CellAccount) -> list[str]:
    """What is wrong with a cell, each as one line."""
    return [f"{each.kind}: {each.at('', '')}" for each in Examiner(plugins.load(installed=False)).cell(account)]


def changed(account: CellAccount, change: Callable[[BlockAccount], BlockAccount]) -> CellAccount:
    """The cell with its first block changed."""
    return replace(account, blocks=(change(account.blocks[0]), *account.blocks[1:]))


def with_array(
    name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]
) -> Callable[[BlockAccount], BlockAccount]:
    """The block with one of its arrays changed, or (None) left out."""

    def changed_block(block: BlockAccount) -> BlockAccount:
        kept = block.array(name)
        assert kept is not None
        value = change(kept.copy())
        return replace(block, array=lambda asked: value if asked == name else block.array(asked))

    return changed_block


def with_column(name: str, change: Callable[[NDArray[Any]], object]) -> Callable[[BlockAccount], BlockAccount]:
    """The block with a column of its records changed in place."""

    def changed_block(block: BlockAccount) -> BlockAccount:
        column = np.array(getattr(block.records, name))
        change(column)
        return replace(block, records=replace(block.records, **{name: column}))

    return changed_block


def first(value: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Puts a value in the place of the first one of an array."""

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array.reshape(-1)[0] = value
        return array

    return change
