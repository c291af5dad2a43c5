"""Searches side by side: several goals for each image in one batch, given up together once one of them succeeds.

One goal after the other leaves a device idle where few images are left. Which searches share a batch decides nothing:
a search is moved by its own image, goal and start only, and an image's searches always share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget

WIDTH = 96
"""How many searches share a batch where there are fewer images than that."""
DECISIVE = 1e-4
"""How far, as a share of its largest logit, an image must be misclassified for its searches to end there.

Logits of one image differ by about 1e-6 of their size between batches of different sizes: whoever judges the image
again in a batch of his own finds it misclassified too.
"""


def gaps(logits: Tensor, y: Tensor) -> Tensor:
    """(B,): the largest logit of another class minus the true one; positive where misclassified."""
    others = logits.scatter(1, y[:, None], -torch.inf)
    return others.amax(1) - logits.gather(1, y[:, None])[:, 0]


def decisive(gap: Tensor, logits: Tensor) -> Tensor:
    """bool (B,): whether ``gap`` (B,) is large enough to end a search; ``logits`` (B, K) are where it comes from."""
    return gap > DECISIVE * logits.abs().amax(1)


def parts(rows: Tensor, goals: int, images: int) -> Iterator[Tensor]:
    """``rows`` in parts of about equal length: ``goals`` searches for each row fill a batch.

    A batch has at most ``WIDTH`` searches, or as many as there are ``images`` in all where these are more.
    """
    if len(rows):
        most = max(1, max(WIDTH, images) // goals)
        yield from torch.tensor_split(rows, -(-len(rows) // most))


def open_rows(broken: Tensor, randomized: bool) -> Tensor:
    """Indices of the rows to go on with: the unbroken ones; for a randomized target all of them, until none is."""
    if bool(broken.all()):
        return torch.empty(0, dtype=torch.long, device=broken.device)
    return torch.arange(len(broken), device=broken.device) if randomized else (~broken).nonzero().flatten()


def likeliest_others(target: AttackTarget, x: Tensor, y: Tensor) -> Tensor:
    """int64 (B, K-1): the classes other than ``y``, by falling logit of the clean images. One forward."""
    with torch.no_grad():
        logits = target(x).detach().clone()
    logits[torch.arange(len(y), device=y.device), y] = torch.inf
    return logits.sort(dim=1, descending=True, stable=True)[1][:, 1:]
