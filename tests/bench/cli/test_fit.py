"""Which columns fit a width: what is folded, told in a line, put under the name, left out, in this order."""

from __future__ import annotations

from trustdm.bench.cli.fit import FOLDED, Plan, fitted, unlimited, widths
from trustdm.bench.cli.layout import Column, Grid, words

NAMES = Column("method", (("net:", "sampler=heun"), ("net:", "sampler=predictor")), "name")
FIRST = Column("distance", (("1.04 ", "[0.337, 1.74]"), ("24.2 ", "[18.5, 30]")))
SECOND = Column("recall", (("50.0 ", "[40.0, 60.0]"), ("51.0 ", "[41.0, 61.0]")), order=1)
COUNT = Column("n", (("2000",), ("2000",)), order=2)
MARKS = Column("marks", (words("full"), words("preview n=64")), "prose", order=3, under=True, usual="full")
EXTRA = Column("more", (("1",), ("2",)), order=9, extra=True)
GRID = Grid("board", (NAMES, FIRST, SECOND, COUNT, MARKS, EXTRA), "--wide")


def headings(plan: Plan) -> list[str]:
    return [c.heading for c in plan.columns]


def lines(plan: Plan) -> int:
    sizes = zip(plan.columns, plan.sizes, strict=True)
    return max(len(column.lines(row, size)) for column, size in sizes for row in range(2))


def test_without_a_limit_every_cell_is_one_line() -> None:
    assert headings(unlimited(GRID, extra=True))[-1] == "more" and lines(unlimited(GRID, extra=True)) == 1
    assert headings(unlimited(GRID, extra=False))[-1] == "marks"


def test_where_there_is_room_only_extra_columns_are_left_out() -> None:
    plan = fitted(GRID, 100)
    assert headings(plan) == ["method", "distance", "recall", "n", "marks"] and lines(plan) == 1
    assert [c.heading for c in plan.left] == ["more"] and plan.same == ()


def test_texts_and_names_are_folded_before_anything_is_left_out() -> None:
    natural = sum(c.widest + 3 for c in GRID.columns if not c.extra) + 1
    plan = fitted(GRID, natural - 1)
    assert len(plan.columns) == 5 and plan.sizes[:4] == (21, 18, 17, 4) and plan.sizes[4] < len("preview n=64")
    plan = fitted(GRID, natural - 7)
    assert len(plan.columns) == 5 and plan.sizes[0] < 21 and plan.sizes[1] == 18


def test_a_column_that_says_the_same_of_all_rows_goes_first() -> None:
    plan = fitted(GRID, 76)
    assert headings(plan) == ["method", "distance", "recall", "marks"] and plan.sizes[1] == 18
    assert [c.heading for c in plan.same] == ["n"]


def test_then_values_are_folded_and_columns_left_out_the_last_ones_first() -> None:
    plan = fitted(GRID, 72)
    assert headings(plan) == ["method", "distance", "recall", "n", "marks"] and plan.sizes[1] < 18
    plan = fitted(GRID, 55)
    assert headings(plan) == ["method", "distance", "recall"]
    assert plan.columns[0].below == ((), (words("preview n=64"),)), "what is not usual stands under the name"
    plan = fitted(GRID, 45)
    assert headings(plan) == ["method", "distance"] and [c.heading for c in plan.left] == ["recall", "more"]
    assert [c.heading for c in plan.same] == ["n"]


def test_below_that_there_is_no_table() -> None:
    plan = fitted(GRID, 30)
    assert plan.columns == () and [c.heading for c in plan.left] == ["more"]


def test_no_table_is_wider_than_it_may_be() -> None:
    for room in range(10, 140):
        plan = fitted(GRID, room)
        assert not plan.columns or sum(plan.sizes) + 3 * len(plan.sizes) + 1 <= room
        assert all(size >= column.narrowest for column, size in zip(plan.columns, plan.sizes, strict=True))


def test_empty_columns_are_left_out_silently_but_for_names_and_where_there_are_no_rows() -> None:
    empty = Column("flags", ((), ()), order=4)
    plan = fitted(Grid("t", (NAMES, empty)), 200)
    assert headings(plan) == ["method"] and plan.left == plan.same == ()
    assert headings(fitted(Grid("t", (Column("method", (), "name"), Column("n", (), order=1))), 80)) == ["method", "n"]


def test_what_is_left_goes_to_the_columns_with_most_lines() -> None:
    long, short = (Column(n, (words("word " * size),), "prose") for n, size in (("a", 20), ("b", 4)))
    sizes = widths([long, short], 40, FOLDED[1])
    assert sizes is not None and sum(sizes) == 40 - 7 and sizes[0] > 2 * sizes[1]
    assert widths([long, short], 14, FOLDED[1]) is None


def test_one_row_is_told_in_a_line_what_has_no_column() -> None:
    one = tuple(Column(c.heading, c.cells[1:], c.kind, c.order, under=c.under) for c in (NAMES, FIRST, SECOND, MARKS))
    plan = fitted(Grid("board", one), 42)
    assert headings(plan) == ["method", "distance"] and [c.heading for c in plan.same] == ["recall", "marks"]
