"""What a publication says of robustness: what tells its numbers apart, and which parameters they have."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trustdm.bench.tasks.robustness.published import PUBLISHED, Attacked, Judged, told_apart
from trustdm.bench.tasks.robustness.task import TASK


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, ""),
        ({"draws": 1}, "one draw"),
        ({"draws": 1, "over": "mean"}, "one draw"),
        ({"attack": "AutoAttack", "draws": 1}, "AutoAttack, one draw"),
        ({"attack": "PGD", "draws": 10, "over": "worst"}, "PGD, worst of 10"),
        ({"attack": "PGD", "over": "majority"}, "PGD, majority"),
        ({"attack": "PGD", "draws": 10}, "PGD, 10 draws"),
    ],
)
def test_the_attack_and_the_verdict_tell_numbers_apart(params: dict[str, Any], told: str) -> None:
    assert told_apart(params) == TASK.told_apart(params) == told


def test_an_attacked_number_names_its_attack() -> None:
    assert {m.name: m.params for m in PUBLISHED} == {
        "clean-accuracy": Judged,
        **dict.fromkeys(("robust-accuracy", "robust-gain", "robust-fall", "draws-disagree"), Attacked),
    }
    with pytest.raises(ValidationError, match="attack"):
        Attacked.model_validate({"draws": 10})
    with pytest.raises(ValidationError, match="over"):
        Judged.model_validate({"over": "best"})
