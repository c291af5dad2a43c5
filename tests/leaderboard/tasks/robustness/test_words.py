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
    assert told["attacked_accuracy"].endswith("; of a randomized method, the mean over its draws")
    assert names["pgd_majority"] == "PGD-40 accuracy, majority of 10"
    assert names["attacked_worst"] == "robust accuracy (all attacks, worst of 10)"


def test_a_column_that_does_not_say_it_is_described_as_before() -> None:
    assert words.describe(SUITE, SUITE.metrics[0]).endswith("(evaluation “clean”)")
