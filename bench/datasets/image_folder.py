"""Images of one's own in a folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import Ids, checked, located, unit
from trustdm.bench.data.images import ENDINGS, MODES, decoded, shape_of
from trustdm.bench.errors import DataError
from trustdm.bench.hashing import canonical_json

CARD = DatasetCard(
    name="image-folder",
    summary="FOLDER/CLASS/NAME.png (or .jpg), classes in the order of their names; shape and classes as in the suite.",
    shape=(0, 0, 0),
    classes=2,
    needs="option path in the suite",
)


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Decodes when read: a set of photographs need not fit into memory. ``files`` are relative to ``folder``."""

    folder: Path
    files: tuple[str, ...]
    labels: Ids
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.files)

    def digest(self) -> str:
        """Hex SHA-256 of each file's relative name, label and decoded pixels.

        A PNG decodes to the same pixels everywhere; a JPEG may not, where another decoder is installed, and then the
        digest says so.
        """
        total = hashlib.sha256(canonical_json({"shape": list(self.shape), "files": len(self)}).encode())
        for name, label in zip(self.files, self.labels.tolist(), strict=True):
            total.update(canonical_json([name, label]).encode() + b"\n")
            total.update(decoded(self.folder / name, self.shape).tobytes())
        return total.hexdigest()

    def read(self, index: Ids) -> tuple[NDArray[np.float32], Ids]:
        ids = checked("image-folder", index, len(self))
        images = np.empty((len(ids), *self.shape), dtype=np.uint8)
        for row, i in enumerate(ids):
            images[row] = decoded(self.folder / self.files[i], self.shape)
        return unit(images, 255), self.labels[ids]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in the order of the names; hidden files are passed over."""
    try:
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: p.name)
    except OSError as error:
        raise DataError(f"image-folder: {folder}: cannot be read as a folder: {error.strerror or error}") from error


def _images(folder: Path) -> Iterator[str]:
    for path in _entries(folder):
        if not path.is_file() or path.suffix.lower() not in ENDINGS:
            raise DataError(f"image-folder: {path}: expected files that end in {', '.join(ENDINGS)}; move it elsewhere")
        yield f"{folder.name}/{path.name}"


def card_of(path: str, root: Path | str | None = None) -> tuple[DatasetCard, dict[str, object]] | None:
    """Shape (that of the first image), classes and options of the folder at ``path``; None if it is no folder.

    Raises:
        DataError: it is not there, has no class folders with images in them, or the first image cannot be used.
    """
    folder = located("image-folder", path, root)
    if not folder.is_dir():
        return None
    classes = [p for p in _entries(folder) if p.is_dir()]
    first = next((folder / name for c in classes for name in _images(c)), None)
    if first is None:
        raise DataError(
            f"image-folder: {folder}: expected a folder for each class with images ({', '.join(ENDINGS)}), got "
            f"{len(classes)} folders without any"
        )
    names = tuple(c.name for c in classes)
    card = CARD.model_copy(update={"shape": shape_of(first), "classes": len(names), "class_names": names})
    return card, {"path": path}


@dataset(CARD, card_of)
def load(path: str, shape: Sequence[int], classes: int, root: Path | str | None = None) -> ImageFolder:
    """The images under ``path``, value 255 as 1.0; labels count the class folders in the order of their names.

    Args:
        path: relative to ``root``, the folder of the suite file.
        shape: (C, H, W) of every image, C being 1 (grey) or 3 (colour).
        classes: how many class folders there are.

    Raises:
        DataError: the folder is not there or does not look like that; an image has another size or mode (when read).
    """
    folder = located("image-folder", path, root)
    channels, height, width = shape
    if channels not in MODES:
        raise DataError(f"image-folder: {folder}: expected shape [C, H, W] with C 1 or 3, got {list(shape)}")
    names = [p for p in _entries(folder) if p.is_dir()]
    if len(names) != classes:
        raise DataError(f"image-folder: {folder}: expected {classes} class folders, got {len(names)}")
    found = [(name, label) for label, c in enumerate(names) for name in _images(c)]
    if not found:
        raise DataError(f"image-folder: {folder}: expected images in the class folders, got none")
    labels = np.array([label for _, label in found], dtype=np.int64)
    return ImageFolder(folder, tuple(name for name, _ in found), labels, (channels, height, width))
