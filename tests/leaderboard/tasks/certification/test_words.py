from __future__ import annotations

import pytest

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite
from trustdm.leaderboard.tasks.certification import words


def test_the_field_calls_it_certified_accuracy_at_a_radius(certification: Suite) -> None:
    line = words.line(certification)
    assert line.startswith("Certified accuracy at radius r in L2") and line.endswith("probability at most 1/1000.")
    metric = next(m for m in certification.metrics if m.name == "certified_1-2_1-2")
    assert words.describe(certification, metric) == (
        "Certified accuracy at radius 1/2 (evaluation “sigma-1-2”). Higher is better"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [("draws_1-2", words.FIXED_DRAWS), ("draws_sequential-1-2", words.FEWER_DRAWS)],
)
def test_draws_say_whether_their_number_is_fixed(certification: Suite, name: str, says: str) -> None:
    metric = next(m for m in certification.metrics if m.name == name)
    assert f"; {says} (evaluation" in words.describe(certification, metric)


def test_a_suite_without_sequential_evaluations_does_not_explain_them(certification: Suite) -> None:
    facts = {fact.term: fact.words for fact in words.facts(certification)}
    assert facts["Sequential"] and facts["Sizes"] == "1,000 test images at full size, the first 2 in the demo"
    other = {fact.term: fact.words for fact in words.facts(load_suite("cifar10-certified"))}
    assert other["Sequential"] == "" and other["Images"] == "cifar10: 32×32 colour images of 10 classes"
