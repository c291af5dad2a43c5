"""Draws the three lists of a suite from its labels: in the same proportions of every class, the same everywhere.

Choices come from SHA-256, which no release of a library changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustdm.bench.rng import derive
from trustdm.bench.suite.load import Ids

Lists = dict[str, list[int]]


def divide(labels: Ids, test: int, validation: int, name: str) -> Lists:
    """Indices for "train", "validation" and "test"; ``name`` is what they are drawn from (a digest, say).

    ``test`` and ``validation`` are how many; the rest is for training. The order of "test" spreads the classes evenly,
    so that its first n hold about their share of each.
    """
    members = [np.flatnonzero(labels == k).tolist() for k in np.unique(labels)]
    mixed = [sorted(group, key=lambda i: derive(name, "split", 0, i)) for group in members]
    ends = shares([len(group) for group in mixed], test)
    left = [len(group) - end for group, end in zip(mixed, ends, strict=True)]
    stops = [a + b for a, b in zip(ends, shares(left, validation), strict=True)]
    parts = list(zip(mixed, ends, stops, strict=True))
    return {
        "train": sorted(i for group, _, stop in parts for i in group[stop:]),
        "validation": sorted(i for group, end, stop in parts for i in group[end:stop]),
        "test": _spread([group[:end] for group, end, _ in parts], name),
    }


def shares(counts: Sequence[int], total: int) -> list[int]:
    """``total`` divided in proportion to ``counts``; what is left over goes to the largest remainders."""
    exact = [total * c / sum(counts) for c in counts]
    out = [int(e) for e in exact]
    for k in sorted(range(len(counts)), key=lambda k: (out[k] - exact[k], k))[: total - sum(out)]:
        out[k] += 1
    return out


def _spread(groups: Sequence[Sequence[int]], name: str) -> list[int]:
    """One list of all members of ``groups`` (each in its order) in which every stretch has its share of each."""
    places = [
        ((k + 0.5) / len(group), derive(name, "order", member), member)
        for group in groups
        for k, member in enumerate(group)
    ]
    return [member for _, _, member in sorted(places)]
