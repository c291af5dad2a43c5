"""Images as arrays: what the data set plugins share. numpy only; decoding is done where it is needed."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.arrayfiles import Unreadable
from trustdm.bench.arrayfiles import read_npz as read_npz_file
from trustdm.bench.errors import DataError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.plainfiles import expanded, open_plain, there

Bytes = NDArray[np.uint8]
LONGEST = 300
"""Characters of a path in a message."""
CHANNELS = (1, 3)
"""Of grey and of colour images: where the last axis has neither and the second has, they are in the order of torch."""
Ids = NDArray[np.int64]


def content_digest(images: Bytes, labels: Ids, scale: int) -> str:
    """Hex SHA-256 of what ``images`` (n, C, H, W) and ``labels`` (n,) hold.

    Hashed are a line of JSON (shape and ``scale``, the value that means 1.0), the images in C order and the labels as
    little-endian int64: integers only, so no platform, library or rounding can change it.
    """
    head = canonical_json({"scale": scale, "shape": list(images.shape)}) + "\n"
    total = hashlib.sha256(head.encode())
    total.update(np.ascontiguousarray(images, dtype=np.uint8).data)
    total.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return total.hexdigest()


def unit(images: Bytes, scale: int) -> NDArray[np.float32]:
    """float32 in [0, 1]: each value divided by ``scale``."""
    return images.astype(np.float32) / np.float32(scale)


def checked(name: str, index: Ids, total: int) -> Ids:
    """``index`` as int64 (n,).

    Raises:
        DataError: an index is negative or not below ``total``.
    """
    ids = np.asarray(index, dtype=np.int64)
    outside = ids[(ids < 0) | (ids >= total)]
    if len(outside):
        raise DataError(f"{name}: expected indices from 0 to {total - 1}, got {outside[0]}")
    return ids


@dataclass(frozen=True, eq=False)
class Images:
    """A data set in memory: ``images`` uint8 (N, C, H, W), 0 to ``scale``; ``labels`` int64 (N,)."""

    name: str
    images: Bytes
    labels: Ids
    scale: int = 255

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        return content_digest(self.images, self.labels, self.scale)

    def read(self, index: Ids) -> tuple[NDArray[np.float32], Ids]:
        ids = checked(self.name, index, len(self))
        return unit(self.images[ids], self.scale), self.labels[ids]


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of the bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def packaged(name: str, package: str, inside: str) -> Path:
    """The path of a data file that an installed package ships; the package itself is not imported.

    Raises:
        DataError: the package, or the file in it, is not there.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or []:
        if (path := Path(folder) / inside).is_file():
            return path
    what = f"{package} without {inside}" if spec else f"no package {package}"
    raise DataError(f"{name}: expected the file {inside} of the package {package}, got {what}; pip install {package}")


def table(name: str, path: Path, shape: tuple[int, int]) -> NDArray[np.int64]:
    """The integers of a (gzipped) comma-separated file.

    Raises:
        DataError: it cannot be read, or has another shape.
    """
    try:
        # read as float64, which holds these integers exactly, whether a release writes 5 or 5.0
        rows = np.loadtxt(path, delimiter=",", dtype=np.float64, ndmin=2)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{name}: {path}: expected comma-separated numbers, got {error}") from error
    if rows.shape != shape or not (rows == np.floor(rows)).all():
        raise DataError(f"{name}: {path}: expected {shape[0]} rows of {shape[1]} integers, got shape {rows.shape}")
    return rows.astype(np.int64)


def located(name: str, path: object, root: Path | str | None) -> Path:
    """``path`` as the user wrote it, relative to ``root`` (the folder of the suite file).

    Raises:
        DataError: it is no text, or nothing is there.
    """
    if not isinstance(path, str) or not path:
        raise DataError(f"{name}: option path: expected a path as text, got {path!r}")
    place = (Path(root) if root is not None else Path()) / expanded(path)
    if not there(place):
        where = str(place)[:LONGEST]
        raise DataError(f"{name}: expected a file or folder at {where}, got nothing; paths start at the suite file")
    return place


def read_npz(name: str, path: Path) -> tuple[Bytes, Ids]:
    """Images uint8 (N, C, H, W) and labels int64 (N,) of an npz file with ``images`` (NHWC or NHW) and ``labels``.

    Raises:
        DataError: it is no npz file, holds objects, or its arrays have another type or shape.
    """
    images, labels = _arrays(name, path)
    where = f"{name}: {path}"
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        raise DataError(f"{where}: images: expected uint8 (N, H, W, C) or (N, H, W), got {images.dtype} {images.shape}")
    if images.ndim == 4 and images.shape[3] not in CHANNELS and images.shape[1] in CHANNELS:
        turned = "channels first; save images.transpose(0, 2, 3, 1)"
        raise DataError(f"{where}: images: expected (N, H, W, C), got {images.shape}, which has its {turned}")
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise DataError(f"{where}: labels: expected integers ({len(images)},), got {labels.dtype} {labels.shape}")
    planes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(planes), labels.astype(np.int64)


def _arrays(name: str, path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    try:
        found = read_npz_file(path, ("images", "labels"))
    except Unreadable as error:
        raise DataError(f"{name}: {path}: expected an npz file with images and labels, got {error}") from error
    if len(found) < 2:
        raise DataError(f"{name}: {path}: expected arrays named images and labels, got {', '.join(found) or 'neither'}")
    return found["images"], found["labels"]


def check_labels(name: str, labels: Ids, classes: int) -> None:
    """Raises DataError where a label is not one of 0 to ``classes`` - 1."""
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        at = int(outside[0])
        raise DataError(f"{name}: label of image {at}: expected 0 to {classes - 1}, got {labels[at]}")
