"""Columns of cells that can be folded without breaking a name, a number or a word.

A cell is a sequence of pieces, and a line ends between two pieces only: a method's name and each of its parameters, a
value and its interval, the words of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rich.cells import cell_len

from trustdm.bench.printable import printable

Kind = Literal["name", "value", "prose"]
Cell = tuple[str, ...]
INDENT = "  "
LONGEST = 24
"""Words of a text that are longer may be folded after punctuation."""
LONGEST_PART = 40
"""What is left of such words is cut: a text may be a stranger's."""


def plain(text: object) -> str:
    """A text without what a terminal might obey."""
    return printable(str(text))


def whole(text: object) -> Cell:
    """A cell that is never folded."""
    return (plain(text),)


def words(text: str) -> Cell:
    """A cell that may be folded between words; spaces before the first are kept."""
    return tuple(re.findall(r"^\s+\S+\s*|\S+\s*", plain(text)))


def prose(text: str) -> Cell:
    """A cell that may be folded between words, and inside of very long ones after their punctuation."""
    pieces = []
    for word in words(text):
        parts = re.findall(r"[^,:;=/]*(?:[,:;=/]+|$)", word) if len(word) > LONGEST else [word]
        pieces += [part[at : at + LONGEST_PART] for part in parts for at in range(0, len(part), LONGEST_PART)]
    return tuple(pieces)


def fold(pieces: Iterable[str], width: int, indent: str = "") -> list[str]:
    """The pieces in lines of ``width``, all but the first indented; a piece that is longer has a line of its own."""
    lines = [""]
    for piece in pieces:
        if lines[-1].strip() and cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append(indent)
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _longest(lines: Iterable[str]) -> int:
    return max((cell_len(line.rstrip()) for line in lines), default=0)


@dataclass(frozen=True)
class Column:
    """A heading, and a cell for each row.

    ``order`` 0: always there; others are left out, the greatest first, where there is no room. ``extra``: left out
    wherever there is a limit. ``under``: where it is left out, its cells stand under the names. ``usual``: a cell that
    is not worth a line then. ``floor``: a narrower column is not worth having. ``below``: what stands under the cells
    of each row.
    """

    heading: str
    cells: tuple[Cell, ...]
    kind: Kind = "value"
    order: int = 0
    extra: bool = False
    under: bool = False
    usual: str = ""
    floor: int = 0
    below: tuple[tuple[Cell, ...], ...] = ()

    @cached_property
    def empty(self) -> bool:
        """Whether no row has anything here."""
        return not any("".join(cell) for cell in self.cells)

    @cached_property
    def constant(self) -> bool:
        """Whether all rows have the same here."""
        return len(set(self.cells)) == 1

    @cached_property
    def narrowest(self) -> int:
        """The width below which a piece would be broken."""
        indent = len(self.indent)
        firsts, rest = [c[0] for c in self.cells if c], [piece for c in self.cells for piece in c[1:]]
        least = max(_longest(firsts), indent + _longest(rest) if rest else 0, _longest(words(self.heading)))
        beneath = [INDENT + piece for cells in self.below for cell in cells for piece in cell]
        return max(least, _longest(beneath), min(self.floor, self._natural))

    @cached_property
    def unfolded(self) -> int:
        """The width of the cells on one line each; the heading may need several."""
        return max(self.narrowest, _longest("".join(cell) for cell in self.cells))

    @cached_property
    def widest(self) -> int:
        """The width that it can use."""
        return max(self._natural, self.narrowest)

    @cached_property
    def _natural(self) -> int:
        beneath = [INDENT + "".join(cell) for cells in self.below for cell in cells]
        return max(_longest("".join(cell) for cell in self.cells), _longest(beneath), cell_len(self.heading))

    @property
    def indent(self) -> str:
        """What sets off the further lines of a cell."""
        return INDENT if self.kind == "name" else ""

    def lines(self, row: int, width: int) -> list[str]:
        """The cell of a row in lines of ``width``."""
        lines = fold(self.cells[row], width, self.indent)
        for cell in self.below[row] if self.below else ():
            lines += [INDENT + line for line in fold(cell, width - len(INDENT))]
        return lines


@dataclass(frozen=True)
class Grid:
    """A table: title, columns, notes beneath it; ``more`` is the option or place that shows what is left out."""

    title: str
    columns: tuple[Column, ...]
    more: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0].cells) if self.columns else 0
