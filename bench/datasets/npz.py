"""Images of one's own in an npz file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trustdm.bench.contracts import DatasetCard, dataset
from trustdm.bench.data.arrays import Images, check_labels, file_hash, located, read_npz
from trustdm.bench.errors import DataError

CARD = DatasetCard(
    name="npz",
    summary="An npz file with images (uint8, NHWC or NHW) and labels; shape and classes are those of the suite.",
    shape=(0, 0, 0),
    classes=2,
    needs="options path and sha256 in the suite",
)


def card_of(path: str, root: Path | str | None = None) -> tuple[DatasetCard, dict[str, object]] | None:
    """Shape, classes and options of the file at ``path``; None if it is no .npz file.

    Raises:
        DataError: it is not there, or holds something else.
    """
    place = located("npz", path, root)
    if place.suffix != ".npz" or not place.is_file():
        return None
    images, labels = read_npz("npz", place)
    classes = max(int(labels.max()) + 1, CARD.classes)
    check_labels(f"npz: {place}", labels, classes)
    card = CARD.model_copy(update={"shape": images.shape[1:], "classes": classes})
    return card, {"path": path, "sha256": file_hash(place)}


@dataset(CARD, card_of)
def load(path: str, sha256: str, shape: Sequence[int], classes: int, root: Path | str | None = None) -> Images:
    """The images of ``path``, value 255 as 1.0.

    Args:
        path: relative to ``root``, the folder of the suite file.
        sha256: hex digest of the file; checked before anything in it is read.
        shape: (C, H, W) that the images must have.
        classes: labels are 0 to ``classes`` - 1.

    Raises:
        DataError: the file is not there, is another one, or holds something else.
    """
    place = located("npz", path, root)
    if (got := file_hash(place)) != sha256:
        raise DataError(f"npz: {place}: expected sha256 {sha256}, got {got}; the file is not the one the suite names")
    images, labels = read_npz("npz", place)
    if images.shape[1:] != tuple(shape):
        raise DataError(f"npz: {place}: expected images of shape (C, H, W) {tuple(shape)}, got {images.shape[1:]}")
    check_labels(f"npz: {place}", labels, classes)
    return Images("npz", images, labels)
