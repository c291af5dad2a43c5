"""Images of one's own in an npz file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.data.arrays import file_hash
from trustdm.bench.datasets.npz import load
from trustdm.bench.errors import DataError

IMAGES = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    np.savez(tmp_path / "mine.npz", images=IMAGES, labels=np.array([0, 1, 2, 1]))
    digest = file_hash(tmp_path / "mine.npz")
    return {"path": "mine.npz", "sha256": digest, "shape": [3, 5, 6], "classes": 3, "root": tmp_path}


def test_reads_images_and_labels(options: dict[str, Any]) -> None:
    images, labels = load(**options).read(np.array([3, 1]))
    assert np.array_equal(images, IMAGES[[3, 1]].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    assert labels.tolist() == [1, 1]


def test_digest_is_of_the_content_not_of_the_file(options: dict[str, Any], tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "other.npz", labels=np.array([0, 1, 2, 1], dtype=np.uint8), images=IMAGES)
    other = options | {"path": "other.npz", "sha256": file_hash(tmp_path / "other.npz")}
    assert other["sha256"] != options["sha256"]
    assert load(**other).digest() == load(**options).digest()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "missing.npz"}, "expected a file or folder at .*missing.npz, got nothing"),
        ({"path": 3}, "option path: expected a path as text, got 3"),
        ({"path": "."}, "cannot be read"),
        ({"sha256": "0" * 64}, "mine.npz: expected sha256 0{64}, got [0-9a-f]{64}; the file is not the one"),
        ({"shape": [3, 6, 5]}, r"expected images of shape \(C, H, W\) \(3, 6, 5\), got \(3, 5, 6\)"),
        ({"classes": 2}, "label of image 2: expected 0 to 1, got 2"),
    ],
)
def test_what_is_wrong_is_one_line(options: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(**(options | change))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("npz: ") or change["path"] == "."
