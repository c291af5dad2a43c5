"""Page models of what a task adds to the page of a method: tables, pictures, charts; worded and formatted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trustdm.leaderboard.models import Cell
from trustdm.leaderboard.svg import Chart


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column, what explains it, and a smaller text below it."""

    text: str
    hint: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: what it is about, and a cell for each column."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class TableSection:
    """A table. ``corner`` is the head of the first column.

    A ``folded`` one is closed at first and set small; it may show the first of a ``total`` of lines, with all of them
    in the file at ``href``.
    """

    title: str
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    note: str = ""
    corner: str = ""
    folded: bool = False
    total: int = 0
    href: str = ""
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Image:
    """An image at a relative address; ``width`` and ``height`` in pixels."""

    source: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Images that belong together with their caption; ``name`` stands before it, ``absent`` in place of others."""

    images: tuple[Image, ...]
    caption: str = ""
    name: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class PicturesSection:
    """Pictures; ``across`` is how many images stand side by side in each."""

    title: str
    pictures: tuple[Picture, ...]
    note: str = ""
    across: int = 1
    kind: str = "pictures"


@dataclass(frozen=True, slots=True)
class ChartSection:
    """Charts of one result."""

    title: str
    charts: tuple[Chart, ...]
    note: str = ""
    kind: str = "charts"


Section = TableSection | PicturesSection | ChartSection


@dataclass(frozen=True, slots=True)
class Sections:
    """What is shown of one result, in this order, and the files that it needs by their path in the site."""

    shown: tuple[Section, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OnPage:
    """Where a section will stand: ``root`` leads from its page to the root of the site.

    ``records`` is the address of the file with all records of the result; empty where it has none.
    """

    root: str
    records: str
