"""Names and parameters of evaluations that no suite lists."""

from __future__ import annotations

import json

import pytest
from helpers import TINY

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite import further
from trustdm.bench.suite.models import Evaluation

SUITE = load_suite(TINY)
PARAMS = {"attacks": [{"name": "mine", "steps": 3}], "by": ["A. Author"]}


def test_an_evaluation_of_the_suite_is_its_own_whatever_is_stored() -> None:
    assert further.evaluation_of(SUITE, "pgd", json.dumps(PARAMS)) == SUITE.evaluations["pgd"]
    assert further.evaluation_of(SUITE, "other", json.dumps(PARAMS)) is None


def test_a_further_one_is_what_its_parameters_say() -> None:
    found = further.evaluation_of(SUITE, "+mine", json.dumps(PARAMS))
    assert found == Evaluation.model_validate({"protocol": "adversarial", "attacks": PARAMS["attacks"]})
    one = further.Further("mine", found, ("A. Author",))
    assert one.name == "+mine" and one.stored == PARAMS
    assert further.params_of(SUITE, "+mine", json.dumps(PARAMS, indent=1)) == further.canonical_json(PARAMS)
    assert further.credit(json.dumps(PARAMS)) == ("A. Author",)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"attacks": PARAMS["attacks"]},
        {"attacks": [], "by": []},
        {"attacks": [{"name": "a"}, {"name": "b"}], "by": []},
        {"attacks": [{"name": "a"}, 1], "by": []},
        {"attacks": [{"name": "a", "ranks": False}], "by": []},
        {"attacks": "a", "by": []},
        {**PARAMS, "more": 1},
        {**PARAMS, "by": "A. Author"},
        {**PARAMS, "by": ["a\nb"]},
        {**PARAMS, "by": [1]},
        {**PARAMS, "by": ["x"] * 21},
    ],
)
def test_other_parameters_are_of_no_evaluation(params: object) -> None:
    text = json.dumps(params)
    assert further.evaluation_of(SUITE, "+mine", text) is None and further.params_of(SUITE, "+mine", text) is None


@pytest.mark.parametrize("name", ["+", "++mine", "+a b", "+a\n", "+" + "x" * 81, "+<b>"])
def test_other_names_are_of_no_evaluation(name: str) -> None:
    assert further.evaluation_of(SUITE, name, json.dumps(PARAMS)) is None


@pytest.mark.parametrize("text", ["", "[", "[1]", "null", '{"by": [1]}', "[" * 100_000])
def test_texts_of_strangers_name_nobody(text: str) -> None:
    assert further.credit(text) == () and further.evaluation_of(SUITE, "+mine", text) is None


def test_what_falls_is_about_every_attack_of_the_evaluation_that_ranks() -> None:
    assert [metric.name for metric in further.falling(SUITE)] == ["ensemble_accuracy"]
    assert [metric.name for metric in further.asked(SUITE, "+mine")] == ["ensemble_accuracy"]
    assert [metric.name for metric in further.asked(SUITE, "clean")] == ["clean_accuracy"]
    purification = load_suite("digits-purification")
    names = [metric.name for metric in further.falling(purification)]
    assert names == ["robust_accuracy", "robust_majority", "robust_worst"]
    assert further.falling(load_suite("mnist16-generation")) == []
