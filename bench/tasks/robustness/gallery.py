"""The images of a block that a page shows: each beside the last candidate made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trustdm.bench.records import Records
from trustdm.bench.types import Status

if TYPE_CHECKING:
    from torch import Tensor

    from trustdm.bench.tasks.robustness.context import Context

GALLERY = 8


def gallery(context: Context, shown: Tensor, parts: Sequence[Records]) -> dict[str, NDArray[Any]]:
    """The first images of the test list, what was made of them (``shown``), and what that was taken for.

    ``parts`` are the records in the order of the probes; of several draws the first one counts.
    """
    m = slice(0, GALLERY)
    return {
        "x": context.x[m].cpu().numpy(),
        "x_adv": shown[m].cpu().numpy(),
        "gallery_examples": context.examples[m],
        "gallery_labels": context.y[m].cpu().numpy(),
        "gallery_predictions": _last_labels(context.examples, parts)[m],
    }


def _last_labels(examples: NDArray[np.int64], parts: Sequence[Records]) -> NDArray[np.int64]:
    labels = np.full(len(examples), -1, dtype=np.int64)
    position = {int(e): i for i, e in enumerate(examples)}
    for part in parts:
        seen = part.where((part.draw == 0) & (part.status != Status.NOT_RUN))
        labels[[position[int(e)] for e in seen.example]] = seen.label
    return labels
