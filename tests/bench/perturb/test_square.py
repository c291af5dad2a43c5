from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from pyautoattack.square import SquareAttack
from torch import Tensor

from trustdm.bench.errors import UsageError
from trustdm.bench.perturb.budget import norms
from trustdm.bench.perturb.square import _Square, square
from trustdm.bench.rng import Noise
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
EPS = Fraction(1, 10)


def images(n: int = 6, side: int = 8, channels: int = 2) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def constant(x: Tensor) -> Tensor:
    return torch.tensor([1.0, 0.0]).repeat(len(x), 1)


def brightness(x: Tensor, threshold: float = 0.56) -> Tensor:
    """Class 1 once the mean of the left half is above ``threshold``."""
    score = x[..., : x.shape[-1] // 2].mean((1, 2, 3))
    return torch.stack([torch.full_like(score, threshold), score], 1)


@NORMS
def test_start_is_on_the_ball_and_keyed_by_row(stub: Any, norm: str) -> None:
    x, budget = 0.3 + 0.4 * images(), Budget(norm, EPS)
    target = stub(constant, 2)
    square(target, x, torch.zeros(6, dtype=torch.long), budget, Noise("k", range(6)), 1)
    delta = target.asked[0] - x
    torch.testing.assert_close(norms(delta, norm), torch.full((6,), 0.1, dtype=torch.float64), atol=1e-6, rtol=0)
    assert not torch.equal(delta[0], delta[1])
    if norm == "linf":  # vertical stripes: every row of pixels is the same
        torch.testing.assert_close(delta, delta[:, :, :1].expand_as(delta), atol=1e-6, rtol=0)
        assert set((delta / 0.1).round().unique().tolist()) == {-1.0, 1.0}


@NORMS
def test_every_query_is_in_ball_and_box(stub: Any, norm: str) -> None:
    x, target = images(), stub(lambda x: brightness(x, 2.0), 2)  # out of reach: every row stays
    square(target, x, torch.zeros(6, dtype=torch.long), Budget(norm, EPS), Noise("k", range(6)), 200)
    assert len({float(row) for batch in target.asked for row in brightness(batch)[:, 1]}) > 20
    for batch in target.asked:
        assert (batch >= 0).all() and (batch <= 1).all()
        # Several proposals of one image may stand in a batch, so every image is measured from its nearest original.
        sizes = torch.stack([norms(batch.double() - row.double(), norm) for row in x])
        assert (sizes.amin(0) <= 0.1 + 1e-6).all()


@NORMS
def test_lowers_the_margin_and_stops_at_success(stub: Any, norm: str) -> None:
    x = torch.linspace(0.47, 0.5, 4).view(4, 1, 1, 1).repeat(1, 1, 8, 8)
    budget = Budget(norm, EPS if norm == "linf" else Fraction(1))
    target = stub(lambda x: brightness(x, 0.54), 2)
    adv = square(target, x, torch.zeros(4, dtype=torch.long), budget, Noise("k", range(4)), 400)
    assert (brightness(adv, 0.54).argmax(1) == 1).all()
    assert sum(map(len, target.asked)) < 4 * 200


@pytest.mark.parametrize(("norm", "randomized"), [("l2", False), ("linf", True)])
def test_exactly_as_many_forwards_as_queries_and_one(stub: Any, norm: str, randomized: bool) -> None:
    target = stub(constant, 2, randomized)
    square(target, images(), torch.zeros(6, dtype=torch.long), Budget(norm, EPS), Noise("k", range(6)), 37)
    assert [len(batch) for batch in target.asked] == [6] * 38


def test_margins_of_exactly_zero_count_as_found(stub: Any) -> None:
    target = stub(lambda x: torch.zeros(len(x), 2), 2)
    square(target, images(), torch.zeros(6, dtype=torch.long), Budget("linf", EPS), Noise("k", range(6)), 5)
    assert len(target.asked) == 1


def test_logits_of_the_target_are_not_written_to(stub: Any) -> None:
    kept = torch.tensor([1.0, 0.0]).repeat(6, 1)
    square(
        stub(lambda x: kept, 2), images(), torch.zeros(6, dtype=torch.long), Budget("l2", EPS), Noise("k", range(6)), 3
    )
    assert kept.isfinite().all()


def test_squares_do_not_depend_on_the_rows(stub: Any) -> None:
    def where_changed(rows: slice) -> list[Tensor]:
        x, target = torch.full((6, 1, 8, 8), 0.5), stub(constant, 2)
        y = torch.zeros(6, dtype=torch.long)
        square(target, x[rows], y[rows], Budget("linf", EPS), Noise("k", range(6)[rows]), 20)
        return [batch[0] for batch in target.asked]

    for alone, among in zip(where_changed(slice(0, 1)), where_changed(slice(0, 6)), strict=True):
        assert torch.equal(alone, among)


def search(norm: str, key: str = "k") -> _Square:
    target = type("T", (), {"classes": 2, "randomized": False, "__call__": lambda self, x: constant(x)})()
    return _Square(target, images(), Budget(norm, EPS), Noise(key, range(6)), 5)


def test_parameters_are_those_of_autoattack() -> None:
    ours = search("linf")
    peer = SquareAttack(None, p_init=0.8, n_queries=5, eps=0.1, norm="Linf", resc_schedule=False)
    for name in ("p_init", "n_queries", "eps", "norm", "rescale_schedule", "n_restarts", "loss", "targeted"):
        assert getattr(ours, name) == getattr(peer, name), name


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
def test_bump_is_that_of_pyautoattack(side: int) -> None:
    peer = SquareAttack(None, eps=0.1, norm="L2", device="cpu")
    with torch.random.fork_rng(devices=[]):
        expected = peer.eta(side)
    ours = [search("l2", key).eta(side) for key in "abcdefgh"]
    close = [torch.allclose(bump, expected) for bump in ours]
    turned = [torch.allclose(bump, expected.T) for bump in ours]
    assert all(a or b for a, b in zip(close, turned, strict=True))
    assert side == 1 or (any(close) and any(turned) and not all(close))


def test_draws_have_the_marginals_of_pyautoattack() -> None:
    ours = search("linf")
    ours._starting = False
    signs = ours.random_choice([4000, 1, 1])
    assert signs.shape == (4000, 1, 1) and set(signs.unique().tolist()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / 4000**0.5
    corners = [ours.random_int(2, 6) for _ in range(4000)]
    assert set(corners) == {2, 3, 4, 5} and abs(sum(corners) / 4000 - 3.5) < 4 * 1.12 / 4000**0.5
    assert ours.random_choice([6, 2, 1, 1]).shape == (1, 2, 1, 1)


@pytest.mark.parametrize(("side", "fits"), [(4, False), (8, True), (14, False), (16, True), (28, True), (32, True)])
def test_l2_start_is_refused_where_it_cannot_be_tiled(stub: Any, side: int, fits: bool) -> None:
    x, y = images(2, side, 1), torch.zeros(2, dtype=torch.long)
    arguments = (stub(constant, 2), x, y, Budget("l2", EPS), Noise("k", range(2)), 2)
    if fits:
        assert square(*arguments).shape == x.shape
        return
    with pytest.raises(UsageError, match=f"attack square: norm l2: .* {side}x{side} images"):
        square(*arguments)
    assert square(arguments[0], x, y, Budget("linf", EPS), Noise("k", range(2)), 2).shape == x.shape


def test_empty_batch(stub: Any) -> None:
    empty = images()[:0]
    y = torch.zeros(0, dtype=torch.long)
    assert square(stub(constant, 2), empty, y, Budget("linf", EPS), Noise("k", []), 2).shape == empty.shape
