"""Square Attack in linf (Andriushchenko et al. 2020, algorithms 1 and 2) without the queries whose answer is known.

After the start every pixel is as high or as low as budget and box allow, and every proposal keeps it so. A proposal that
changes no pixel, or that was refused since the last one that was taken, leads to an image whose margin is known not to
be better: it counts as a query, but nothing is asked. On a small grey image this is a third of all queries. The squares
are those of the search that asks them all, and so is every image that is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.perturb.searches import gaps

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget

P_INIT = 0.8
"""The share of the pixels that the first squares cover."""
HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After these queries the share halves."""
WIDTH = 32
"""Where fewer images are left, several proposals of each are asked at once, up to so many together."""
AHEAD = 8
"""How many more proposals are looked through for each that is asked."""


@dataclass(frozen=True)
class Squares:
    """The proposals, the same for every image: query q paints the square of that corner and size.

    ``up`` (Q, C): whether a channel goes up or down. Equal proposals share a ``kind``; ``last`` is the query before with
    the same kind, -1 where there is none.
    """

    top: NDArray[np.int64]
    left: NDArray[np.int64]
    size: NDArray[np.int64]
    up: NDArray[np.bool_]
    kind: NDArray[np.int64]
    last: NDArray[np.int64]

    @staticmethod
    def draw(stream: np.random.Generator, queries: int, shape: tuple[int, int, int]) -> Squares:
        """``queries`` proposals for images of ``shape`` (C, H, W)."""
        channels, height, width = shape
        corners, signs = np.empty((queries, 3), dtype=np.int64), np.empty((queries, channels), dtype=np.bool_)
        for query in range(queries):
            size = side(query, height, width)
            corners[query] = int((height - size) * stream.random()), int((width - size) * stream.random()), size
            signs[query] = stream.random(channels, dtype=np.float32) >= 0.5
        kind = np.unique(np.hstack([corners, signs]), axis=0, return_inverse=True)[1].reshape(-1)
        last = np.full(queries, -1)
        order = np.argsort(kind, kind="stable")
        again = kind[order][1:] == kind[order][:-1]
        last[order[1:][again]] = order[:-1][again]
        return Squares(corners[:, 0], corners[:, 1], corners[:, 2], signs, kind, last)


def side(query: int, height: int, width: int) -> int:
    """The side of the square of a query."""
    share = P_INIT / 2 ** sum(query > after for after in HALVED_AFTER)
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


class SquareSearch:
    """The search of one batch on a deterministic target."""

    def __init__(self, target: AttackTarget, x: Tensor, y: Tensor, radius: float, squares: Squares):
        self._target, self._y, self._squares = target, y, squares
        self._low, self._high = (x - radius).clamp_(0, 1), (x + radius).clamp_(0, 1)
        self._queries = len(squares.kind)

    def run(self, start: NDArray[np.bool_]) -> Tensor:
        """The first misclassified point of each row, else that of smallest margin.

        ``start`` (B, C, H, W): which pixels start high.
        """
        everyone = np.arange(len(start))
        self._up, self._at = start.copy(), np.zeros(len(start), dtype=np.int64)
        self._asked = np.zeros(len(start), dtype=np.int64)
        self._refused = np.zeros((len(start), self._squares.kind.max() + 1), dtype=np.bool_)
        self._margin = self._margins(everyone, self._up)
        self._sums = np.zeros((*start.shape[:2], start.shape[2] + 1, start.shape[3] + 1), dtype=np.int32)
        self._count(everyone)
        while len(rows := np.flatnonzero((self._margin > 0) & (self._at < self._queries))):
            self._round(rows)
        return self._images(everyone, self._up)

    def _round(self, rows: NDArray[np.int64]) -> None:
        """Asks the next proposals of each row whose answer is not known, and takes the first that is better."""
        # What is asked beside a proposal that is taken is lost. It is paid for by queries that were spared: a row never
        # asks more often than it has queries.
        many = 1 + np.minimum(self._at[rows] - self._asked[rows], max(WIDTH // len(rows), 1) - 1)
        queries = self._at[rows, None] + np.arange(AHEAD * int(many.max()))
        new = self._new(rows, queries)
        taken = new & (np.cumsum(new, axis=1) <= many[:, None])
        each = taken.sum(axis=1)
        end = np.where(each < many, queries[:, -1], queries.shape[1] - 1 - np.argmax(taken[:, ::-1], axis=1) + queries[:, 0])
        self._at[rows] = end + 1
        self._asked[rows] += each
        which, column = np.nonzero(taken)
        if not len(which):
            return
        row, query = rows[which], queries[which, column]
        up = self._painted(row, query)
        margin = self._margins(row, up)
        better = (margin < self._margin[row]) | (margin <= 0)
        self._refused[row, self._squares.kind[query]] = True
        if better.any():
            won, first = np.unique(row[better], return_index=True)
            best = np.flatnonzero(better)[first]
            self._up[won], self._margin[won], self._at[won] = up[best], margin[best], query[best] + 1
            self._refused[won] = False
            self._count(won)

    def _new(self, rows: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which proposals (B, Q) would change their row, and were not refused for what it is now."""
        squares, there = self._squares, queries < self._queries
        query = np.minimum(queries, self._queries - 1)
        top, left, size, up = (a[query] for a in (squares.top, squares.left, squares.size, squares.up))
        row, bottom, right, sums = rows[:, None], top + size, left + size, self._sums
        high = sums[row, :, bottom, right] - sums[row, :, top, right] - sums[row, :, bottom, left] + sums[row, :, top, left]
        idle = (high == np.where(up, (size * size)[..., None], 0)).all(axis=2)
        repeated = squares.last[query] >= queries[:, :1]
        return there & ~idle & ~repeated & ~self._refused[row, squares.kind[query]]

    def _painted(self, rows: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pixels (N, C, H, W) are high after each proposal."""
        squares, (height, width) = self._squares, self._up.shape[2:]
        top, left, size = (a[queries, None] for a in (squares.top, squares.left, squares.size))
        lines = (np.arange(height) >= top) & (np.arange(height) < top + size)
        columns = (np.arange(width) >= left) & (np.arange(width) < left + size)
        inside = lines[:, None, :, None] & columns[:, None, None, :]
        painted: NDArray[np.bool_] = np.where(inside, squares.up[queries][:, :, None, None], self._up[rows])
        return painted

    def _count(self, rows: NDArray[np.int64]) -> None:
        """Sums of high pixels above and left of each corner."""
        self._sums[rows, :, 1:, 1:] = self._up[rows].cumsum(axis=2, dtype=np.int32).cumsum(axis=3)

    def _images(self, rows: NDArray[np.int64], up: NDArray[np.bool_]) -> Tensor:
        index = torch.from_numpy(rows).to(self._low.device)
        return torch.where(torch.from_numpy(up).to(self._low.device), self._high[index], self._low[index])

    def _margins(self, rows: NDArray[np.int64], up: NDArray[np.bool_]) -> NDArray[np.float32]:
        """True logit minus the largest other one."""
        with torch.no_grad():
            logits = self._target(self._images(rows, up))
        index = torch.from_numpy(rows).to(self._y.device)
        margins: NDArray[np.float32] = -gaps(logits, self._y[index]).cpu().numpy()
        return margins
