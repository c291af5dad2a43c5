from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from trustdm.bench.plugins import installed_tasks
from trustdm.bench.summary import marks as measured
from trustdm.bench.summary.flags import CORE
from trustdm.bench.types import Origin, Verification
from trustdm.leaderboard import chips
from trustdm.leaderboard.boards import Board


def test_every_mark_a_row_can_have_is_explained() -> None:
    assert set(chips.MARKS["origin"]) == {origin.value for origin in Origin}
    assert set(chips.MARKS["verification"]) == {word.value for word in Verification}
    assert set(chips.MARKS["currency"]) == set(get_args(measured.Currency))
    assert set(chips.MARKS["completeness"]) == set(get_args(measured.Completeness))


def test_a_flag_is_worded_by_the_task_of_the_board() -> None:
    robustness, certification = installed_tasks()["adversary"], installed_tasks()["certification"]
    assert "attacks that do not average over draws" in chips.flag("randomized", robustness).title
    assert "beyond the noise that the harness adds" in chips.flag("randomized", certification).title
    assert chips.flag("external-data", robustness) == chips.flag("external-data", certification)
    assert chips.flag("zero-gradients", robustness).label == "zero gradients"


def test_every_flag_of_every_task_has_a_tone_of_the_style_sheet() -> None:
    sheet = (Path(chips.__file__).parent / "static/style.css").read_text(encoding="utf-8")
    for task in installed_tasks().values():
        for flag in (*CORE, *task.flags):
            assert f".{chips.flag(flag.name, task).tone}" in sheet


def test_an_unknown_flag_is_shown_as_it_is() -> None:
    chip = chips.flag("some-new_flag", installed_tasks()["adversary"])
    assert (chip.label, chip.tone) == ("some new flag", "warn") and "some-new_flag" in chip.title


def test_an_unknown_mark_is_shown_as_it_is() -> None:
    assert chips.mark("origin", "guessed").label == "guessed"


def test_a_failed_check_has_a_chip_that_names_it(dives: Board) -> None:
    row = dives.entries[0].row
    assert all("conformance" not in chip.label for chip in chips.marks(row))
    passed = replace(row, conformance="passed")
    assert chips.marks(passed) == chips.marks(row)  # noise, where most rows pass
    (chip,) = set(chips.marks(replace(row, conformance="failed", failed_checks=("check_a", "check\x1b[b")))) - set(
        chips.marks(row)
    )
    assert (chip.label, chip.tone) == ("conformance failed", "bad")
    assert "check_a" in chip.title and "\x1b" not in chip.title


def test_the_legend_says_what_conformance_means() -> None:
    (found,) = [shown for kind, shown in chips.legend() if kind == "Conformance"]
    assert [chip.label for chip in found] == ["conformance passed", "conformance failed", "conformance not run"]
    assert all("{" not in chip.title for chip in found)
