from __future__ import annotations

from dataclasses import replace

import pytest

from trustdm.bench.summary.row import Row
from trustdm.leaderboard import table
from trustdm.leaderboard.boards import Board, Entry


@pytest.fixture
def row(dives: Board) -> Row:
    return next(e.row for e in dives.entries if e.row.method == "deep")


def test_ranks_say_among_what_and_how_they_compare(row: Row) -> None:
    assert (table.rank(row).text, table.rank(row).detail, table.rank(row).note) == ("1", "", "")
    second = replace(row, rank_low=2, rank_high=4, comparison="tied")
    assert (table.rank(second).text, table.rank(second).note) == ("2–4", "tied with the best")
    open_ = replace(second, comparison="n too small to tell", completeness="preview", n=7)
    assert (table.rank(open_).detail, table.rank(open_).note) == ("of preview n=7", "n too small to tell")
    none = table.rank(replace(row, rank_low=None))
    assert (none.text, none.detail, none.sort) == ("–", "not ranked", None)


def test_the_variant_has_version_parameters_and_seed(row: Row) -> None:
    other = replace(row, shown=(("a", 1), ("b", "x")), seed=3)
    assert table.variant(other, "deep") == "deep · v1 · a=1, b=x · seed 3" and table.variant(row) == "v1"


def test_groups_are_those_of_the_board_with_their_rows(dives: Board) -> None:
    shown = table.table(dives, ("a test",))
    assert [(g.kind, g.title, len(g.rows)) for g in shown.groups] == [
        ("full", "Full", 2),
        ("full", "Full, not ranked", 1),
        ("preview", "Preview, first 2 dives", 1),
    ]
    assert shown.total == 4 and shown.ranked_by == "Held pool" and shown.tests == ("a test",) and shown.compared
    assert shown.groups[1].rows[0].caveat == "the rope was too short"


def test_the_seed_stands_in_the_title_where_there_are_several(dives: Board) -> None:
    suite = dives.suite.model_copy(update={"seeds": (0, 1)})
    for name in ("_source", "_task", "_table"):
        object.__setattr__(suite, "__pydantic_private__", dives.suite.__pydantic_private__)
        assert getattr(suite, name) is getattr(dives.suite, name)
    titles = [group.title for group in table.table(replace(dives, suite=suite), ()).groups]
    assert titles == ["Full, seed 0", "Full, not ranked", "Preview, first 2 dives, seed 0"]


def test_what_n_can_tell_apart_is_said_once_for_each_kind_of_group(dives: Board) -> None:
    def separable(entry: Entry, amount: float | None) -> Entry:
        return replace(entry, row=replace(entry.row, separable=amount))

    (sentence,) = table.table(dives, ()).separable
    assert sentence.endswith(" percentage points at n = 12 (full)")
    none = replace(dives, entries=tuple(separable(e, None) for e in dives.entries))
    assert table.table(none, ()).separable == ()


def test_filters_offer_what_the_rows_have(dives: Board) -> None:
    filters = {f.name: [(o.label, o.count) for o in f.options] for f in table.table(dives, ()).filters}
    assert filters["completeness"] == [("full", 3), ("preview", 1)] and filters["tag"] == [("toy", 4)]
    assert "flag" not in filters


def test_the_small_bars_are_explained_where_they_are_not_percent(dives: Board, generators: Board) -> None:
    assert "logarithmic" in table.table(generators, ()).bars
    assert table.table(replace(dives, scales={}), ()).bars == ""


def test_options_are_counted_once_for_each_row() -> None:
    offered = table.options([("a", "a"), ("b", "a"), ()])
    assert [(o.id, o.label, o.count) for o in offered] == [("0", "a", 2), ("1", "b", 1)]
