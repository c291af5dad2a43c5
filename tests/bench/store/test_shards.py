"""Shard files: named by what is in them, whole or not there."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from trustdm.bench.errors import StoreError
from trustdm.bench.store.shards import UNFINISHED, Shards
from trustdm.bench.types import Block


def test_arrays_lie_end_to_end_in_a_file_named_by_its_hash(tmp_path: Path) -> None:
    shards = Shards(tmp_path / "new")
    a, b = np.arange(3, dtype=np.int16), np.ones((2, 2), dtype=np.float32)
    first, second = shards.write({"b": b, "a": a})
    assert (first.name, first.offset, first.nbytes, first.dtype, first.shape) == ("a", 0, 6, "<i2", (3,))
    assert (second.name, second.offset, second.nbytes, second.dtype, second.shape) == ("b", 6, 16, "<f4", (2, 2))
    data = shards.path(first.digest).read_bytes()
    assert data == a.tobytes() + b.tobytes()
    assert first.digest == second.digest == hashlib.sha256(data).hexdigest()
    assert [p.name for p in shards.files()] == [f"{first.digest}.bin"]
    assert first.shape_text == "[3]"


def test_arrays_come_back_and_can_be_changed(tmp_path: Path, sample: ModuleType) -> None:
    shards, given = Shards(tmp_path), sample.arrays(Block(0, 4))
    for piece in shards.write(given):
        back = shards.read(piece)
        np.testing.assert_array_equal(back, given[piece.name], strict=True)
        back[...] = 0


def test_a_strided_array_is_stored_in_c_order(tmp_path: Path) -> None:
    array = np.arange(12).reshape(3, 4).T[::2]
    (piece,) = Shards(tmp_path).write({"x": array})
    np.testing.assert_array_equal(Shards(tmp_path).read(piece), array, strict=True)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array([1j]), np.zeros(1, dtype=[("a", "i4")])])
def test_only_numbers_are_taken(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(StoreError, match="artefact 'x': expected an array of numbers, got"):
        Shards(tmp_path).write({"ok": np.ones(2), "x": array})
    assert list(Shards(tmp_path).files()) == []


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        Shards(tmp_path).write({"x": np.ones(2)})
    assert list(Shards(tmp_path).files()) == []


def test_what_is_wrong_with_a_shard(tmp_path: Path) -> None:
    shards = Shards(tmp_path)
    (piece,) = shards.write({"x": np.ones(2)})
    path = shards.path(piece.digest)
    assert shards.problem(piece.digest, 16) == ""
    path.write_bytes(b"\0" * 16)
    assert "expected bytes with the SHA-256 of its name" in shards.problem(piece.digest, 16)
    path.write_bytes(b"\0" * 8)
    assert shards.problem(piece.digest, 16) == f"{path}: expected 16 bytes, got 8"
    with pytest.raises(StoreError, match="expected 2 values of 'x', got 1; import it again"):
        shards.read(piece)
    path.unlink()
    assert shards.problem(piece.digest, 16) == f"{path}: expected a shard, got no such file"
    with pytest.raises(StoreError, match=r"expected the artefact 'x', got .*No such file"):
        shards.read(replace(piece, name="x"))


def test_a_shard_is_no_link_and_no_pipe(tmp_path: Path) -> None:
    shards = Shards(tmp_path)
    (piece,) = shards.write({"x": np.ones(2)})
    path = shards.path(piece.digest)
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    assert shards.problem(piece.digest, 16) == f"{path}: expected a shard, got a symbolic link, and no regular file"
    path.unlink()
    os.mkfifo(path)
    assert "got a named pipe" in shards.problem(piece.digest, 16)
    with pytest.raises(StoreError, match=r"got .*a named pipe, and no regular file"):
        shards.read(piece)


def test_no_more_is_read_than_there_is(tmp_path: Path) -> None:
    shards = Shards(tmp_path)
    (piece,) = shards.write({"x": np.ones(2)})
    with pytest.raises(StoreError, match=f"expected {2**61} values of 'x', got 2"):
        shards.read(replace(piece, shape=(2**30, 2**31)))


def test_files_of_killed_writers_are_seen(tmp_path: Path) -> None:
    (tmp_path / f"{UNFINISHED}x").write_bytes(b"1")
    assert [p.name for p in Shards(tmp_path).files()] == [f"{UNFINISHED}x"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(FileExistsError):
        Shards(tmp_path / "x").prepare()
