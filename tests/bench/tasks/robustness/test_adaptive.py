"""The protocol "adaptive": its probes, its cost, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from defences import PURIFIERS, small_suite
from helpers import command_line, rewrite

from trustdm.bench import plugins
from trustdm.bench.errors import UsageError
from trustdm.bench.suite.models import MetricSpec
from trustdm.bench.tasks.robustness.adaptive import Adaptive
from trustdm.bench.types import Counts

PGD = {"name": "pgd-eot", "steps": 4, "eot": 3}
KNOWING = {"name": "fixed-noise", "steps": 2, "ranks": False}


def adaptive(*attacks: dict[str, Any]) -> Adaptive:
    return Adaptive(plugins.load(installed=False).registry, attacks=list(attacks))


def test_every_run_and_end_is_a_probe() -> None:
    assert adaptive({**PGD, "runs": 2, "last": True}, KNOWING).probes() == (
        "clean",
        "pgd-eot",
        "pgd-eot-last",
        "pgd-eot.2",
        "pgd-eot.2-last",
        "fixed-noise",
    )


def test_the_cost_counts_runs_draws_and_verdicts() -> None:
    """One PGD is (4 + 1) 3 forwards and 4 3 gradients; an adversary that knows the noise searches once a draw."""
    base = adaptive({**PGD, "last": True}).passes(10, 5)
    twice = adaptive({**PGD, "last": True, "runs": 2}).passes(10, 5)
    assert twice == Counts(base.forwards + 15 + 2 * 5, base.gradients + 12)
    knowing = adaptive({**PGD, "last": True}, KNOWING).passes(10, 5)
    assert knowing == Counts(base.forwards + 5 * 3 + 5, base.gradients + 5 * 2)


@pytest.mark.parametrize(
    ("attacks", "words"),
    [
        ([], "attacks: expected a list of tables, each with a name"),
        ([PGD, PGD], "attacks: expected each attack once, got pgd-eot, pgd-eot; give one a label: as = ..."),
        ([{"name": "square-eot", "last": True}], "attacks.square-eot.last: expected an attack that tells its last"),
        ([{**PGD, "loss": "dlrr"}], "attack pgd-eot: loss: expected 'margin', 'ce' or 'dlr', got 'dlrr'"),
        ([{**PGD, "restarts": 2}], "attacks.pgd-eot.restarts: expected one of steps, eot"),
    ],
)
def test_what_is_no_attack_is_refused(attacks: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        adaptive(*attacks)
    assert words in str(refused.value)


def test_a_metric_of_an_attack_that_is_not_there_is_refused() -> None:
    spec = {"name": "m", "evaluation": "e", "statistic": "robust_accuracy", "attack": "pgd"}
    protocol = adaptive(PGD, {**PGD, "as": "other"})
    assert protocol.metric_fault(MetricSpec(**spec)) == ("attack: one of pgd-eot, other", "'pgd'")
    assert protocol.metric_fault(MetricSpec(**{**spec, "attack": "other"})) is None


def test_its_code_is_that_of_every_attack() -> None:
    names = {thing.__name__ for thing in adaptive(PGD, KNOWING).code(None)}
    assert names == {"Adaptive", "PgdEot", "FixedNoise"}


def test_a_dry_run_times_it_and_measures_nothing(
    defences: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--plugin", PURIFIERS, "--method", "honest", "--method", "whole", "--db", tmp_path / "no.db"]
    said = command_line(capsys)("run", defences[0], *words, "--limit", 8, "--dry-run")
    assert said.code == 0 and "small / honest / adaptive" in " ".join(said.out.split()), said.err
    assert not (tmp_path / "no.db").exists()


def test_an_optional_evaluation_runs_by_name_only(
    defences: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = rewrite(small_suite(tmp_path), 'protocol = "adaptive"', 'protocol = "adaptive"\noptional = true')
    run, words = (
        command_line(capsys),
        ["--plugin", PURIFIERS, "--method", "plain", "--limit", 8, "--db", tmp_path / "a.db"],
    )
    assert "1 blocks measured" in run("run", suite, *words).out
    named = run("run", suite, *words, "--evaluation", "adaptive")
    assert named.code == 0 and "1 blocks measured, 0 already there" in named.out
    assert run("run", suite, *words, "--evaluation", "adaptve").err.strip().endswith("did you mean 'adaptive'?")
