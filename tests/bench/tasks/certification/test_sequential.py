"""Sequential certificates: draws until the declared radii are decided, and nothing beyond these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jobs import Made, job
from smoothed import arrays, measure, truth

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plugins import load, load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.tasks.certification.sequential import SequentiallyCertified
from trustdm.bench.types import Counts


def test_what_a_sequential_certificate_does_not_say_is_refused(suite: Path) -> None:
    text = suite.read_text(encoding="utf-8")
    at = text.index('name = "declared"')
    suite.write_text(text[:at] + text[at:].replace('radius = "1/8"', 'radius = "1/4"', 1), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"one of the declared radii 0[.]125: a sequential certificate stops"):
        measure(suite, "a.db")


def test_a_metric_must_ask_what_was_declared() -> None:
    protocol = SequentiallyCertified(Registry(), sigma="1/4", radii=["1/8", "1/4"])
    metrics = {m.name: m for m in load_suite("mnist16-certified").metrics}
    shown = next(iter(metrics.values())).model_copy

    def fault(statistic: str, **params: str):
        return protocol.metric_fault(shown(update={"statistic": statistic, "params": params}))

    assert fault("certified", radius="1/8") is None is fault("draws")
    expected, got = fault("certified", radius="1/2")
    assert expected.startswith("one of the declared radii 0.125, 0.25: ") and got == "radius 1/2"
    assert fault("certified-radius")[1] == "the statistic certified-radius"
    assert fault("abstention")[1] == "radius 0"
    with_zero = SequentiallyCertified(Registry(), sigma="1/4", radii=["0", "1/8"])
    assert with_zero.metric_fault(shown(update={"statistic": "abstention", "params": {}})) is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sigma": "0", "radii": ["1/8"]}, "sigma: expected a positive fraction in text"),
        ({"sigma": 0.25, "radii": ["1/8"]}, "sigma: expected a positive fraction in text"),
        ({"sigma": "1/4", "radii": "1/8"}, "radii: expected a list of fractions in text, got '1/8'"),
        ({"sigma": "1/4", "radii": [0.125]}, "radii: expected a list of fractions in text"),
        ({"sigma": "1/4", "radii": ["-1/8"]}, "radii: expected a positive fraction in text"),
        ({"sigma": "1/4", "radii": ["1/8"], "alpha": "1/0"}, "alpha: expected a positive fraction in text"),
    ],
)
def test_wrong_parameters_are_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SequentiallyCertified(Registry(), **params)


def test_easy_images_stop_early_and_the_draws_are_on_record(suite: Path) -> None:
    assert measure(suite, "a.db").exit_code == 0
    trials, exact = arrays(suite, "a.db", "trials"), truth(suite)
    assert trials.shape[0] == 60 and trials.sum(axis=1).max() <= 200
    far = exact > 0.6
    assert far.any() and trials.sum(axis=1)[far].mean() < trials.sum(axis=1)[(exact < 0.2)].mean()
    assert SequentiallyCertified(Registry(), sigma="1/4", radii=["1/8"], cap=200).passes(10, 1) == Counts(200, 0)


def test_a_record_is_an_image_its_class_and_all_its_draws(suite: Path) -> None:
    import torch

    loaded = load_suite(suite)
    card = MethodCard(name="toy", capabilities=("classify_noisy",), input_shape=(1, 8, 8), classes=10)
    data = Made(loaded.test, np.zeros((60, 1, 8, 8)), np.arange(60) % 10)
    protocol = (
        load()
        .registry.get("protocol", "certified-sequential")
        .load()(load().registry, sigma="1/4", radii=["1/8"], alpha="1/10", cap=200)
    )
    sure = job(loaded, "declared", lambda x, sigma: torch.full((len(x),), 7), card, data)
    result = protocol.run(sure)
    assert set(result.records.label) == {7} and result.records.example.tolist() == list(range(60))
    assert result.records.value.tolist() == (20 + result.artefacts["trials"].sum(axis=1)).tolist()
    assert result.artefacts["truth"].tolist() == [i % 10 for i in range(60)]
    np.testing.assert_array_equal(result.artefacts["successes"], result.artefacts["trials"])
