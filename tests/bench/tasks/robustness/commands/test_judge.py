"""``trustdm judge``: images made elsewhere; what no adversary of the suite could have made is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import TINY

STEPPED, UNMASKED = (Path(__file__).parents[4] / "plugins" / name for name in ("stepped.py", "unmasked.py"))
METRIC = "ensemble_accuracy"
SUITE = ("--suite", TINY, "--plugin", STEPPED, "--method", "stepped")


@pytest.fixture
def images(trustdm: Any, attack: Any, db: Path, tmp_path: Path) -> Path:
    """What the attack that knows better left of sixteen examples."""
    assert attack().code == 0
    out = tmp_path / "images.npz"
    words = ("--method", "stepped", "--plugin", STEPPED, "--plugin", UNMASKED, "--evaluation", "+unmasked")
    assert trustdm("export-attacked", TINY, *words, "--out", out, "--db", db).code == 0
    return out


def test_images_that_were_exported_leave_the_same(
    trustdm: Any, images: Path, row: Any, measured: Path, db: Path, tmp_path: Path
) -> None:
    fallen = row()["metrics"][METRIC]["value"]
    said = trustdm("judge", images, *SUITE, "--by", "C. Judge", "--name", "mine", "--db", db)
    assert said.code == 0, said.err
    (mine,) = [further for further in row()["further"] if further["label"] == "mine"]
    assert mine["metrics"][METRIC]["value"] == fallen and mine["by"] == ["C. Judge"] and mine["counts"]
    assert "0 blocks measured" in trustdm("judge", images, *SUITE, "--by", "C. Judge", "--name", "mine", "--db", db).out
    assert trustdm("db", "check", "--db", db).out.endswith("no problems\n")


def test_images_of_some_examples_leave_the_others_as_they_are(trustdm: Any, images: Path, db: Path, row: Any) -> None:
    arrays = dict(np.load(images))
    part = images.with_name("part.npz")
    np.savez(part, x_adv=arrays["x_adv"][10:], examples=arrays["examples"][10:])
    said = trustdm("judge", part, *SUITE, "--db", db)
    assert said.code == 0 and "10 of the first 16 examples are not in it" in said.err
    part_row = next(further for further in row()["further"] if further["label"].startswith("given-"))
    assert part_row["n"] == 16 and part_row["by"] == []


def test_the_order_in_the_file_does_not_matter(trustdm: Any, images: Path, db: Path, row: Any) -> None:
    arrays = dict(np.load(images))
    turned = images.with_name("turned.npz")
    np.savez(turned, x_adv=arrays["x_adv"][::-1], examples=arrays["examples"][::-1])
    assert trustdm("judge", turned, *SUITE, "--name", "turned", "--db", db).code == 0
    values = {further["label"]: further["metrics"][METRIC]["value"] for further in row()["further"]}
    assert values["turned"] == values["unmasked"]


def far(x: Any) -> Any:
    x[3] = np.where(x[3] > 0.5, x[3] - 0.3, x[3] + 0.3)


def outside(x: Any) -> Any:
    x[2] -= 0.5


def lost(x: Any) -> Any:
    x[1, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (far, "expected images within linf 1/10 of the clean ones, got 1 of 16 beyond it"),
        (outside, "expected values in [0, 1], got 1 of 16 images outside of it, by up to 0.5"),
        (lost, "expected finite numbers, got NaN or infinity in 1 of 16 images"),
    ],
)
def test_images_that_nobody_may_make_are_refused(
    trustdm: Any, images: Path, db: Path, row: Any, change: Any, expected: str
) -> None:
    arrays, before = dict(np.load(images)), row()
    change(arrays["x_adv"])
    np.savez(images, x_adv=arrays["x_adv"], examples=arrays["examples"])
    said = trustdm("judge", images, *SUITE, "--db", db)
    assert said.code == 1 and said.err.count("\n") == 1 and expected in said.err, said.err
    assert row() == before


X, E = np.zeros((2, 1, 8, 8), np.float32), np.array([1200, 1201])


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"x_adv": X[:, :, :4], "examples": E}, "x_adv: expected the shape (2, 1, 8, 8), one image for each example"),
        ({"x_adv": X[:1], "examples": E}, "got (1, 1, 8, 8)"),
        ({"x_adv": X.astype(np.float64), "examples": E}, "x_adv: expected float32 in [0, 1], got float64"),
        ({"x_adv": X, "examples": E - 1000}, "expected examples that tiny tests, got 2 others, such as 200"),
        ({"x_adv": X, "examples": E[[0, 0]]}, "examples: expected each one once, got 1200 2 times"),
        ({"x_adv": X, "examples": E.astype(float)}, "examples: expected at least one index, whole numbers"),
        ({"x_adv": X[:0], "examples": E[:0]}, "examples: expected at least one index"),
        ({"x_adv": X}, "expected an array examples, got x_adv"),
    ],
)
def test_other_arrays_are_refused(trustdm: Any, tmp_path: Path, arrays: Any, expected: str) -> None:
    file = tmp_path / "images.npz"
    np.savez(file, **arrays)
    said = trustdm("judge", file, *SUITE, "--db", tmp_path / "a.db")
    assert said.code == 1 and said.err.count("\n") == 1 and expected in said.err, said.err


def test_what_is_no_file_of_images_is_refused(trustdm: Any, tmp_path: Path) -> None:
    file = tmp_path / "images.npz"
    for content in (None, b"", b"PK nothing"):
        if content is not None:
            file.write_bytes(content)
        said = trustdm("judge", file, *SUITE)
        assert said.code == 1 and said.err.count("\n") == 1 and "expected an npz file" in said.err
    np.savez(file, x_adv=X, examples=E)
    said = trustdm("judge", file, "--suite", TINY)
    assert said.code == 1 and "--method: expected a method that the images are shown to" in said.err
