"""Generation suites from end to end: seeds in, features and distances out, whatever the batches and the jobs."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import sqrtm

from trustdm.bench import api
from trustdm.bench.errors import SuiteError, UsageError
from trustdm.bench.features.reference import read_reference
from trustdm.bench.runner.run import Report
from trustdm.bench.store import runfiles
from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.bench.plugins import load_suite
from trustdm.bench.summary.rows import Row, rows
from trustdm.bench.tasks.generation.metrics import floor_of
from trustdm.bench.types import Status

GENERATOR = """
import torch
from trustdm import MethodCard, method
from trustdm.bench.rng import Noise


@method(MethodCard(name="{name}", capabilities=("sample",), input_shape=(1, 8, 8), classes={classes}))
class Toy(torch.nn.Module):
    def __init__(self, *, blur: float = 0.0):
        super().__init__()
        self.blur = blur
        self.net = torch.nn.Conv2d(1, 1, 3, padding=1)
        torch.nn.init.constant_(self.net.weight, 1 / 9)
        torch.nn.init.zeros_(self.net.bias)

    def sample(self, seeds, labels, steps):
        x = torch.from_numpy(Noise("sample", seeds).uniform("initial", (1, 8, 8)))
        for _ in range(steps):
            x = (self.net(x) + x).clamp(0, 1) / 2
        {last}
"""


def generator(folder: Path, name: str = "toy", last: str = "return x", classes: int = 10) -> Path:
    path = folder / f"{name}.py"
    path.write_text(GENERATOR.format(name=name, last=last, classes=classes), encoding="utf-8")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The smoke test over 96 seeds in sets of 48, at two and three steps."""
    folder = Path(str(files("trustdm.suites")))
    for name in ("digits-generation.reference.npz", "digits-linf.splits.json"):
        shutil.copy(folder / name, tmp_path / name)
    text = (folder / "digits-generation.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition("[evaluations.steps-5]")
    for old, new in {"set = 500": "set = 48", "full = 500": "full = 96", "block = 250": "block = 32"}.items():
        head = head.replace(old, new)
    head = head.replace("first_block = 32", "first_block = 16")
    evaluations = "".join(f'[evaluations.steps-{s}]\nprotocol = "generation"\nsteps = {s}\n\n' for s in (2, 3))
    shown = "".join(
        f'[[metrics]]\nname = "{s}_{n}"\nevaluation = "steps-{n}"\nstatistic = "{s}"\ndirection = "lower"\n\n'
        for s in ("frechet", "evaluations", "kid", "precision", "recall")
        for n in (2, 3)
    )
    path = tmp_path / "small.toml"
    path.write_text(f'{head}{evaluations}{shown}[ranking]\nmetric = "frechet_3"\n', encoding="utf-8")
    return path


def measure(suite: Path, db: str, *names: str, **how: Any) -> Report:
    plugins = how.pop("plugins", None) or (generator(suite.parent),)
    request = api.Request(suites=(suite,), methods=names or ("toy",), plugins=tuple(plugins), **how)
    with Store.open(str(suite.parent / db)) as store:
        return api.execute(request, api.prepare(request), store)


def board(suite: Path, db: str) -> list[Row]:
    with Store.open(str(suite.parent / db), read_only=True) as store:
        loaded = load_suite(suite)
        return rows(loaded, store.results(loaded.name))


def arrays(suite: Path, db: str, name: str) -> dict[tuple[str, str], np.ndarray]:
    with Store.open(str(suite.parent / db), read_only=True) as store:
        found = {(c.identity.method, c.identity.evaluation): store.arrays(c.id, name) for c in store.cells()}
    return {key: value for key, value in found.items() if value is not None}


def test_a_row_holds_the_distances_of_its_features(suite: Path) -> None:
    assert measure(suite, "a.db").exit_code == 0
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.n, row.rank_low) == ("full", 96, 1)
    features = arrays(suite, "a.db", "features")["toy", "steps-3"].astype(np.float64)
    reference = read_reference(suite.parent / "digits-generation.reference.npz").moments
    naive = []
    for part in (features[:48], features[48:]):
        covariance = np.cov(part, rowvar=False)
        root = sqrtm(covariance @ reference.covariance).real
        gap = part.mean(0) - reference.mean
        naive.append(gap @ gap + np.trace(covariance + reference.covariance - 2 * root))
    found = row.metrics["frechet_3"]
    assert found.value == pytest.approx(np.mean(naive), rel=1e-5)
    assert found.low < found.value < found.high and found.n == 96
    assert found.detail == f"2 sets of 48: sd {np.std(naive, ddof=1):.3g}, least {min(naive):.4g}"
    assert (row.metrics["evaluations_2"].value, row.metrics["evaluations_3"].value) == (2, 3)
    assert 0 <= row.metrics["precision_3"].low <= row.metrics["precision_3"].high <= 1
    assert row.metrics["kid_3"].value > 0
    assert row.cost.forwards == 96 * 5 and row.flags == ()


def test_labels_seeds_and_evaluations_are_on_record(suite: Path) -> None:
    measure(suite, "a.db")
    with Store.open(str(suite.parent / "a.db")) as store:
        records = store.records(store.cells()[0].id)
        assert store.check() == []
    assert records.example.tolist() == list(range(96))
    assert records.label.tolist() == [i % 10 for i in range(96)]
    assert set(records.status.tolist()) == {Status.MADE} and set(records.value.tolist()) == {2.0}
    assert arrays(suite, "a.db", "samples") == {}  # the first 64 only: not every block has them


def test_jobs_limits_and_batches_make_the_same_images(suite: Path) -> None:
    measure(suite, "one.db", jobs=1)
    measure(suite, "two.db", jobs=2)
    measure(suite, "parts.db", limit=20)
    measure(suite, "parts.db")
    one = arrays(suite, "one.db", "features")
    for other in ("two.db", "parts.db"):
        for key, features in arrays(suite, other, "features").items():
            np.testing.assert_array_equal(features, one[key])
    for batch_size in (1, 7):
        measure(suite, f"b{batch_size}.db", batch_size=batch_size)
        for key, features in arrays(suite, f"b{batch_size}.db", "features").items():
            np.testing.assert_allclose(features, one[key], atol=0.02)


def test_part_of_the_seeds_is_a_preview_of_its_own(suite: Path) -> None:
    measure(suite, "a.db", limit=16)
    (row,) = board(suite, "a.db")
    assert (row.completeness, row.rank_group, row.metrics["frechet_3"].n) == ("preview", "preview n=16", 16)


def test_too_few_images_for_a_metric_is_one_line_and_no_number(suite: Path) -> None:
    edited(suite, "first_block = 16", "first_block = 2")
    measure(suite, "a.db", limit=2)
    (row,) = board(suite, "a.db")
    assert set(row.metrics) == {"frechet_2", "frechet_3", "evaluations_2", "evaluations_3"}
    expected = "precision_3: precision and recall: expected at least 4 feature vectors, got 2; sample more images"
    assert expected in row.errors and all("\n" not in e for e in row.errors)
    assert any(e.startswith("kid_3: KID: expected at least two blocks") for e in row.errors)


def test_equal_generators_share_a_rank_and_a_worse_one_does_not(suite: Path) -> None:
    plugins = [generator(suite.parent, "toy"), generator(suite.parent, "twin", "return x")]
    plugins.append(generator(suite.parent, "black", "return x * 0.02"))
    measure(suite, "a.db", "toy", "twin", "black", plugins=plugins)
    ranks = {row.method: (row.rank_low, row.rank_high) for row in board(suite, "a.db")}
    assert ranks == {"toy": ranks["twin"], "twin": ranks["twin"], "black": (3, 3)}
    assert ranks["twin"] == (1, 2)
    assert {row.rank_test for row in board(suite, "a.db")} == {"z-test of distances, Holm over 3 pairs, level 0.05"}


def test_a_generator_without_classes_is_given_no_labels(suite: Path) -> None:
    path = generator(suite.parent, "free", "return x if labels is None else None", classes=0)
    measure(suite, "a.db", "free", plugins=[path])
    with Store.open(str(suite.parent / "a.db")) as store:
        assert set(store.records(store.cells()[0].id).label.tolist()) == {-1}
    assert "frechet_3" in board(suite, "a.db")[0].metrics


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("return x[:0]", "expected 16 images, shape (16, 1, 8, 8), got shape (0, 1, 8, 8)"),
        ("return x[1:]", "expected 16 images"),
        ("return x[..., :4]", "expected 16 images"),
        ("return x * float('nan')", "expected finite pixels, got NaN or infinity in 16 of 16 images"),
        ("return x * 3", "expected pixels in [0, 1], got"),
    ],
)
def test_a_bad_batch_of_images_is_a_failure_of_the_method(suite: Path, last: str, message: str) -> None:
    report = measure(suite, "a.db", plugins=[generator(suite.parent, "toy", last)], limit=16)
    assert report.failed == 2 and message in report.lines[0] and "\n" not in report.lines[0]
    (row,) = board(suite, "a.db")
    assert "failures" in row.flags and row.metrics == {} and row.rank_low is None


def edited(suite: Path, old: str, new: str) -> Path:
    text = suite.read_text(encoding="utf-8")
    assert old in text
    suite.write_text(text.replace(old, new), encoding="utf-8")
    return suite


def test_another_extractor_or_reference_is_refused(suite: Path) -> None:
    facts = load_suite(suite).generation
    assert facts is not None
    (report,) = measure(edited(suite, str(facts.extractor_sha256), "e" * 64), "a.db").lines
    assert "extractor digits-features: expected weights with SHA-256 eeee" in report
    edited(suite, "e" * 64, str(facts.extractor_sha256))
    (report,) = measure(edited(suite, str(facts.reference_sha256), "f" * 64), "b.db").lines
    assert "expected the reference of digits-generation with SHA-256 ffff" in report and "trustdm reference" in report
    edited(suite, "f" * 64, str(facts.reference_sha256))
    (suite.parent / "digits-generation.reference.npz").unlink()
    (report,) = measure(suite, "c.db").lines
    assert "expected the reference 'digits-generation.reference.npz', got no such file" in report


def test_a_reference_that_is_not_pinned_is_part_of_the_identity(suite: Path) -> None:
    loaded = load_suite(suite)
    assert loaded.generation is not None and loaded.generation.reference_sha256 is not None
    pinned = loaded.generation.reference_sha256
    edited(suite, f'reference_sha256 = "{pinned}"\n', "")
    measure(suite, "a.db")
    with Store.open(str(suite.parent / "a.db")) as store:
        assert {c.identity.data_digest for c in store.cells()} == {pinned}
    (row,) = board(suite, "a.db")
    assert row.rank_group == f"full reference={pinned[:8]}" and "frechet_3" in row.metrics
    path = suite.parent / "digits-generation.reference.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    (row,) = board(suite, "a.db")
    assert set(row.metrics) == {"evaluations_2", "evaluations_3"}


def test_an_export_brings_the_features_along(suite: Path) -> None:
    measure(suite, "a.db")
    with Store.open(str(suite.parent / "a.db")) as store:
        paths = runfiles.export(store, suite.parent / "out")
    with Store.open(str(suite.parent / "new" / "b.db")) as store:
        assert sum(runfiles.import_file(store, p) for p in paths) == 8
    shutil.copytree(suite.parent / "new", suite.parent, dirs_exist_ok=True)
    assert board(suite, "b.db")[0].metrics == board(suite, "a.db")[0].metrics


def test_the_floor_is_that_of_held_out_images() -> None:
    suite = load_suite("digits-generation")
    reference = read_reference(suite.reference_file())
    assert reference.held_out is not None
    small, large = floor_of(suite, 200), floor_of(suite, len(reference.held_out))
    assert small is not None and large is not None and small.value > large.value > 0
    assert floor_of(suite, len(reference.held_out) + 1) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('statistic = "kid"', 'statistic = "accuracy"', "expected one of frechet, kid, precision, recall, evaluations"),
        ("set = 48", "set = 50", "size.full: expected a multiple of generation.set, 50, got 96"),
        ("set = 48", "set = 1", "generation.set: expected greater than or equal to 2, got 1"),
        ("[generation]", '[adversary]\nnorm = "linf"\neps = "1/9"\nknows = "k"\nwins = "w"\n\n[generation]', "one of"),
        ('labels = "balanced"', 'labels = "fair"', "generation.labels: expected 'balanced', 'random' or 'none'"),
        ("steps = 3", "steps = 0", "steps: expected a whole number of at least 1, got 0"),
        ("steps = 3", 'steps = "3"', "steps: expected a whole number of at least 1, got '3'"),
        ('extractor = "digits-features"', 'extractor = "digit-features"', "unknown extractor 'digit-features'"),
    ],
)
def test_a_mistake_in_a_suite_is_one_line(suite: Path, old: str, new: str, message: str) -> None:
    edited(suite, old, new)
    with pytest.raises(SuiteError) as caught:
        measure(suite, "a.db")
    assert message in str(caught.value) and str(suite) in str(caught.value)


def test_classifiers_and_generators_keep_to_their_suites(suite: Path) -> None:
    with pytest.raises(UsageError, match="digits-standard: expected a method that can sample, for digits-generation"):
        measure(suite, "a.db", "digits-standard")
    plugin = generator(suite.parent)
    with pytest.raises(UsageError, match="toy: expected a method that can classify, for digits-linf"):
        api.prepare(api.Request(suites=("digits-linf",), methods=("toy",), plugins=(plugin,)))


def test_a_generator_of_this_process(suite: Path) -> None:
    import torch

    from trustdm.bench.rng import Noise

    def draw(seeds: list[int], labels: Any, steps: int) -> torch.Tensor:
        return torch.from_numpy(Noise("sample", seeds).uniform("initial", (1, 8, 8)))

    model = api.wrap(draw, capabilities=("sample",))
    result = api.evaluate(model, suite, limit=16, name="draws", db=str(suite.parent / "a.db"))
    assert result.row.method == "draws" and result.row.metrics["frechet_3"].n == 16
    with pytest.raises(UsageError, match=r'wrap\(model, capabilities=\("sample",\)\) says that it can'):
        api.evaluate(draw, suite, db=str(suite.parent / "a.db"))


def test_the_shipped_suites_can_be_read() -> None:
    for name in ("mnist16-generation", "digits-generation"):
        suite: Suite = load_suite(name)
        assert suite.adversary is None and suite.generation is not None and suite.capability == "sample"
        reference = read_reference(suite.reference_file(), suite.generation.reference_sha256)
        assert reference.features is not None and len(reference.features) == len(suite.train)
        assert reference.extractor == suite.generation.extractor
        assert reference.extractor_hash == suite.generation.extractor_sha256
