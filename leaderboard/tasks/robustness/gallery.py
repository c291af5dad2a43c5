"""Attacked images: the clean one, the attacked one, and their difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustdm.leaderboard.boards import Part, Source
from trustdm.leaderboard.pictures import named, png
from trustdm.leaderboard.sections import Image, Picture

ARRAYS = ("x", "x_adv", "gallery_examples", "gallery_labels", "gallery_predictions")
ABSENT = "wrong before any attack; not attacked"
SIDES = ("Clean image", "Attacked image", "Amplified difference")


@dataclass(frozen=True)
class Gallery:
    """Attacked images of one cell: ``x`` and ``x_adv`` (m, C, H, W) in [0, 1]; ids, labels, predictions (m,)."""

    x: NDArray[np.float32]
    x_adv: NDArray[np.float32]
    examples: NDArray[np.int64]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]

    def sound(self) -> bool:
        """Whether the arrays are images, and fit together; those of a file that was read in may be anything."""
        numbers = (self.examples, self.labels, self.predictions)
        images = self.x.ndim == 4 and self.x.size > 0 and self.x.shape == self.x_adv.shape
        real = all(array.dtype.kind == "f" for array in (self.x, self.x_adv))
        return images and real and all(n.shape == self.x.shape[:1] and n.dtype.kind in "iu" for n in numbers)


def kept(source: Source, part: Part) -> Gallery | None:
    """The images that were kept with the first block of a cell; None where some are missing, or are no images."""
    names = {name for start, name in source.artefact_names(part.result.id) if start == 0}
    if not names >= set(ARRAYS):
        return None
    gallery = Gallery(*(source.artefact(part.result.id, 0, name) for name in ARRAYS))
    return gallery if gallery.sound() else None


def pictures(
    gallery: Gallery, root: str, wrong: frozenset[int] = frozenset()
) -> tuple[tuple[Picture, ...], dict[str, bytes]]:
    """The pictures of a gallery, and the files they need by path; ``root`` leads from the page to the site's root.

    An example of ``wrong``, those that were wrong before any attack, has one image unless it was changed.
    """
    files: dict[str, bytes] = {}
    shown = []
    for at, example in enumerate(gallery.examples):
        x, x_adv = gallery.x[at], gallery.x_adv[at]
        alone = int(example) in wrong and np.array_equal(x, x_adv)
        caption = _caption(gallery, at) + (" on the clean image" if alone else "")
        sides = [x] if alone else [x, x_adv, difference(x, x_adv)]
        images = []
        for side, pixels in zip(SIDES, sides, strict=False):
            path, data = named(png(pixels))
            files[path] = data
            images.append(Image(root + path, f"{side}: {caption}", pixels.shape[-1], pixels.shape[-2]))
        shown.append(Picture(tuple(images), caption, absent=ABSENT if alone else ""))
    return tuple(shown), files


def _caption(gallery: Gallery, at: int) -> str:
    label, prediction = int(gallery.labels[at]), int(gallery.predictions[at])
    outcome = "still correct" if prediction == label else f"taken for {prediction}" if prediction >= 0 else "no answer"
    return f"Example {int(gallery.examples[at])}, class {label}: {outcome}"


def difference(x: NDArray[Any], x_adv: NDArray[Any]) -> NDArray[np.float64]:
    """The change from ``x`` to ``x_adv`` (C, H, W) around mid-grey, its largest entry amplified to black or white."""
    change = np.asarray(x_adv, dtype=np.float64) - np.asarray(x, dtype=np.float64)
    largest = float(np.abs(change).max(initial=0.0))
    return change / (2 * largest) + 0.5 if largest else np.full_like(change, 0.5)
