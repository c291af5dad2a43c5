"""True labels are read where the data set is here, a part at a time, and never from where a stranger says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TINY
from numpy.typing import NDArray
from toyboard import toy

from trustdm.bench import plugins
from trustdm.bench.errors import DataError, SuiteError
from trustdm.bench.plugins import load_suite
from trustdm.bench.store import truth
from trustdm.bench.store.truth import PART, Labels
from trustdm.bench.suite.data import open_data
from trustdm.bench.tasks.claim import UNKNOWN

REGISTRY = plugins.load(installed=False).registry
SUITE = load_suite(TINY)


class Parts:
    """Labels that are the last digit of the index; those from ``missing`` on are not here."""

    def __init__(self, missing: int):
        self.missing = missing
        self.asked: list[int] = []

    def read(self, index: NDArray[np.int64]) -> tuple[None, NDArray[np.int64]]:
        self.asked += index.tolist()
        if index.max() >= self.missing:
            raise DataError("image 300 is missing")
        return None, index % 10


def labels(monkeypatch: pytest.MonkeyPatch, data: Any) -> Labels:
    monkeypatch.setattr(truth, "open_data", lambda suite, registry: data)
    return Labels(SUITE, REGISTRY)


def test_labels_are_those_of_the_data_set() -> None:
    found = Labels(SUITE, REGISTRY)
    assert found.of(SUITE.test[::-1]).tolist() == open_data(SUITE, REGISTRY).read(SUITE.test[::-1])[1].tolist()
    assert found.missing == "" and found.of(SUITE.test[:0]).tolist() == []


def test_an_example_is_read_once_and_what_is_missing_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Parts(PART)
    found = labels(monkeypatch, data)
    assert found.of(np.array([7, 3, 7])).tolist() == [7, 3, 7] and found.missing == ""
    many = np.arange(2 * PART)
    got = found.of(many)
    assert (got[PART + 2 :] == UNKNOWN).all() and (got[[3, 7]] == [3, 7]).all()
    assert len(data.asked) == len(set(data.asked)) and found.missing == "image 300 is missing"


@pytest.mark.parametrize("error", [OSError("no disk"), KeyError("x"), DataError("not here")])
def test_whatever_a_data_set_raises_nothing_is_compared(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def absent(*_: object) -> None:
        raise error

    monkeypatch.setattr(truth, "open_data", absent)
    found = Labels(SUITE, REGISTRY)
    assert found.of(SUITE.test[:2]).tolist() == [UNKNOWN] * 2 and found.missing in str(error) + "'x'"


def test_a_suite_that_does_not_fit_the_data_set_that_is_here_is_said() -> None:
    splits = {"train": "1", "validation": "2", "test": "9000"}
    other = toy([9_000], data={**toy([1]).data.model_dump(), "digest": SUITE.data.digest, "splits": splits})
    with pytest.raises(SuiteError):
        Labels(other, REGISTRY).of(np.array([9_000]))


def test_files_that_a_stranger_names_are_not_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(truth, "open_data", lambda *_: pytest.fail("opened"))
    named = toy([1, 2], data={**toy([1, 2]).data.model_dump(), "options": {"path": str(tmp_path)}})
    found = Labels(named, REGISTRY)
    assert found.of(np.array([1])).tolist() == [UNKNOWN] and "the options path" in found.missing
    absent = toy([1, 2], data={**toy([1, 2]).data.model_dump(), "dataset": "nobodys"})
    found = Labels(absent, REGISTRY)
    assert found.of(np.array([1])).tolist() == [UNKNOWN] and found.missing == "no data set nobodys is installed"
