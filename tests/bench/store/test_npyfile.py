"""Artefacts beside a run file: read by numpy, refused when missing, changed, or more than numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trustdm.bench.errors import RunFileError
from trustdm.bench.store import npyfile
from trustdm.bench.store.fields import Field

FIELD = Field({}, "a.json: x")
ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6).reshape(2, 3).T,
    np.array(2.5),
    np.zeros((0, 4), dtype=np.uint8),
    np.array([True, False]),
    np.arange(3, dtype=">i2"),
]


def put(folder: Path, content: bytes) -> str:
    name = npyfile.digest(content)
    (folder / f"{name}.npy").write_bytes(content)
    return name


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_an_array_comes_back_and_numpy_reads_it(tmp_path: Path, array: NDArray[np.generic]) -> None:
    name = put(tmp_path, npyfile.data(array))
    for back in (npyfile.read(tmp_path, FIELD, name), np.load(tmp_path / f"{name}.npy")):
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array, strict=True)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        RunFileError, match=r"a\.json: x: expected the file .*0\.npy, got No such file .*; copy the whole"
    ):
        npyfile.read(tmp_path, FIELD, "0" * 64)


def test_a_changed_file(tmp_path: Path) -> None:
    content = npyfile.data(np.zeros(3))
    name = put(tmp_path, content)
    (tmp_path / f"{name}.npy").write_bytes(content[:-1] + b"\1")
    with pytest.raises(RunFileError, match=r"a\.json: x: expected .* with the SHA-256 of its name"):
        npyfile.read(tmp_path, FIELD, name)


def objects() -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


GOOD = npyfile.data(np.zeros(3))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        GOOD[:40],
        GOOD[:-8],
        GOOD + b"\0" * 8,
        GOOD.replace(b"(3,)", b"(9,)"),
        GOOD.replace(b"<f8", b"|O8"),
        GOOD.replace(b"<f8", b"<U2"),
        GOOD.replace(b"{'descr'", b"('descr'"),
        GOOD.replace(b"\x93NUMPY\x01", b"\x93NUMPY\x02"),
        GOOD.replace(b"{", b"["),
        objects(),
    ],
)
def test_what_is_no_plain_array(tmp_path: Path, content: bytes) -> None:
    name = put(tmp_path, content)
    with pytest.raises(RunFileError, match=r"a\.json: x: expected .* to be an array of numbers in npy format 1\.0"):
        npyfile.read(tmp_path, FIELD, name)
