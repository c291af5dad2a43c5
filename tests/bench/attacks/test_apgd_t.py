from __future__ import annotations

from fractions import Fraction

import pytest

from trustdm.bench.attacks.apgd_t import ApgdT
from trustdm.bench.errors import UsageError
from trustdm.bench.types import Budget


@pytest.mark.parametrize("classes", [2, 3])
def test_fewer_than_four_classes_are_refused_by_name(classes: int) -> None:
    with pytest.raises(
        UsageError, match=f"attack apgd-t: classes: expected at least 4, got {classes}; the targeted DLR"
    ):
        ApgdT().check(Budget("linf", Fraction(1, 10)), classes)


def test_four_classes_are_enough() -> None:
    ApgdT().check(Budget("linf", Fraction(1, 10)), 4)
