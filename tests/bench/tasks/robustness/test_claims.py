"""Verdicts that somebody handed in, of a randomized method: draws, galleries and counts (others: test_examiner)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from accounts import accounts, changed, first, found, with_array
from helpers import TINY, plugin

from trustdm.bench import api
from trustdm.bench.records import Records
from trustdm.bench.store.account import BlockAccount, CellAccount
from trustdm.bench.store.store import Store
from trustdm.bench.types import Origin

Change = Callable[[BlockAccount], BlockAccount]
NOISY = """noise = torch.randn(len(x), 10) * 0.01
return x.flatten(1)[:, :10] + noise"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CellAccount]:
    """The first eight examples, each on ten draws."""
    folder = tmp_path_factory.mktemp("claims")
    file = plugin(folder, NOISY, name="noisy", card=", randomness='block-seeded'")
    request = api.Request(suites=(TINY,), methods=("noisy",), plugins=(file,), limit=8)
    with Store.open(folder / "bench.db") as store:
        assert api.execute(request, api.prepare(request), store).failed == 0
    return accounts(folder / "bench.db")


def test_what_was_measured_is_right(cells: dict[str, CellAccount]) -> None:
    assert all(found(cell) == [] for cell in cells.values())
    assert int(cells["clean"].blocks[0].records.draw.max()) == 9


def one_draw(block: BlockAccount) -> BlockAccount:
    """The draw that looks best, alone."""
    return replace(block, records=block.records.where(block.records.draw == 0))


def more_counted(block: BlockAccount) -> BlockAccount:
    return replace(block, diagnostics={**block.diagnostics, "randomized_rows": 9.0})


def fewer_checked(block: BlockAccount) -> BlockAccount:
    return replace(block, diagnostics={**block.diagnostics, "checked_rows": 7.0})


WRONG: list[tuple[str, Change, str]] = [
    ("clean", one_draw, "probe 'clean': expected 10 draws, got 1"),
    ("pgd", one_draw, "expected 10 draws, got 1"),
    ("pgd", more_counted, "randomized_rows: expected 0 to 8, got 9.0"),
    ("pgd", fewer_checked, "checked_rows: expected 8, got 7.0"),
    (
        "pgd",
        with_array("gallery_predictions", lambda a: (a + 1) % 10),
        "gallery_predictions: expected those of the first 8 examples, got others",
    ),
    ("pgd", with_array("x", first(2.0)), "x: expected pixels from 0 to 1, got others"),
    ("pgd", with_array("x", first(np.nan)), "x: expected pixels from 0 to 1, got others"),
    ("pgd", with_array("x_adv", lambda a: 1 - a), "x_adv: expected images within 1/10 of those of x, got others"),
    ("pgd", with_array("x_adv", lambda a: a[:3]), "x_adv: expected images within 1/10 of those of x, got others"),
    ("pgd", with_array("x_adv", lambda a: a[:, :, :4]), "x_adv: expected images (1, 8, 8) in floats, got float32"),
    ("pgd", with_array("gallery_examples", first(5)), "gallery_examples: expected those of the first 8 examples"),
    ("pgd", with_array("gallery_labels", lambda a: (a + 1) % 10), "gallery_labels: expected those of the first 8"),
]


@pytest.mark.parametrize(("evaluation", "change", "message"), WRONG)
def test_what_cannot_be_is_seen(cells: dict[str, CellAccount], evaluation: str, change: Change, message: str) -> None:
    (line,) = found(changed(cells[evaluation], change))
    assert line.startswith("fault: ") and message in line and "\n" not in line


def test_norms_are_not_those_of_float32_alone(cells: dict[str, CellAccount]) -> None:
    """What rounding may add is let pass; a thousandth more is not."""
    for norm, fits in ((0.1 * (1 + 2**-24), True), (0.1001, False)):

        def change(block: BlockAccount, norm: float = norm) -> BlockAccount:
            there = ~np.isnan(block.records.norm)
            return replace(block, records=replace(block.records, norm=np.where(there, norm, np.nan)))

        assert (found(changed(cells["pgd"], change)) == []) is fits


def test_a_protocol_of_another_task_is_none_of_ours(cells: dict[str, CellAccount]) -> None:
    from trustdm.bench import plugins
    from trustdm.bench.plugins import load_suite
    from trustdm.bench.tasks.claim import Claim, ClaimedBlock
    from trustdm.bench.tasks.robustness.claims import contradictions

    records = Records.of("odd", [1200], [0], label=[99], norm=[7.0])
    block = ClaimedBlock(cells["pgd"].blocks[0].row.block, np.array([1200]), records, {}, lambda name: None)
    cell = cells["pgd"]
    identity = replace(cell.identity, protocol="likelihood")
    registry = plugins.load(installed=False).registry
    claim = Claim(
        load_suite(TINY), identity, None, 1, cell.origin is Origin.REPORTED, (block,), np.zeros_like, registry
    )
    assert list(contradictions(claim)) == []
