from __future__ import annotations

from dataclasses import replace

from trustdm.bench.types import Origin
from trustdm.leaderboard.boards import Board, Site, chart_names


def test_ranked_rows_come_before_others_and_full_ones_before_previews(dives: Board) -> None:
    """The row with the caveat has the best value of all and stands first among the entries."""
    assert dives.entries[0].row.method == "short-rope"
    named = [[entry.row.method for entry in group] for group in dives.groups]
    assert named == [["deep", "shallow"], ["short-rope"], ["tired"]]


def test_a_board_is_tested_by_a_full_current_row_of_our_own(dives: Board) -> None:
    assert dives.tested and dives.measured
    preview = replace(dives, entries=tuple(e for e in dives.entries if e.row.completeness == "preview"))
    assert not preview.tested and preview.measured
    reported = tuple(replace(e, row=replace(e.row, origin=Origin.REPORTED)) for e in dives.entries)
    assert not replace(dives, entries=reported).tested and not replace(dives, entries=reported).measured


def test_a_site_finds_boards_families_and_methods(dives: Board, generators: Board) -> None:
    site = Site((dives, generators, replace(dives, entries=())))
    assert site.board("rope") is dives and site.board("none") is None
    assert {name: len(boards) for name, boards in site.families().items()} == {"Diving": 2, "Image generation": 1}
    methods = site.methods()
    assert list(methods) == sorted(methods) and [board for board, _ in methods["deep"]] == [dives]
    assert len(methods["digits-edm"]) == 2


def test_chart_names_have_the_values_of_parameters_where_that_tells_rows_apart(generators: Board) -> None:
    assert "EDM, class-conditional (digits), heun" in chart_names(generators.entries)
    twice = chart_names([generators.entries[0], generators.entries[0]])
    assert twice == [generators.entries[0].name] * 2


def test_a_part_knows_its_evaluation(dives: Board) -> None:
    assert [part.evaluation for part in dives.entries[0].parts] == ["pool", "sea"]
    assert dives.entries[0].parts[0].result is dives.entries[0].parts[0].view.result
