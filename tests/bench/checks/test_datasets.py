"""Each check of a data set catches a mutant of a sound one, and only the checks named beside it do."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trustdm.bench.checks import datasets
from trustdm.bench.checks.cases import DatasetCase
from trustdm.bench.conformance import run_checks
from trustdm.bench.contracts import DatasetCard
from trustdm.bench.errors import DataError

CARD = DatasetCard(name="toy", shape=(1, 4, 4), classes=10)
Read = tuple[NDArray[Any], NDArray[Any]]


class Sound:
    """A sound data set; a mutant overrides one thing."""

    def __init__(self) -> None:
        g = np.random.default_rng(0)
        self.images = g.random((100, 1, 4, 4), dtype=np.float32)
        self.labels = np.arange(100, dtype=np.int64) % 10

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()

    def read(self, index: NDArray[np.int64]) -> Read:
        if len(index) and (index.min() < 0 or index.max() >= len(self)):
            raise DataError("toy: index outside")
        return self.images[index], self.labels[index]


class PartlyHere(Sound):
    """Only even examples are on this machine."""

    def here(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(index % 2 == 0)

    def read(self, index: NDArray[np.int64]) -> Read:
        if not self.here(index).all():
            raise DataError("toy: not here")
        return super().read(index)


def altered(images: Any = None, labels: Any = None) -> type[Sound]:
    """A mutant whose reads are changed by these functions."""

    class Altered(Sound):
        def read(self, index: NDArray[np.int64]) -> Read:
            x, y = super().read(index)
            return (x if images is None else images(x)), (y if labels is None else labels(y))

    return Altered


class FewerThanAsked(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return super().read(np.unique(index)[1:])


class Empty(Sound):
    def __len__(self) -> int:
        return 0


class Upper(Sound):
    def digest(self) -> str:
        return super().digest().upper()


class DigestOfTheObject(Sound):
    def digest(self) -> str:
        return hashlib.sha256(str(id(self)).encode()).hexdigest()


class DigestOfTheCall(Sound):
    calls = 0

    def digest(self) -> str:
        self.calls += 1
        return hashlib.sha256(str(self.calls).encode()).hexdigest()


class SortedReads(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return super().read(np.sort(index))


class SortedLabels(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return super().read(index)[0], super().read(np.sort(index))[1]


class HandsOutItsOwn(Sound):
    """Remembers what it read last and gives it out again."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[bytes, Read] = {}

    def read(self, index: NDArray[np.int64]) -> Read:
        return self.last.setdefault(index.tobytes(), super().read(index))


class WrapsAround(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return super().read(index % len(self))


class NegativeIndices(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return super().read(np.where(index < 0, index + len(self), index))


class IndexErrors(Sound):
    def read(self, index: NDArray[np.int64]) -> Read:
        return self.images[index % 1000], self.labels[index % 1000]


class Augments(Sound):
    """Draws from a global generator without using what it drew."""

    def read(self, index: NDArray[np.int64]) -> Read:
        random.random()
        return super().read(index)


class SeedsOnLoad(Sound):
    def __init__(self) -> None:
        super().__init__()
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)


MUTANTS: list[tuple[str, Any, set[str]]] = [
    ("float64", altered(lambda x: x.astype(np.float64)), {"check_arrays"}),
    ("bytes", altered(lambda x: (255 * x).astype(np.float32)), {"check_arrays"}),
    ("negative", altered(lambda x: x - np.float32(0.5)), {"check_arrays"}),
    ("nan", altered(lambda x: np.where(x > 0.5, np.float32(np.nan), x)), {"check_arrays"}),
    ("channels last", altered(lambda x: x.transpose(0, 2, 3, 1)), {"check_arrays"}),
    ("int32 labels", altered(labels=lambda y: y.astype(np.int32)), {"check_arrays"}),
    ("labels from one", altered(labels=lambda y: y + 1), {"check_arrays"}),
    ("labels as columns", altered(labels=lambda y: y[:, None]), {"check_arrays"}),
    ("fewer", FewerThanAsked, {"check_arrays"}),
    ("empty", Empty, {"check_arrays"}),
    ("divided twice", altered(lambda x: x / np.float32(255)), {"check_scale"}),
    ("upper case", Upper, {"check_digest"}),
    ("object digest", DigestOfTheObject, {"check_digest"}),
    ("call digest", DigestOfTheCall, {"check_digest"}),
    ("sorted reads", SortedReads, {"check_index"}),
    ("sorted labels", SortedLabels, {"check_index"}),
    ("own arrays", HandsOutItsOwn, {"check_reads_are_copies"}),
    ("wraps around", WrapsAround, {"check_refuses_outside"}),
    ("negative indices", NegativeIndices, {"check_refuses_outside"}),
    ("index errors", IndexErrors, {"check_refuses_outside"}),
    ("augments", Augments, {"check_global_generators"}),
    ("seeds", SeedsOnLoad, {"check_global_generators"}),
]


def failing(load: Any) -> dict[str, str]:
    return {r.name: r.message for r in run_checks("dataset", load, CARD) if not r.ok}


@pytest.mark.parametrize("load", [Sound, PartlyHere])
def test_a_sound_data_set_passes_every_check(load: Any) -> None:
    assert failing(load) == {}


@pytest.mark.parametrize(("load", "expected"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_a_mutant_is_caught_by_the_checks_made_for_it(load: Any, expected: set[str]) -> None:
    caught = failing(load)
    assert set(caught) == expected
    assert all(message and "\n" not in message for message in caught.values())


def test_every_check_has_a_mutant_that_it_alone_catches() -> None:
    alone = {next(iter(expected)) for _, _, expected in MUTANTS if len(expected) == 1}
    assert alone == {check.__name__ for check in datasets.CHECKS}


def test_every_check_says_what_it_protects() -> None:
    assert all(check.__doc__ for check in datasets.CHECKS)


class Counts(Sound):
    """Examples that are no images: whole numbers of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.images = np.arange(600, dtype=np.int64).reshape(100, 6) - 300


def of_numbers(load: Any) -> set[str]:
    card = DatasetCard(name="toy", shape=(6,), classes=10)
    return {r.name for r in run_checks("dataset", load, card) if not r.ok}


def test_examples_of_another_shape_are_any_finite_numbers() -> None:
    class Texts(Counts):
        def read(self, index: NDArray[np.int64]) -> Read:
            x, y = super().read(index)
            return x.astype(str), y

    class Unknown(Counts):
        def read(self, index: NDArray[np.int64]) -> Read:
            x, y = super().read(index)
            return np.where(x > 0, np.nan, x), y

    assert of_numbers(Counts) == set()
    assert of_numbers(Texts) == of_numbers(Unknown) == {"check_arrays"}


def test_only_examples_that_are_here_are_read() -> None:
    case = DatasetCase(PartlyHere, CARD, CARD.shape, CARD.classes)
    assert (case.index % 2 == 0).all()
    assert len(case.index) == 50
