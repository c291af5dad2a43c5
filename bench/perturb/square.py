"""Square Attack (Andriushchenko et al. 2020, algorithms 1 to 3) from pyautoattack, with our random numbers.

The start of a row comes from its own keyed noise. The square of each query, and its signs, come from one stream that
all rows share and that depends on nothing else. pyautoattack shares them too in Linf; in L2 it draws signs for each row
that is still unbroken, and we share them: each row sees the same distribution as before, and rows are no longer
independent of each other in their luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from pyautoattack.square import SquareAttack
from torch import Tensor

from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import AUTOATTACK_NORM
from trustdm.bench.perturb.squares import P_INIT, Squares, SquareSearch
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

if TYPE_CHECKING:
    from trustdm.bench.contracts import AttackTarget


def square(target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise, queries: int) -> Tensor:
    """Returns, for each row, the first misclassified point, else the point of smallest margin met in ``queries``.

    A randomized target is always asked about all rows, in their order, so that it can keep noise by row.

    Raises:
        UsageError: L2, and a height that the tiling of the start does not fit (pyautoattack fails there).
    """
    if not len(x):
        return x.clone()
    _require_tiles(x, budget)
    if budget.norm == "linf" and not target.randomized:
        shape = (x.shape[1], *x.shape[2:])
        squares = Squares.draw(noise.shared("square"), queries, shape)
        stripes = noise.uniform("square-start-0", (shape[0], 1, shape[2])) >= 0.5
        return SquareSearch(target, x, y, budget.radius, squares).run(np.repeat(stripes, shape[1], axis=2))
    found: Tensor = _Square(target, x, budget, noise, queries).attack_single_run(x, y)[1]
    return found


def _require_tiles(x: Tensor, budget: Budget) -> None:
    height, width = x.shape[-2:]
    side = height // 5
    first = (height - 5 * side) // 2
    fits = side == 1 or (side > 1 and all(first + size // side * side <= size for size in (height, width)))
    if budget.norm == "l2" and not fits:
        raise UsageError(f"attack square: norm l2: its start cannot be tiled on {height}x{width} images; leave it out")


class _Square(SquareAttack):  # type: ignore[misc]
    """The peer's search; every method that drew from the global generator is replaced."""

    def __init__(self, target: AttackTarget, x: Tensor, budget: Budget, noise: Noise, queries: int) -> None:
        norm = AUTOATTACK_NORM[budget.norm]
        super().__init__(self._ask, norm=norm, n_queries=queries, eps=budget.radius, p_init=P_INIT, resc_schedule=False)
        self.init_hyperparam(x)
        self._target, self._clean, self._noise = target, x, noise
        self._stream = noise.shared("square")
        self._starting, self._parts = True, 0
        self._open = torch.arange(len(x), device=x.device)

    def random_int(self, low: int = 0, high: int = 1, shape: Sequence[int] = (1,)) -> int:
        """The corner of a square, the same for every row."""
        return low + int((high - low) * self._stream.random())

    def random_choice(self, shape: Sequence[int]) -> Tensor:
        """Signs: (B, ...) by row while the start is drawn, after that (1, ...) or (C, 1, 1) for all rows."""
        if self._starting:
            uniform = self._noise.uniform(f"square-start-{self._parts}", shape[1:])
            self._parts += 1
        else:
            shared = (1, *shape[1:]) if len(shape) == 4 else tuple(shape)
            uniform = self._stream.random(shared, dtype=np.float32)
        return torch.from_numpy(np.where(uniform < 0.5, np.float32(-1), np.float32(1))).to(self.device)

    def eta(self, s: int) -> Tensor:
        """The L2 bump (s, s): a positive and a negative pyramid, one above the other or side by side; of length 1."""
        bump = torch.cat([self.eta_rectangles(s // 2, s), -self.eta_rectangles(s - s // 2, s)])
        bump = bump / bump.square().sum().sqrt()
        return bump.T if self._stream.random() > 0.5 else bump

    def margin_and_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """True logit minus largest other, twice; keeps account of the rows that the search goes on with."""
        margin, loss = super().margin_and_loss(x, y)
        self._starting, self._open = False, self._open[margin > 0]
        return margin, loss

    def _ask(self, x: Tensor) -> Tensor:
        if not len(x):  # every margin was negative or exactly zero after the start
            return x.new_zeros(0, self._target.classes)
        if not self._target.randomized:
            return self._target(x).clone()  # the search overwrites logits
        images = self._clean.clone()
        images[self._open] = x
        return self._target(images)[self._open]
