from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trustdm.leaderboard.boards import Gallery
from trustdm.leaderboard.tasks.robustness.gallery import difference, pictures, png


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_exactly(channels: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, size=(channels, 5, 7))
    seen = read(png(levels / 255))
    assert np.array_equal(seen.reshape(5, 7, channels), np.moveaxis(levels, 0, -1))


def test_values_outside_the_range_and_nan_do_not_wrap_around() -> None:
    assert read(png(np.array([[[-1.0, 2.0, np.nan]]]))).tolist() == [[0, 255, 0]]


def test_the_difference_is_grey_where_nothing_changed_and_fills_the_range() -> None:
    x = np.array([[[0.2, 0.5, 0.7]]])
    assert difference(x, x).tolist() == [[[0.5, 0.5, 0.5]]]
    assert difference(x, x + np.array([[[0.1, 0.0, -0.05]]])) == pytest.approx(np.array([[[1.0, 0.5, 0.25]]]))


def test_each_picture_points_at_a_file_that_is_returned() -> None:
    x = np.random.default_rng(1).random((2, 1, 4, 4)).astype(np.float32)
    found, files = pictures(Gallery(x, x[::-1].copy(), np.array([11, 12]), np.array([1, 2]), np.array([1, 5])), "../")
    assert [p.caption for p in found] == ["Example 11, class 1: still correct", "Example 12, class 2: taken for 5"]
    for picture in found:
        for source in (picture.clean, picture.adversarial, picture.difference):
            assert source.removeprefix("../") in files
    assert np.array_equal(read(files[found[0].clean[3:]]), np.rint(255 * x[0, 0]).astype(np.uint8))


def test_an_example_that_was_wrong_before_has_no_attacked_image() -> None:
    x = np.random.default_rng(1).random((3, 1, 4, 4)).astype(np.float32)
    x_adv = np.stack([x[0], x[1], 1 - x[2]])
    ids = np.array([11, 12, 13])
    found, files = pictures(Gallery(x, x_adv, ids, np.array([1, 2, 3]), np.array([7, 7, 7])), "", frozenset({11, 13}))
    assert [p.adversarial is None for p in found] == [True, False, False]
    assert found[0].difference is None and found[0].caption == "Example 11, class 1: taken for 7 on the clean image"
    assert found[0].clean in files


def test_equal_images_share_one_file() -> None:
    x = np.zeros((3, 1, 2, 2), dtype=np.float32)
    ids = np.arange(3)
    _, files = pictures(Gallery(x, x, ids, ids, ids), "")
    assert len(files) == 2
