"""What the columns of a board of attacks are called and say."""

from __future__ import annotations

from toyboard import SUITE

from trustdm.bench.plugins import load_suite
from trustdm.leaderboard.tasks.robustness import words


def test_columns_say_how_the_draws_of_a_randomized_method_are_put_together() -> None:
    suite = load_suite("cifar10-purification-linf")
    told = {metric.name: words.describe(suite, metric) for metric in suite.metrics}
    names = {metric.name: words.label(metric) for metric in suite.metrics}
    assert len(set(told.values())) == len(set(names.values())) == len(suite.metrics)
    assert told["clean_worst"].endswith("; of a randomized method, under every one of its draws")
    assert told["robust_accuracy"].endswith("(evaluation “standard”); of a randomized method, the mean over its draws")
    assert told["pgd_eot_accuracy"].startswith("Robust accuracy: the least that any run or end of pgd-eot left")
    assert (names["robust_accuracy"], names["robust_worst"]) == ("robust accuracy", "robust accuracy, worst of 10")
    assert (names["pgd_eot_accuracy"], names["clean_worst"]) == ("PGD+EOT", "clean accuracy, worst of 10")


def test_a_column_that_does_not_say_it_is_described_as_before() -> None:
    assert words.describe(SUITE, SUITE.metrics[0]).endswith("(evaluation “clean”)")
