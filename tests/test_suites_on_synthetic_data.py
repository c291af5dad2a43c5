"""Every shipped suite runs once, through the whole runner, on synthetic data of its shape."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from trustdm.bench import api
from trustdm.bench.contracts import DatasetCard, ExtractorCard, extractor
from trustdm.bench.features.reference import build_reference, write_reference
from trustdm.bench.plugins import Catalogue, load, load_suite
from trustdm.bench.registry import Entry, Registry
from trustdm.bench.rng import Noise
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite, shipped
from trustdm.bench.summary.row import Row
from trustdm.bench.summary.rows import rows
from trustdm.bench.tasks.generation.task import generation


class Synthetic:
    """Smooth random images of a suite's shape; claims to be the suite's data."""

    def __init__(self, suite: Suite):
        self._suite = suite

    def __len__(self) -> int:
        splits = (self._suite.train, self._suite.validation, self._suite.test)
        return int(max(split.max(initial=0) for split in splits)) + 1

    def digest(self) -> str:
        return self._suite.data.digest or "d" * 64

    def read(self, index: Any) -> tuple[Any, Any]:
        images = np.stack([np.random.default_rng(int(i)).random(self._suite.data.shape) for i in index])
        return images.astype(np.float32), np.asarray(index, dtype=np.int64) % self._suite.data.classes


def catalogue(suite: Suite) -> Catalogue:
    """The built-in plugins with the suite's data set replaced, and a small linear method that fits."""
    made = Catalogue(Registry())
    for kind in ("attack", "protocol", "capability", "task"):
        for entry in load().registry.entries(kind):
            made.registry.add(entry)

    class Replaced(Entry):
        def load(self) -> Any:
            return lambda **options: Synthetic(suite)

    card = DatasetCard(name=suite.data.dataset, shape=suite.data.shape, classes=suite.data.classes)
    made.registry.add(Replaced("dataset", card, "tests:synthetic"))
    return made


def measured(
    suite: str | Path, model: api.Wrapped, path: Path, limit: int, extra: Any = None, every: bool = True
) -> Row:
    """The row of ``model`` after a run; ``extra`` is a module whose plugins are registered as well.

    Not ``every`` metric has a value where an evaluation is optional, or an attack cannot be mounted on the model.
    """
    loaded = load_suite(suite)
    made = catalogue(loaded)
    if extra is not None:
        made.registry.add_module(extra)
    spec = api.register_live(model, loaded, made, "")
    request = api.Request(suites=(suite,), limit=limit)
    with Store.open(str(path)) as store:
        report = api.execute(request, api.prepare(request, [spec], made), store)
        (row,) = rows(loaded, store.results(loaded.name))
    assert report.exit_code == 0 and report.lines == []
    names = {m.name for m in loaded.metrics}
    assert set(row.metrics) == names if every else loaded.ranking.metric in row.metrics and set(row.metrics) <= names
    return row


def of_task(name: str) -> list[str]:
    """The shipped suites of a task."""
    return [suite for suite in shipped() if load_suite(suite).task.name == name]


PURIFICATION = [name for name in of_task("robustness") if "purification" in name]
SHORTER = {"^steps = .*": "steps = 2", "^eot = .*": "eot = 2", "^queries = .*": "queries = 4"}


def linear(suite: Suite) -> torch.nn.Module:
    size = int(np.prod(suite.data.shape))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, suite.data.classes))


def smaller(suite: Suite, folder: Path, changes: dict[str, str]) -> Path:
    """The suite file with other numbers, beside copies of the files that it needs."""
    text = suite.source.read_text(encoding="utf-8")
    for old, new in changes.items():
        text, count = re.subn(old, new, text, flags=re.MULTILINE)
        assert count, old
    for split in suite.source.parent.glob("*.splits.json"):
        (folder / split.name).write_bytes(split.read_bytes())
    path = folder / f"{suite.name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", of_task("robustness"))
def test_a_suite_of_attacks_runs_on_data_of_its_shape(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    adaptive = name in PURIFICATION
    path = smaller(suite, tmp_path, SHORTER) if adaptive else name
    row = measured(path, api.wrap(linear(suite), name="linear"), tmp_path / "a.db", 8, every=not adaptive)
    assert row.n == 8


class Noisy(torch.nn.Module):
    """A classifier of noisy images, which draws from torch's generator."""

    def __init__(self, classifier: torch.nn.Module):
        super().__init__()
        self.classifier = classifier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(x + 0.1 * torch.randn_like(x))


def test_a_randomized_method_is_ranked_by_a_suite_of_purification(tmp_path: Path) -> None:
    suite = load_suite("cifar10-purification-linf")
    path = smaller(suite, tmp_path, SHORTER)
    method = api.wrap(Noisy(linear(suite)), name="noisy", randomness="block-seeded")
    row = measured(path, method, tmp_path / "a.db", 8, every=False)
    assert row.n == 8 and "no-eot" not in row.flags and row.caveat == ""
    for name in ("clean", "robust"):
        worst, majority = row.metrics[f"{name}_worst"].value, row.metrics[f"{name}_majority"].value
        assert worst <= row.metrics[f"{name}_accuracy"].value and worst <= majority
    each = [row.metrics[f"{name}_accuracy"].value for name in ("pgd_eot", "apgd_eot", "low_frequency", "square_eot")]
    assert row.metrics["robust_accuracy"].value == min(each)


@pytest.mark.parametrize("name", of_task("certification"))
def test_a_certified_suite_runs_on_data_of_its_shape(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    changes = {
        "^estimation = .*": "estimation = 200",
        "^chunk = .*": "chunk = 100",
        "^first_block = .*": "first_block = 3",
    }
    path = smaller(suite, tmp_path, {**changes, "^block = .*": "block = 6"})
    network = linear(suite)
    model = api.wrap(lambda x, sigma: network(x), name="linear", capabilities=("classify_noisy",))
    row = measured(path, model, tmp_path / "a.db", 1)
    assert row.n == 1 and row.planned == suite.size.full


@pytest.mark.parametrize("name", of_task("generation"))
def test_a_generation_suite_runs_on_data_of_its_shape(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    table = generation(suite)
    numbers = {"set": 12, "full": 24, "first_block": 12, "block": 12}
    changes = {f"^{key} = .*": f"{key} = {value}" for key, value in numbers.items()}
    changes |= {"^extractor_sha256 = .*": "", "^reference = .*": 'reference = "made.npz"', "^demo = .*": "demo = 0"}
    text = suite.source.read_text(encoding="utf-8")
    changes = {old: new for old, new in changes.items() if re.search(old, text, re.MULTILINE)}
    if table.reference_sha256:
        changes["^reference_sha256 = .*"] = ""
    path = smaller(suite, tmp_path, changes)
    card = ExtractorCard(name=table.extractor, dimension=3)

    class Means:
        """Three numbers of an image."""

        def features(self, images: torch.Tensor) -> torch.Tensor:
            x = images.float().flatten(1) / 255
            return torch.stack([x.mean(1), x.std(1), x[:, 0]], dim=1)

    module = ModuleType("tests_means")
    Means.__module__, Means.__qualname__ = module.__name__, "Means"
    module.Means = extractor(card)(Means)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    real = np.random.default_rng(0).random((40, *suite.data.shape)).astype(np.float32)
    write_reference(build_reference(Means(), card, real), tmp_path / "made.npz")

    def sample(seeds: list[int], labels: Any, steps: int) -> torch.Tensor:
        return torch.from_numpy(Noise("sample", seeds).uniform("initial", suite.data.shape))

    model = api.wrap(sample, name="uniform", capabilities=("sample",))
    row = measured(path, model, tmp_path / "a.db", 24, module)
    assert (row.n, row.completeness) == (24, "full")


def test_every_suite_is_run() -> None:
    tasks = {load_suite(name).task.name for name in shipped()}
    assert sorted(name for task in tasks for name in of_task(task)) == shipped()
    assert tasks == {"robustness", "certification", "generation"}
