"""Draws grids: as tables where they fit, else one block of lines for each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from trustdm.bench.cli.fit import FRAME, Plan, fitted, unlimited
from trustdm.bench.cli.layout import INDENT, Cell, Grid, fold, words
from trustdm.bench.printable import printable

TOLD = 2
"""As many lines may name what is left out; what is beyond them is counted."""


def whole(grid: Grid, *, extra: bool) -> Group:
    """A line for each row, with or without the extra columns, however wide."""
    return _drawn(grid, unlimited(grid, extra=extra), [])


def narrow(grid: Grid, width: int) -> Group:
    """What fits a terminal of ``width``, and what does not in a line; no line is longer but for the sake of a name."""
    plan = fitted(grid, width)
    return _drawn(grid, plan, [*_same(plan, grid.rows), *_left(plan, grid, width)], width)


def _drawn(grid: Grid, plan: Plan, said: Sequence[Cell], width: int = 0) -> Group:
    """Title, table or blocks, what is said of it and notes; without a ``width`` lines are as long as they are."""
    body = _table(plan, grid.rows) if plan.columns else _lines(_blocks(grid, width))
    texts = [*said, *map(words, grid.notes)]
    beneath = [line for text in texts for line in (fold(text, width) if width else ["".join(text)])]
    title = fold(words(grid.title), width) if width else [grid.title]
    return Group(_lines(title, "table.title"), body, *([_lines(beneath)] if beneath else []))


def _lines(lines: Iterable[str], style: str = "") -> Text:
    """Lines as they are, but for what a terminal might obey."""
    return Text("\n".join(map(printable, lines)), style, no_wrap=True, overflow="ignore")


def _table(plan: Plan, rows: int) -> Table:
    table = Table(width=sum(plan.sizes) + FRAME * len(plan.sizes) + 1)
    for column, size in zip(plan.columns, plan.sizes, strict=True):
        table.add_column(_lines(fold(words(column.heading), size)), width=size)
    for row in range(rows):
        table.add_row(*(_lines(c.lines(row, size)) for c, size in zip(plan.columns, plan.sizes, strict=True)))
    return table


def _blocks(grid: Grid, width: int) -> list[str]:
    """The name of each row on a line of its own, and whatever is known of it beneath, a line for each heading."""
    shown = [c for c in grid.columns if not c.extra]
    names, *others = sorted(shown, key=lambda c: c.kind != "name")
    lines = []
    for row in range(grid.rows):
        lines.append("".join(names.cells[row]))
        for column in others:
            if "".join(column.cells[row]):
                cell = fold([f"{column.heading}: ", *column.cells[row]], width - len(INDENT), INDENT)
                lines += [INDENT + line for line in cell]
    return lines


def _same(plan: Plan, rows: int) -> list[Cell]:
    """What all rows have in common and no column shows."""
    same = [(column, "".join(column.cells[0])) for column in plan.same]
    told = [f"{column.heading}: {cell}" for column, cell in same if cell != column.usual]
    return [_series("all rows: " if rows > 1 else "this row: ", told)] if told else []


def _left(plan: Plan, grid: Grid, width: int) -> list[Cell]:
    """Which columns are left out, and what shows them."""
    names = [column.heading for column in plan.left]
    for told in range(len(names), 0, -1):
        rest = [f"and {len(names) - told} more"] if told < len(names) else []
        line = _series(f"{grid.more} also shows: ", [*names[:told], *rest])
        if len(fold(line, width)) <= TOLD or told == 1:
            return [line]
    return []


def _series(start: str, items: Sequence[str]) -> Cell:
    """A line that is folded between items."""
    return (*words(start), *(f"{item}; " for item in items[:-1]), items[-1])
