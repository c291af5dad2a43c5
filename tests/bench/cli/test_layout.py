"""Cells that are folded between pieces only, and how wide a column must and may be."""

from __future__ import annotations

import pytest

from trustdm.bench.cli.layout import Column, Grid, fold, plain, prose, whole, words

NAME = ("net:", "classifier=small,", "denoiser=none")


def test_a_line_ends_between_two_pieces_only() -> None:
    assert fold(NAME, 40) == ["net:classifier=small,denoiser=none"]
    assert fold(NAME, 22, "  ") == ["net:classifier=small,", "  denoiser=none"]
    assert fold(NAME, 19, "  ") == ["net:", "  classifier=small,", "  denoiser=none"]
    assert fold(("1.04 ", "[0.337, 1.74]"), 13) == ["1.04", "[0.337, 1.74]"]
    assert fold((), 10) == [""]


def test_a_piece_that_is_too_long_stays_whole() -> None:
    assert fold(("a ", "x" * 30, " b"), 10) == ["a", "x" * 30, " b"]


def test_lines_are_measured_as_they_are_shown() -> None:
    assert fold(("鍵鍵 ", "ab"), 6) == ["鍵鍵", "ab"] and fold(("σσσσ ", "ab"), 7) == ["σσσσ ab"]


def test_words_and_their_spaces_are_kept() -> None:
    assert words("a  b\tc\x1b[31m") == ("a  ", "b ", "c ", "[31m") and "".join(words("one two")) == "one two"
    assert words("") == () and whole("") == ("",) and plain("a\nb\u202e") == "a b "


def test_long_words_of_a_text_are_folded_after_punctuation() -> None:
    text = "by name: denoised-smoothing:denoiser=mnist16-edm,classifier=none; " + "x" * 100
    assert "".join(prose(text)) == text
    assert max(map(len, prose(text))) <= 40 and "classifier=" in prose(text) and "none;" in prose(text)


@pytest.mark.parametrize("kind", ["name", "value", "prose"])
def test_widths_of_a_column(kind) -> None:
    column = Column("how it is called", (NAME, whole("x")), kind)
    indent = 2 if kind == "name" else 0
    assert column.narrowest == len("classifier=small,") + indent
    assert column.unfolded == column.widest == len("".join(NAME))
    assert Column("a long heading", (whole("x"),), kind).narrowest == len("heading")
    assert Column("a long heading", (whole("x"),), kind).widest == len("a long heading")


def test_what_stands_below_a_cell_is_indented_and_counted() -> None:
    column = Column("method", (("net",), ("b",)), "name", below=((words("not ranked stale"),), ()))
    assert column.narrowest == len("  ranked") and column.widest == len("  not ranked stale")
    assert column.lines(0, 10) == ["net", "  not", "  ranked", "  stale"] and column.lines(1, 10) == ["b"]


def test_a_text_is_not_folded_to_a_ribbon() -> None:
    assert Column("x", (words("one two three four five six"),), "prose", floor=20).narrowest == 20
    assert Column("x", (words("one"),), "prose", floor=20).narrowest == 3


def test_empty_and_constant_columns() -> None:
    assert Column("flags", ((), ("",))).empty and not Column("n", (("1",),)).empty
    assert Column("n", (("1",), ("1",))).constant and not Column("n", (("1",), ("2",))).constant
    assert Grid("t", ()).rows == 0 and Grid("t", (Column("n", (("1",), ("2",))),)).rows == 2
