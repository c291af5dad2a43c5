from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.perturb import squares
from trustdm.bench.perturb.square import _Square, square
from trustdm.bench.perturb.squares import Squares, side
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

EPS = Fraction(1, 10)
QUERIES = 1500


class RowWise:
    """Logits made of row-wise sums: a row has the same bits in any batch."""

    def __init__(self, channels: int):
        generator = torch.Generator().manual_seed(0)
        self.first = torch.randn(12, channels * 64, generator=generator) / 4
        self.second = torch.randn(5, 12, generator=generator)
        self.x = torch.rand(8, channels, 8, 8, generator=generator)
        self.y = self(self.x).argmax(1)

    def __call__(self, x: Tensor) -> Tensor:
        hidden = torch.tanh((x.flatten(1)[:, None] * self.first).sum(2))
        return (hidden[:, None] * self.second).sum(2)


def both(stub: Any, channels: int, eps: Fraction) -> tuple[Any, Tensor, Any, Tensor, RowWise]:
    """What we ask and find, and what the search that asks every query does."""
    net, budget, noise = RowWise(channels), Budget("linf", eps), Noise("k", range(8))
    ours, all_asked = stub(net, 5), stub(net, 5)
    found = square(ours, net.x, net.y, budget, noise, QUERIES)
    return (
        ours,
        found,
        all_asked,
        _Square(all_asked, net.x, budget, noise, QUERIES).attack_single_run(net.x, net.y)[1],
        net,
    )


@pytest.mark.parametrize(("channels", "eps"), [(1, "1/100"), (1, "1/50"), (3, "1/100"), (3, "1/200")])
def test_takes_what_the_search_that_asks_every_query_takes(
    stub: Any, monkeypatch: pytest.MonkeyPatch, channels: int, eps: str
) -> None:
    monkeypatch.setattr(squares, "ROUNDING", 0.0)  # nothing is rounded otherwise in another batch here
    ours, mine, all_asked, theirs, net = both(stub, channels, Fraction(eps))
    broken = net(mine).argmax(1) != net.y
    assert 0 < int(broken.sum()) < 8
    torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
    assert sum(map(len, ours.asked)) < sum(map(len, all_asked.asked))


def test_no_row_is_asked_more_often_than_it_has_queries(stub: Any) -> None:
    net = RowWise(1)
    for row in range(8):
        for queries in (1, 2, 7, 60, 400):
            target = stub(net, 5)
            one = slice(row, row + 1)
            square(target, net.x[one], net.y[one], Budget("linf", Fraction(1, 100)), Noise("k", [row]), queries)
            assert sum(map(len, target.asked)) <= queries + 1


def test_no_proposal_is_asked_twice_and_none_that_changes_nothing(stub: Any) -> None:
    target = stub(lambda x: torch.tensor([1.0, 0.0]).repeat(len(x), 1), 2)  # nothing is better than the start
    x, noise = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), Noise("k", [0])
    square(target, x, torch.zeros(1, dtype=torch.long), Budget("linf", EPS), noise, 3000)
    asked = torch.cat(target.asked)
    assert 100 < len(asked) <= 1 + Squares.draw(noise.shared("square"), 3000, (1, 8, 8)).kind.max() + 1
    assert (asked[1:] != asked[0]).flatten(1).any(1).all()


def test_a_margin_that_only_rounding_lowers_is_not_better(stub: Any) -> None:
    def classify(x: Tensor) -> Tensor:
        ahead = 1 + 1e-7 * x.flatten(1).mean(1)
        return torch.stack([ahead, torch.zeros_like(ahead)], 1)

    x = torch.full((1, 1, 8, 8), 0.5)
    target = stub(classify, 2)
    found = square(target, x, torch.zeros(1, dtype=torch.long), Budget("linf", EPS), Noise("k", [0]), 50)
    assert torch.equal(found, target.asked[0])


def test_sides_are_those_of_pyautoattack(stub: Any) -> None:
    for height, width in ((16, 16), (32, 32), (8, 12)):
        x = torch.zeros(1, 3, height, width)
        peer = _Square(stub(lambda x: x, 2), x, Budget("linf", EPS), Noise("k", [0]), 10000)
        for query in (0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6001, 8000, 8001):
            share = peer.p_selection(query)
            assert side(query, height, width) == min(max(round((share * height * width) ** 0.5), 1), height, width)


def test_squares_are_drawn_as_the_other_search_draws_them() -> None:
    drawn = Squares.draw(Noise("k", [0]).shared("square"), 300, (2, 8, 8))
    stream = Noise("k", [0]).shared("square")
    for query in range(300):
        reach = 8 - drawn.size[query]
        assert (drawn.top[query], drawn.left[query]) == tuple(int(reach * stream.random()) for _ in range(2))
        assert drawn.up[query].tolist() == (stream.random(2, dtype=np.float32) >= 0.5).tolist()


def test_last_is_the_query_before_of_the_same_kind() -> None:
    drawn = Squares.draw(Noise("k", [0]).shared("square"), 500, (1, 8, 8))
    columns = np.stack([drawn.top, drawn.left, drawn.size, drawn.up[:, 0]], axis=1)
    before: dict[tuple[int, ...], int] = {}
    for query, kind in enumerate(map(tuple, columns.tolist())):
        assert drawn.last[query] == before.get(kind, -1)
        before[kind] = query
