"""CIFAR-10 from a folder of the user's: the official batch files, or npz files with all or the first of its images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data import cifar10 as official
from trustdm.bench.data.arrays import Bytes, Ids, check_labels, checked, read_npz, unit
from trustdm.bench.errors import DataError
from trustdm.bench.hashing import sha256_of
from trustdm.bench.plainfiles import expanded
from trustdm.bench.types import blocks_of

CARD = DatasetCard(
    name="cifar10",
    summary="60,000 colour photographs, 32x32: indices 0 to 49999 are the training images, 50000 to 59999 the test.",
    shape=(3, 32, 32),
    classes=10,
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    source="A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
    needs="a folder in TRUSTDM_DATA that holds cifar-10-batches-py/ (TRUSTDM_DOWNLOAD=1 fetches it) or cifar10/*.npz",
)
TRAIN, TEST = 50000, 10000
BLOCKS: Final = (8, 500)
CONTENT: Final = sha256_of({"cifar10": official.BATCHES})

# SHA-256 of the first images of a batch (uint8, NCHW) followed by their labels (uint8), by npz name and official start
KNOWN: Final = {
    "test": (846, {0: "0ed007f1ec1c554d94bf97805aff6edfc26044cbaf64c651b8fe8744d6a658a1"}),
    "train": (
        932,
        {
            0: "9ffcae761a5d456943ad02078336c999acd4fae166f0653e6acdf09b0b2f328b",
            10000: "9391fd16a2bcdcaad280774cc5956d2169750d637b8f18d1874386e91f836a1a",
            20000: "7b378d79d8af0e460c89250293b96ad1236291e84bfdd10d33e611179291014f",
            30000: "81d4c41af1a5efcd3befb848eb4fd0ea843d16a8f61189402e134961de70aff1",
            40000: "409f91c6ed740afb4b1b7c275b508041c9ad0bd8d422b767181e55906aee4ec7",
        },
    ),
}


@dataclass(frozen=True, eq=False)
class Half:
    """The training or the test images that are here.

    ``row[i]`` is where official image i is in ``images``, -1 if it is not here; ``sure[i]`` says whether it is known
    to be the official one.
    """

    images: Bytes
    labels: Ids
    row: Ids
    sure: NDArray[np.bool_]

    @staticmethod
    def of(images: Bytes, labels: Ids, starts: list[int], size: int) -> Half:
        """A half in which as many images from each of ``starts`` on are here, in this order."""
        each = len(images) // len(starts) if starts else 0
        row = np.full(size, -1, dtype=np.int64)
        for k, start in enumerate(starts):
            row[start : start + each] = np.arange(k * each, (k + 1) * each)
        return Half(images, labels, row, np.zeros(size, dtype=np.bool_))


class Cifar10:
    """The images under ``folder``; each half is read when it is first asked for."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __len__(self) -> int:
        return TRAIN + TEST

    def digest(self) -> str:
        """Hex SHA-256 of the table of official hashes: a constant.

        It names the content and does not hash it, because often only a part of it is on a machine. That what is there
        belongs to this content is checked file by file when it is read; where that is impossible, ``verified`` says so.
        """
        return CONTENT

    def here(self, index: Ids) -> NDArray[np.bool_]:
        """Whether each image is on this machine."""
        return self._pick(index, lambda half, i: half.row[i] >= 0)

    def verified(self, index: Ids) -> NDArray[np.bool_]:
        """Whether each image is here and is known, by its hash, to be the official one."""
        return self._pick(index, lambda half, i: half.sure[i] & (half.row[i] >= 0))

    def read(self, index: Ids) -> tuple[NDArray[np.float32], Ids]:
        ids = checked("cifar10", index, len(self))
        images = np.empty((len(ids), *CARD.shape), dtype=np.uint8)
        labels = np.empty(len(ids), dtype=np.int64)
        for half, at, i in self._parts(ids):
            rows = half.row[i]
            if (rows < 0).any():
                raise self._absent(int(ids[at][rows < 0][0]), half)
            images[at], labels[at] = half.images[rows], half.labels[rows]
        return unit(images, 255), labels

    def _parts(self, ids: Ids) -> Iterator[tuple[Half, NDArray[np.bool_], Ids]]:
        """For each half that is asked for: itself, where in ``ids``, and the positions in it."""
        test = ids >= TRAIN
        if not test.all():
            yield self._train, ~test, ids[~test]
        if test.any():
            yield self._test, test, ids[test] - TRAIN

    def _pick(self, index: Ids, what: Callable[[Half, Ids], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        ids = checked("cifar10", index, len(self))
        out = np.zeros(len(ids), dtype=np.bool_)
        for half, at, i in self._parts(ids):
            out[at] = what(half, i)
        return out

    def _absent(self, index: int, half: Half) -> DataError:
        """What is here, and the longest run of ``suites/cifar10-linf.toml`` in whole blocks that it allows."""
        have = int((half.row >= 0).sum())
        test = len(half.row) == TEST
        run = max((b.stop for b in blocks_of(TEST, *BLOCKS) if b.stop <= have), default=0) if test else 0
        return DataError(
            f"cifar10: image {index} is missing: {have} of {len(half.row)} {'test' if test else 'training'} images are "
            f"here ({self.folder}); {f'use --limit {run}, or ' if run else ''}put all of {official.FOLDER} there "
            "(TRUSTDM_DOWNLOAD=1 downloads it)"
        )

    @cached_property
    def _train(self) -> Half:
        return _half(self.folder, "train", TRAIN)

    @cached_property
    def _test(self) -> Half:
        return _half(self.folder, "test", TEST)


def _half(folder: Path, name: str, size: int) -> Half:
    """The official files if one of them is there, else the npz file of all images, else that of the first ones."""
    batches = [b for b in official.BATCHES if b.startswith("test") == (name == "test")]
    found = [(k * official.ROWS, folder / b) for k, b in enumerate(batches) if (folder / b).is_file()]
    if found:
        parts = [official.read_batch(path) for _, path in found]
        images, labels = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        half = Half.of(images, labels, [start for start, _ in found], size)
        half.sure[:] = True
        return half
    for file, starts in ((f"{name}.npz", [0]), (f"{name}_head.npz", list(KNOWN[name][1]))):
        if (folder / file).is_file():
            return _npz_half(folder / file, name, starts, size)
    return Half.of(np.empty((0, *CARD.shape), dtype=np.uint8), np.empty(0, dtype=np.int64), [], size)


def _npz_half(path: Path, name: str, starts: list[int], size: int) -> Half:
    images, labels = read_npz("cifar10", path)
    whole = path.stem == name
    if images.shape[1:] != CARD.shape or len(images) % len(starts) or len(images) > size:
        raise DataError(f"cifar10: {path}: expected the first of each batch, (N, 32, 32, 3), got {images.shape} (NCHW)")
    if whole and len(images) != size:
        raise DataError(f"cifar10: {path}: expected all {size} images, got {len(images)}; name it {name}_head.npz")
    check_labels(f"cifar10: {path}", labels, CARD.classes)
    half = Half.of(images, labels, starts, size)
    _recognise(path, half, name)
    return half


def _recognise(path: Path, half: Half, name: str) -> None:
    """Marks what is known to be official; a start that is here in full must be."""
    each, known = KNOWN[name]
    for start, expected in known.items():
        rows = half.row[start : start + each]
        if (rows < 0).any():
            continue
        got = hashlib.sha256(half.images[rows].tobytes() + half.labels[rows].astype(np.uint8).tobytes()).hexdigest()
        if got != expected:
            raise DataError(
                f"cifar10: {path}: expected the official order and pixels: images {start} to {start + each - 1} have "
                f"sha256 {got}, not {expected}"
            )
        half.sure[start : start + each] = True


def _folder(root: Path) -> Path | None:
    """Where the files are: under ``root`` as torchvision lays them out, in root/cifar10, or in ``root`` itself."""
    wanted = [*official.BATCHES, *(f"{n}{tail}.npz" for n in KNOWN for tail in ("", "_head"))]
    places = (root / official.FOLDER, root / "cifar10" / official.FOLDER, root / "cifar10", root)
    return next((place for place in places if any((place / name).is_file() for name in wanted)), None)


@dataset(CARD)
def load() -> Cifar10:
    """CIFAR-10 from the folder in ``TRUSTDM_DATA``; with TRUSTDM_DOWNLOAD=1 what is missing is downloaded to it.

    Raises:
        DataError: there is no such folder, nothing of CIFAR-10 is in it, or the download failed.
    """
    text = os.environ.get("TRUSTDM_DATA", "")
    if not text:
        raise DataError(f"cifar10: TRUSTDM_DATA is not set; expected {CARD.needs}")
    root = expanded(text)
    folder = _folder(root)
    if os.environ.get("TRUSTDM_DOWNLOAD") == "1" and not (folder and official.complete(folder)):
        folder = official.fetch(root)
    if folder is None:
        raise DataError(f"cifar10: nothing of CIFAR-10 is in {root}; expected {CARD.needs}")
    return Cifar10(folder)
