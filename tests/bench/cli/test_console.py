"""What goes to the terminal, and what to a pipe."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from trustdm.bench.cli import console
from trustdm.bench.cli.layout import Column, Grid

GRID = Grid(
    "nets",
    (
        Column("method", (("net:", "sampler=heun"),), "name"),
        Column("value", (("0.5 ", "[0.4, 0.6]"),)),
        Column("other", (("x" * 30,),), order=1),
        Column("more", (("all of it",),), order=2, extra=True),
    ),
    "trustdm show nets --wide",
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A terminal of some width; what it shows."""

    def of(width: int, *, forced: bool = True) -> io.StringIO:
        shown = io.StringIO()
        own = Console(file=shown, width=width, force_terminal=forced, color_system=None, highlight=False)
        monkeypatch.setattr(console, "out", own)
        return shown

    return of


def test_a_table_is_as_wide_as_the_terminal(terminal: Any) -> None:
    shown = terminal(50)
    console.table(GRID)
    assert "[0.4, 0.6]" in shown.getvalue() and max(map(len, shown.getvalue().splitlines())) <= 50
    assert "this row: other: xxx" in shown.getvalue() and "--wide also shows: more" in " ".join(
        shown.getvalue().split()
    )


def test_lines_are_no_orders_and_no_markup(terminal: Any) -> None:
    shown = terminal(80)
    console.say("a\x1b[31m [red]b")
    console.tell("c\u202ed")
    assert shown.getvalue() == "a [31m [red]b\nc d\n"


def test_wide_is_everything(terminal: Any) -> None:
    shown = terminal(50)
    console.table(GRID, wide=True)
    assert "all of it" in shown.getvalue() and "x" * 30 in shown.getvalue() and "--wide" not in shown.getvalue()
    assert "│ net:sampler=heun │ 0.5 [0.4, 0.6] │" in shown.getvalue()


def test_in_a_pipe_a_row_is_a_line_and_no_column_is_left_out(terminal: Any) -> None:
    shown = terminal(50, forced=False)
    console.table(GRID)
    (row,) = (line for line in shown.getvalue().splitlines() if "net" in line and "│" in line)
    assert "x" * 30 in row and "more" not in shown.getvalue()


def test_sentences_are_folded_between_words_on_a_terminal_only(terminal: Any) -> None:
    shown = terminal(20)
    console.tell("one two three four mnist16-edm:sampler=heun five\nsix [red]\n  title: Sure of it, or not")
    assert shown.getvalue().splitlines() == [
        "one two three four",
        "mnist16-edm:sampler=heun",
        "five",
        "six [red]",
        "  title: Sure of it,",
        "    or not",
    ]
    shown = terminal(20, forced=False)
    console.tell("one two three four mnist16-edm:sampler=heun five")
    assert shown.getvalue() == "one two three four mnist16-edm:sampler=heun five\n"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "words", [("list",), ("show", "mnist16-generation"), ("show", "imagenet-certified", "--reported")]
)
def test_verbs_keep_to_the_width(trustdm: Any, terminal: Any, width: int, words: tuple[str, ...]) -> None:
    shown = terminal(width)
    assert trustdm(*words).code == 0
    assert max(map(len, shown.getvalue().splitlines())) <= width
    shown = terminal(width)
    assert trustdm(*words, "--wide").code == 0 and "--wide" not in shown.getvalue()


def test_doubts_and_what_could_not_be_told_are_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    console.doubts(["cell 1: [bold]odd[/]"], ["labels of x: not here"])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "trustdm: unlikely: cell 1: [bold]odd[/]\ntrustdm: not checked: labels of x: not here\n"
