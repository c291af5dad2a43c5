"""Index lists, fractions and names of a suite file."""

from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench.suite.fields import fraction_text, indices, radius_text, ranges, some_indices


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", (3,)), ("0-2", (0, 1, 2)), (" 5 , 1-2,0 ", (5, 1, 2, 0)), ([4, "1-2", "0,9"], (4, 1, 2, 0, 9)), (7, (7,))],
)
def test_index_lists(value: object, expected: tuple[int, ...]) -> None:
    assert indices(value) == expected


def test_ranges_are_the_inverse_of_indices() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    for size in (1, 2, 7, 40):
        for _ in range(20):
            ids = rng.permutation(50)[:size]
            for order in (ids, np.sort(ids)):
                assert indices(ranges(order.tolist())) == tuple(order.tolist())
    assert ranges([0, 1, 2, 9, 5, 6, 4]) == "0-2,9,5-6,4"
    assert ranges(range(48976)) == "0-48975"


@pytest.mark.parametrize(("text", "expected"), [("6/40", "3/20"), ("8/255", "8/255"), ("1", "1"), ("4/2", "2")])
def test_fractions_are_in_lowest_terms(text: str, expected: str) -> None:
    assert fraction_text(text) == expected


def test_a_radius_may_be_zero_and_a_fraction_may_not() -> None:
    assert radius_text("0") == "0" and radius_text("2/8") == "1/4"
    for text in ("0", 0.5, "1/0", "-1"):
        with pytest.raises(ValueError, match="a positive fraction in quotes"):
            fraction_text(text)


def test_a_list_may_be_empty_only_where_that_is_allowed() -> None:
    assert some_indices("") == some_indices([]) == () and some_indices("3-4") == (3, 4)
    with pytest.raises(ValueError, match="at least one"):
        indices([])
