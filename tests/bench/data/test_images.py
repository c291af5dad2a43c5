"""Image files as they are stored; the data set of folders has the tests of its own layout."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.data.images import decoded, read_folder, shape_of
from trustdm.bench.errors import DataError


def test_images_are_read_in_the_order_of_their_paths_and_never_changed(tmp_path: Path) -> None:
    for name, value in (("b/2.png", 200), ("a/1.PNG", 100)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 5), (value, 0, 255)).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").touch()
    found = read_folder(tmp_path, (3, 5, 4))
    assert found.shape == (2, 3, 5, 4) and found.dtype == np.float32
    assert np.array_equal(found[:, :, 2, 1], np.array([[100, 0, 255], [200, 0, 255]], np.float32) / np.float32(255))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_out_as_they_went_in(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 6, channels), dtype=np.uint8)
    Image.fromarray(pixels.squeeze()).save(tmp_path / "x.png")
    found = decoded(tmp_path / "x.png", (channels, 5, 6))
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("mode", "size", "shape", "message"),
    [
        ("RGB", (5, 4), (3, 4, 4), "expected 4x4 pixels of mode RGB, got 5x4 of mode RGB; convert it: nothing is"),
        ("L", (4, 4), (3, 4, 4), "expected 4x4 pixels of mode RGB, got 4x4 of mode L"),
        ("P", (4, 4), (3, 4, 4), "expected 4x4 pixels of mode RGB, got 4x4 of mode P"),
        ("RGB", (4, 4), (1, 4, 4), "expected 4x4 pixels of mode L, got 4x4 of mode RGB"),
        ("RGBA", (4, 4), (4, 4, 4), "expected 4x4 pixels of mode L or RGB, got 4x4 of mode RGBA"),
    ],
)
def test_images_that_do_not_fit_are_one_line(
    tmp_path: Path, mode: str, size: tuple[int, int], shape: tuple[int, int, int], message: str
) -> None:
    Image.new(mode, size).save(tmp_path / "x.png")
    for act in (lambda: decoded(tmp_path / "x.png", shape), lambda: read_folder(tmp_path, shape)):
        with pytest.raises(DataError, match=f"x.png: {message}") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_what_is_no_image_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"x.png: expected an image, got"):
        read_folder(tmp_path, (3, 4, 4))


@pytest.mark.parametrize("at", range(8, 60, 3))
def test_a_damaged_image_is_one_line(tmp_path: Path, at: int) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    for read in (lambda: decoded(path, (1, 4, 4)), lambda: shape_of(path)):
        try:
            read()
        except DataError as error:
            assert str(path) in str(error)


def test_images_of_other_formats_and_other_files_are_refused(tmp_path: Path) -> None:
    """For PostScript Pillow would start a program."""
    Image.new("L", (4, 4)).save(tmp_path / "a.png", format="BMP")
    os.mkfifo(tmp_path / "b.png")
    for name, got in (("a.png", "cannot identify image file"), ("b.png", "a named pipe, and no regular file")):
        with pytest.raises(DataError, match=f"{name}: expected an image, got {got}"):
            shape_of(tmp_path / name)


def test_a_folder_without_images_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected images \(.png, .jpg, .jpeg\), got none"):
        read_folder(tmp_path, (3, 4, 4))
