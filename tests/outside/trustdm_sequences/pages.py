"""What the task adds to the pages: a chart of the board, a section for each method, the reference as a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from trustdm.bench import stats
from trustdm.bench.suite.load import Suite
from trustdm.bench.suite.models import MetricSpec
from trustdm.leaderboard.boards import Board, Entry, chart_names
from trustdm.leaderboard.boardview import Baseline, BoardView, Charts, Place
from trustdm.leaderboard.draw.layout import NARROW, WIDE, draw
from trustdm.leaderboard.draw.points import Axis, Curves, Look, height
from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.scales import Scale
from trustdm.leaderboard.sections import Head, Line, OnPage, Sections, TableSection
from trustdm.leaderboard.svg import COLOURS
from trustdm.leaderboard.text import estimate, number, percent
from trustdm_sequences.metrics import Suspicion, at, code_length_of, mean_of, recognised, suspicion

ARRAY = "logprobs"
SHAPES = ("circle", "square", "diamond", "triangle-up")
CAPTION = (
    "Members that are recognised against others that are taken for members, as the threshold falls; bars are 95% "
    "intervals. A model that gives nothing away lies on the diagonal."
)


class SequencesView(BoardView):
    """Bits of a token stand beside the members that are found, with those of the reference model above the rows."""

    def place(self, suite: Suite, metric: MetricSpec) -> Place:
        return Place()

    def baselines(self, board: Board, group: Sequence[Entry]) -> Sequence[Baseline]:
        """The reference model, on the sequences of the first row."""
        for metric in board.suite.metrics:
            for part in group[0].parts if metric.statistic == "code-length" else ():
                said = at(part.result.records, "reference")
                if part.evaluation == metric.evaluation and len(said) > 1:
                    value = mean_of(code_length_of(said.value, board.suite.data.shape[0]))
                    return (Baseline("Reference model", "pairs of tokens, fitted on others", {metric.name: value}),)
        return ()

    def charts(self, name: str, board: Board) -> Charts:
        spots = [spot for key, entry in enumerate(_drawn(board)) for spot in _spots(board, key, entry)]
        if not spots:
            return Charts()
        curves = Curves(spots, _axis("Others taken for members"), _axis("Members recognised"))
        layers = {layout: curves.layers(layout) for layout in (WIDE, NARROW)}
        return Charts((draw(f"{name}-roc", "Members against others", CAPTION, layers),))

    def sections(self, board: Board, entry: Entry, page: OnPage) -> Sections:
        """How likely each token is in the mean, for members and for others."""
        tables = []
        for part in entry.parts:
            answers, said = part.view.arrays(ARRAY), at(part.result.records, "model")
            if answers is None or answers.shape != (len(said), *board.suite.data.shape):
                continue
            label = dict(zip(said.example.tolist(), said.label.tolist(), strict=True))
            member = np.array([label[i] == 1 for i in board.suite.test.tolist() if i in label])
            columns = [answers[chosen] for chosen in (member, ~member) if chosen.any()]
            heads = [name for name, chosen in (("Members", member), ("Others", ~member)) if chosen.any()]
            lines = tuple(
                Line(str(place + 1), tuple(Cell(percent(float(np.exp(c[:, place]).mean()))) for c in columns))
                for place in range(board.suite.data.shape[0])
            )
            tables.append(TableSection("Token by token", tuple(map(Head, heads)), lines, NOTE, corner="Place"))
        return Sections(tuple(tables))


NOTE = "The mean probability that the model gives the token at each place, after those before it."


def _axis(title: str) -> Axis:
    return Axis(title, Scale(0.0, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0), percent=True)


def _drawn(board: Board) -> list[Entry]:
    """The current rows, as many as there are shapes."""
    return [entry for entry in board.entries if entry.row.currency == "current"][: len(SHAPES)]


def _spots(board: Board, key: int, entry: Entry) -> Iterator[dict[str, Any]]:
    """The points of the curve of one row."""
    name = chart_names(_drawn(board))[key]
    preview = entry.row.completeness == "preview"
    look = Look(key, name, preview, COLOURS[f"series-{key + 1}"], SHAPES[key])
    for part in entry.parts:
        known = suspicion(part.view) if part.evaluation == board.suite.ranking_metric.evaluation else None
        if known is not None and 0 < known.member.sum() < len(known.member):
            yield from ({**spot, **look.mark(), "name": name} for spot in _curve(known, name))


def _curve(known: Suspicion, name: str) -> Iterator[dict[str, Any]]:
    others = int((~known.member).sum())
    for allowed in range(others):
        right = recognised(known, allowed)[known.member].astype(np.float64)
        value = stats.clustered(right, np.ones(len(right)))
        note = f"{name}: {estimate(value)} at a false positive rate of {number(allowed / others)}"
        yield {"px": allowed / others, "note": note, **height(value, Scale(0.0, 1.0))}


VIEW = SequencesView()
