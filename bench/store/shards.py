"""Arrays of a block, end to end in one file that is named by the SHA-256 of its bytes.

A shard is on the disk, flushed, before the row that refers to it commits. A transaction that fails leaves at most a
file that nothing refers to, which ``Store.collect`` removes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.errors import StoreError
from trustdm.bench.plainfiles import open_plain

KINDS = "biuf"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Piece:
    """Where one array lies in a shard; ``dtype`` is numpy's text for it, byte order included."""

    name: str
    digest: str
    offset: int
    nbytes: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def shape_text(self) -> str:
        return json.dumps(list(self.shape))


class Shards:
    """The shard files under one folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the shard of that digest is, or would be."""
        return self.folder / digest[:2] / f"{digest}.bin"

    def prepare(self) -> None:
        """Creates the folder and proves that it can be written; OSError where it cannot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.folder) as probe:
            probe.write(b"\0")
            probe.flush()

    def write(self, arrays: Mapping[str, NDArray[Any]]) -> list[Piece]:
        """Where each array lies once the shard is on the disk; OSError where there is no room for it.

        Raises:
            StoreError: an array of objects or texts.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"{UNFINISHED}{uuid.uuid4().hex}"
        try:
            with unfinished.open("xb") as file:
                digest, pieces = _pack(arrays, file)
                file.flush()
                os.fsync(file.fileno())
            final = self.path(digest)
            final.parent.mkdir(exist_ok=True)
            unfinished.replace(final)
            for folder in (final.parent, self.folder):
                _flush_folder(folder)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return [Piece(name, digest, *rest) for name, *rest in pieces]

    def read(self, piece: Piece) -> NDArray[Any]:
        """The array again.

        Raises:
            StoreError: the shard is missing or too short.
        """
        path = self.path(piece.digest)
        count, dtype = math.prod(piece.shape), np.dtype(piece.dtype)
        try:
            with open_plain(path, links=False) as file:
                there = max(0, os.fstat(file.fileno()).st_size - piece.offset) // dtype.itemsize
                values = np.fromfile(file, dtype=dtype, count=min(count, there), offset=piece.offset)
        except OSError as error:
            raise StoreError(f"{path}: expected the artefact {piece.name!r}, got {error}; import it again") from error
        if len(values) != count:
            raise StoreError(f"{path}: expected {count} values of {piece.name!r}, got {len(values)}; import it again")
        return values.reshape(piece.shape)

    def files(self) -> Iterator[Path]:
        """Every shard file, and every file that a killed writer left unfinished."""
        yield from sorted(self.folder.glob("??/*.bin"))
        yield from sorted(self.folder.glob(f"{UNFINISHED}*"))

    def problem(self, digest: str, size: int) -> str:
        """What is wrong with a shard; empty if its bytes are the ones it is named by."""
        path = self.path(digest)
        try:
            with open_plain(path, links=False) as file:
                length = os.fstat(file.fileno()).st_size
                if length != size:
                    return f"{path}: expected {size} bytes, got {length}"
                got = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return f"{path}: expected a shard, got no such file"
        except OSError as error:
            return f"{path}: expected a shard, got {error.strerror or error}"
        return "" if got == digest else f"{path}: expected bytes with the SHA-256 of its name, got {got}"


def _pack(arrays: Mapping[str, NDArray[Any]], file: Any) -> tuple[str, list[tuple[Any, ...]]]:
    sha, offset, pieces = hashlib.sha256(), 0, []
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        if array.dtype.kind not in KINDS:
            raise StoreError(f"artefact {name!r}: expected an array of numbers, got {array.dtype}")
        raw = array.tobytes()
        sha.update(raw)
        file.write(raw)
        pieces.append((name, offset, len(raw), array.dtype.str, array.shape))
        offset += len(raw)
    return sha.hexdigest(), pieces


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
