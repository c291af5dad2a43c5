"""The lists of a new suite: every class in its proportion, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from trustdm.bench.suite.dividing import divide, shares


def test_every_class_has_its_share_of_each_list() -> None:
    labels = np.repeat([0, 1, 5], [10, 20, 70])
    lists = divide(labels, 30, 10, "a digest")
    assert {k: len(v) for k, v in lists.items()} == {"train": 60, "validation": 10, "test": 30}
    assert sorted(i for ids in lists.values() for i in ids) == list(range(100))
    for split, total in {"train": 60, "validation": 10, "test": 30}.items():
        _, counts = np.unique(labels[lists[split]], return_counts=True)
        assert np.abs(counts - total * np.array([0.1, 0.2, 0.7])).max() < 1.01, split
    first = labels[lists["test"][:10]]
    assert (first == 5).sum() == 7 and (first == 1).sum() == 2


def test_the_lists_depend_on_the_name_alone() -> None:
    labels = np.arange(12) % 2
    assert divide(labels, 4, 2, "a") == divide(labels, 4, 2, "a") != divide(labels, 4, 2, "b")
    assert divide(labels, 4, 2, "a") == {"train": [0, 1, 4, 5, 6, 11], "validation": [8, 9], "test": [2, 3, 7, 10]}


@pytest.mark.parametrize("test", range(1, 8))
@pytest.mark.parametrize("validation", range(1, 3))
def test_small_classes_lose_nothing(test: int, validation: int) -> None:
    lists = divide(np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 3]), test, validation, "x")
    assert [len(lists[s]) for s in ("test", "validation", "train")] == [test, validation, 10 - test - validation]


def test_remainders_go_to_the_largest() -> None:
    assert shares([1, 1, 1], 2) == [1, 1, 0] and shares([10, 20, 70], 10) == [1, 2, 7]
