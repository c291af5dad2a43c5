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
    """An interval on an axis from 0 to 100 (%): the ends, and the value between them."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table: the text, a smaller text under it, what it sorts by (None sorts last).

    ``note`` is a last small text, such as the spread over several sets; ``state`` is a CSS class without its "st-".
    """

    text: str
    detail: str = ""
    sort: float | None = None
    bar: Bar | None = None
    note: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of values; ``group`` is main, part, more, cost or count; ``better`` is up, down or empty.

    ``switch`` is the ``Toggle.name`` that shows and hides it; empty where it is always there.
    """

    key: str
    label: str
    hint: str
    group: str
    better: str = ""
    switch: str = ""

    @property
    def classes(self) -> str:
        """The CSS classes of its cells."""
        return f"{self.group} {self.switch}" if self.switch else self.group


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a board. ``keys`` maps a filter's name to the ids of the options the row belongs to.

    ``caveat`` says why the row is shown and not ranked.
    """

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
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """A line above the rows that is no method: what it is, and its values in the columns of the table."""

    name: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are ranked among themselves only; ``kind`` is full or preview."""

    kind: str
    title: str
    note: str
    rows: tuple[TableRow, ...]
    baselines: tuple[BaselineRow, ...] = ()


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
class Toggle:
    """A switch for the columns with its ``name``; ``shown`` at first or not."""

    name: str
    label: str
    shown: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a board; ``bars`` says what the axes of the small bars are, where they are not percent.

    ``separable`` says which differences can be told apart; ``compared`` whether any row has a verdict.
    """

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    filters: tuple[Filter, ...]
    toggles: tuple[Toggle, ...]
    total: int
    ranked_by: str
    tests: tuple[str, ...]
    bars: str = ""
    separable: tuple[str, ...] = ()
    compared: bool = False


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
class ReportedLine:
    """One published number: ``keys`` as in ``TableRow``; ``delta``: what was measured here, less this number."""

    system: str
    variant: str
    data: str
    metric: str
    value: Cell
    n: Cell
    cost: Cell
    delta: str
    note: str
    flags: tuple[Chip, ...]
    search: str
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class ReportedGroup:
    """Numbers of one source and protocol; ``where`` in the source, which ``href`` leads to.

    ``protocol`` has what is said about it, by term, and is empty where nothing is. ``title`` is what the numbers are
    about, and ``board`` the address of our board of it; both may be empty.
    """

    citation: str
    where: str
    href: str
    protocol: tuple[tuple[str, str], ...]
    title: str
    board: str
    lines: tuple[ReportedLine, ...]


@dataclass(frozen=True, slots=True)
class ReportedTable:
    """Published numbers, in the order of their sources; never ranked."""

    name: str
    groups: tuple[ReportedGroup, ...]
    filters: tuple[Filter, ...]
    total: int
    legend: tuple[Chip, ...]
    deltas: bool
    whose: bool


@dataclass(frozen=True, slots=True)
class ReportedPage:
    page: Page
    table: ReportedTable
    downloads: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """A group of pages in the navigation; the ``detail`` of a link says "here" on its own page, as ``here`` does."""

    title: str
    links: tuple[Link, ...]
    here: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What every page has: its title, its heading, the way back to the root, and the navigation."""

    title: str
    heading: str
    description: str
    root: str
    menus: tuple[Menu, ...]
    reported: Link | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A method and its best value, as the index shows them; ``baselines`` say what it is to be compared with."""

    name: str
    href: str
    cell: Cell
    baselines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteCard:
    """A board on the front page: the ``full`` and ``preview`` rows that it shows, and how many of these are
    ``outdated`` (stale or superseded)."""

    title: str
    href: str
    version: str
    about: str
    tested: Chip | None
    metric: str
    full: int
    preview: int
    best: Standing | None
    when: str
    reported: int = 0
    outdated: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """The boards of one task: those with measured rows, and the others, which are folded away."""

    id: str
    title: str
    summary: str
    cards: tuple[SuiteCard, ...]
    folded: tuple[SuiteCard, ...]


@dataclass(frozen=True, slots=True)
class IndexPage:
    page: Page
    stats: tuple[tuple[str, str], ...]
    families: tuple[Family, ...]
    example: Cell
    legend: tuple[tuple[str, tuple[Chip, ...]], ...]
    studies: tuple[Link, ...] = ()
    reported: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows about the same thing: what it is, and for each axis its row's name, address and value."""

    key: str
    names: tuple[str, str]
    hrefs: tuple[str, str]
    cells: tuple[Cell, Cell]


@dataclass(frozen=True, slots=True)
class StudyPage:
    """A question about two boards: what stands on the axes (label, board, address), and every pair of rows."""

    page: Page
    name: str
    question: str
    axes: tuple[tuple[str, str, str], tuple[str, str, str]]
    charts: tuple[Chart, ...]
    pairs: tuple[Pair, ...]
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of the legend that small charts share: a line in a ``colour`` of the sheet, with ``dash`` ("4 3").

    Without a line where ``dash`` is "none": a diamond.
    """

    label: str
    colour: str
    dash: str = ""


@dataclass(frozen=True, slots=True)
class SuitePage:
    """``keys`` is the legend of all ``charts``, where these have none of their own."""

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
    reported: ReportedTable | None = None
    keys: tuple[Key, ...] = ()
