from __future__ import annotations

import re
from typing import get_args

from trustdm.bench.summary import marks as measured
from trustdm.bench.types import Origin, Verification
from trustdm.leaderboard import chips as marks


def test_every_mark_a_row_can_have_is_explained() -> None:
    assert set(marks.MARKS["origin"]) == {origin.value for origin in Origin}
    assert set(marks.MARKS["verification"]) == {word.value for word in Verification}
    assert set(marks.MARKS["currency"]) == set(get_args(measured.Currency))
    assert set(marks.MARKS["completeness"]) == set(get_args(measured.Completeness))


def test_every_flag_the_summary_can_give_is_explained() -> None:
    listed = set(re.findall(r'"([a-z-]+)"', measured.flags.__doc__ or "")) - {"gradient-"}
    kinds = {f"gradient-{kind}" for kind in ("surrogate", "bpda", "none")}
    gradients = {name for name in listed if name.startswith("gradient-")}
    assert (listed - gradients) | kinds <= set(marks.FLAGS)
    assert {"randomized", "zero-gradients", "square-helps", "failures"} <= listed


def test_an_unknown_flag_is_shown_as_it_is() -> None:
    chip = marks.flag("some-new_flag")
    assert (chip.label, chip.tone) == ("some new flag", "warn") and "some-new_flag" in chip.title


def test_an_unknown_mark_is_shown_as_it_is() -> None:
    assert marks.mark("origin", "guessed").label == "guessed"
