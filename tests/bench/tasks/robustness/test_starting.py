"""What a new suite of attacks begins with, and what its author is told to decide."""

from __future__ import annotations

import pytest

from trustdm.bench.tasks.contract import NewData
from trustdm.bench.tasks.robustness.starting import EPS, start


@pytest.mark.parametrize(("classes", "targeted"), [(2, False), (3, False), (4, True), (10, True)])
def test_an_attack_that_is_not_defined_is_left_out_and_said(classes: int, targeted: bool) -> None:
    made = start(NewData(name="cells", shape=(3, 6, 5), classes=classes, train=100, test=40))
    attacks = [attack["name"] for attack in made.tables["evaluations"]["autoattack"]["attacks"]]
    assert attacks == ["apgd-ce", *(["apgd-t"] if targeted else []), "fab-t", "square"]
    assert any("APGD-T is left out" in line for line in made.says) is not targeted
    labels = {metric["name"]: metric["label"] for metric in made.tables["metrics"]}
    assert labels["autoattack_accuracy"] == ("AutoAttack" if targeted else "AutoAttack without APGD-T")


def test_the_threat_model_and_what_randomized_methods_need_are_said() -> None:
    made = start(NewData(name="cells", shape=(3, 6, 5), classes=4, train=100, test=40))
    assert made.tables["adversary"]["eps"] == EPS and any(EPS in line for line in made.says)
    assert any("eot" in line for line in made.says)
    assert made.tables["ranking"]["metric"] in {metric["name"] for metric in made.tables["metrics"]}
