from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trustdm.bench.suite.load import Suite
from trustdm.bench.summary.rows import Row
from trustdm.leaderboard import names
from trustdm.leaderboard.loading import load
from trustdm.leaderboard.names import Named, name, suffixes


@pytest.fixture
def row(world: Any, suites: list[Suite], fakes: list[Any]) -> Row:
    world.add(suites[1], replace(fakes[7], n=64))
    found: Row = load(world.store, [suites[1]]).boards[0].entries[0].row
    return replace(found, method="cells-net", card={})


def called(*rows: Named) -> list[str]:
    return [name(it.row, suffix) for it, suffix in zip(rows, suffixes(rows), strict=True)]


def test_parameters_follow_the_name_as_on_the_command_line(row: Row) -> None:
    wide, titled = replace(row, shown=(("width", 4),)), replace(row, shown=(("width", 4),), card={"title": "A net"})
    assert called(Named(row), Named(wide), Named(titled)) == ["cells-net", "cells-net:width=4", "A net, width=4"]


def test_rows_that_differ_in_weights_or_seed_say_so(row: Row) -> None:
    rows = [Named(row, "4fb2401d"), Named(row, "0a0b0c0d"), Named(replace(row, method="other"), "4fb2401d")]
    assert called(*rows) == ["cells-net (weights 4fb240)", "cells-net (weights 0a0b0c)", "other"]
    assert called(Named(row), Named(replace(row, seed=3))) == ["cells-net (seed 0)", "cells-net (seed 3)"]


def test_methods_of_one_title_are_told_apart_by_their_names(row: Row) -> None:
    titled = replace(row, card={"title": "A net"})
    assert called(Named(titled), Named(replace(titled, method="b"))) == ["A net (cells-net)", "A net (b)"]


def test_an_imported_row_is_named_only_beside_one_of_its_name(row: Row) -> None:
    other = replace(row, own=False, lab="ab" * 16)
    assert called(Named(row), Named(other)) == ["cells-net", "cells-net (imported)"]
    assert called(Named(other)) == ["cells-net"]
    named = [Named(other), Named(replace(other, lab_name="Delft"))]
    assert called(*named) == ["cells-net (lab abababab)", "cells-net (Delft)"]


def test_nothing_makes_two_names_equal_or_too_long(row: Row) -> None:
    long = [
        replace(row, card={"title": "t" * 200}, shown=(("p", "x" * 300 + end),), cells=(at,))
        for at, end in enumerate("abb")
    ]
    found = called(*map(Named, long))
    assert len(set(found)) == 3 and max(map(len, found)) <= names.LONGEST + 22


def test_one_checkpoint_is_its_own_digest_and_several_have_one_together() -> None:
    assert names.weights(["ab" * 32]) == "ab" * 32 and names.weights([]) == ""
    assert names.weights(["ab", "cd"]) != names.weights(["cd", "ab"])
