"""The table [adversary]: budgets, the order of probes, what is said of a suite."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from toyboard import METRICS, toy

from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.tasks.robustness.task import TASK, adversary, budget_of
from trustdm.bench.types import Budget

OWN = Path(__file__).parents[2] / "suite" / "own.toml"
SENTENCES = {"knows": "everything", "wins": "the label changes"}


def test_the_budget_is_an_exact_fraction_in_lowest_terms() -> None:
    suite = toy([1], adversary={"norm": "linf", "eps": "2/40", **SENTENCES})
    assert budget_of(suite) == Budget("linf", Fraction(1, 20)) and adversary(suite).eps == "1/20"


@pytest.mark.parametrize(("norm", "eps"), [("linf", "1"), ("l2", "8")])
def test_a_budget_may_reach_the_corner_of_the_box_and_no_further(norm: str, eps: str) -> None:
    """64 pixels: the diagonal of the box is 8 long."""
    toy([1], adversary={"norm": norm, "eps": eps, **SENTENCES})
    with pytest.raises(SuiteError, match=r"toy.toml: adversary.eps: expected at most"):
        toy([1], adversary={"norm": norm, "eps": f"{int(eps) * 100 + 1}/100", **SENTENCES})


def test_the_data_must_be_pinned(tmp_path: Path) -> None:
    text = OWN.read_text(encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text("\n".join(x for x in text.splitlines() if not x.startswith("digest")), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"own\.toml: data\.digest: expected a value, got nothing"):
        load_suite(path)


def test_data_that_nothing_is_trained_on_need_no_digest_and_no_training_list(tmp_path: Path) -> None:
    text = OWN.read_text(encoding="utf-8").replace('"DIGEST"', f'"{"0" * 64}"')
    trained = "\n".join(line for line in text.splitlines() if not line.startswith("train ="))
    path = tmp_path / "own.toml"
    path.write_text("\n".join(x for x in trained.splitlines() if not x.startswith("digest")), encoding="utf-8")
    suite = load_suite(path)
    assert suite.data.digest is None and len(suite.train) == 0 and len(suite.validation) > 0
    path.write_text(trained, encoding="utf-8")
    with pytest.raises(SuiteError, match=r"own\.toml: data\.splits\.train: expected a value, got nothing"):
        load_suite(path)


def test_what_an_adversary_knows_leaves_records_valid_and_what_it_may_do_does_not() -> None:
    one = toy([1], adversary={"norm": "linf", "eps": "1/10", **SENTENCES})
    other = toy([1], adversary={"norm": "linf", "eps": "1/10", "knows": "nothing", "wins": "never"})
    assert one.digest == other.digest and one.content_digest != other.content_digest
    assert one.digest != toy([1], adversary={"norm": "l2", "eps": "1/10", **SENTENCES}).digest


def test_probes_are_the_clean_image_and_the_attacks_in_order() -> None:
    assert TASK.probe_order({"attacks": [{"name": "pgd"}, {"name": "square"}]}) == ["clean", "pgd", "square"]
    assert TASK.probe_order({}) == ["clean"]


def test_what_is_said_of_a_suite() -> None:
    assert TASK.says(toy([1], adversary={"norm": "linf", "eps": "8/255", **SENTENCES})) == [
        "L∞ robustness, ε = 8/255",
        "adversary: L∞ robustness, ε = 8/255; everything",
        "wins when: the label changes",
    ]
    assert TASK.says(toy([1], adversary={"norm": "l2", "eps": "1/2", **SENTENCES}))[0] == "L2 robustness, ε = 1/2"


def test_a_terminal_shows_no_single_attack_of_an_ensemble() -> None:
    assert [m.name for m in TASK.headline(toy([1]))] == ["clean_accuracy", "robust_accuracy"]


def test_draws_can_be_put_together_in_three_ways_and_no_other() -> None:
    suite = toy([1], metrics=((*METRICS[0], {"over": "worst"}), *METRICS[1:]))
    assert suite.metrics[0].params == {"over": "worst"} and suite.metrics[1].params == {}
    with pytest.raises(SuiteError, match=r"metrics\.0\.over: expected 'mean', 'worst' or 'majority', got 'sum'"):
        toy([1], metrics=((*METRICS[0], {"over": "sum"}), *METRICS[1:]))


def test_another_suite_has_no_adversary() -> None:
    with pytest.raises(UsageError, match=r"digits-generation: expected a suite with a table like Adversary, got"):
        adversary(load_suite("digits-generation"))
