"""Writes the frozen index lists of the purification suites, one file for all norms; kept to show where they came from.

    python tests/golden/make_purification_splits.py FOLDER

The test list is the images that Nie et al. 2022 (DiffPure) attack: the union of several draws without replacement, data
seed 0, 1, 2, ..., each by NumPy's legacy generator, whose numbers are frozen. The draws are made apart and overlap, so
that the "512 images" of the paper are fewer; each is listed once, where it is drawn first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from trustdm.bench.suite.fields import ranges

TRAINING = 50_000
"""CIFAR-10's test images come after its training images."""
HELD_OUT = 1_024


def union(images: int, seeds: int, each: int) -> list[int]:
    """The images of ``seeds`` draws of ``each`` out of ``images``, in the order in which they are first drawn."""
    drawn = [np.random.RandomState(seed).choice(images, each, replace=False) for seed in range(seeds)]
    return list(dict.fromkeys(int(i) for draw in drawn for i in draw))


def cifar10() -> dict[str, list[int]]:
    """Eight draws of 64 test images; trained and chosen on what cifar10-linf trains and chooses on."""
    first = TRAINING - HELD_OUT
    return {
        "train": list(range(first)),
        "validation": list(range(first, TRAINING)),
        "test": [TRAINING + i for i in union(10_000, 8, 64)],
    }


def imagenet() -> dict[str, list[int]]:
    """Thirty-two draws of 16 validation images; chosen on every 100th one, but for those, and trained on none."""
    test = union(50_000, 32, 16)
    return {"train": [], "validation": sorted(set(range(50, 50_000, 100)) - set(test)), "test": test}


LISTS = {"cifar10-purification": cifar10, "imagenet-purification": imagenet}


def text(name: str) -> str:
    """The split file: one text of ranges for each list."""
    return json.dumps({split: ranges(ids) for split, ids in LISTS[name]().items()}, indent=0) + "\n"


if __name__ == "__main__":
    for lists in LISTS:
        (Path(sys.argv[1]) / f"{lists}.splits.json").write_text(text(lists), encoding="utf-8", newline="\n")
