"""The suites that come with the package: what they ask, and that they change only with their version."""

from __future__ import annotations

import importlib.util
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.datasets import cifar10, digits, mnist16
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.tasks.certification.task import certification
from trustdm.bench.tasks.generation.task import generation
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Budget

ROOT = Path(__file__).parents[3]
NAMES = ["cifar10-linf", "digits-linf", "mnist16-linf"]
GENERATION = [f"{data}-generation" for data in ("afhqv2", "cifar10", "digits", "ffhq64", "imagenet64", "mnist16")]
CERTIFIED = [f"{data}-certified" for data in ("cifar10", "imagenet", "mnist16")]
LITERATURE = ["cifar10-purification-l2", "cifar10-purification-linf", "imagenet-purification-linf"]
PURIFICATION = [*LITERATURE, "digits-purification", "mnist16-purification"]
EVERY = NAMES + GENERATION + CERTIFIED + PURIFICATION


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for module in (digits, mnist16, cifar10):
        registry.add_module(module)
    return registry


def script_of(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "golden" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_suites() -> None:
    assert shipped() == sorted(EVERY)
    assert [load_suite(name).name for name in shipped()] == shipped()


@pytest.mark.parametrize("name", GENERATION)
def test_generation_suites_show_the_distance_and_its_cost_at_every_number_of_steps(name: str) -> None:
    suite = load_suite(name)
    steps = {e: spec.params["steps"] for e, spec in suite.evaluations.items()}
    assert steps == {f"steps-{n}": n for n in steps.values()} and len(steps) >= 3
    for statistic in ("frechet", "evaluations"):
        assert {m.evaluation for m in suite.metrics if m.statistic == statistic} == set(steps)
    ranking = suite.ranking_metric
    assert (ranking.statistic, ranking.direction) == ("frechet", "lower")
    table = generation(suite)
    pinned = table.reference_sha256 is not None
    assert pinned == (name in ("digits-generation", "mnist16-generation")) and table.extractor_sha256
    sets = {"digits-generation": 1, "mnist16-generation": 2}.get(name, 3)
    assert suite.size.full == sets * table.set


@pytest.mark.parametrize(
    ("name", "eps", "step", "sizes", "rule"),
    [
        ("digits-linf", Fraction(1, 10), Fraction(1, 100), (997, 200, 600), "ramp-8-64"),
        ("mnist16-linf", Fraction(3, 20), Fraction(3, 200), (3500, 500, 1000), "ramp-8-64"),
        ("cifar10-linf", Fraction(8, 255), Fraction(2, 255), (48976, 1024, 10000), "ramp-8-500"),
    ],
)
def test_budgets_and_sizes(name: str, eps: Fraction, step: Fraction, sizes: tuple[int, int, int], rule: str) -> None:
    suite = load_suite(name)
    assert budget_of(suite) == Budget("linf", eps)
    assert Fraction(suite.evaluations["pgd40"].params["attacks"][0]["step_size"]) == step
    assert (len(suite.train), len(suite.validation), len(suite.test)) == sizes
    assert suite.size.demo == (64 if len(suite.test) <= 1000 else 0)
    assert suite.block_rule == rule


@pytest.mark.parametrize("name", ["digits-linf", "mnist16-linf"])
def test_splits_divide_the_whole_data_set_class_by_class(name: str, registry: Registry) -> None:
    suite = load_suite(name)
    data = open_data(suite, registry)
    parts = [suite.train, suite.validation, suite.test]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(data)))
    labels = data.read(np.arange(len(data)))[1]
    total = np.bincount(labels)
    for part in parts:
        exact = total * len(part) / len(data)
        # two of the three are rounded by less than 1 each; the training images are what remains
        assert (np.abs(np.bincount(labels[part], minlength=10) - exact) < 2).all()
    for n in (64, 128, len(suite.test)):
        assert (np.abs(np.bincount(labels[suite.test[:n]], minlength=10) - total * n / len(data)) < 1.5).all()


def test_mnist16_has_as_many_of_each_class(registry: Registry) -> None:
    suite = load_suite("mnist16-linf")
    labels = open_data(suite, registry).read(np.arange(5000))[1]
    counts = [np.bincount(labels[part]).tolist() for part in (suite.train, suite.validation, suite.test)]
    assert counts == [[350] * 10, [50] * 10, [100] * 10]


def test_cifar10_splits_are_the_official_test_set_and_the_last_training_images() -> None:
    suite = load_suite("cifar10-linf")
    assert np.array_equal(suite.train, np.arange(48976))
    assert np.array_equal(suite.validation, np.arange(48976, 50000))
    assert np.array_equal(suite.test, np.arange(50000, 60000))
    assert (suite.size.first_block, suite.size.block) == cifar10.BLOCKS
    assert suite.data.digest == cifar10.CONTENT


@pytest.mark.parametrize("lists", ["cifar10-purification", "imagenet-purification"])
def test_lists_of_purification_are_what_their_script_writes(lists: str) -> None:
    script = script_of("make_purification_splits")
    assert (ROOT / "suites" / f"{lists}.splits.json").read_text(encoding="utf-8") == script.text(lists)


@pytest.mark.parametrize(
    ("name", "budget", "sizes"),
    [
        ("cifar10-purification-linf", Budget("linf", Fraction(8, 255)), (48976, 1024, 504)),
        ("cifar10-purification-l2", Budget("l2", Fraction(1, 2)), (48976, 1024, 504)),
        ("imagenet-purification-linf", Budget("linf", Fraction(4, 255)), (0, 494, 510)),
        ("digits-purification", Budget("linf", Fraction(1, 10)), (997, 200, 256)),
        ("mnist16-purification", Budget("linf", Fraction(3, 20)), (3500, 500, 128)),
    ],
)
def test_purification_suites_average_over_the_draws(name: str, budget: Budget, sizes: tuple[int, int, int]) -> None:
    suite = load_suite(name)
    assert budget_of(suite) == budget and suite.draws == 10
    assert (len(suite.train), len(suite.validation), len(suite.test)) == sizes
    for spec in suite.evaluations.values():
        tables = {table["name"]: table for table in spec.params.get("attacks", ())}
        assert all(table["eot"] >= 10 for name, table in tables.items() if name not in ("transfer", "fixed-noise"))
        if spec.protocol != "clean":
            assert tables["fixed-noise"]["ranks"] is False and tables["pgd-eot"]["last"] is True
    ranking = suite.ranking_metric
    assert (ranking.statistic, ranking.params) == ("robust_accuracy", {"over": "mean", "attack": ""})
    overs = {m.params["over"] for m in suite.metrics if m.evaluation == suite.ranking_metric.evaluation and not m.probe}
    assert overs == {"mean", "majority", "worst"}


@pytest.mark.parametrize("name", LITERATURE)
def test_the_full_attack_runs_by_name_only(name: str) -> None:
    tiers = {key: spec.optional for key, spec in load_suite(name).evaluations.items()}
    assert tiers == {"clean": False, "standard": False, "full": True}


def test_lists_of_purification_keep_the_known_fault_and_say_so() -> None:
    """The draws of DiffPure overlap: written out here once more, apart from the script."""
    cifar, imagenet = load_suite("cifar10-purification-linf"), load_suite("imagenet-purification-linf")
    draws = [np.random.RandomState(seed).choice(10_000, 64, replace=False) for seed in range(8)]
    assert sum(map(len, draws)) == 512 and set(cifar.test) == {50_000 + int(i) for d in draws for i in d}
    assert np.array_equal(cifar.test[:64], 50_000 + draws[0]) and "'512 images' are 504" in cifar.description
    other = 50_000 + np.random.RandomState(0).choice(10_000, 512, replace=False)
    assert len(set(cifar.test) & set(other)) == 81 and "of which 81 are among these" in cifar.description
    wide = [np.random.RandomState(seed).choice(50_000, 16, replace=False) for seed in range(32)]
    assert set(imagenet.test) == {int(i) for d in wide for i in d} and "'512 images' are 510" in imagenet.description
    assert not set(imagenet.test) & set(imagenet.validation)
    assert np.array_equal(cifar.test, load_suite("cifar10-purification-l2").test)


@pytest.mark.parametrize("name", ["digits-linf", "mnist16-linf"])
def test_split_files_are_what_their_script_writes(name: str) -> None:
    script = script_of("make_splits")
    assert (ROOT / "suites" / f"{name}.splits.json").read_text(encoding="utf-8") == script.text(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_suite_asks_the_same_questions(name: str) -> None:
    suite = load_suite(name)
    assert [m.name for m in suite.metrics] == [
        "clean_accuracy",
        "pgd40_accuracy",
        "autoattack_accuracy",
        "apgd_ce_accuracy",
        "apgd_t_accuracy",
        "fab_t_accuracy",
        "square_accuracy",
    ]
    assert suite.ranking.metric == "autoattack_accuracy"
    attacks = suite.evaluations["autoattack"].params["attacks"]
    assert attacks == [
        {"name": "apgd-ce", "iterations": 100, "restarts": 1},
        {"name": "apgd-t", "iterations": 100, "targets": 9},
        {"name": "fab-t", "iterations": 100, "targets": 9},
        {"name": "square", "queries": 5000},
    ]
    probes = [m.probe for m in suite.metrics if m.evaluation == "autoattack" and m.probe]
    assert probes == [a["name"] for a in attacks]
    assert all(m.direction == "higher" and m.label for m in suite.metrics)


@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_suites_follow_cohen_et_al(name: str) -> None:
    suite = load_suite(name)
    table = certification(suite)
    assert (table.alpha, table.selection) == ("1/1000", 100)
    assert table.estimation == (10_000 if name == "mnist16-certified" else 100_000)
    assert suite.ranking_metric.statistic == "certified-radius"
    if name != "mnist16-certified":
        assert len(suite.test) == 500 and set(np.diff(suite.test)) == {20 if name == "cifar10-certified" else 100}
    sigmas = [e.params["sigma"] for e in suite.evaluations.values() if e.protocol == "certified"]
    assert (
        sigmas
        == {
            "cifar10-certified": ["3/25", "1/4", "1/2", "1"],
            "imagenet-certified": ["1/4", "1/2", "1"],
            "mnist16-certified": ["1/4", "1/2"],
        }[name]
    )


@pytest.mark.parametrize("name", EVERY)
def test_content_changes_only_with_the_version(name: str) -> None:
    recorded = json.loads((ROOT / "suites" / "digests.json").read_text(encoding="utf-8"))
    suite = load_suite(name)
    assert recorded[name][str(suite.version)] == suite.content_digest, (
        f"{name} changed: raise its version, then run tests/golden/make_suite_digests.py"
    )


@pytest.mark.parametrize("name", [*NAMES, "Suites that attack randomized methods"])
def test_the_readme_says_who_the_adversary_is_in_each_suite(name: str) -> None:
    assert f"## {name}" in (ROOT / "suites" / "README.md").read_text(encoding="utf-8")


def test_the_script_adds_versions_and_overwrites_nothing(tmp_path: Path) -> None:
    script = script_of("make_suite_digests")
    own = tmp_path / "own.toml"
    text = (Path(__file__).parent / "own.toml").read_text(encoding="utf-8").replace('"DIGEST"', f'"{"0" * 64}"')

    def suite(old: str, new: str) -> Suite:
        assert old in text
        own.write_text(text.replace(old, new), encoding="utf-8")
        return load_suite(own)

    old = suite("", "")
    digests = script.updated({"other": {"1": "x"}}, [old])
    assert digests == {"other": {"1": "x"}, "own": {"3": old.content_digest}}
    assert script.updated(digests, [old]) == digests
    changed = suite("My images", "Our images")
    with pytest.raises(SystemExit, match="own: its content changed since version 3: raise the version"):
        script.updated(digests, [changed])
    bumped = suite("version = 3", "version = 4")
    assert script.updated(digests, [bumped])["own"] == {"3": old.content_digest, "4": bumped.content_digest}
    script.write(tmp_path / "digests.json")
    assert sorted(json.loads((tmp_path / "digests.json").read_text())) == sorted(EVERY)
