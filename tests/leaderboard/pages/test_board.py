"""The page of a board: what cannot be drawn costs its own row."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from trustdm.leaderboard.boards import Board
from trustdm.leaderboard.boardview import BoardView, Charts
from trustdm.leaderboard.pages import board as pages
from trustdm.leaderboard.svg import Chart


class Odd(BoardView):
    """Cannot draw the rows of some methods."""

    def __init__(self, *names: str):
        self.names = names

    def charts(self, name: str, board: Board) -> Charts:
        for entry in board.entries:
            if entry.row.method in self.names:
                raise TypeError(f"no {entry.row.method}")
        return Charts((Chart("title", "caption", Markup("")),) if board.entries else ())


@pytest.fixture
def lost() -> list[str]:
    return []


def drawn(board: Board, lost: list[str], monkeypatch: pytest.MonkeyPatch, view: BoardView) -> Charts:
    monkeypatch.setattr(pages, "view_of", lambda suite: view)
    return pages._charts("name", board, lost)


def test_what_can_be_drawn_is_drawn(dives: Board, lost: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(drawn(dives, lost, monkeypatch, Odd()).charts) == 1 and lost == []


def test_a_row_that_cannot_be_drawn_is_left_out(dives: Board, lost: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = dives.entries[0].row
    assert len(drawn(dives, lost, monkeypatch, Odd(bad.method)).charts) == 1
    assert lost == [f"{dives.suite.name}: charts, cell {bad.cells[-1]}: TypeError: no {bad.method}"]


def test_charts_that_fail_for_no_row_by_itself_are_said(
    dives: Board, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never(BoardView):
        def charts(self, name: str, board: Board) -> Charts:
            if len(board.entries) > 1:
                raise ZeroDivisionError("together")
            return Charts()

    assert drawn(dives, lost, monkeypatch, Never()) == Charts()
    assert lost == [f"{dives.suite.name}: charts: ZeroDivisionError: together"]
