"""What the page of a generator shows: samples of each evaluation in one picture, and its numbers step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.leaderboard import columns, downloads, text
from trustdm.leaderboard.boards import Board, Entry, Part, Source
from trustdm.leaderboard.cells import NOTHING
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.pictures import named, sheet_png
from trustdm.leaderboard.sections import Head, Image, Line, OnPage, Picture, PicturesSection, Sections, TableSection
from trustdm.leaderboard.tasks.generation import samples, words

PASSES = "passes "
SHORT = {"kid": "KID", "precision": "Precision", "recall": "Recall", words.EVALUATIONS: "NFE"}


def sections(source: Source, board: Board, entry: Entry, page: OnPage) -> Sections:
    """All of it, for one row."""
    sheets, files = pictures(source, board.suite, entry.parts, page.root)
    table = steps(board, entry)
    return Sections(tuple(section for section in (sheets, table) if section is not None), files)


def pictures(
    source: Source, suite: Suite, parts: Sequence[Part], root: str
) -> tuple[PicturesSection | None, dict[str, bytes]]:
    """One picture for each evaluation that kept samples, by ascending steps, and the files they need by path."""
    kept = [(part, samples.kept(source, part)) for part in _by_steps(suite, parts)]
    shown = [(part, images) for part, images in kept if images is not None]
    if not shown:
        return None, {}
    files: dict[str, bytes] = {}
    sheets = []
    for part, images in shown:
        order, wide = samples.arranged(images)
        sheet = samples.tiled(images.images[order], wide)
        path, data = named(sheet_png(sheet))
        files[path] = data
        name = _name(suite, part)
        image = Image(root + path, f"{len(order)} generated images, {name}", sheet.shape[2], sheet.shape[1])
        sheets.append(Picture((image,), _evaluations(part), name))
    return PicturesSection("Samples", tuple(sheets), samples.note(shown[0][1])), files


def steps(board: Board, entry: Entry) -> TableSection | None:
    """The numbers of a row by evaluation, with the images that went through each network; None without any."""
    suite, parts = board.suite, _by_steps(board.suite, entry.parts)
    if not parts:
        return None
    short = {words.FRECHET: words.distance(suite), **SHORT}
    statistics = words.metrics_of(suite, list(short))
    networks = list(dict.fromkeys(name for part in parts for name in _passes(part)))
    heads = [Head(short[name], words.explain(suite, name)) for name in statistics]
    heads += [
        Head(f"Through {name}", f"Images sent through the network “{name}” for each image made") for name in networks
    ]
    heads.append(Head("Device time", "Process or device time for each image"))
    lines = []
    for part in parts:
        cells = [_cell(board, entry, part, name) for name in statistics]
        cells += [_passed(part, name) for name in networks]
        lines.append(Line(_name(suite, part), (*cells, _time(part))))
    return TableSection("Step by step", tuple(heads), tuple(lines), corner="Evaluation")


def records_csv(entry: Entry) -> bytes:
    """Every record of a generator: evaluation, position of the seed, status, class asked for, network evaluations."""
    lines = [
        (evaluation, seed, draw, status, label, value)
        for part in entry.parts
        for evaluation, seed, draw, _, status, label, value, _ in downloads.plain_records(part)
    ]
    return downloads.table_csv(("evaluation", "seed", "draw", "status", "label", "network_evaluations"), lines)


def evaluations(board: Board, entry: Entry, metric: MetricSpec) -> Cell:
    """How many network evaluations an image took; with the least and the most where images differ."""
    estimate = entry.row.metrics.get(metric.name)
    if estimate is None:
        return NOTHING
    least, most = text.count(estimate.low), text.count(estimate.high)
    return Cell(text.count(estimate.value), f"{least} to {most}" if least != most else "", estimate.value)


def _by_steps(suite: Suite, parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: words.steps(suite, part.evaluation) or 0)


def _name(suite: Suite, part: Part) -> str:
    count = words.steps(suite, part.evaluation)
    return f"{count} step{'s' * (count != 1)}" if count else part.evaluation


def _evaluations(part: Part) -> str:
    """Network evaluations of an image, as the records have it."""
    value = part.result.records.value
    finite = value[np.isfinite(value)]
    return f"{text.count(float(finite.mean()))} network evaluations an image" if len(finite) else ""


def _cell(board: Board, entry: Entry, part: Part, statistic: str) -> Cell:
    suite = board.suite
    metric = next((m for m in suite.metrics if (m.evaluation, m.statistic) == (part.evaluation, statistic)), None)
    if metric is None:
        return NOTHING
    if statistic == words.EVALUATIONS:
        return evaluations(board, entry, metric)
    return columns.value(board, metric, entry.row.metrics.get(metric.name))


def _passes(part: Part) -> dict[str, float]:
    """Images sent through each network."""
    counts = part.result.diagnostics
    return {name.removeprefix(PASSES): count for name, count in counts.items() if name.startswith(PASSES)}


def _passed(part: Part, network: str) -> Cell:
    n, count = len(part.result.records), _passes(part).get(network)
    return Cell(text.count(count / n), "", count / n) if n and count is not None else NOTHING


def _time(part: Part) -> Cell:
    n = len(part.result.records)
    each = part.result.cost.device / n if n else 0.0
    return Cell(text.duration(each), "per image", each) if n else NOTHING
