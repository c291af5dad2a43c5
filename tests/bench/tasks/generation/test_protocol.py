"""Generation suites from end to end: seeds in, features out, whatever the batches and the jobs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toygenerator import arrays, board, edited, generator, measure

from trustdm.bench import api
from trustdm.bench.errors import UsageError
from trustdm.bench.plugins import load_suite
from trustdm.bench.store import runfiles, runimport
from trustdm.bench.store.store import Store
from trustdm.bench.tasks.generation.task import generation
from trustdm.bench.types import Status


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


def test_another_extractor_or_reference_is_refused(suite: Path) -> None:
    facts = generation(load_suite(suite))
    (report,) = measure(edited(suite, str(facts.extractor_sha256), "e" * 64), "a.db").lines
    assert "extractor digits-features: expected weights with SHA-256 eeee" in report
    edited(suite, "e" * 64, str(facts.extractor_sha256))
    (report,) = measure(edited(suite, str(facts.reference_sha256), "f" * 64), "b.db").lines
    assert "expected the reference of digits-generation with SHA-256 ffff" in report and "trustdm reference" in report
    edited(suite, "f" * 64, str(facts.reference_sha256))
    (suite.parent / "digits-generation.reference.npz").unlink()
    (report,) = measure(suite, "c.db").lines
    assert "expected the reference 'digits-generation.reference.npz', got no such file" in report


def test_an_export_brings_the_features_along(suite: Path) -> None:
    measure(suite, "a.db")
    with Store.open(str(suite.parent / "a.db")) as store:
        paths = runfiles.export(store, suite.parent / "out")
    with Store.open(str(suite.parent / "new" / "b.db")) as store:
        assert sum(runimport.import_file(store, p) for p in paths) == 8
    shutil.copytree(suite.parent / "new", suite.parent, dirs_exist_ok=True)
    assert board(suite, "b.db")[0].metrics == board(suite, "a.db")[0].metrics


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
