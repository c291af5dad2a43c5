"""What is computed from one cell: extent, flags, scores, and what cannot be told in one line."""

from __future__ import annotations

import pytest
from toyboard import SUITE, both, cell, records

from trustdm.bench import registry
from trustdm.bench.errors import DataError, StoreError
from trustdm.bench.summary.facts import facts


def test_the_facts_of_a_cell():
    found = facts(SUITE, both(1, "CCCW", "CCW-", "CW--", diagnostics={"projected_rows": 1.0})[1])
    assert (found.rows, found.examples, found.whole) == (12, 4, True)
    assert found.flags == ("projected", "square-helps") and found.problems == ()
    assert {name: score.estimate.value for name, score in found.scores.items()} == {
        "robust_accuracy": 0.25,
        "apgd_accuracy": 0.5,
    }


def test_only_the_metric_that_ranks_keeps_its_examples():
    found = facts(SUITE, both(1, "CCCW", "CCW-", "CW--")[1])
    assert found.scores["robust_accuracy"].examples is not None
    assert found.scores["apgd_accuracy"].examples is None and found.scores["apgd_accuracy"].values is None


@pytest.mark.parametrize("error", [DataError("no  such\nfile"), ValueError("no such file"), IndexError("no such file")])
def test_a_metric_that_cannot_be_told_is_one_line_and_the_others_are_told(monkeypatch, error):
    def broken(view, spec):
        raise error

    target = SUITE.task.metric("survival").function
    real = registry.loaded
    monkeypatch.setattr("trustdm.bench.tasks.contract.loaded", lambda text: broken if text == target else real(text))
    found = facts(SUITE, both(1, "CCCC", "CCCC", "CCCC")[1])
    assert found.scores == {} and found.problems == (
        "robust_accuracy: no such file",
        "apgd_accuracy: no such file",
    )
    assert facts(SUITE, both(1, "CCCC", "CCCC", "CCCC")[0]).scores["clean_accuracy"].estimate.value == 1.0


def test_a_record_that_is_there_twice_makes_every_number_wrong_and_is_no_problem_of_one_metric():
    with pytest.raises(StoreError, match="cell 4: example 1"):
        facts(SUITE, cell(4, "clean", records([1, 1], clean="CC")))
