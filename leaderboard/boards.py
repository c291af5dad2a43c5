"""What the pages are made from: boards with their rows, as values. ``loading`` fills them from a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray

from trustdm.bench.printable import printable
from trustdm.bench.records import CellResult
from trustdm.bench.reported import ReportedRow
from trustdm.bench.store.rows import BlockRow, CellRow, Held, RunRow
from trustdm.bench.studies import Study
from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.cell import CellView
from trustdm.bench.summary.row import Row
from trustdm.bench.types import Origin
from trustdm.leaderboard import names
from trustdm.leaderboard.scales import Scale


class Source(Protocol):
    """What the pages need of a store; ``bench.store.store.Store`` has it."""

    def results(self, suite: str | None = None, method: str | None = None) -> list[CellResult]: ...

    def cells(self, *, suite: str | None = None, method: str | None = None) -> list[CellRow]: ...

    def blocks_of(self, suite: str | None = None, method: str | None = None) -> dict[int, tuple[BlockRow, ...]]: ...

    def contents(self) -> list[Held]: ...

    def runs(self) -> list[RunRow]: ...

    def artefact_names(self, cell_id: int) -> list[tuple[int, str]]: ...

    def artefact(self, cell_id: int, start: int, name: str) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class Part:
    """One cell of a row: what is looked at (``view``), and how it was run."""

    view: CellView
    cell: CellRow
    blocks: tuple[BlockRow, ...]

    @property
    def result(self) -> CellResult:
        return self.view.result

    @property
    def evaluation(self) -> str:
        return self.result.identity.evaluation


@dataclass(frozen=True, eq=False)
class Entry:
    """A row of a board with its cells, in the order of the suite's evaluations.

    ``suffix`` follows the title wherever the row is named.
    """

    row: Row
    parts: tuple[Part, ...]
    suffix: str = ""

    @property
    def name(self) -> str:
        """What the row is called: unlike every other row of its board."""
        return names.name(self.row, self.suffix)


@dataclass(frozen=True, eq=False)
class Board:
    """A suite and its rows, best first.

    ``extra`` is whatever the view of its task loaded, ``scales`` the axes of the small bars by metric, and ``reported``
    what others published.
    """

    suite: Suite
    entries: tuple[Entry, ...]
    extra: object = None
    scales: Mapping[str, Scale] = field(default_factory=dict)
    reported: tuple[ReportedRow, ...] = ()

    @cached_property
    def groups(self) -> tuple[tuple[Entry, ...], ...]:
        """The entries by what is ranked among itself, in the order of the board: full groups first, and of these (and
        of previews) the ranked ones, since a row with a caveat may have the best value of all."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            groups.setdefault((entry.row.completeness, entry.row.rank_group), []).append(entry)
        ordered = sorted(groups.items(), key=lambda item: (item[0][0] != "full", item[1][0].row.rank_low is None))
        return tuple(tuple(group) for _, group in ordered)

    def counted(self, attribute: str) -> dict[str, int]:
        """How many rows there are with each value of one of their marks (``completeness``, ``currency``, ...)."""
        return dict(sorted(Counter(str(getattr(entry.row, attribute)) for entry in self.entries).items()))

    @property
    def tested(self) -> bool:
        """Whether anything has been measured at full size on the suite as it is."""
        rows = (entry.row for entry in self.entries)
        return any(r.completeness == "full" and r.currency == "current" and r.origin is Origin.MEASURED for r in rows)

    @property
    def measured(self) -> bool:
        """Whether anything has been measured at all, previews included."""
        return any(entry.row.origin is Origin.MEASURED for entry in self.entries)


@dataclass(frozen=True, eq=False)
class Site:
    """All boards, the runs by id, all published numbers by suite (or other topic), and the studies of these boards."""

    boards: tuple[Board, ...]
    runs: Mapping[str, RunRow] = field(default_factory=dict)
    reported: Mapping[str, tuple[ReportedRow, ...]] = field(default_factory=dict)
    studies: tuple[Study, ...] = ()

    def board(self, suite: str) -> Board | None:
        """The board of the suite of that name."""
        return next((board for board in self.boards if board.suite.name == suite), None)

    def families(self) -> dict[str, list[Board]]:
        """The boards by the title of their task, in the order of the boards."""
        families: dict[str, list[Board]] = {}
        for board in self.boards:
            families.setdefault(board.suite.task.title, []).append(board)
        return families

    def methods(self) -> dict[str, list[tuple[Board, Entry]]]:
        """Every method's entries, by name, in the order of the boards."""
        entries: dict[str, list[tuple[Board, Entry]]] = {}
        for board in self.boards:
            for entry in board.entries:
                entries.setdefault(entry.row.method, []).append((board, entry))
        return dict(sorted(entries.items()))


def chart_names(entries: Sequence[Entry]) -> list[str]:
    """What rows are called in a chart: the title and the values of its parameters, where that tells them apart."""
    short = []
    for entry in entries:
        values = [str(v) if isinstance(v, str) else f"{k}={v}" for k, v in entry.row.shown]
        short.append(printable(", ".join([names.title(entry.row), *values])))
    whole = [printable(entry.name) for entry in entries]
    return [s if short.count(s) == 1 and len(s) < len(w) else w for s, w in zip(short, whole, strict=True)]
