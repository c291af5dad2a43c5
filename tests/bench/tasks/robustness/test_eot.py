"""A randomized method that no attack averaged over is shown, and ranked with nothing."""

from __future__ import annotations

import pytest
from toyboard import SUITE, cell, records, toy

from trustdm.bench.records import Records
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.rows import rows
from trustdm.bench.tasks.robustness.eot import asked_attacks, averages, randomness_caveat, without_eot

DRAWS = Records.concat([records(SUITE.test, d, clean="CCCC", apgd_ce="CCCW", square="CCCW") for d in range(2)])


def suite(*eots, name="toy"):
    """A suite whose attacks have these ``eot``; None leaves it to the attack."""
    attacks = [
        {"name": n} | ({} if e is None else {"eot": e}) for n, e in zip(("apgd-ce", "square"), eots, strict=True)
    ]
    evaluations = {"clean": {"protocol": "clean"}, "attacked": {"protocol": "adversarial", "attacks": attacks}}
    return toy(SUITE.test, evaluations=evaluations, name=name)


def view(asked, randomness="keyed", number=1, **diagnostics):
    return CellView(asked, cell(number, "attacked", DRAWS, asked, randomness=randomness, diagnostics=diagnostics))


@pytest.mark.parametrize(
    ("eots", "missing"), [((None, None), True), ((1, 1), True), ((20, None), False), ((1, 2), False)]
)
def test_one_attack_that_averages_is_enough(eots, missing):
    assert without_eot(view(suite(*eots))) is missing
    assert not without_eot(view(suite(*eots), "none"))
    assert without_eot(view(suite(*eots), "none", randomized_rows=1.0)) is missing


def test_a_number_speaks_of_the_attacks_up_to_its_probe():
    cell_of = view(suite(1, 20))
    assert [a["name"] for a in asked_attacks(cell_of, "", alone=False)] == ["apgd-ce", "square"]
    assert [a["name"] for a in asked_attacks(cell_of, "apgd-ce", alone=False)] == ["apgd-ce"]
    assert [a["name"] for a in asked_attacks(cell_of, "square", alone=True)] == ["square"]
    assert asked_attacks(cell_of, "clean", alone=True) == asked_attacks(cell_of, "clean", alone=False) == []


def test_what_a_suite_may_write_there():
    assert [averages(a) for a in ({}, {"eot": 1}, {"eot": 2}, {"eot": "20"}, {"eot": 2.5})] == [0, 0, 1, 0, 0]


def test_the_caveat_names_the_suite_that_does_better_where_there_is_one(monkeypatch):
    attacks = [{"name": "apgd-ce"}]
    said = "randomized and not attacked with EOT, so that its robust accuracy may be overstated"
    how = "; a suite whose attacks set eot ranks it (docs/suites.md)"
    assert randomness_caveat(view(suite(1, 1, name="toy-linf")), attacks) == said + how
    monkeypatch.setattr("trustdm.bench.tasks.robustness.eot.shipped", lambda: ["toy-purification-linf"])
    assert randomness_caveat(view(suite(1, 1, name="toy-linf")), attacks) == f"{said}; see toy-purification-linf"
    assert randomness_caveat(view(suite(1, 1)), []) == ""
    assert "without declaring" in randomness_caveat(view(suite(1, 1), "none", randomized_rows=2.0), attacks)


def board(asked, randomness):
    clean = records(SUITE.test, clean="CCCC")
    calm = [
        cell(1, "clean", clean, asked, method="calm"),
        cell(2, "attacked", DRAWS.where(DRAWS.draw == 0), asked, method="calm"),
    ]
    own = {"method": "noisy", "randomness": randomness}
    noisy = [cell(3, "clean", clean, asked, **own), cell(4, "attacked", DRAWS, asked, **own)]
    return {row.method: row for row in rows(asked, calm + noisy)}


def test_it_is_not_ranked_with_deterministic_rows():
    found = board(suite(None, None), "block-seeded")
    assert (found["calm"].rank_low, found["noisy"].rank_low) == (1, None)
    assert found["noisy"].caveat.startswith("randomized and not attacked with EOT")
    assert "no-eot" in found["noisy"].flags and "no-eot" not in found["calm"].flags
    attacked = board(suite(20, None), "block-seeded")
    assert attacked["noisy"].rank_low == 1 and not attacked["noisy"].caveat
