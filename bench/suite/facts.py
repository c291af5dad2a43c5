"""What a suite must say about data that are there: found out from the data themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from trustdm.bench.contracts import Dataset, DatasetCard
from trustdm.bench.errors import DataError, UsageError
from trustdm.bench.plainfiles import expanded, there
from trustdm.bench.registry import Entry, Registry
from trustdm.bench.suite.data import opened
from trustdm.bench.suite.load import Ids
from trustdm.bench.suite.models import Data

CHUNK = 1024
"""Examples that are read at once for their labels."""


@dataclass(frozen=True)
class DataFacts:
    """``table`` is the table ``[data]`` without splits; ``labels`` (n,) are those of all examples, in their order."""

    table: Data
    labels: Ids
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self) -> dict[int, int]:
        """How many examples each label has that occurs."""
        found, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(found.tolist(), counts.tolist(), strict=True))


@dataclass(frozen=True)
class Wanted:
    """Which data: what lies at ``path``, or a data set by ``name`` with ``options``; of both, the name reads the path.

    ``root`` is the folder of the suite file, from which the path in the suite will start.
    """

    path: Path | None = None
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    root: Path = Path()


def find(wanted: Wanted, registry: Registry) -> DataFacts:
    """The facts of the data; all of them are read once.

    Raises:
        UsageError: nothing is named, or nothing registered reads what is named.
        DataError: the data are missing or broken.
    """
    card, options = _described(wanted, registry)
    if not all(card.shape):
        raise UsageError(
            f"--dataset {card.name}: expected a path as well, or a data set that has a shape of its own, got neither"
        )
    table = Data(dataset=card.name, shape=card.shape, classes=card.classes, options=options)
    data = opened(table, f"data set {card.name}", wanted.root, registry)
    if not len(data):
        raise DataError(f"data set {card.name}: expected examples, got none")
    digest = data.digest()
    return DataFacts(table.model_copy(update={"digest": digest}), _labels(data), card.class_names)


def _described(wanted: Wanted, registry: Registry) -> tuple[DatasetCard, dict[str, Any]]:
    if wanted.path is None and not wanted.name:
        raise UsageError("expected a path, or --dataset NAME, got neither")
    entries = [registry.get("dataset", wanted.name)] if wanted.name else registry.entries("dataset")
    if wanted.path is None:
        return cast(DatasetCard, entries[0].card), dict(wanted.options)
    path = _seen_from(wanted.path, wanted.root)
    if found := next((f for entry in entries if (f := _resolved(entry, path, wanted.root))), None):
        return found[0], found[1] | dict(wanted.options)
    readers = ", ".join(e.name for e in registry.entries("dataset") if e.resolve is not None)
    which = f"{wanted.name} to read it" if wanted.name else f"something that one of the data sets {readers} reads"
    raise DataError(f"{wanted.path}: expected {which} (an .npz file, a folder of images), got another kind of file")


def _resolved(entry: Entry, path: str, root: Path) -> tuple[DatasetCard, dict[str, Any]] | None:
    return None if entry.resolve is None else entry.resolve(path=path, root=root)


def _seen_from(path: Path, root: Path) -> str:
    """``path`` as it is written in a file in the folder ``root``, so that both can be moved together.

    Raises:
        DataError: nothing is there.
    """
    place = expanded(path)
    if not there(place):
        raise DataError(f"{path}: expected a data file or folder, got no such file")
    return Path(os.path.relpath(place.resolve(), root.resolve())).as_posix()


def _labels(data: Dataset) -> Ids:
    """The labels of all examples: from its ``labels``, where it has them at hand; else they are read."""
    known = getattr(data, "labels", None)
    if isinstance(known, np.ndarray) and known.shape == (len(data),):
        return known.astype(np.int64)
    starts: Sequence[int] = range(0, len(data), CHUNK)
    return np.concatenate([data.read(np.arange(a, min(a + CHUNK, len(data))))[1] for a in starts])
