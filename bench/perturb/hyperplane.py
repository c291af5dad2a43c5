"""The nearest point of a hyperplane inside the box [0, 1]: what each step of FAB asks for (Croce and Hein 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 64
"""The most rounds of Newton's method; each ends with fewer pixels free than the one before, hardly any takes ten."""
NOTHING = 1e-8
"""Weights up to this do not count in "l2": dividing by them gives nothing but noise."""


def step_to(point: Tensor, weights: Tensor, offset: Tensor, norm: str) -> Tensor:
    """The smallest step (B, D) in ``norm`` from ``point`` (B, D) to where w.x is w.point - ``offset`` (B,).

    Where the box does not reach so far, each pixel goes as far as it can. Each pixel moves by ``length`` times 1
    ("linf") or times its weight ("l2"), until the box stops it; what this changes of w.x is concave in ``length`` and
    made of straight pieces. Newton's method from 0 finds the length exactly, without the sorting of the breakpoints.
    """
    size = weights.abs()
    if norm == "l2":
        size = size.masked_fill(size <= NOTHING, 0.0)
    up = (weights > 0) ^ (offset >= 0)[:, None]
    room = torch.where(up, 1 - point, point).masked_fill_(size == 0, 0.0)
    pace = size if norm == "l2" else torch.ones(1, 1, dtype=size.dtype, device=size.device)
    most, rate = size * room, (size * pace).masked_fill_(room == 0, 0.0)
    need, total = offset.abs(), torch.zeros_like(offset)
    length = need / rate.sum(1)
    for _ in range(ROUNDS):
        free = length[:, None] * pace < room
        before, total = total, most.masked_fill(free, 0.0).sum(1)
        if torch.equal(total, before):
            break
        left = rate.mul(free).sum(1)
        length = torch.where(left > 0, (need - total).clamp_min_(0) / left, torch.inf)
    step = torch.minimum(length[:, None] * pace, room).nan_to_num_(nan=0.0, posinf=0.0)
    return torch.where(up, step, -step)
