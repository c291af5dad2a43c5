from __future__ import annotations

from dataclasses import replace

from trustdm.bench.records import Records
from trustdm.bench.summary.cell import CellView
from trustdm.bench.types import Status
from trustdm.leaderboard.boards import Board, Entry, Part
from trustdm.leaderboard.outcomes import FIRST, NOTE, table


def with_records(board: Board, *records: Records) -> Entry:
    """The first row of a board, with other records in its cells."""
    entry = board.entries[0]
    parts = tuple(
        Part(CellView(board.suite, replace(part.result, records=r)), part.cell, part.blocks)
        for part, r in zip(entry.parts, records, strict=True)
    )
    return replace(entry, parts=parts)


def records(probe: str, ids: list[int], draw: int = 0) -> Records:
    return Records.of(probe, ids, [Status.CORRECT] * len(ids), label=ids, value=[-0.5] * len(ids), draw=draw)


def texts(board: Board, entry: Entry, shared: frozenset[str] = frozenset()) -> tuple[list[str], dict[str, list[str]]]:
    section = table(board, entry, "x.csv", shared=shared)
    assert section is not None
    heads = [f"{head.text} {head.detail}".strip() for head in section.heads]
    return heads, {line.name: [cell.text for cell in line.cells] for line in section.lines}


def test_a_probe_that_two_evaluations_have_is_told_apart_or_shown_once(dives: Board) -> None:
    entry = with_records(dives, records("dive", [0, 1]), records("dive", [1]))
    heads, lines = texts(dives, entry)
    assert heads == ["dive pool", "dive sea"] and lines["0"] == ["correct 0 −0.50", ""]
    assert lines["1"] == ["correct 1 −0.50", "correct 1 −0.50"]
    assert texts(dives, entry, frozenset({"dive"})) == (["dive"], {"0": ["correct 0 −0.50"], "1": ["correct 1 −0.50"]})


def test_examples_stand_in_the_order_of_the_test_list_and_unknown_ones_last(dives: Board) -> None:
    entry = with_records(dives, records("dive", [99, 11, 3]), Records.empty())
    assert list(texts(dives, entry)[1]) == ["3", "11", "99"]


def test_draws_are_lines_of_their_own(dives: Board) -> None:
    both = Records.concat([records("dive", [2]), records("dive", [2], draw=1)])
    assert list(texts(dives, with_records(dives, both, Records.empty()))[1]) == ["2, draw 0", "2, draw 1"]


def test_only_the_first_are_listed_and_the_number_of_all_is_given(dives: Board) -> None:
    section = table(dives, with_records(dives, records("dive", list(range(300))), Records.empty()), "x.csv")
    assert section is not None and (len(section.lines), section.total, section.href) == (FIRST, 300, "x.csv")
    assert (section.title, section.corner, section.folded, section.note) == ("Dive by dive", "Dive", True, NOTE)
    assert section.lines[0].cells[0].state == "correct"


def test_without_records_there_is_no_table(dives: Board) -> None:
    assert table(dives, with_records(dives, Records.empty(), Records.empty()), "") is None
