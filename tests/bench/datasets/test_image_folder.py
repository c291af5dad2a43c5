"""Images of one's own in a folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.datasets.image_folder import load
from trustdm.bench.errors import DataError

COLOUR = np.random.Generator(np.random.Philox(7)).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
FILES = ("cat/1.png", "cat/2.PNG", "dog/1.png", "dog/a b.png")


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    for name, pixels in zip(FILES, COLOUR, strict=True):
        save(tmp_path / "mine" / name, pixels)
    (tmp_path / "mine" / "cat" / ".hidden").touch()
    (tmp_path / "mine" / "README").touch()
    return {"path": "mine", "shape": [3, 5, 6], "classes": 2, "root": tmp_path}


def test_classes_and_files_come_in_the_order_of_their_names(options: dict[str, Any]) -> None:
    data = load(**options)
    images, labels = data.read(np.arange(4))
    assert data.files == FILES
    assert labels.tolist() == [0, 0, 1, 1]
    assert np.array_equal(images, COLOUR.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    assert np.array_equal(data.read(np.array([2]))[0], images[2:3])


def test_grey_images(tmp_path: Path) -> None:
    for k in range(2):
        save(tmp_path / f"{k}" / "x.png", COLOUR[k, :, :, 0])
    images, labels = load(str(tmp_path), (1, 5, 6), 2).read(np.array([1, 0]))
    assert np.array_equal(images[:, 0], COLOUR[[1, 0], :, :, 0].astype(np.float32) / np.float32(255))
    assert labels.tolist() == [1, 0]


def test_digest_is_of_names_labels_and_pixels(options: dict[str, Any], tmp_path: Path) -> None:
    before = load(**options).digest()
    folder = tmp_path / "mine"
    Image.open(folder / FILES[0]).save(folder / FILES[0], compress_level=0)
    assert load(**options).digest() == before
    changed = COLOUR[0].copy()
    changed[0, 0, 0] ^= 1
    save(folder / FILES[0], changed)
    assert load(**options).digest() != before
    save(folder / FILES[0], COLOUR[0])
    (folder / FILES[3]).rename(folder / "dog/b.png")
    assert load(**options).digest() != before
    (folder / "dog/b.png").rename(folder / FILES[3])
    assert load(**options).digest() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "none"}, "expected a file or folder at .*none, got nothing"),
        ({"path": "mine/README"}, "README: cannot be read as a folder"),
        ({"classes": 3}, "expected 3 class folders, got 2"),
        ({"shape": [2, 5, 6]}, r"expected shape \[C, H, W\] with C 1 or 3, got \[2, 5, 6\]"),
    ],
)
def test_what_is_wrong_is_one_line(options: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(**(options | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pixels", "got"),
    [
        (np.zeros((6, 5, 3), dtype=np.uint8), "expected 6x5 pixels of mode RGB, got 5x6 of mode RGB; convert it"),
        (np.zeros((5, 6), dtype=np.uint8), "expected 6x5 pixels of mode RGB, got 6x5 of mode L; convert it"),
        (np.zeros((5, 6, 4), dtype=np.uint8), "got 6x5 of mode RGBA"),
        (np.zeros((5, 6), dtype=np.uint16), "got 6x5 of mode I;16"),
    ],
)
def test_an_image_of_another_size_or_mode_is_refused(
    options: dict[str, Any], tmp_path: Path, pixels: np.ndarray, got: str
) -> None:
    save(tmp_path / "mine" / FILES[2], pixels)
    data = load(**options)
    for act in (data.digest, lambda: data.read(np.array([2]))):
        with pytest.raises(DataError, match=f"dog/1.png: .*{got}"):
            act()


def test_a_file_that_is_no_image_or_only_half_of_one(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "mine" / FILES[0]
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:60]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cat/1.png: expected an image, got"):
            load(**options).read(np.array([0]))


def test_other_files_are_not_passed_over_in_silence(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine" / "dog" / "notes.txt").touch()
    with pytest.raises(DataError, match=r"notes.txt: expected files that end in .png, .jpg, .jpeg; move it"):
        load(**options)


def test_empty_class_folders(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="expected images in the class folders, got none"):
        load(str(tmp_path), (3, 5, 6), 2)
