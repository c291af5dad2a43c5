"""Arrays of strangers: what a file says of itself is believed only where it can be true."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trustdm.bench import arrayfiles
from trustdm.bench.arrayfiles import Unreadable, read_npy, read_npz, reason

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archive(path: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "a.npy") -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("array", [IMAGES, np.asfortranarray(IMAGES), np.zeros((0, 3)), np.float64(3), IMAGES > 3])
def test_what_numpy_writes_is_read(save: object, array: NDArray[np.generic], tmp_path: Path) -> None:
    save(tmp_path / "x.npz", a=array, b=np.arange(3))  # type: ignore[operator]
    found = read_npz(tmp_path / "x.npz")
    assert found["a"].dtype == array.dtype and np.array_equal(found["a"], array) and list(found) == ["a", "b"]
    assert list(read_npz(tmp_path / "x.npz", ("b", "c"))) == ["b"]


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"just bytes", "no npy header"),
        (npy(IMAGES)[:-1], "which 151 bytes do not hold"),
        (npy(IMAGES) + b"0", "which 153 bytes do not hold"),
        (npy(IMAGES).replace(b"(2, 3, 4)", b"((((((((("), "no npy header"),
        (npy(IMAGES).replace(b"(2, 3, 4)", b"(-2,3,-4)"), "a header that says"),
        (npy(IMAGES).replace(b"(2, 3, 4)", b"(9**9**9)"), "no npy header"),
        (npy(IMAGES).replace(b"|u1", b"|V1"), "are no numbers"),
        (npy(IMAGES).replace(b"|u1", b"|O1"), "no npy header|are no numbers"),
        (npy(IMAGES).replace(b"NUMPY\x01", b"NUMPY\x09"), "no npy header: version 9.0"),
    ],
)
def test_what_is_no_array_is_refused(content: bytes, got: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=f"^'a.npy' with .*({got})"):
        read_npz(archive(tmp_path / "x.npz", content))


def flagged(content: bytes, offset: int, value: int) -> bytes:
    """An archive with a byte of its only member changed, in both of its headers."""
    out = bytearray(content)
    out[out.find(b"PK\1\2") + offset + 2] = value
    out[out.find(b"PK\3\4") + offset] = value
    return bytes(out)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_compression_that_cannot_be_bounded_is_refused(method: int, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="neither stored nor deflated"):
        read_npz(archive(tmp_path / "x.npz", npy(IMAGES), method))


@pytest.mark.parametrize(("offset", "value", "got"), [(6, 1, "encrypted"), (8, 99, "neither stored nor deflated")])
def test_what_cannot_be_unpacked_is_refused(offset: int, value: int, got: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", npy(IMAGES))
    path.write_bytes(flagged(path.read_bytes(), offset, value))
    with pytest.raises(Unreadable, match=got):
        read_npz(path)


def test_damage_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", npy(IMAGES))
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
        try:
            found = read_npz(path)
        except Unreadable:
            continue
        assert all(np.array_equal(array, IMAGES) for array in found.values())


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrayfiles, "SMALL", 1 << 20)
    path = archive(tmp_path / "x.npz", npy(np.zeros(2 << 20, dtype=np.uint8)))
    monkeypatch.setattr(arrayfiles, "_member", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(Unreadable, match=r"unpacks to 2,097,280 bytes, more than the 1,048,576 that it may"):
        read_npz(path)
    with pytest.raises(Unreadable, match="more than the 1,000 that it may"):
        read_npz(path, most=1000)


def test_a_name_twice_or_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("a.npy", npy(IMAGES))
        file.writestr("a.npy", npy(IMAGES))
    with pytest.raises(Unreadable, match=r"'a.npy' twice"):
        read_npz(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_bytes(npy(IMAGES))
    with pytest.raises(Unreadable, match="a single array"):
        read_npz(tmp_path / "y.npz")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="a named pipe, and no regular file"):
        read_npz(tmp_path / "pipe")


def test_an_array_may_be_read_by_itself() -> None:
    content = npy(IMAGES)
    assert np.array_equal(read_npy(io.BytesIO(content), len(content)), IMAGES)
    with pytest.raises(Unreadable, match="0 bytes of values instead of 24"):
        read_npy(io.BytesIO(content[:-24]), len(content))
    with pytest.raises(Unreadable, match="more bytes than"):
        read_npy(io.BytesIO(content + b"0"), len(content))


def test_a_reason_is_one_short_line() -> None:
    assert reason(KeyError()) == "KeyError" and reason(OSError(2, "none", "x")) == "none"
    assert len(reason(ValueError("a b\n" * 500))) < 170 and "\n" not in reason(ValueError("a\nb"))
