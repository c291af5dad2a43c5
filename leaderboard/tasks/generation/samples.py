"""Samples that were kept with a cell, as one picture for each evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustdm.leaderboard.boards import Part, Source

ARRAY = "samples"
SIDE = 8
MOST_COLUMNS = 16
LEAST_ROWS = 3
PIXELS = 32
GAP = 2
BY_CLASS = "A column is a class; a place in the grid has the same seed at every number of steps."
BY_ORDER = "A place in the grid has the same seed at every number of steps{ordered}."


@dataclass(frozen=True)
class Samples:
    """Generated images of one cell: ``images`` uint8 (m, C, H, W) and the classes asked for (m,), -1 for none."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def kept(source: Source, part: Part) -> Samples | None:
    """The images that were kept with the first blocks; the j-th of the block at s is that of seed position s + j."""
    result = part.result
    starts = sorted(start for start, name in source.artefact_names(result.id) if name == ARRAY)
    pieces = [source.artefact(result.id, start, ARRAY) for start in starts]
    if not pieces or not all(_are_images(piece) and piece.shape[1:] == pieces[0].shape[1:] for piece in pieces):
        return None
    where = np.concatenate([start + np.arange(len(piece)) for start, piece in zip(starts, pieces, strict=True)])
    asked = dict(zip(result.records.example.tolist(), result.records.label.tolist(), strict=True))
    return Samples(np.concatenate(pieces), np.array([asked.get(at, -1) for at in where.tolist()], dtype=np.int64))


def _are_images(piece: NDArray[np.generic]) -> bool:
    """Whether an array is one of 8-bit images; that of a file that was read in may be anything."""
    return piece.dtype == np.uint8 and piece.ndim == 4 and piece.size > 0


def arranged(samples: Samples) -> tuple[NDArray[np.int64], int]:
    """Which images to show, row by row, and how many in a row.

    Where there are a few of each of a few classes a column is a class; else the images are sorted by class, or left
    as they are where none was asked for.
    """
    classes, which = np.unique(samples.labels, return_inverse=True)
    counts = np.bincount(which)
    if classes[0] >= 0 and 1 < len(classes) <= MOST_COLUMNS and counts.min() >= LEAST_ROWS:
        rows = min(SIDE, int(counts.min()))
        lanes = [np.flatnonzero(which == k)[:rows] for k in range(len(classes))]
        return np.stack(lanes, axis=1).ravel(), len(classes)
    order = np.argsort(samples.labels, kind="stable")[: SIDE * SIDE]
    return order, min(SIDE, len(order))


def tiled(images: NDArray[np.uint8], wide: int) -> NDArray[np.uint8]:
    """Images (n, C, H, W) side by side, ``wide`` in a row, as (4, height, width) with transparent gaps.

    Small ones are enlarged by a whole factor, pixel by pixel.
    """
    colours = images if images.shape[1] == 3 else np.repeat(images[:, :1], 3, axis=1)
    factor = max(1, PIXELS // max(images.shape[2:]))
    large = colours.repeat(factor, axis=2).repeat(factor, axis=3)
    n, _, height, width = large.shape
    sheet = np.zeros((4, -(-n // wide) * (height + GAP) - GAP, wide * (width + GAP) - GAP), dtype=np.uint8)
    for at, image in enumerate(large):
        top, left = at // wide * (height + GAP), at % wide * (width + GAP)
        sheet[:3, top : top + height, left : left + width] = image
        sheet[3, top : top + height, left : left + width] = 255
    return sheet


def note(first: Samples) -> str:
    """How a picture of these samples is laid out."""
    order, wide = arranged(first)
    classes = len(np.unique(first.labels))
    if first.labels.min() >= 0 and wide == classes and len(order) % wide == 0 and classes > 1:
        return BY_CLASS
    return BY_ORDER.format(ordered="; classes in order" if first.labels.min() >= 0 else "")
