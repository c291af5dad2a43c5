"""Certified suites from end to end: noise of the harness, counts on record, certificates as a summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from smoothed import SIGMA, arrays, base_classifier, board, measure, truth

from trustdm.bench.smoothing import fixed
from trustdm.bench.store.store import Store
from trustdm.bench.types import Status


def test_radii_of_a_linear_classifier_are_sound_and_close(suite: Path) -> None:
    assert measure(suite, "a.db").exit_code == 0
    counts = arrays(suite, "a.db", "counts").reshape(60, 3, 10)
    assert counts.sum(axis=2).tolist() == [[20, 100, 100]] * 60
    exact = truth(suite)
    for alpha in (0.1, 0.01):  # from the same counts
        found = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, alpha)
        wrong = int((found.radius > exact).sum())
        assert binomtest(wrong, 60, alpha, alternative="greater").pvalue > 1e-3
    reach = np.minimum(exact, fixed.largest_radius(200, SIGMA, 0.1))
    certain = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, 0.1).radius
    assert 0 <= np.median((reach - certain)[reach > 0.1]) < 0.1


def test_a_row_is_a_summary_of_counts(suite: Path) -> None:
    measure(suite, "a.db")
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.n, row.planned, row.rank_low) == ("full", 60, 60, 1)
    counts, labels = arrays(suite, "a.db", "counts").reshape(60, 3, 10), arrays(suite, "a.db", "truth")[::3]
    found = fixed.certify(counts[:, 0], counts[:, 1:].sum(axis=1), SIGMA, 0.1)
    right = found.label == labels
    assert row.metrics["radius"].value == pytest.approx(float(np.where(right, found.radius, 0).mean()))
    assert row.metrics["at_zero"].value == pytest.approx(float(right.mean()))
    assert row.metrics["at_eighth"].value == pytest.approx(float((right & (found.radius >= 0.125)).mean()))
    assert row.metrics["abstained"].value == pytest.approx(float((found.label < 0).mean()))
    assert 0 < row.metrics["draws"].value < 220
    assert abs(row.metrics["declared"].value - row.metrics["at_eighth"].value) < 0.2
    with Store.open(str(suite.parent / "a.db")) as store:
        records = store.records(store.cells()[0].id)
        assert store.check() == []
    assert records.value.tolist() == [20.0, 100.0, 100.0] * 60 and set(records.status.tolist()) == {Status.MADE}


def test_noise_belongs_to_the_position_alone(suite: Path) -> None:
    measure(suite, "one.db", jobs=1)
    measure(suite, "two.db", jobs=2)
    measure(suite, "small.db", batch_size=1)
    measure(suite, "parts.db", limit=3)
    measure(suite, "parts.db")
    for name in ("counts", "trials"):
        one = arrays(suite, "one.db", name)
        for other in ("two.db", "parts.db"):
            np.testing.assert_array_equal(arrays(suite, other, name), one)
        moved = np.abs(arrays(suite, "small.db", name).astype(int) - one).sum() / one.sum()
        assert moved < 1e-3  # a borderline draw may fall on the other side in a batch of another size


def test_a_limit_counts_images_and_resumes_within_one(suite: Path) -> None:
    report = measure(suite, "a.db", limit=4)
    assert report.exit_code == 0
    (row,) = board(suite, "a.db")
    assert row.completeness == "preview" and row.rank_group == "preview n=4"
    with Store.open(str(suite.parent / "a.db")) as store:
        starts = {c.identity.evaluation: list(store.blocks(c.id)) for c in store.cells()}
    assert starts == {"fixed": [0, 6], "declared": [0]}  # blocks of 6 chunks: two images


@pytest.mark.parametrize(
    ("body", "card", "extra", "message"),
    [
        ("return self.score(x + torch.randn_like(x)) .sign().long().clamp(0)", "", "", "draws random numbers without"),
        (
            "self.kept = torch.randn(1) if self.kept is None else self.kept\n"
            "        return self.score(x + self.kept).sign().long().clamp(0)",
            ', randomness="keyed"',
            ", noise",
            "it keeps its noise, which voids the certificate",
        ),
        ("return torch.full((len(x),), 10)", "", "", "expected labels from 0 to 9, got 10 to 10"),
        ("return torch.full((len(x),), -1)", "", "", "expected labels from 0 to 9, got -1 to -1"),
        ("return torch.zeros(len(x), 3)", "", "", r"expected logits \(\d+, 10\), got torch.float32 of shape"),
        ("return x.mul_(2).flatten(1)[:, :10]", "", "", "expected its input unchanged"),
        ("return torch.full((len(x), 10), float('nan'))", "", "", "expected finite logits"),
    ],
)
def test_a_base_classifier_that_would_void_the_bound_is_refused(
    suite: Path, body: str, card: str, extra: str, message: str
) -> None:
    import re

    report = measure(suite, "a.db", plugins=[base_classifier(suite.parent, "bad", body, card, extra)], limit=2)
    assert report.failed == 2 and not report.done
    assert re.search(message, report.lines[0]) and "\n" not in report.lines[0]
    assert board(suite, "a.db")[0].metrics == {}


def test_keyed_noise_is_new_for_every_draw(suite: Path) -> None:
    body = 'return (self.score(x) + 0.5 * noise.normal("own", (1,))[:, 0] < 0).long()'
    path = base_classifier(suite.parent, "keyed", body, ', randomness="keyed"', ", noise")
    assert measure(suite, "a.db", plugins=[path], limit=2).exit_code == 0
    measure(suite, "b.db", plugins=[path], limit=2, batch_size=1)
    np.testing.assert_array_equal(arrays(suite, "a.db", "counts"), arrays(suite, "b.db", "counts"))
