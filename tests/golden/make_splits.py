"""Writes the frozen index lists of the small suites; run once, kept to show where the lists came from.

    python tests/golden/make_splits.py FOLDER

Every class is divided in the same proportions (largest remainders). The order of the test list spreads the classes
evenly, so that the first n examples hold about n / K of each. Choices come from SHA-256, which no release changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from trustdm.bench.datasets import digits, mnist16
from trustdm.bench.rng import derive
from trustdm.bench.suite.fields import ranges

SUITES = {"digits-linf": (digits.load, 600, 200), "mnist16-linf": (mnist16.load, 1000, 500)}


def shares(counts: list[int], total: int) -> list[int]:
    """``total`` divided in proportion to ``counts``; what is left over goes to the largest remainders."""
    exact = [total * c / sum(counts) for c in counts]
    out = [int(e) for e in exact]
    for k in sorted(range(len(counts)), key=lambda k: (out[k] - exact[k], k))[: total - sum(out)]:
        out[k] += 1
    return out


def spread(groups: list[list[int]], name: str) -> list[int]:
    """One list of all members of ``groups`` (each in its order) in which every stretch has its share of each."""
    places = [
        ((k + 0.5) / len(group), derive(name, "order", member), member)
        for group in groups
        for k, member in enumerate(group)
    ]
    return [member for _, _, member in sorted(places)]


def splits(name: str) -> dict[str, list[int]]:
    load, test, validation = SUITES[name]
    labels = load().labels
    members = [np.flatnonzero(labels == k).tolist() for k in range(10)]
    mixed = [sorted(group, key=lambda i: derive(name, "split", 0, i)) for group in members]
    counts = [len(group) for group in mixed]
    ends = shares(counts, test)
    stops = [a + b for a, b in zip(ends, shares(counts, validation), strict=True)]
    parts = list(zip(mixed, ends, stops, strict=True))
    return {
        "train": sorted(i for group, _, stop in parts for i in group[stop:]),
        "validation": sorted(i for group, end, stop in parts for i in group[end:stop]),
        "test": spread([group[:end] for group, end, _ in parts], name),
    }


def text(name: str) -> str:
    """The split file: one text of ranges for each list."""
    return json.dumps({split: ranges(ids) for split, ids in splits(name).items()}, indent=0) + "\n"


if __name__ == "__main__":
    for suite in SUITES:
        (Path(sys.argv[1]) / f"{suite}.splits.json").write_text(text(suite), encoding="utf-8", newline="\n")
