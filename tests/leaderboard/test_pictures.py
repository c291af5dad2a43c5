from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from trustdm.leaderboard.pictures import named, png, sheet_png


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_exactly(channels: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, size=(channels, 5, 7))
    seen = read(png(levels / 255))
    assert np.array_equal(seen.reshape(5, 7, channels), np.moveaxis(levels, 0, -1))


def test_values_outside_the_range_and_nan_do_not_wrap_around() -> None:
    assert read(png(np.array([[[-1.0, 2.0, np.nan]]]))).tolist() == [[0, 255, 0]]


def test_a_sheet_keeps_its_opacity() -> None:
    sheet = np.random.default_rng(0).integers(0, 256, size=(4, 3, 5)).astype(np.uint8)
    assert np.array_equal(read(sheet_png(sheet)), np.moveaxis(sheet, 0, -1))


def test_a_picture_is_named_by_its_content() -> None:
    assert named(b"x") == (f"assets/images/{hashlib.sha256(b'x').hexdigest()[:20]}.png", b"x")
