"""Clean accuracy: one record for each draw, no artefacts, verdicts that follow from margins."""

from __future__ import annotations

from typing import Any

import numpy as np
from jobs import Made, job
from torch import Tensor, nn
from toyboard import SUITE, records, toy

from trustdm.bench.contracts import MethodCard
from trustdm.bench.plugins import load
from trustdm.bench.tasks.robustness.clean import Clean
from trustdm.bench.types import Counts, Status

FOUR = toy([7, 3, 5, 1], shape=(1, 2, 2), classes=4)
X = np.random.default_rng(0).random((4, 1, 2, 2), dtype=np.float32)
DATA = Made(FOUR.test, X, X.reshape(4, 4).argmax(1))


def clean(call: Any, randomness: str = "none", **how: Any) -> Any:
    card = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4, randomness=randomness)
    return Clean(load().registry).run(job(FOUR, "clean", call, card, DATA, **how))


def test_a_record_has_the_label_and_the_margin() -> None:
    result = clean(lambda x: x.flatten(1))
    assert result.records.example.tolist() == [7, 3, 5, 1] and set(result.records.status) == {Status.CORRECT}
    ordered = np.sort(X.reshape(4, 4))
    np.testing.assert_allclose(result.records.value, ordered[:, -1] - ordered[:, -2], rtol=1e-6)
    assert result.records.label.tolist() == DATA.labels.tolist()
    assert result.diagnostics == {"unverified_rows": 0.0, "network_images": 0.0, "classified_images": 4.0}
    assert result.artefacts == {}


def test_a_randomized_method_is_asked_once_for_each_draw() -> None:
    def noisy(x: Tensor, noise: Any) -> Tensor:
        return x.flatten(1) + noise.normal("n", (4,))

    result = clean(noisy, "keyed", draws=3)
    assert sorted(set(result.records.draw)) == [0, 1, 2] and len(result.records) == 12
    assert len(set(result.records.value[result.records.example == 7])) == 3


def test_the_passes_through_networks_are_counted_for_each_draw() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))

    def thrice(x: Tensor, noise: Any) -> Tensor:
        return network(x) + network(x) + network(x) + noise.normal("n", (4,))

    thrice.network = network  # type: ignore[attr-defined]
    counts = clean(thrice, "keyed", draws=2).diagnostics
    assert (counts["network_images"], counts["classified_images"]) == (24.0, 8.0)


def test_what_it_takes_and_what_it_looks_at() -> None:
    protocol = Clean(load().registry)
    assert protocol.passes(10, 5) == Counts(5, 0) and protocol.passes(10, 1) == Counts(2, 0)
    assert protocol.probes() == ("clean",)
    assert protocol.record_fault(records(SUITE.test, clean="CCCC")).startswith("probe 'clean', draw 0, example 7")
