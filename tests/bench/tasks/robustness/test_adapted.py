"""Numbers of randomized defences against a recomputation, record by record, from what is stored."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from helpers import command_line, stored

from trustdm.bench.records import Records
from trustdm.bench.tasks.robustness.adapted import BEYOND_CHANCE, FEWEST
from trustdm.bench.types import Status

ATTACKS = {
    "transfer": ["transfer"],
    "bpda_eot": ["bpda-eot"],
    "pgd_eot": ["pgd-eot", "pgd-eot-last", "pgd-eot.2", "pgd-eot.2-last"],
    "apgd_eot": ["apgd-eot", "apgd-eot-last"],
    "low_frequency": ["low-frequency"],
    "square_eot": ["square-eot"],
}
DRAWS = 4


@pytest.fixture
def metrics(defences: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    suite, database = defences
    said = command_line(capsys)("show", suite, "--db", database, "--json")
    (row,) = (row for row in json.loads(said.out) if row["method"] == "honest")
    return {name: value["value"] for name, value in row["metrics"].items()}


def naive(records: Records, probe: str, over: str) -> float:
    """Accuracy at one probe, a draw of an image at a time; images that no draw gets right are not attacked: wrong."""
    right: dict[int, int] = defaultdict(int)
    for i in range(len(records)):
        if records.probe[i] == probe:
            right[int(records.example[i])] += int(records.status[i] == Status.CORRECT)
    one = {
        "mean": lambda n: n / DRAWS,
        "majority": lambda n: float(2 * n > DRAWS),
        "worst": lambda n: float(n == DRAWS),
    }
    return sum(one[over](n) for n in right.values()) / len(right)


@pytest.mark.parametrize(
    ("metric", "over"), [("robust_accuracy", "mean"), ("robust_majority", "majority"), ("robust_worst", "worst")]
)
def test_the_headline_is_the_least_over_attacks(
    defences: tuple[Path, Path], metrics: dict[str, float], metric: str, over: str
) -> None:
    records = stored(defences[1])["honest", "adaptive"]
    probes = [probe for names in ATTACKS.values() for probe in names]
    least = min(naive(records, probe, over) for probe in probes)
    assert metrics[metric] == pytest.approx(least, abs=1e-12)
    assert metrics["robust_worst"] <= metrics["robust_majority"]
    assert metrics["robust_accuracy"] < metrics["clean_accuracy"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_is_the_least_of_its_runs_and_ends(
    defences: tuple[Path, Path], metrics: dict[str, float], attack: str
) -> None:
    records = stored(defences[1])["honest", "adaptive"]
    least = min(naive(records, probe, "mean") for probe in ATTACKS[attack])
    assert metrics[f"{attack}_accuracy"] == pytest.approx(least, abs=1e-12)


def test_one_who_knows_the_noise_does_not_count_towards_the_headline(
    defences: tuple[Path, Path], metrics: dict[str, float]
) -> None:
    records = stored(defences[1])["honest", "adaptive"]
    assert metrics["fixed_noise_accuracy"] == pytest.approx(naive(records, "fixed-noise", "mean"), abs=1e-12)
    assert metrics["fixed_noise_accuracy"] <= metrics["clean_accuracy"]


def test_clean_images_have_the_same_controls(defences: tuple[Path, Path], metrics: dict[str, float]) -> None:
    records = stored(defences[1])["honest", "clean"]
    assert metrics["clean_accuracy"] == pytest.approx(naive(records, "clean", "mean"), abs=1e-12)
    assert metrics["clean_worst"] == pytest.approx(naive(records, "clean", "worst"), abs=1e-12)
    assert metrics["pgd_eot_last_accuracy"] == pytest.approx(
        naive(stored(defences[1])["honest", "adaptive"], "pgd-eot-last", "mean"), abs=1e-12
    )


def test_signs_are_told_beyond_chance_only() -> None:
    assert BEYOND_CHANCE >= 2 and FEWEST >= 8
