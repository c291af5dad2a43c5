"""What the command line shows: tables, one-line messages."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console

from trustdm.bench.cli import tables
from trustdm.bench.cli.layout import Grid, fold, words
from trustdm.bench.printable import printable_lines

WIDE = 220
"""Columns of what goes to a file or a pipe; tables take what they need."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Lines on standard output, without what a terminal might obey."""
    out.print(printable_lines(text), markup=False, soft_wrap=True)


def tell(text: str) -> None:
    """Sentences on standard output: on a terminal folded between words, so that no name is cut; indents are kept."""
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        say("\n".join(fold(words(line), out.width, 2 * indent)) if out.is_terminal else line)


def table(grid: Grid, *, wide: bool = False) -> None:
    """A table on standard output: as a terminal has room, or ``wide``: everything. In a pipe a row is always a line."""
    fitted = out.is_terminal and not wide
    drawn = tables.narrow(grid, out.width) if fitted else tables.whole(grid, extra=wide)
    out.print(drawn, crop=False, overflow="ignore")


def warn(text: str) -> None:
    """Lines on standard error, without what a terminal might obey."""
    err.print(printable_lines(text), markup=False, soft_wrap=True, end="" if text.endswith("\n") else "\n")


def doubts(unlikely: Iterable[str], unchecked: Iterable[str]) -> None:
    """What an import or a check noticed that is no error, on standard error."""
    for line in unlikely:
        warn(f"trustdm: unlikely: {line}")
    for line in unchecked:
        warn(f"trustdm: not checked: {line}")
