"""Square Attack in linf (Andriushchenko et al. 2020, algorithms 1 and 2) without the queries whose answer is known.

After the start every pixel is as high or as low as budget and box allow, and every proposal keeps it so. A proposal
that changes no pixel, or that was refused since the last one that was taken, leads to an image whose margin is known
not to be better: it counts as a query, but nothing is asked. On a small grey image these are a third of all queries.
The squares are those of the search that asks them all, and so is every image that is taken.
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
WIDTH = 128
"""Where fewer images are left, several proposals of each are asked at once, up to so many together."""
ROUNDING = 2e-6
"""By how much of its largest logit a margin must fall to count as better: what another batch size changes is less.

Pixels that a network does not look at leave the margin as it is, but for the rounding of sums in another order.
"""
AHEAD = 64
"""How many proposals are looked through at once for some that are worth asking."""


@dataclass(frozen=True)
class Squares:
    """The proposals, the same for every image: query q paints the square of that corner and size.

    ``up`` (Q, C): whether a channel goes up or down. Equal proposals share a ``kind``; ``last`` is the query before of
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
        height, width = x.shape[-2:]
        self._lines, self._columns = (
            _spans(squares.top, squares.size, height),
            _spans(squares.left, squares.size, width),
        )

    def run(self, start: NDArray[np.bool_]) -> Tensor:
        """The first misclassified point of each row, else that of smallest margin.

        ``start`` (B, C, H, W): which pixels start high.
        """
        everyone = np.arange(len(start))
        self._up = start.copy()
        self._asked = np.zeros(len(start), dtype=np.int64)
        # What is not settled of the queries before ``_until`` waits in ``_queue``; the number of queries marks its end.
        self._until = np.zeros(len(start), dtype=np.int64)
        self._queue = np.full((len(start), AHEAD + WIDTH), self._queries)
        self._place = np.zeros(len(start), dtype=np.int64)
        self._refused = np.zeros((len(start), self._squares.kind.max() + 1), dtype=np.bool_)
        self._sums = np.zeros((*start.shape[:2], start.shape[2] + 1, start.shape[3] + 1), dtype=np.int32)
        self._count(everyone)
        self._margin, _ = self._margins(everyone, self._up)
        while len(rows := self._waiting()):
            self._round(rows)
        return self._images(everyone, self._up)

    def _waiting(self) -> NDArray[np.int64]:
        """The rows that go on, each with a proposal to ask."""
        while True:
            rows = np.flatnonzero(self._margin > 0)
            queued = self._queue[rows, self._place[rows]] < self._queries
            lacking = rows[~queued & (self._until[rows] < self._queries)]
            if not len(lacking):
                return rows[queued]
            self._fill(lacking)

    def _fill(self, rows: NDArray[np.int64]) -> None:
        """Queues, of the next proposals, those that would change their row and were not refused for what it is now."""
        squares, row, start = self._squares, rows[:, None], self._until[rows, None]
        queries = start + np.arange(AHEAD)
        query = np.minimum(queries, self._queries - 1)
        top, left, size, up = (a[query] for a in (squares.top, squares.left, squares.size, squares.up))
        bottom, right, sums = top + size, left + size, self._sums
        high = (
            sums[row, :, bottom, right]
            - sums[row, :, top, right]
            - sums[row, :, bottom, left]
            + sums[row, :, top, left]
        )
        idle = (high == np.where(up, (size * size)[..., None], 0)).all(axis=2)
        known = idle | self._refused[row, squares.kind[query]] | (squares.last[query] >= start)
        waiting = np.where(known | (queries >= self._queries), self._queries, queries)
        waiting.sort(axis=1)
        self._queue[rows, :AHEAD], self._place[rows] = waiting, 0
        self._until[rows] = np.minimum(queries[:, -1] + 1, self._queries)

    def _round(self, rows: NDArray[np.int64]) -> None:
        """Asks the next proposals of each row, and takes the first that is better."""
        # What is asked beside a proposal that is taken is lost. It is paid for by queries that were spared: a row never
        # asks more often than it has queries.
        place = self._place[rows]
        many = min(max(WIDTH // len(rows), 1), AHEAD)
        if many == 1:
            row, query = rows, self._queue[rows, place]
            self._asked[rows] += 1
            self._place[rows] += 1
        else:
            next_ones = self._queue[rows[:, None], place[:, None] + np.arange(many)]
            spared = next_ones[:, :1] - self._asked[rows, None]
            taken = (next_ones < self._queries) & (np.arange(many) <= spared)
            each = taken.sum(axis=1)
            row, query = np.repeat(rows, each), next_ones[taken]
            self._asked[rows] += each
            self._place[rows] += each
        up = self._painted(row, query)
        margin, rounding = self._margins(row, up)
        better = (margin < self._margin[row] - rounding) | (margin <= 0)
        self._refused[row, self._squares.kind[query]] = True
        if better.any():
            won, first = np.unique(row[better], return_index=True)
            self._take(won, np.flatnonzero(better)[first], query, margin, up)

    def _take(
        self,
        rows: NDArray[np.int64],
        best: NDArray[np.int64],
        query: NDArray[np.int64],
        margin: NDArray[np.float32],
        up: NDArray[np.bool_],
    ) -> None:
        """Makes the proposals number ``best`` of those asked what ``rows`` are now."""
        self._up[rows], self._margin[rows] = up[best], margin[best]
        self._until[rows], self._queue[rows, :AHEAD] = query[best] + 1, self._queries
        self._refused[rows] = False
        self._count(rows)

    def _painted(self, rows: NDArray[np.int64], queries: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pixels (N, C, H, W) are high after each proposal."""
        inside = self._lines[queries][:, None, :, None] & self._columns[queries][:, None, None, :]
        painted: NDArray[np.bool_] = np.where(inside, self._squares.up[queries][:, :, None, None], self._up[rows])
        return painted

    def _count(self, rows: NDArray[np.int64]) -> None:
        """Sums of high pixels above and left of each corner."""
        self._sums[rows, :, 1:, 1:] = self._up[rows].cumsum(axis=2, dtype=np.int32).cumsum(axis=3)

    def _images(self, rows: NDArray[np.int64], up: NDArray[np.bool_]) -> Tensor:
        index = torch.from_numpy(rows).to(self._low.device)
        return torch.where(torch.from_numpy(up).to(self._low.device), self._high[index], self._low[index])

    def _margins(
        self, rows: NDArray[np.int64], up: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """True logit minus the largest other one, and what rounding may change of it."""
        with torch.no_grad():
            logits = self._target(self._images(rows, up))
            index = torch.from_numpy(rows).to(self._y.device)
            both = torch.stack([-gaps(logits, self._y[index]), ROUNDING * logits.abs().amax(1)]).cpu().numpy()
        return both[0], both[1]


def _spans(begin: NDArray[np.int64], size: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """(Q, length): which lines or columns each square covers."""
    at = np.arange(length)
    spans: NDArray[np.bool_] = (at >= begin[:, None]) & (at < (begin + size)[:, None])
    return spans
