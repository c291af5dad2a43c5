"""Where pages are, the navigation, and facts that say something."""

from __future__ import annotations

from trustdm.bench.plugins import load_suite
from trustdm.leaderboard.boards import Board, Site
from trustdm.leaderboard.boardview import FactWords
from trustdm.leaderboard.pages import common

SUITE = load_suite("digits-linf")


def test_a_menu_marks_the_page_that_it_is_on() -> None:
    site = Site((Board(SUITE, ()),))
    (menu,) = common.page("Title", "words", site, root="../", here=SUITE).menus
    assert [(link.href, link.detail) for link in menu.links] == [("../suites/digits-linf.html", common.HERE)]
    (menu,) = common.page("Title", "words", site).menus
    assert [(link.href, link.detail) for link in menu.links] == [("suites/digits-linf.html", "")]


def test_a_fact_without_words_is_left_out() -> None:
    said = common.facts(common.fact("a", None), common.fact("b", "  "), common.fact("c", 0))
    assert [fact.term for fact in said] == ["c"]


def test_a_term_is_said_once() -> None:
    lines = [FactWords("a", "one"), FactWords("a", "two"), FactWords("b", "")]
    assert [fact.term for fact in common.worded(lines)] == ["a"]
