"""Attacked images as PNG files, each named by the hash of its bytes."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trustdm.leaderboard.boards import Gallery
from trustdm.leaderboard.result_models import Picture

FOLDER = "assets/images"


def pictures(
    gallery: Gallery, root: str, wrong: frozenset[int] = frozenset()
) -> tuple[tuple[Picture, ...], dict[str, bytes]]:
    """The pictures of a gallery, and the files they need by path; ``root`` leads from the page to the site's root.

    An example of ``wrong``, those that were wrong before any attack, has one picture unless its image was changed.
    """
    files: dict[str, bytes] = {}

    def saved(image: NDArray[Any]) -> str:
        path, data = named(png(image))
        files[path] = data
        return root + path

    found = []
    for at, example in enumerate(gallery.examples):
        x, x_adv = gallery.x[at], gallery.x_adv[at]
        label, prediction = int(gallery.labels[at]), int(gallery.predictions[at])
        said = "still correct" if prediction == label else f"taken for {prediction}" if prediction >= 0 else "no answer"
        height, width = x.shape[-2:]
        if int(example) in wrong and np.array_equal(x, x_adv):
            caption = f"Example {int(example)}, class {label}: {said} on the clean image"
            found.append(Picture(caption, saved(x), None, None, width, height))
        else:
            caption = f"Example {int(example)}, class {label}: {said}"
            found.append(Picture(caption, saved(x), saved(x_adv), saved(difference(x, x_adv)), width, height))
    return tuple(found), files


def named(data: bytes) -> tuple[str, bytes]:
    """A picture with its path, the same for the same bytes."""
    return f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:20]}.png", data


def difference(x: NDArray[Any], x_adv: NDArray[Any]) -> NDArray[np.float64]:
    """The change from ``x`` to ``x_adv`` (C, H, W) around mid-grey, its largest entry amplified to black or white."""
    change = np.asarray(x_adv, dtype=np.float64) - np.asarray(x, dtype=np.float64)
    largest = float(np.abs(change).max(initial=0.0))
    return change / (2 * largest) + 0.5 if largest else np.full_like(change, 0.5)


def png(image: NDArray[Any]) -> bytes:
    """A PNG of an image (C, H, W) in [0, 1]; three channels are colours, of any other number the first is shown."""
    levels = np.rint(255 * np.clip(np.nan_to_num(np.asarray(image, dtype=np.float64)), 0, 1)).astype(np.uint8)
    pixels = np.moveaxis(levels, 0, -1) if len(levels) == 3 else levels[0]
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, format="PNG", optimize=False)
    return out.getvalue()
