"""The frozen counts reproduce the published summary, and the file is what the rule makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replay.rates import frozen
from replay.reconstruction import ALPHA, HERE, TABLE, TRIALS, Published, reconstruct, write
from trustdm.bench.smoothing.accuracy import average_certified_radius, certified_accuracy
from trustdm.bench.smoothing.fixed import certify


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.setting)
def test_cohens_procedure_on_the_frozen_counts_gives_the_published_summary(row: Published) -> None:
    rates = frozen(row.setting)
    assert len(rates.successes) == row.images
    counts = np.stack([rates.successes, TRIALS - rates.successes], axis=1)
    found = certify(np.tile([[100, 0]], (row.images, 1)), counts, row.sigma, ALPHA)
    correct = rates.correct & (found.label == 0)
    certified = [round(e.value, 3) for e in certified_accuracy(correct, found.radius, row.radii)]
    assert certified == list(row.certified)
    assert round(float(np.mean(found.label < 0)), 3) == row.abstained
    assert np.array_equal(found.label < 0, rates.abstained)
    assert average_certified_radius(correct, found.radius).value == pytest.approx(row.average, abs=0.0025)


def test_the_file_is_what_the_rule_makes(tmp_path: Path) -> None:
    write(tmp_path / "rates.csv")
    assert (tmp_path / "rates.csv").read_bytes() == HERE.read_bytes()
    assert HERE.stat().st_size < 200_000


def test_radii_are_spread_evenly_between_two_listed_ones() -> None:
    row = Published("test", 1.0, 10, 0.2, 0.3, (0.0, 0.5, 1.0), (0.6, 0.2, 0.0))
    images = reconstruct(row)
    assert [outcome for _, outcome in images] == ["correct"] * 6 + ["wrong"] * 2 + ["abstained"] * 2
    counts = np.array([count for count, _ in images])
    found = certify(np.tile([[9, 1]], (10, 1)), np.stack([counts, TRIALS - counts], axis=1), 1.0, ALPHA)
    assert found.radius[:4] == pytest.approx([0.0625, 0.1875, 0.3125, 0.4375], abs=1e-4)
    assert found.radius[:6].sum() == pytest.approx(3, abs=1e-3)
    assert counts[-2:].tolist() == [35_000, 45_000]
