"""Trains the shipped feature extractors and writes the reference files of the small generation suites.

    python tests/golden/make_references.py extractors FOLDER
    python tests/golden/make_references.py references FOLDER

Run once, kept to show where the files came from. The first prints the hashes for the extractors' cards; the second
needs these to be right. Training images are the reference; test images are what the real-against-real floor is
computed from. Equal bytes are expected on one machine with the same versions.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import numpy as np

from trustdm.bench.features.reference import build_reference, write_reference
from trustdm.bench.hashing import sha256_file, sha256_of
from trustdm.bench.suite.fields import indices
from trustdm.bench.training.weights import save_state

DATA = ("digits", "mnist16")


def plugin(kind: str, name: str) -> ModuleType:
    return importlib.import_module(f"trustdm.bench.{kind}.{name}")


def splits(name: str) -> dict[str, tuple[int, ...]]:
    """The lists of the suite for attacks: what a generator may be trained on is what those classifiers were."""
    text = (files("trustdm.suites") / f"{name}-linf.splits.json").read_text(encoding="utf-8")
    return {split: indices(value) for split, value in json.loads(text).items()}


def extractors(folder: Path) -> None:
    for name in DATA:
        found = plugin("metrics", f"{name}_features")
        images, labels = plugin("datasets", name).load().read(np.array(splits(name)["train"]))
        path = folder / Path(found.CARD.weights[0].file).name
        save_state(found.train(images, labels), path)
        print(path, sha256_file(path))


def references(folder: Path) -> None:
    for name in DATA:
        found, data, lists = plugin("metrics", f"{name}_features"), plugin("datasets", name).load(), splits(name)
        reference = build_reference(
            found.load(),
            found.CARD,
            data.read(np.array(lists["train"]))[0],
            held_out=data.read(np.array(lists["test"])),
            split=sha256_of({"data": data.digest(), **{s: list(lists[s]) for s in ("train", "test")}}),
        )
        path = folder / f"{name}-generation.reference.npz"
        print(path, write_reference(reference, path))


if __name__ == "__main__":
    {"extractors": extractors, "references": references}[sys.argv[1]](Path(sys.argv[2]))
