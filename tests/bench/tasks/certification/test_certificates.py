"""Certificates from the counts that are stored: another alpha, a gap, counts of strangers, another suite."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from smoothed import board, measure

from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.store.store import Store
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.rows import rows
from trustdm.bench.tasks.certification.certificates import Certificates, certificates


def test_another_alpha_needs_no_new_draws(suite: Path) -> None:
    measure(suite, "a.db")
    before = board(suite, "a.db")[0].metrics
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('alpha = "1/10"\nselection', 'alpha = "1/1000"\nselection'), encoding="utf-8")
    (row,) = board(suite, "a.db")
    assert row.currency == "current" and row.metrics["radius"].value < before["radius"].value
    assert row.metrics["declared"] == before["declared"]
    assert measure(suite, "a.db").done == 0


def test_a_sequential_certificate_says_nothing_at_a_radius_that_was_not_declared() -> None:
    table = Certificates(*[np.zeros(1, dtype=int)] * 4, None, (0.125,), np.ones(1, dtype=int))
    with pytest.raises(UsageError, match=r"radius 0[.]25: expected one of the declared radii 0[.]125"):
        table.reaches(0.25)


def test_what_is_reached() -> None:
    right, abstained = np.array([True, True, False, True]), np.array([False, False, False, True])
    radius = np.array([0.5, 0.25, 0.5, 0.5])
    table = Certificates(np.arange(4), right, abstained, np.full(4, 10), radius)
    assert table.reaches(0.25).tolist() == [True, True, False, False]
    assert table.reaches(0.3).tolist() == [True, False, False, False]
    declared = Certificates(np.arange(4), right, abstained, np.full(4, 10), None, (0.0, 0.25), np.array([2, 1, 2, 0]))
    assert declared.reaches(0.25).tolist() == [True, False, False, False]
    assert declared.reaches(0.0).tolist() == [True, True, False, False]


def test_a_missing_block_leaves_the_other_images_in_their_place(suite: Path) -> None:
    measure(suite, "a.db")
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        result = next(r for r in store.results("certified") if r.identity.evaluation == "fixed")
    whole = certificates(CellView(loaded, result))
    keep = (result.records.sorted().example < 30) | (result.records.sorted().example >= 50)
    part = dataclasses.replace(
        result, records=result.records.sorted().where(keep), arrays=lambda name: result.arrays(name)[keep]
    )
    found = certificates(CellView(loaded, part))
    assert whole is not None and found is not None and whole.radius is not None and found.radius is not None
    at = np.isin(whole.example, found.example)
    assert len(found.example) == 53  # ten whole images before the gap, 43 after it; two are cut by it
    np.testing.assert_array_equal(whole.radius[at], found.radius)
    np.testing.assert_array_equal(whole.right[at], found.right)


def test_images_beyond_the_test_list_are_refused_before_they_are_counted(suite: Path) -> None:
    measure(suite, "a.db")
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        results = [r for r in store.results("certified") if r.identity.protocol == "certified"]
    assert results
    for result in results:
        far = dataclasses.replace(result.records, example=result.records.example + 2**33)
        with pytest.raises(DataError, match="expected images from 0 to"):
            certificates(CellView(loaded, dataclasses.replace(result, records=far)))


def test_counts_of_strangers_are_looked_at(suite: Path) -> None:
    measure(suite, "a.db")
    loaded = load_suite(suite)
    with Store.open(str(suite.parent / "a.db")) as store:
        results = store.results("certified")
    for change in (lambda a: a * 1000, lambda a: -a, lambda a: a.astype(float), lambda a: a[:-1], lambda a: a[:, 0]):
        forged = [
            dataclasses.replace(
                r, arrays=lambda name, r=r, c=change: c(r.arrays(name)) if name == "counts" else r.arrays(name)
            )
            for r in results
        ]
        (row,) = rows(loaded, forged)
        assert "radius" not in row.metrics and any(e.startswith("radius: ") for e in row.errors)


def test_another_suite_shows_no_certificates(suite: Path) -> None:
    measure(suite, "a.db")
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('protocol = "certified"\nsigma = "1/4"', 'protocol = "certified"\nsigma = "1/2"'))
    (row,) = board(suite, "a.db")
    assert row.currency == "stale" and row.metrics == {}
