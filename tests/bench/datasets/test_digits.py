"""scikit-learn's digits, read from its file."""

from __future__ import annotations

import numpy as np

from trustdm.bench.datasets import digits

DIGEST = "fce87298ad4b7eaff359a7bf25ce28cd4fc2ac2a5fcd933a932088fba11ca27a"


def test_same_images_and_labels_as_scikit_learn_gives() -> None:
    from sklearn.datasets import load_digits

    theirs = load_digits()
    images, labels = digits.load().read(np.arange(1797))
    assert np.array_equal(images[:, 0], (theirs.images / 16).astype(np.float32))
    assert np.array_equal(labels, theirs.target)


def test_shape_range_and_digest() -> None:
    data = digits.load()
    images, labels = data.read(np.arange(len(data)))
    assert images.shape[1:] == digits.CARD.shape
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.digest() == DIGEST
