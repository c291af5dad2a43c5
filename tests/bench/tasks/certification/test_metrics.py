"""Statistics of certificates, image by image, from certificates by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench import stats
from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.certification import metrics
from trustdm.bench.tasks.certification.certificates import Certificates

TABLE = Certificates(
    example=np.arange(4),
    right=np.array([True, True, False, True]),
    abstained=np.array([False, False, False, True]),
    draws=np.array([10, 20, 30, 40]),
    radius=np.array([0.5, 0.25, 0.75, 0.5]),
)


@pytest.fixture
def score(suite: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The score of a metric where the certificates are these."""
    spec = load_suite(suite).metrics[1]

    def of(name: str, table: Certificates | None = TABLE, **params: str) -> Any:
        monkeypatch.setattr(metrics, "certificates", lambda cell: table)
        return getattr(metrics, name)(None, spec.model_copy(update={"params": params}))

    return of


def test_certified_accuracy_counts_right_labels_at_a_radius(score: Any) -> None:
    assert score("certified", radius="0").values.tolist() == [1, 1, 0, 0]
    found = score("certified", radius="1/2")
    assert found.values.tolist() == [1, 0, 0, 0] and found.examples.tolist() == [0, 1, 2, 3]
    low, high = stats.wilson(1, 4)
    assert (found.estimate.value, found.estimate.n) == (0.25, 4)
    assert (found.estimate.low, found.estimate.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_the_average_radius_is_zero_where_wrong_or_abstained(score: Any) -> None:
    found = score("average_radius")
    assert found.values.tolist() == [0.5, 0.25, 0, 0] and found.estimate.value == pytest.approx(0.1875)
    assert found.estimate.low >= 0


def test_abstention_and_draws(score: Any) -> None:
    assert score("abstention").estimate.value == 0.25
    assert score("draws").estimate.value == 25 and score("draws").values.tolist() == [10, 20, 30, 40]


def test_where_nothing_can_be_said(score: Any) -> None:
    reached = np.array([1, 1, 1, 0])
    declared = Certificates(TABLE.example, TABLE.right, TABLE.abstained, 0 * TABLE.draws, None, (0.25,), reached)
    for name in ("certified", "average_radius", "abstention", "draws"):
        assert score(name, None, radius="0") is None
    assert score("average_radius", declared) is None and score("draws", declared) is None
    assert score("certified", declared, radius="1/4").estimate.value == 0.5
    with pytest.raises(UsageError, match="expected one of the declared radii"):
        score("certified", declared, radius="1/8")
