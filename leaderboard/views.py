"""Page models: frozen values that hold exactly what a page shows, already worded and formatted."""

from __future__ import annotations

from dataclasses import dataclass

from trustdm.leaderboard.svg import Chart


@dataclass(frozen=True, slots=True)
class Chip:
    """A small labelled mark; ``tone`` is one of quiet, info, good, warn, bad; ``title`` explains it."""

    label: str
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval on a 0 to 100 axis: the ends, and the value between them."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table: the text, a smaller text under it, what it sorts by (None sorts last)."""

    text: str
    detail: str = ""
    sort: float | None = None
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of values; ``group`` is main, attack or cost; ``better`` is up, down or empty."""

    key: str
    label: str
    hint: str
    group: str
    better: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a board. ``keys`` maps a filter's name to the ids of the options the row belongs to."""

    rank: Cell
    name: str
    href: str
    title: str
    variant: str
    cells: tuple[Cell, ...]
    marks: tuple[Chip, ...]
    flags: tuple[Chip, ...]
    search: str
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are ranked among themselves only; ``kind`` is full or preview."""

    kind: str
    title: str
    note: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter and how many rows it would leave."""

    id: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Filter:
    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    filters: tuple[Filter, ...]
    total: int
    ranked_by: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what is said about it: pieces of (text, address or None); ``code`` sets it in monospace."""

    term: str
    pieces: tuple[tuple[str, str | None], ...]
    code: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    href: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What every page has: its title, its heading, the way back to the root, and the boards for the navigation."""

    title: str
    heading: str
    description: str
    root: str
    boards: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A method and its best value, as the index shows them."""

    name: str
    href: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class SuiteCard:
    title: str
    href: str
    version: str
    adversary: str
    tested: Chip | None
    metric: str
    full: int
    preview: int
    best: Standing | None
    when: str


@dataclass(frozen=True, slots=True)
class IndexPage:
    page: Page
    stats: tuple[tuple[str, str], ...]
    cards: tuple[SuiteCard, ...]
    example: Cell
    legend: tuple[tuple[str, tuple[Chip, ...]], ...]


@dataclass(frozen=True, slots=True)
class SuitePage:
    page: Page
    name: str
    version: str
    lead: str
    tested: Chip | None
    facts: tuple[Fact, ...]
    metrics: tuple[tuple[str, str], ...]
    table: Table
    charts: tuple[Chart, ...]
    legend: tuple[Chip, ...]
    downloads: tuple[Link, ...]
    run_files: tuple[Link, ...]


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
class ExampleRow:
    """One example (and draw): for each probe the state (a CSS class) and the text."""

    name: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """The per-example table: its probes, its first rows, how many there are, and where all of it is."""

    probes: tuple[str, ...]
    rows: tuple[ExampleRow, ...]
    total: int
    href: str


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
    """One row of one board, on the page of its method; ``name`` where the method's title does not say which."""

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
