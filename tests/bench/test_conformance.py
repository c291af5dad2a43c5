"""Every registered plugin passes every check; the mutants are in tests/bench/checks."""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.attacks.pgd import Pgd
from trustdm.bench.checks.cases import ROWS, AttackCase
from trustdm.bench.conformance import (
    KINDS,
    CheckResult,
    check_attack,
    check_dataset,
    check_method,
    checks_of,
    groups_of,
    run_checks,
)
from trustdm.bench.contracts import AttackCard, DatasetCard, MethodCard, method
from trustdm.bench.errors import ContractError, DataError, UsageError, WeightsError
from trustdm.bench.plugins import import_file, load
from trustdm.bench.registry import Entry, Registry, attach

PACKAGES = {"method": "methods", "attack": "attacks", "dataset": "datasets"}

# Attacks whose default strength is too slow for a check; the code that runs is the same.
QUICK: dict[str, dict[str, Any]] = {
    "square": {"queries": 200},
    "apgd-ce": {"iterations": 30},
    "apgd-t": {"iterations": 10},
    "fab-t": {"iterations": 10},
}

# Purifiers of few steps; what they are made of is checked by itself.
PURIFIED: dict[str, dict[str, Any]] = {
    "diffpure": {"denoiser": "digits-edm", "t": 0.09, "steps": 3},
    "gdmp": {"denoiser": "digits-edm", "t": 0.05, "steps": 3, "repeats": 2},
    "purify": {
        "purifier": "diffpure",
        "classifier": "digits-standard",
        "denoiser": "digits-edm",
        "t": 0.09,
        "steps": 3,
    },
}

# (kind, plugin, check) -> why it may fail; a listed failure that passes is an error.
KNOWN_FAILURES: dict[tuple[str, str, str], str] = {
    ("method", "diffusers", "check_denoised_much"): "the tiny pipeline has random weights, which take no noise away",
}


def registered() -> Registry:
    registry = Registry()
    for name in PACKAGES.values():
        package = importlib.import_module(f"trustdm.bench.{name}")
        for found in pkgutil.iter_modules(package.__path__):
            registry.add_module(importlib.import_module(f"{package.__name__}.{found.name}"))
    return registry


REGISTRY = registered()
ENTRIES = [entry for kind in PACKAGES for entry in REGISTRY.entries(kind)]


def options(entry: Entry, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the plugin is called with; a user's own data sets get a small one here."""
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
    if entry.name == "npz":
        np.savez(folder / "own.npz", images=images, labels=np.arange(12) % 3)
        digest = hashlib.sha256((folder / "own.npz").read_bytes()).hexdigest()
        return {"path": str(folder / "own.npz"), "sha256": digest, "shape": (1, 8, 8), "classes": 3}
    if entry.name == "image-folder":
        for i, image in enumerate(images):
            place = folder / f"class{i % 3}" / f"{i}.png"
            place.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(place)
        return {"path": str(folder), "shape": (1, 8, 8), "classes": 3}
    if entry.name == "diffusers":
        pytest.importorskip("diffusers")
        tiny = importlib.import_module("tiny_pipelines")
        return {"path": str(tiny.saved(tiny.ddpm(), folder / "pipeline"))}
    if entry.name == "denoised-smoothing":
        return {"classifier": "mnist16-standard", "denoiser": "none"}
    if entry.name == "given-images":
        case = AttackCase(Pgd(steps=5, step_size="1/50"), Pgd.__trustdm_entry__[0].card)
        np.savez(folder / "given.npz", x_adv=case.results["linf"].numpy(), examples=np.arange(ROWS))
        monkeypatch.setenv("TRUSTDM_IMAGES", str(folder / "given.npz"))
        return {"sha256": hashlib.sha256((folder / "given.npz").read_bytes()).hexdigest()}
    return PURIFIED.get(entry.name) or QUICK.get(entry.name, {})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.kind}-{e.name}")
def test_every_registered_plugin_passes_every_check(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        results = run_checks(entry.kind, entry.load(), params=options(entry, tmp_path, monkeypatch))
    except DataError as error:
        pytest.skip(f"the data set is not on this machine: {error}")
    known = {check for kind, name, check in KNOWN_FAILURES if (kind, name) == (entry.kind, entry.name)}
    assert {str(r) for r in results if not r.ok and r.name not in known} == set()
    assert {r.name for r in results if not r.ok} == known, "a known failure passes now: take it off the table"
    groups = groups_of(entry.kind, entry.card)
    names = [check.__name__ for group in groups for check in checks_of(group)]
    assert [r.name for r in results] == list(dict.fromkeys(names))


def test_there_is_something_of_every_kind() -> None:
    names = {kind: set(REGISTRY.names(kind)) for kind in PACKAGES}
    assert names["method"] >= {
        "digits-standard",
        "digits-pgd-at",
        "mnist16-standard",
        "mnist16-pgd-at",
        "cifar10-resnet18",
        "digits-edm",
        "mnist16-edm",
        "mnist16-ddpm",
        "diffusers",
    }
    assert names["attack"] >= {"pgd", "apgd-ce", "apgd-t", "fab-t", "square"}
    assert names["dataset"] >= {"digits", "mnist16", "cifar10", "npz", "image-folder"}


def test_known_failures_have_reasons_and_exist() -> None:
    for (kind, name, check), reason in KNOWN_FAILURES.items():
        assert name in REGISTRY.names(kind)
        assert check in {c.__name__ for g in groups_of(kind, REGISTRY.get(kind, name).card) for c in checks_of(g)}
        assert len(reason) >= 20 and "fixme" not in reason.lower()


def capabilities() -> dict[str, str]:
    """Where the checks of each capability are."""
    return {entry.name: entry.load().checks for entry in load(installed=False).registry.entries("capability")}


def test_a_check_name_means_one_check_of_a_kind() -> None:
    for groups in (tuple(capabilities().values()), *((group,) for group in KINDS.values())):
        checks = {check for group in groups for check in checks_of(group)}
        names = [check.__name__ for check in checks]
        assert len(set(names)) == len(names)
        assert all(name.startswith("check_") for name in names)


def test_every_capability_is_checked() -> None:
    assert set(capabilities()) >= {"classify", "classify_noisy", "denoise", "purify", "sample"}
    assert all(checks_of(group) for group in capabilities().values())


def test_checks_that_look_at_nothing_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustdm.bench.conformance.loaded", lambda group: ())
    with pytest.raises(UsageError, match="conformance: here:NONE: expected at least one check, got none"):
        checks_of("here:NONE")


# --- the face for outside authors

CARD = MethodCard(name="toy", input_shape=(1, 4, 4), classes=3)


def flat(x: Any) -> Any:
    return x.flatten(1)[:, :3] * 5


@method(CARD)
def sound() -> Any:
    return flat


@method(CARD)
def unsound(offset: float = 1.0) -> Any:
    return lambda x: (flat(x).softmax(1) + offset) - offset + 0 * x.mean()


def test_a_sound_method_is_silent_and_a_mutant_names_every_failure_in_one_line() -> None:
    check_method(sound)
    check_method(lambda: flat, CARD)
    with pytest.raises(ContractError, match=r"^check_not_probabilities: expected logits") as caught:
        check_method(unsound, offset=0.0)
    assert "\n" not in str(caught.value)


def test_parameters_reach_the_plugin() -> None:
    with pytest.raises(ContractError, match=r"toy: loading raised TypeError: .*'strength'"):
        check_method(unsound, strength=3)


def test_each_capability_on_the_card_is_checked() -> None:
    both = CARD.model_copy(update={"capabilities": ("classify", "sample")})

    class Both:
        classify = staticmethod(flat)

        def sample(self, seeds: Any, labels: Any, steps: int) -> Any:
            raise ValueError("steps: none will do")

    results = run_checks("method", Both, both)
    assert [r.name for r in results if not r.ok] == ["check_images"]
    where = capabilities()
    assert groups_of("method", both) == (where["classify"], where["sample"])
    assert groups_of("attack", AttackCard(name="a")) == (KINDS["attack"],)
    assert len(results) == len(checks_of(where["classify"])) + 1


def test_a_capability_that_nobody_knows_or_whose_card_is_wrong_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown capability 'clasify'; did you mean 'classify'"):
        check_method(sound, CARD.model_copy(update={"capabilities": ("clasify",)}))
    with pytest.raises(UsageError, match="toy: classes: expected at least 2 for a classifier, got 1"):
        check_method(sound, CARD.model_copy(update={"classes": 1}))


def test_the_card_of_a_method_that_depends_on_parameters_is_asked_for() -> None:
    @attach("method", CARD, lambda classes: (CARD.model_copy(update={"classes": classes}), {}))
    def load(classes: int) -> Any:
        return lambda x: x.flatten(1)[:, :classes] * 5

    check_method(load, classes=4)
    with pytest.raises(ContractError, match=r"check_logits: expected logits of shape \(1, 20\), got \(1, 16\)"):
        check_method(load, classes=20)


def test_where_the_first_check_fails_the_rest_is_not_run() -> None:
    results = run_checks("method", lambda: lambda x: x, CARD)
    assert [(r.name, r.ok) for r in results] == [("check_logits", False)]


def test_attacks_and_data_sets_have_the_same_face() -> None:
    class Lazy:
        def perturb(self, target: Any, x: Any, y: Any, budget: Any, noise: Any) -> Any:
            return x * float("nan")

    class Broken:
        def __len__(self) -> int:
            return 3

        def read(self, index: Any) -> Any:
            return np.zeros((3, 1, 4, 4)), np.zeros(3, dtype=np.int64)

    with pytest.raises(ContractError, match="check_candidates: linf: expected finite images"):
        check_attack(Lazy, AttackCard(name="lazy"))
    with pytest.raises(ContractError, match="check_arrays: expected float32 images, got float64"):
        check_dataset(Broken, DatasetCard(name="broken", shape=(1, 4, 4), classes=3))


def test_wrong_use_is_one_line() -> None:
    with pytest.raises(UsageError, match="kind: expected one of method, attack, dataset, weight_attack, got 'metric'"):
        run_checks("metric", sound)
    with pytest.raises(UsageError, match=r"expected something marked with @attack\(CARD\)"):
        check_attack(sound)
    with pytest.raises(UsageError, match="expected a card for attack, got MethodCard"):
        run_checks("attack", sound, CARD)


def test_what_a_user_must_put_right_is_passed_on() -> None:
    def missing() -> Any:
        raise WeightsError("weights file 'x': not found")

    with pytest.raises(WeightsError, match="not found"):
        check_method(missing, CARD)


def test_a_result_prints_as_one_line() -> None:
    assert str(CheckResult("check_x", True)) == "check_x: passed"
    assert str(CheckResult("check_x", True, "gradient is none")) == "check_x: passed (gradient is none)"
    assert str(CheckResult("check_x", False, "why")) == "check_x: FAILED (why)"


# --- docs/submitting.md

DOCS = Path(__file__).resolve().parents[2] / "docs" / "submitting.md"
BLOCK = re.compile(r"^```(python|bash) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_blocks_of_the_documentation_work_in_order(tmp_path: Path) -> None:
    blocks = BLOCK.findall(DOCS.read_text(encoding="utf-8"))
    files = [how for _, how, _ in blocks if how != "run"]
    assert files == ["file=my_defence.py", "file=my_purifier.py", "file=test_my_defence.py", "file=my_generator.py"]
    assert [language for language, how, _ in blocks if how == "run"] == ["python", "python", "bash", "python", "python"]
    for language, how, text in blocks:
        if language == "bash":
            for line in text.splitlines():
                python(tmp_path, "-m", "trustdm.bench.cli.main", *line.removeprefix("trustdm ").split())
        elif how == "run":
            python(tmp_path, "-c", text)
        else:
            (tmp_path / how.removeprefix("file=")).write_text(text, encoding="utf-8")
    python(tmp_path, "-c", "from test_my_defence import test_my_defence; test_my_defence()")
    python(tmp_path, "-c", "import my_purifier, trustdm.bench.conformance as c; c.check_method(my_purifier.MyPurifier)")


def python(folder: Path, *arguments: str) -> None:
    search = os.pathsep.join([str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_check_is_documented_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `(check_\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    every = [*capabilities().values(), *KINDS.values()]
    assert named == {check.__name__ for group in every for check in checks_of(group)}


def test_the_template_of_the_tests_keeps_the_contract_of_a_generator() -> None:
    check_method(import_file(Path(__file__).resolve().parents[1] / "plugins" / "templates.py").load_generator)
