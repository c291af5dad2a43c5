"""What the page of a generator shows: samples of each evaluation in one picture, and its numbers step by step."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.types import Estimate
from trustdm.leaderboard import columns, text
from trustdm.leaderboard.boards import Board, Entry, Part, Samples
from trustdm.leaderboard.columns import EVALUATIONS, FRECHET, NOTHING, SETS
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.result_models import Grid, Grids, StepTable
from trustdm.leaderboard.tasks.robustness.gallery import named

SIDE = 8
MOST_COLUMNS = 16
LEAST_ROWS = 3
PIXELS = 32
GAP = 2
PASSES = "passes "
SHORT = {FRECHET: "Fréchet", "kid": "KID", "precision": "Precision", "recall": "Recall", EVALUATIONS: "NFE"}
BY_CLASS = "A column is a class; a place in the grid has the same seed at every number of steps."
BY_ORDER = "A place in the grid has the same seed at every number of steps{ordered}."


def grids(suite: Suite, parts: Sequence[Part], root: str) -> tuple[Grids | None, dict[str, bytes]]:
    """One picture for each evaluation that kept samples, by ascending steps, and the files they need by path."""
    shown = [(part, part.samples) for part in _by_steps(suite, parts) if part.samples is not None]
    if not shown:
        return None, {}
    files: dict[str, bytes] = {}
    made = []
    for part, found in shown:
        order, wide = arranged(found)
        sheet = tiled(found.images[order], wide)
        path, data = named(_png(sheet))
        files[path] = data
        name = _name(suite, part)
        alt = f"{len(order)} generated images, {name}"
        made.append(Grid(name, _says(suite, part), root + path, alt, sheet.shape[2], sheet.shape[1]))
    return Grids(_note(shown[0][1]), tuple(made)), files


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


def steps(board: Board, entry: Entry) -> StepTable | None:
    """The numbers of a row by evaluation, with the images that went through each network; None without any."""
    suite, parts = board.suite, _by_steps(board.suite, entry.parts)
    if not parts:
        return None
    there = {metric.statistic for metric in suite.metrics}
    statistics = [name for name in SHORT if name in there]
    networks = list(dict.fromkeys(name for part in parts for name in _passes(part)))
    heads = [(SHORT[name], SETS[name]) for name in statistics]
    heads += [(f"Through {name}", f"Images sent through the network “{name}” for each image made") for name in networks]
    heads.append(("Device time", "Process or device time for each image"))
    lines = []
    for part in parts:
        cells = [_cell(board, entry, part, name) for name in statistics]
        cells += [_passed(part, name) for name in networks]
        lines.append((_name(suite, part), (*cells, _time(part))))
    return StepTable(tuple(heads), tuple(lines))


def _by_steps(suite: Suite, parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: columns.steps(suite, part.evaluation) or 0)


def _name(suite: Suite, part: Part) -> str:
    count = columns.steps(suite, part.evaluation)
    return f"{count} step{'s' * (count != 1)}" if count else part.evaluation


def _note(first: Samples) -> str:
    order, wide = arranged(first)
    classes = len(np.unique(first.labels))
    if first.labels.min() >= 0 and wide == classes and len(order) % wide == 0 and classes > 1:
        return BY_CLASS
    return BY_ORDER.format(ordered="; classes in order" if first.labels.min() >= 0 else "")


def _says(suite: Suite, part: Part) -> str:
    """Network evaluations of an image, as the records have it."""
    value = part.result.records.value
    told = value[np.isfinite(value)]
    return f"{text.count(float(told.mean()))} network evaluations an image" if len(told) else ""


def _metric(suite: Suite, evaluation: str, statistic: str) -> MetricSpec | None:
    return next((m for m in suite.metrics if (m.evaluation, m.statistic) == (evaluation, statistic)), None)


def _cell(board: Board, entry: Entry, part: Part, statistic: str) -> Cell:
    metric = _metric(board.suite, part.evaluation, statistic)
    if metric is None:
        return NOTHING
    found: Estimate | None = entry.row.metrics.get(metric.name)
    return columns.value(metric, found, board.scales.get(metric.name))


def _passes(part: Part) -> dict[str, float]:
    """Images sent through each network."""
    found = part.result.diagnostics
    return {name.removeprefix(PASSES): count for name, count in found.items() if name.startswith(PASSES)}


def _passed(part: Part, network: str) -> Cell:
    n, count = len(part.result.records), _passes(part).get(network)
    return Cell(text.count(count / n), "", count / n) if n and count is not None else NOTHING


def _time(part: Part) -> Cell:
    n = len(part.result.records)
    each = part.result.cost.device / n if n else 0.0
    return Cell(text.duration(each), "per image", each) if n else NOTHING


def _png(sheet: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.moveaxis(sheet, 0, -1))).save(out, format="PNG", optimize=True)
    return out.getvalue()
