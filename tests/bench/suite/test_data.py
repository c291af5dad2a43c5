"""The data set of a suite: opened, given what it takes, checked against what the suite says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import rewrite
from PIL import Image

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import Images
from trustdm.bench.datasets import image_folder
from trustdm.bench.errors import DataError, SuiteError
from trustdm.bench.plugins import load_suite
from trustdm.bench.registry import Registry
from trustdm.bench.suite.data import open_data


def test_a_suite_over_an_npz_file(own: Path, registry: Registry) -> None:
    suite = load_suite(own)
    data = open_data(suite, registry)
    images, labels = data.read(suite.test)
    assert len(data) == 12
    assert images.shape == (4, 3, 4, 5)
    assert images[0, 1, 2, 3] == np.float32(((11 * 60) + (2 * 5 + 3) * 3 + 1) % 256) / np.float32(255)
    assert labels.tolist() == [1, 0, 1, 0]


def test_a_suite_over_an_image_folder(own: Path, registry: Registry) -> None:
    pixels = np.random.Generator(np.random.Philox(2)).integers(0, 256, (12, 4, 5, 3), dtype=np.uint8)
    for k, image in enumerate(pixels):
        (own.parent / "mine" / f"class{k // 6}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(own.parent / "mine" / f"class{k // 6}" / f"{k:02}.png")
    digest = image_folder.load("mine", (3, 4, 5), 2, own.parent).digest()
    text = own.read_text(encoding="utf-8")
    start, stop = text.index("[data]"), text.index("[data.splits]")
    table = f'[data]\ndataset = "image-folder"\ndigest = "{digest}"\nshape = [3, 4, 5]\nclasses = 2\n'
    own.write_text(text[:start] + table + '[data.options]\npath = "mine"\n' + text[stop:], encoding="utf-8")
    suite = load_suite(own)
    images, labels = open_data(suite, registry).read(suite.test)
    assert np.array_equal(images, pixels[[11, 8, 9, 10]].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    assert labels.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('dataset = "npz"', 'dataset = "npy"', "data.dataset: expected the name of a data set, got an unknown dataset"),
        ('path = "images.npz"', 'path = "images.npz"\nsize = 3', r"data.options.size: expected only path, sha256, got"),
        ('path = "images.npz"\n', "", r"data.options.path: expected a value, for npz, got nothing"),
        ('path = "images.npz"', 'path = "images.npz"\nroot = "/"', r"data.options.root: expected only path, sha256"),
        ('"11,8-10"', '"8-10,12"', r"data.splits.test: expected indices from 0 to 11, got 12"),
    ],
)
def test_data_that_do_not_fit_the_suite(own: Path, registry: Registry, old: str, new: str, message: str) -> None:
    suite = load_suite(rewrite(own, old, new))
    with pytest.raises(SuiteError, match=rf"own\.toml: {message}"):
        open_data(suite, registry)


def test_other_data_than_the_suite_was_made_with(own: Path, registry: Registry) -> None:
    right = load_suite(own).data.digest
    suite = load_suite(rewrite(own, f'digest = "{right}"', f'digest = "{"0" * 64}"'))
    with pytest.raises(DataError, match=rf"own\.toml: data\.digest: expected 0{{64}}, got {right} from npz"):
        open_data(suite, registry)
    (own.parent / "images.npz").write_bytes(b"other")
    with pytest.raises(DataError, match=r"images\.npz: expected sha256"):
        open_data(suite, registry)


def test_a_shape_that_the_data_set_does_not_have(own: Path, registry: Registry) -> None:
    suite = load_suite(rewrite(own, 'dataset = "npz"', 'dataset = "digits"'))
    with pytest.raises(
        SuiteError, match=r"data\.shape: expected \[1, 8, 8\] and 10 classes, as digits has, got \[3, 4"
    ):
        open_data(suite, registry)


def test_a_data_set_is_given_what_its_function_takes(own: Path, registry: Registry) -> None:
    given: list[dict[str, Any]] = []
    images = Images("theirs", np.zeros((12, 3, 4, 5), dtype=np.uint8), np.zeros(12, dtype=np.int64))

    def everything(**options: object) -> Images:
        given.append(options)
        return images

    def some(path: str, sha256: str = "", classes: int = 0) -> Images:
        given.append({"path": path, "sha256": sha256, "classes": classes})
        return images

    for k, function in enumerate((everything, some)):
        setattr(sys.modules[__name__], f"_theirs{k}", function)
        function.__qualname__, function.__module__ = f"_theirs{k}", __name__
        registry.add_module(_module_of(dataset(DatasetCard(name=f"theirs{k}", shape=(0, 0, 0), classes=2))(function)))
        text = own.read_text(encoding="utf-8").replace('dataset = "npz"', f'dataset = "theirs{k}"')
        (own.parent / "theirs.toml").write_text(
            text.replace(load_suite(own).data.digest, images.digest()), encoding="utf-8"
        )
        suite = load_suite(own.parent / "theirs.toml")
        assert open_data(suite, registry) is images
    options = load_suite(own).data.options
    assert given[0] == {"root": own.parent, "shape": (3, 4, 5), "classes": 2, **options}
    assert given[1] == {"classes": 2, **options}


def _module_of(function: Callable[..., Any]) -> Any:
    """A module, named as this one, that defines ``function`` alone."""
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(__name__, None))  # type: ignore[arg-type]
    vars(module)[function.__qualname__] = function
    return module
