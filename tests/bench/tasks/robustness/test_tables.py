"""The tables of attacks: labels, runs and ends, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from trustdm.bench.errors import UsageError
from trustdm.bench.tasks.robustness.tables import attack_tables, check, probe_names, probes_of

TWICE = {"name": "pgd-eot", "runs": 2, "last": True}
KNOWING = {"name": "fixed-noise", "ranks": False}
OTHER = {"name": "pgd-eot", "as": "ce", "loss": "ce"}


def test_each_run_and_end_is_a_probe_of_its_own() -> None:
    assert probe_names(TWICE) == [
        {"": "pgd-eot", "last": "pgd-eot-last"},
        {"": "pgd-eot.2", "last": "pgd-eot.2-last"},
    ]
    assert probe_names(OTHER) == [{"": "ce"}]


def test_the_headline_has_those_that_rank_and_a_label_its_own() -> None:
    tables = [TWICE, OTHER, KNOWING]
    assert probes_of(tables) == ["pgd-eot", "pgd-eot-last", "pgd-eot.2", "pgd-eot.2-last", "ce"]
    assert probes_of(tables, "fixed-noise") == ["fixed-noise"] and probes_of(tables, "ce") == ["ce"]
    assert probes_of(tables, "nothing") == []


def test_what_is_stored_may_be_anything() -> None:
    assert attack_tables({"attacks": 3}) == attack_tables({}) == []
    assert attack_tables({"attacks": [1, {"name": 2}, KNOWING]}) == [KNOWING]
    assert probe_names({"name": "x", "runs": "many"}) == [{"": "x"}]
    assert probe_names({"name": "x", "runs": 10**9}) == [{"": "x"}]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([], "expected a list of tables"),
        ([{"steps": 3}], "each with a name"),
        ([TWICE, {"name": "pgd-eot"}], "give one a label: as = ..."),
        ([{**TWICE, "runs": 0}], "attacks.pgd-eot.runs: expected 1 to 100, got 0"),
        ([{**TWICE, "runs": True}], "expected 1 to 100, got True"),
        ([{**TWICE, "last": "yes"}], "attacks.pgd-eot.last: expected true or false, got 'yes'"),
        ([{**KNOWING, "ranks": 0}], "attacks.fixed-noise.ranks: expected true or false, got 0"),
    ],
)
def test_nonsense_is_refused(tables: list[Any], words: str) -> None:
    with pytest.raises(UsageError, match="attacks") as refused:
        check(tables)
    assert words in str(refused.value)
