"""Image files as arrays, exactly as they are stored: nothing is resized, rotated or converted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.arrayfiles import reason
from trustdm.bench.data.arrays import Bytes, unit
from trustdm.bench.errors import DataError
from trustdm.bench.plainfiles import open_plain

if TYPE_CHECKING:
    from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg")
MODES = {1: "L", 3: "RGB"}
"""What Pillow calls 8-bit images of so many channels."""
FORMATS = ("PNG", "JPEG")
"""By content, whatever the name says: for some other formats Pillow would start programs."""


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image of a regular file, of which only the head was read; whatever Pillow warns of is an error."""
    from PIL import Image

    with open_plain(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(file, formats=FORMATS) as image:
            yield image


def decoded(path: Path, shape: Sequence[int]) -> Bytes:
    """The image in a file: uint8 (C, H, W) of this ``shape``, C being 1 (grey) or 3 (colour).

    Raises:
        DataError: it is no image, or one of another size or mode.
    """
    channels, height, width = shape
    try:
        with _opened(path) as image:
            if (image.size, image.mode) != ((width, height), MODES.get(channels)):
                raise DataError(
                    f"{path}: expected {width}x{height} pixels of mode {MODES.get(channels, 'L or RGB')}, got "
                    f"{image.size[0]}x{image.size[1]} of mode {image.mode}; convert it: nothing is resized here"
                )
            pixels = np.asarray(image, dtype=np.uint8)
    except DataError:
        raise
    except Exception as error:  # decoders raise whatever they like on a stranger's file
        raise DataError(f"{path}: expected an image, got {reason(error)}") from error
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def shape_of(path: Path) -> tuple[int, int, int]:
    """(C, H, W) of the image in a file.

    Raises:
        DataError: it is no image, or one of a mode that is not read.
    """
    try:
        with _opened(path) as image:
            (width, height), mode = image.size, image.mode
    except Exception as error:
        raise DataError(f"{path}: expected an image, got {reason(error)}") from error
    channels = next((channels for channels, known in MODES.items() if known == mode), None)
    if channels is None:
        raise DataError(f"{path}: expected an image of mode {' or '.join(MODES.values())}, got {mode}; convert it")
    return channels, height, width


def read_folder(folder: Path, shape: Sequence[int]) -> NDArray[np.float32]:
    """The images under ``folder``, in the order of their paths: float32 (n, C, H, W) in [0, 1].

    Raises:
        DataError: there are none, or one cannot be read or has another size or mode.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise DataError(f"{folder}: expected images ({', '.join(ENDINGS)}), got none")
    images = np.empty((len(paths), *shape), dtype=np.float32)
    for row, path in zip(images, paths, strict=True):
        row[...] = unit(decoded(path, shape), 255)
    return images
