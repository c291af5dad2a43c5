"""A cell as it is examined: its sums, its arrays end to end, and the one line of a finding."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.store.account import BlockAccount, CellAccount, Finding, fault
from trustdm.bench.types import Block, Cost, Origin


@pytest.fixture
def account(sample: ModuleType) -> CellAccount:
    """Two blocks that are done, and one that failed."""
    blocks = []
    for extent, status in ((Block(0, 8), "done"), (Block(8, 16), "done"), (Block(16, 32), "failed")):
        row = sample.row(extent, status=status, cost=Cost(1.0, 2.0, 3, 4, extent.stop))
        kept = {"x": np.arange(extent.start, extent.stop)} if status == "done" else {}
        blocks.append(BlockAccount(row, sample.records(extent), {"checked": 8.0, status: 1.0}, kept.get))
    return CellAccount(
        sample.identity(), 64, Origin.MEASURED, sample.FINISHED, sample.CARD, sample.CONTENT, tuple(blocks)
    )


def test_a_cell_is_summed_up_as_the_summary_looks_at_one(account: CellAccount) -> None:
    result = account.result()
    assert result.cost == Cost(3.0, 6.0, 9, 12, 32) and not result.own and result.untimed == 0
    assert result.diagnostics == {"checked": 24.0, "done": 2.0, "failed": 1.0}
    assert len(result.records) == sum(len(block.records) for block in account.blocks)


def test_arrays_are_those_of_every_block_that_is_done(account: CellAccount) -> None:
    x = account.result().arrays("x")
    assert x is not None and x.tolist() == list(range(16)) and account.result().arrays("y") is None
    first = replace(account.blocks[0], array=lambda name: None)
    assert replace(account, blocks=(first, *account.blocks[1:])).result().arrays("x") is None


def test_blocks_that_took_no_time_are_counted(account: CellAccount, sample: ModuleType) -> None:
    free = [replace(block, row=replace(block.row, cost=Cost())) for block in account.blocks]
    assert replace(account, blocks=tuple(free)).result().untimed == 2


def test_a_finding_is_one_line_that_a_terminal_does_not_act_on() -> None:
    found = fault("commit", "a commit", "x\n\x1b[31m" + "y" * 200)
    assert found.at("FILE.runs[0]").startswith("FILE.runs[0].commit: expected a commit, got x [31my")
    assert found.words.endswith("y…") and "\n" not in found.words and len(found.words) < 130
    assert Finding("doubt", "odd").at("cell 3", ", ") == "cell 3: odd"
    assert Finding("doubt", "odd", "cost").at("cell 3", ", ") == "cell 3, cost: odd"
