"""Drawn grids: no line too long, no name or number broken, and what is left out is said."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from trustdm.bench.cli import tables
from trustdm.bench.cli.layout import Column, Grid, words

NAMES = Column("method", (("net:", "sampler=heun"), ("net:", "sampler=predictor")), "name")
VALUES = Column("distance", (("1.04 ", "[0.337, 1.74]"), ("24.2 ", "[18.5, 30]")))
COUNT = Column("n", (("2000",), ("2000",)), order=2)
MORE = tuple(Column(f"metric {k}", ((f"{k}.5",), ("-",)), order=3 + k, extra=k > 2) for k in range(9))
GRID = Grid("board of nets, ranked", (NAMES, VALUES, *MORE, COUNT), "--wide", ("a note on it",))


def printed(drawn: object, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(drawn, crop=False, overflow="ignore")
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [20, 30, 45, 60, 80, 120, 200])
def test_no_line_is_too_long_and_no_piece_is_broken(width: int) -> None:
    lines = printed(tables.narrow(GRID, width), width)
    assert max(map(len, lines)) <= max(width, len("net:sampler=predictor"))
    text = "\n".join(lines)
    for piece in ("sampler=heun", "sampler=predictor", "1.04", "[0.337, 1.74]", "24.2", "[18.5, 30]"):
        assert piece in text
    assert "all rows: n: 2000" in text or text.count("2000") == 2
    assert "--wide" in text and "a note" in text


def test_what_is_left_out_is_named_as_far_as_two_lines_hold() -> None:
    lines = printed(tables.narrow(GRID, 200), 200)
    assert lines[-2] == "--wide also shows: metric 3; metric 4; metric 5; metric 6; metric 7; metric 8"
    lines = printed(tables.narrow(GRID, 44), 44)
    assert lines[-3].startswith("--wide also shows: metric ") and lines[-2].endswith("more")


def test_without_a_limit_a_row_is_a_line_whatever_the_console() -> None:
    lines = printed(tables.whole(GRID, extra=True), 40)
    assert len(lines) == 1 + 3 + 2 + 1 + 1 and "metric 8" in lines[2] and lines[-1] == "a note on it"
    assert "net:sampler=predictor" in lines[5] and len(set(map(len, lines[1:-1]))) == 1
    assert not any("metric 8" in line for line in printed(tables.whole(GRID, extra=False), 40))


def test_where_no_table_fits_there_is_a_block_for_each_row() -> None:
    assert printed(tables.narrow(GRID, 25), 25) == [
        "board of nets, ranked",
        "net:sampler=heun",
        "  distance: 1.04",
        "    [0.337, 1.74]",
        "  metric 0: 0.5",
        "  metric 1: 1.5",
        "  metric 2: 2.5",
        "  n: 2000",
        "net:sampler=predictor",
        "  distance: 24.2",
        "    [18.5, 30]",
        "  metric 0: -",
        "  metric 1: -",
        "  metric 2: -",
        "  n: 2000",
        "--wide also shows:",
        "metric 3; and 5 more",
        "a note on it",
    ]


def test_what_is_usual_in_all_rows_is_not_worth_a_line() -> None:
    usual = Column("marks", (words("full"), words("full")), "prose", 1, usual="full")
    lines = printed(tables.narrow(Grid("t", (NAMES, VALUES, usual), "--wide"), 43), 43)
    assert "full" not in "\n".join(lines) and not any("all rows" in line for line in lines)


def test_what_strangers_wrote_is_never_read_as_markup() -> None:
    grid = Grid("[bold]t", (Column("[red]h", (("[/red] [link=x]",),), "name"),))
    for drawn in (tables.narrow(grid, 80), tables.whole(grid, extra=True)):
        text = "\n".join(printed(drawn))
        assert "[bold]t" in text and "[red]h" in text and "[/red] [link=x]" in text
