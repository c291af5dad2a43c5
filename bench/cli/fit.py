"""Which columns of a table fit a width, and how wide each is.

Where there is little room, texts are folded, then names; columns that say the same of every row become one line; values
are folded; then columns are left out, the last ones first, and what must not be missed stands under the name of its
row. Below that there is no table (``Plan``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trustdm.bench.cli.layout import Column, Grid, Kind

FOLDED: tuple[frozenset[Kind], ...] = (
    frozenset(),
    frozenset({"prose"}),
    frozenset({"prose", "name"}),
    frozenset({"prose", "name", "value"}),
)
"""The kinds of columns that may be folded, from the first try to the last."""
FRAME = 3
"""What each column takes beside its cells: a line and two spaces. One more line closes the table."""


def widths(columns: Sequence[Column], room: int, folded: frozenset[Kind]) -> list[int] | None:
    """The width of each column in a table of at most ``room``, where columns of some kinds may be folded; None if it
    does not fit. What is left goes to the columns that have most lines."""
    widest = [c.widest for c in columns]
    if sum(widest) + FRAME * len(columns) + 1 <= room:
        return widest
    sizes = [c.narrowest if c.kind in folded else c.unfolded for c in columns]
    spare = room - 1 - sum(size + FRAME for size in sizes)
    if spare < 0:
        return None
    while spare > 0 and sizes != widest:
        wanting = [at for at, size in enumerate(sizes) if size < widest[at]]
        sizes[max(wanting, key=lambda at: widest[at] / sizes[at])] += 1
        spare -= 1
    return sizes


@dataclass(frozen=True)
class Plan:
    """What of a grid is shown in a table: columns with their widths; no columns where only blocks of lines fit.

    ``same`` are columns left out that have the same in all rows; ``left`` those whose cells are not shown.
    """

    columns: tuple[Column, ...]
    sizes: tuple[int, ...]
    same: tuple[Column, ...] = ()
    left: tuple[Column, ...] = ()


def unlimited(grid: Grid, *, extra: bool) -> Plan:
    """All columns, with or without the extra ones, every cell on one line."""
    columns = tuple(c for c in grid.columns if extra or not c.extra)
    return Plan(columns, tuple(c.widest for c in columns))


def fitted(grid: Grid, room: int) -> Plan:
    """As many columns as fit ``room``, empty ones left out; see the top of this module for what is given up first."""
    there = [c for c in grid.columns if not c.extra and not (c.empty and c.kind != "name" and grid.rows)]
    extra = tuple(c for c in grid.columns if c.extra and not c.empty)
    telling = [c for c in there if not (c.order and c.constant and grid.rows > 1)]
    same = tuple(c for c in there if c not in telling)
    for folded in (FOLDED[:-1], FOLDED[-1:]):
        for columns, told in ((there, ()), (telling, same)):
            if sizes := _sizes(columns, room, folded):
                return Plan(tuple(columns), sizes, told, extra)
    plan = _most(telling, room)
    told = (*same, *plan.same) if plan.columns else ()
    return replace(plan, same=told, left=(*plan.left, *extra))


def _most(there: Sequence[Column], room: int) -> Plan:
    """As many of the columns as fit when everything is folded."""
    chosen = _chosen(there, room)
    out = [c for at, c in enumerate(there) if at not in chosen]
    aside = [c for c in out if c.under and not c.constant]
    shown = [_beneath(there[at], aside) for at in sorted(chosen)]
    sizes = _sizes(shown, room, FOLDED)
    if not sizes:
        return Plan((), ())
    left = tuple(c for c in out if not c.constant and c not in aside)
    return Plan(tuple(shown), sizes, tuple(c for c in out if c.constant), left)


def _chosen(columns: Sequence[Column], room: int) -> set[int]:
    """The places of the columns that fit when everything is folded; none if not even those fit that must be there."""
    aside = [c for c in columns if c.under and not c.constant]
    filled = [_beneath(column, aside) for column in columns]
    ordered = sorted(range(len(columns)), key=lambda at: columns[at].order)
    kept = [at for at in ordered if not columns[at].order]

    def fit(places: Sequence[int]) -> bool:
        return widths([filled[at] for at in places], room, FOLDED[-1]) is not None

    if not fit(kept):
        return set()
    for at in ordered[len(kept) :]:
        if fit([*kept, at]):
            kept.append(at)
    return set(kept)


def _sizes(columns: Sequence[Column], room: int, ways: Sequence[frozenset[Kind]]) -> tuple[int, ...]:
    """The widths with as little folding as possible; none if nothing helps."""
    return next((tuple(sizes) for folded in ways if (sizes := widths(columns, room, folded))), ())


def _beneath(column: Column, aside: Sequence[Column]) -> Column:
    """The column of names, with the cells of columns that have no room of their own under its cells."""
    if column.kind != "name" or not aside:
        return column
    rows = range(len(column.cells))
    below = tuple(tuple(c.cells[r] for c in aside if "".join(c.cells[r]) not in ("", c.usual)) for r in rows)
    return replace(column, below=below)
