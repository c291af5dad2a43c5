"""The reader that cannot run code, and the download, on files made here; nothing asks the network."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trustdm.bench.data import cifar10 as official
from trustdm.bench.errors import DataError

IMAGES = np.random.Generator(np.random.Philox(3)).integers(0, 256, (official.ROWS, 3072), dtype=np.uint8)
LABELS = [int(i) % 10 for i in range(official.ROWS)]


def text(value: str) -> bytes:
    return b"U" + bytes([len(value)]) + value.encode()


def python2_pickle(images: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 wrote it (protocol 2, byte strings, numpy.core names), opcode by opcode."""
    shape = b"M" + struct.pack("<H", len(images)) + b"M" + struct.pack("<H", images.shape[1]) + b"\x86"
    kind = b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R(K\x03" + text("|")
    kind += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R("
    raw = images.tobytes()
    array += b"K\x01" + shape + kind + b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([v]) for v in labels) + b"e"
    body = text("batch_label") + text("a batch") + text("labels") + listed + text("data") + array
    return b"\x80\x02}(" + body + b"u."


@pytest.fixture(scope="module")
def batch() -> bytes:
    return python2_pickle(IMAGES, LABELS)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Declares that the official files have these bytes."""

    def declare(content: bytes) -> None:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        monkeypatch.setattr(official, "BATCHES", dict.fromkeys(official.BATCHES, digest))

    return declare


def archive(path: Path, members: dict[str, bytes]) -> str:
    """Writes a tar.gz file and returns its md5."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def whole(content: bytes) -> dict[str, bytes]:
    return {f"{official.FOLDER}/{name}": content for name in official.BATCHES}


def test_a_batch_as_python_2_pickled_it(tmp_path: Path, batch: bytes, hashes: Callable[[bytes], None]) -> None:
    hashes(batch)
    (tmp_path / "test_batch").write_bytes(batch)
    images, labels = official.read_batch(tmp_path / "test_batch")
    assert np.array_equal(images, IMAGES.reshape(-1, 3, 32, 32))
    assert labels.tolist() == LABELS


def test_a_batch_as_this_numpy_pickles_it(tmp_path: Path, hashes: Callable[[bytes], None]) -> None:
    content = pickle.dumps({"data": IMAGES, "labels": LABELS}, protocol=4)
    hashes(content)
    (tmp_path / "test_batch").write_bytes(content)
    assert np.array_equal(official.read_batch(tmp_path / "test_batch")[0].reshape(-1, 3072), IMAGES)


def test_a_damaged_batch_is_refused_before_it_is_read(tmp_path: Path, batch: bytes) -> None:
    (tmp_path / "data_batch_2").write_bytes(batch)
    with pytest.raises(DataError, match="data_batch_2: expected md5 d4bba439e000b95fd0a9bffe97cbabec, got"):
        official.read_batch(tmp_path / "data_batch_2")


class Evil:
    """Unpickling it freely would make a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_that_names_a_function_is_refused_and_not_run(tmp_path: Path, hashes: Callable[[bytes], None]) -> None:
    content = pickle.dumps({"data": Evil(tmp_path / "made"), "labels": []})
    hashes(content)
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=r"test_batch: expected arrays only, but it names (posix|nt).mkdir"):
        official.read_batch(tmp_path / "test_batch")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02.",
        pickle.dumps([1]),
        pickle.dumps({"data": IMAGES}),
        pickle.dumps({"data": IMAGES[:3], "labels": LABELS}),
        pickle.dumps({"data": IMAGES, "labels": LABELS[:3]}),
    ],
)
def test_a_pickle_of_something_else_is_one_line(
    tmp_path: Path, hashes: Callable[[bytes], None], content: bytes
) -> None:
    hashes(content)
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match="test_batch: expected"):
        official.read_batch(tmp_path / "test_batch")


def test_fetch_keeps_the_six_files_and_nothing_else(tmp_path: Path, hashes: Callable[[bytes], None]) -> None:
    hashes(b"images")
    members = whole(b"images") | {"../outside": b"x", f"{official.FOLDER}/readme.html": b"x", "/tmp/absolute": b"x"}
    md5 = archive(tmp_path / "c.tar.gz", members)
    root = tmp_path / "a" / "data"
    folder = official.fetch(root, (tmp_path / "c.tar.gz").as_uri(), md5)
    assert folder == root / official.FOLDER
    assert official.complete(folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(official.BATCHES)
    assert [p.name for p in root.iterdir()] == [official.FOLDER]
    assert {p.name for p in (tmp_path / "a").iterdir()} == {"data"}


def test_links_in_an_archive_are_not_followed(tmp_path: Path, hashes: Callable[[bytes], None]) -> None:
    hashes(b"secret")
    (tmp_path / "secret").write_bytes(b"secret")
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as tar:
        for name in official.BATCHES:
            link = tarfile.TarInfo(f"{official.FOLDER}/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
            tar.addfile(link)
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(DataError, match="expected the file cifar-10-batches-py/data_batch_1 in it, got none"):
        official.extract(tmp_path / "c.tar.gz", target)
    assert list(target.iterdir()) == []


def test_another_archive_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    archive(tmp_path / "c.tar.gz", whole(b"images"))
    root = tmp_path / "data"
    with pytest.raises(DataError, match="expected md5 c58f30108f718f92721af3b95e74349a, got"):
        official.fetch(root, (tmp_path / "c.tar.gz").as_uri())
    assert [p for p in root.rglob("*") if p.is_file()] == []


def test_a_file_that_is_not_the_official_one_is_not_kept(tmp_path: Path, hashes: Callable[[bytes], None]) -> None:
    hashes(b"images")
    md5 = archive(tmp_path / "c.tar.gz", whole(b"images") | {f"{official.FOLDER}/test_batch": b"other"})
    with pytest.raises(DataError, match="test_batch: expected md5"):
        official.fetch(tmp_path / "data", (tmp_path / "c.tar.gz").as_uri(), md5)
    assert not (tmp_path / "data" / official.FOLDER / "test_batch").exists()


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"\x1f\x8bbroken"])
def test_a_missing_or_broken_archive_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "c.tar.gz"
    if content is not None:
        path.write_bytes(content)
    md5 = hashlib.md5(content or b"", usedforsecurity=False).hexdigest()
    with pytest.raises(DataError, match=r"cannot download file:.*put the folder cifar-10-batches-py there yourself"):
        official.fetch(tmp_path / "data", path.as_uri(), md5)


def test_a_root_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot download"):
        official.fetch(tmp_path / "file" / "data", (tmp_path / "c.tar.gz").as_uri())
