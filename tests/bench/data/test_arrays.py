"""Arrays that data sets share: digests, bounds, and one clear line for each broken file."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trustdm.bench.data.arrays import (
    Images,
    check_labels,
    content_digest,
    file_hash,
    located,
    packaged,
    read_npz,
    table,
)
from trustdm.bench.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4)
LABELS = np.array([1, 0], dtype=np.int64)


def test_digest_is_the_sha256_that_its_docstring_describes() -> None:
    text = b'{"scale":255,"shape":[2,1,3,4]}\n' + bytes(range(24)) + bytes([1, *[0] * 15])
    assert content_digest(IMAGES, LABELS, 255) == hashlib.sha256(text).hexdigest()


def test_digest_does_not_depend_on_memory_layout_or_byte_order() -> None:
    expected = content_digest(IMAGES, LABELS, 255)
    assert content_digest(np.asfortranarray(IMAGES), LABELS.astype(">i8"), 255) == expected
    assert content_digest(IMAGES[::-1][::-1], np.repeat(LABELS, 2)[::2], 255) == expected


@pytest.mark.parametrize(
    ("images", "labels", "scale"),
    [
        (IMAGES + 1, LABELS, 255),
        (IMAGES, LABELS[::-1], 255),
        (IMAGES, LABELS, 16),
        (IMAGES.reshape(2, 1, 4, 3), LABELS, 255),
    ],
)
def test_digest_depends_on_everything_else(images: np.ndarray, labels: np.ndarray, scale: int) -> None:
    assert content_digest(images, labels, scale) != content_digest(IMAGES, LABELS, 255)


def test_read_scales_to_unit_range_in_the_order_asked() -> None:
    images, labels = Images("toy", np.array([[[[0]]], [[[51]]], [[[255]]]], dtype=np.uint8), np.array([7, 8, 9])).read(
        np.array([2, 0, 1, 1])
    )
    assert images.dtype == np.float32
    assert images.shape == (4, 1, 1, 1)
    assert images.ravel().tolist() == [1.0, 0.0, np.float32(51) / np.float32(255), np.float32(51) / np.float32(255)]
    assert labels.tolist() == [9, 7, 8, 8]


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(DataError, match=f"toy: expected indices from 0 to 1, got {index}"):
        Images("toy", IMAGES, LABELS).read(np.array([0, index]))


def test_packaged_names_the_package_or_the_file_that_is_missing() -> None:
    assert packaged("x", "sklearn", "datasets/data/digits.csv.gz").is_file()
    with pytest.raises(DataError, match=r"x: .* got no package nosuchpackage; pip install nosuchpackage"):
        packaged("x", "nosuchpackage", "a.csv")
    with pytest.raises(DataError, match=r"x: .* got numpy without a.csv"):
        packaged("x", "numpy", "a.csv")


@pytest.mark.parametrize("text", [b"1,2\n3\n", b"1,2\n", b"a,b\nc,d\n", b"1,2\n3,4.5\n", b""])
@pytest.mark.filterwarnings("ignore:loadtxt. input contained no data")
def test_a_table_of_another_shape_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(DataError, match=r"toy: .*t.csv.gz: expected"):
        table("toy", path, (2, 2))


def test_a_table_is_read_exactly_however_its_integers_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2.0\n3e0,400\n")
    assert table("toy", path, (2, 2)).tolist() == [[1, 2], [3, 400]]


def test_a_truncated_gzip_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n" * 5000)[:40])
    with pytest.raises(DataError, match="expected comma-separated numbers"):
        table("toy", path, (5000, 2))


def test_paths_start_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    assert located("toy", "a.npz", tmp_path) == tmp_path / "a.npz"
    assert located("toy", str(tmp_path / "a.npz"), "/nowhere") == tmp_path / "a.npz"
    with pytest.raises(DataError, match=r"toy: expected a file or folder at .*b.npz, got nothing"):
        located("toy", "b.npz", tmp_path)
    for bad in (5, "", None):
        with pytest.raises(DataError, match=r"toy: option path: expected a path as text, got"):
            located("toy", bad, tmp_path)


def test_file_hash_is_that_of_the_bytes_and_reports_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert file_hash(tmp_path / "a", "md5") == "900150983cd24fb0d6963f7d28e17f72"
    for path in (tmp_path / "b", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            file_hash(path)


def test_npz_images_come_out_as_planes(tmp_path: Path) -> None:
    colour = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    np.savez(tmp_path / "c.npz", images=colour, labels=np.array([3, 4], dtype=np.uint8))
    images, labels = read_npz("toy", tmp_path / "c.npz")
    assert images.shape == (2, 3, 3, 4)
    assert images[1, 2, 0, 3] == colour[1, 0, 3, 2]
    assert (labels.dtype, labels.tolist()) == (np.int64, [3, 4])
    np.savez(tmp_path / "g.npz", images=colour[..., 0], labels=[3, 4])
    assert read_npz("toy", tmp_path / "g.npz")[0].shape == (2, 1, 3, 4)


GOOD = np.zeros((2, 3, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": GOOD}, "expected arrays named images and labels, got images"),
        ({"images": GOOD.astype(np.float32), "labels": [0, 1]}, "images: expected uint8 .* got float32"),
        ({"images": GOOD[0], "labels": [0, 1, 2]}, "images: expected uint8 .* got uint8 \\(3, 4\\)"),
        ({"images": GOOD[:0], "labels": GOOD[:0, 0, 0]}, "images: expected uint8 .* got uint8 \\(0, 3, 4\\)"),
        ({"images": GOOD[:, None], "labels": [0, 1]}, r"channels first; save images.transpose\(0, 2, 3, 1\)"),
        ({"images": GOOD, "labels": [0.0, 1.0]}, "labels: expected integers \\(2,\\), got float64"),
        ({"images": GOOD, "labels": [0, 1, 2]}, "labels: expected integers \\(2,\\), got int64 \\(3,\\)"),
        ({"images": GOOD, "labels": [[0], [1]]}, "labels: expected integers \\(2,\\), got int64 \\(2, 1\\)"),
        ({"images": GOOD, "labels": np.array([0, None])}, "expected an npz file with images and labels, got"),
    ],
)
def test_npz_of_other_arrays_is_refused(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_npz("toy", tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"toy: .*a.npz: expected an npz file with images and labels"):
        read_npz("toy", tmp_path / "a.npz")


def test_members_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    """numpy gives bytes for them, which have neither type nor shape."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("images", b"abc")
        file.writestr("labels", b"abc")
    with pytest.raises(DataError, match=r"npz: .*x.npz: expected an npz file .*, got 'images' with no npy header"):
        read_npz("npz", tmp_path / "x.npz")
    os.mkfifo(tmp_path / "y.npz")
    with pytest.raises(DataError, match="got a named pipe, and no regular file"):
        read_npz("npz", tmp_path / "y.npz")


def test_a_lone_array_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GOOD)
    with pytest.raises(DataError, match="expected an npz file"):
        read_npz("toy", tmp_path / "a.npy")


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=GOOD, labels=[0, 1])
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="expected an npz file"):
        read_npz("toy", tmp_path / "a.npz")


@pytest.mark.parametrize("label", [-1, 2])
def test_labels_outside_the_classes_are_refused(label: int) -> None:
    check_labels("toy", np.array([0, 1]), 2)
    with pytest.raises(DataError, match=f"toy: label of image 1: expected 0 to 1, got {label}"):
        check_labels("toy", np.array([0, label]), 2)
