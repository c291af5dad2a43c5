"""Page models of the page of a method: frozen values that hold exactly what it shows, worded and formatted."""

from __future__ import annotations

from dataclasses import dataclass

from trustdm.leaderboard.models import Cell, Chip, Column, Fact, Page


@dataclass(frozen=True, slots=True)
class Attack:
    """One step of the survival table: what still holds after it, and how often each status was given."""

    probe: str
    cell: Cell
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """An evaluation attack by attack."""

    name: str
    statuses: tuple[str, ...]
    attacks: tuple[Attack, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One example; the sources are relative addresses of PNG files, the last two None where it was not attacked."""

    caption: str
    clean: str
    adversarial: str | None
    difference: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Album:
    """The attacked images of one evaluation."""

    name: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Samples of one evaluation in one picture; ``says`` has the numbers that go with it."""

    name: str
    says: str
    source: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Grids:
    """The samples of a row, one picture for each evaluation; ``note`` says how they are laid out."""

    note: str
    pictures: tuple[Grid, ...]


@dataclass(frozen=True, slots=True)
class StepTable:
    """The numbers of a generator by its evaluations: heads with their explanations, and a line for each."""

    heads: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Certified:
    """Certificates by radius: a column for each evaluation (its noise, and its procedure), and a line for each radius
    and total."""

    note: str
    heads: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One example (and draw): for each probe the state (a CSS class) and the text."""

    name: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """The per-example table: its probes, its first rows, how many there are, and where all of it is.

    ``note`` says what its cells are, ``unit`` what a row is.
    """

    probes: tuple[str, ...]
    rows: tuple[ExampleRow, ...]
    total: int
    href: str
    title: str = "Example by example"
    unit: str = "Example"
    note: str = "The verdict, the class predicted, and the margin of the true class over the best other one."


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

    ``records`` is the address of the file with all records where there is no table of examples.
    """

    anchor: str
    suite: str
    name: str
    href: str
    rank: str
    variant: str
    columns: tuple[Column, ...]
    cells: tuple[Cell, ...]
    marks: tuple[Chip, ...]
    flags: tuple[Chip, ...]
    errors: tuple[str, ...]
    ladders: tuple[Ladder, ...]
    albums: tuple[Album, ...]
    budget: str
    grids: Grids | None
    steps: StepTable | None
    certified: Certified | None
    records: str
    examples: Examples | None
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
