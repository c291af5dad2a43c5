"""What a position means, and that the code digest of every cell covers it."""

from __future__ import annotations

import pytest

from trustdm.bench.source import names
from trustdm.bench.tasks import positions
from trustdm.bench.tasks.positions import Positions


def test_neighbours_are_one_example() -> None:
    two = Positions.count(3, 2)
    assert two.ids.tolist() == [0, 1, 2, 3, 4, 5] and two.per_example == 2
    with pytest.raises(ValueError, match="read-only"):
        two.ids[0] = 1


def test_the_module_is_no_plumbing() -> None:
    assert not names.plumbing(positions.__name__) and names.plumbing("trustdm.bench.tasks.contract")
