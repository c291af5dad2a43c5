"""Page models of the page of a method: frozen values that hold exactly what it shows, worded and formatted."""

from __future__ import annotations

from dataclasses import dataclass

from trustdm.leaderboard.models import Cell, Chip, Column, Fact, Page
from trustdm.leaderboard.sections import Section


@dataclass(frozen=True, slots=True)
class CellFacts:
    """One evaluation of a row as it was run: a line of the table of cells."""

    name: str
    values: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class ResultView:
    """One row of one board, on the page of its method; ``name`` where the method's title does not say which.

    ``records`` is the address of the file with all records where no section links it.
    """

    anchor: str
    suite: str
    name: str
    href: str
    board: str
    row: str
    caveat: str
    variant: str
    columns: tuple[Column, ...]
    cells: tuple[Cell, ...]
    marks: tuple[Chip, ...]
    flags: tuple[Chip, ...]
    errors: tuple[str, ...]
    sections: tuple[Section, ...]
    records: str
    cell_columns: tuple[str, ...]
    cell_facts: tuple[CellFacts, ...]
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True)
class MethodPage:
    page: Page
    name: str
    summary: str
    claim: str
    tags: tuple[str, ...]
    facts: tuple[Fact, ...]
    results: tuple[ResultView, ...]

    @property
    def boards(self) -> tuple[str, ...]:
        """The boards whose ranks the page shows, by the names of their files, each once."""
        return tuple(dict.fromkeys(result.board for result in self.results))
