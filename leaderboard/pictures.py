"""Images as PNG files, each named by the hash of its bytes."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = "assets/images"


def named(data: bytes) -> tuple[str, bytes]:
    """A picture with its path in the site, the same for the same bytes."""
    return f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:20]}.png", data


def png(image: NDArray[Any]) -> bytes:
    """A PNG of an image (C, H, W) in [0, 1]; three channels are colours, of any other number the first is shown."""
    levels = np.rint(255 * np.clip(np.nan_to_num(np.asarray(image, dtype=np.float64)), 0, 1)).astype(np.uint8)
    return _saved(np.moveaxis(levels, 0, -1) if len(levels) == 3 else levels[0], optimize=False)


def sheet_png(sheet: NDArray[np.uint8]) -> bytes:
    """A PNG of a sheet (4, H, W) of 8-bit colours with their opacity."""
    return _saved(np.moveaxis(sheet, 0, -1), optimize=True)


def _saved(pixels: NDArray[np.uint8], *, optimize: bool) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, format="PNG", optimize=optimize)
    return out.getvalue()
