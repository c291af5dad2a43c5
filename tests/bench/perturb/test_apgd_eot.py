"""Auto-PGD on an expected loss: with one draw of a deterministic network it walks as pyautoattack's does."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack
from torch import Tensor
from torch.nn import functional

from trustdm.bench.contracts import MethodCard
from trustdm.bench.method import Meter
from trustdm.bench.perturb.apgd_eot import apgd_eot
from trustdm.bench.perturb.budget import norms
from trustdm.bench.perturb.expected import EotSettings, LossName
from trustdm.bench.perturb.pgd import margins, start_in_ball
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target
from trustdm.bench.targets.randomized import RandomizedTarget
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
SHAPE, ROWS, CLASSES = (1, 5, 5), 12, 5
EPS = {"linf": Fraction(1, 8), "l2": Fraction(1, 2)}
EXAMPLES = np.arange(ROWS) * 3 + 1
G = torch.Generator().manual_seed(0)
X = torch.rand(ROWS, *SHAPE, generator=G, dtype=torch.float64)
FIRST = torch.randn(25, 30, generator=G, dtype=torch.float64)
SECOND = torch.randn(30, CLASSES, generator=G, dtype=torch.float64)


def network(x: Tensor) -> Tensor:
    """Bends enough for steps to overshoot, in double precision so that signs of gradients are not a matter of luck."""
    return torch.sin(3 * (x.flatten(1) @ FIRST)) @ SECOND


Y = network(X).argmax(1)


class Asked:
    """A deterministic target that keeps where it was asked."""

    classes, randomized = CLASSES, False

    def __init__(self) -> None:
        self.points: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.points.append(x.detach().clone())
        return network(x)

    def many(self, x: Tensor, draws: int) -> Any:
        assert draws == 1
        yield self(x)[None]


def loss_of(logits: Tensor, loss: str) -> Tensor:
    """pyautoattack's own, of all rows."""
    if loss == "ce":
        return functional.cross_entropy(logits, Y, reduction="none")
    return APGDAttack(None, eps=0.1).dlr_loss(logits, Y)  # type: ignore[no-any-return]


def peers(budget: Budget, loss: str, steps: int, noise: Noise, *, as_published: bool = True) -> list[Tensor]:
    """Every point that pyautoattack's search asks about, from the same start.

    Its first checkpoint compares the loss after the first step with an entry that is still 0 (``check_oscillation``
    reads index -1); the algorithm as published, and ours, with the loss of the start. A loss that is counted from that
    of the start is 0 there: then both are the same comparison, and nothing else changes.
    """
    asked, start = Asked(), start_in_ball(X, budget, noise)
    kind = {"linf": "Linf", "l2": "L2"}[budget.norm]
    search = APGDAttack(asked, n_iter=steps, norm=kind, eps=budget.radius, loss=loss, rho=0.75)
    if as_published:
        before = loss_of(network(start), loss)
        search.loss, search.dlr_loss = "dlr", lambda logits, y: loss_of(logits, loss) - before
    search.init_hyperparam(X)
    with torch.random.fork_rng(devices=[]):
        search.attack_single_run(X.clone(), Y.clone(), x_init=start)
    return asked.points


def guided(points: list[Tensor], loss: str) -> Tensor:
    """Rows with a gradient throughout: DLR is 1 wherever the true class is third, and a way from there is rounding."""
    ranks = torch.stack([(network(p) > network(p).gather(1, Y[:, None])).sum(1) for p in points[:-1]])
    return (ranks != 2).all(0) if loss == "dlr" else torch.ones(ROWS, dtype=torch.bool)


@pytest.mark.parametrize("steps", [1, 10, 50])
@pytest.mark.parametrize("loss", ["ce", "dlr"])
@NORMS
def test_every_iterate_is_pyautoattacks(norm: str, loss: LossName, steps: int) -> None:
    budget, noise = Budget(norm, EPS[norm] / (16 if loss == "dlr" else 1)), Noise("a", EXAMPLES)
    ours = Asked()
    ends = apgd_eot(ours, X, Y, budget, noise, EotSettings(steps, 0.0, 1, loss))
    points = peers(budget, loss, steps, noise)
    alike = guided(points, loss)
    assert int(alike.sum()) >= ROWS // 2, "hardly any row can be compared"
    assert len(ours.points) == len(points) == steps + 1
    for mine, theirs in zip(ours.points, points, strict=True):
        torch.testing.assert_close(mine[alike], theirs[alike], rtol=0, atol=1e-7)
    assert torch.equal(ends.last, ours.points[-1])


@NORMS
def test_the_comparison_above_sees_steps_halved_and_new_starts_from_the_best_point(norm: str) -> None:
    """Else the rules at checkpoints would not have been compared."""
    points = peers(Budget(norm, EPS[norm]), "ce", 50, Noise("a", EXAMPLES))
    values = torch.stack([loss_of(network(point), "ce") for point in points])
    fell = (values[1:] < values[:-1]).float().mean()
    assert 0.05 < float(fell) < 0.9
    moved = torch.stack([norms(b - a, norm) for a, b in pairwise(points)])
    assert float((moved[-5:].mean(0) / moved[:5].mean(0)).median()) < 0.5


@NORMS
def test_the_peer_as_it_is_differs_where_the_first_step_lowers_the_loss_and_nowhere_else(norm: str) -> None:
    """So the shift above does what it says, and no more."""
    differs = 0
    for seed in range(4):
        budget, noise, ours = Budget(norm, EPS[norm]), Noise(f"seed {seed}", EXAMPLES), Asked()
        apgd_eot(ours, X, Y, budget, noise, EotSettings(10, 0.0, 1, "ce"))
        points = peers(budget, "ce", 10, noise, as_published=False)
        same = torch.stack([norms(a - b, norm) for a, b in zip(ours.points, points, strict=True)]).amax(0) < 1e-7
        raised = loss_of(network(points[1]), "ce") > loss_of(network(points[0]), "ce")
        assert bool(same[raised].all())
        differs += int((~same).sum())
    assert differs > 0


@NORMS
def test_the_point_of_largest_margin_is_kept(norm: str) -> None:
    ours = Asked()
    budget = Budget(norm, EPS[norm])
    ends = apgd_eot(ours, X, Y, budget, Noise("a", EXAMPLES), EotSettings(20, 0.0, 1, "ce"))
    seen = torch.stack([margins(network(point), Y) for point in ours.points])
    which = seen.argmax(0)
    assert torch.equal(ends.best, torch.stack([ours.points[k][i] for i, k in enumerate(which.tolist())]))
    assert bool((which < 20).any()), "the last iterate was the best of every row: nothing was chosen"


@pytest.mark.parametrize("loss", ["margin", "ce"])
@NORMS
def test_a_linear_model_is_attacked_as_well_as_can_be(norm: str, loss: LossName) -> None:
    w = torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))
    x = torch.full((3, *SHAPE), 0.5)

    def two(images: Tensor) -> Tensor:
        margin = 0.2 - ((images - x) * w).flatten(1).sum(1)
        return torch.stack([margin, torch.zeros_like(margin)], 1)

    card = MethodCard(name="linear", input_shape=SHAPE, classes=2)
    target = RandomizedTarget(Target(two, card, Meter()), None, np.arange(3), 100)
    budget = Budget(norm, Fraction(1, 10))
    y = torch.zeros(3, dtype=torch.long)
    ends = apgd_eot(target, x, y, budget, Noise("a", range(3)), EotSettings(30, 0.0, 7, loss))
    gain = 0.1 * float(w.abs().sum() if norm == "linf" else w.norm())
    fallen = ((ends.best - x) * w).flatten(1).sum(1)
    torch.testing.assert_close(fallen, torch.full((3,), gain), rtol=1e-4, atol=1e-5)
    assert (target.meter.forwards, target.meter.gradients) == (3 * 31, 3 * 31)


# --- randomized


def drawing(rows: Any = slice(None), batch_size: int = 1000) -> RandomizedTarget:
    def classify(x: Tensor, noise: Any) -> Tensor:
        return network(x.double() + 0.05 * noise.normal("image", SHAPE)).float()

    card = MethodCard(name="toy", input_shape=SHAPE, classes=CLASSES, randomness="keyed")
    return RandomizedTarget(Target(classify, card, Meter(), "key"), None, EXAMPLES[rows], batch_size)


def walked(norm: str, rows: Any = slice(None), batch_size: int = 1000, draws: int = 3, steps: int = 6) -> Any:
    target, noise = drawing(rows, batch_size), Noise("a", EXAMPLES[rows])
    ends = apgd_eot(target, X[rows].float(), Y[rows], Budget(norm, EPS[norm]), noise, EotSettings(steps, 0.0, draws))
    return ends, target.meter


def test_passes_are_counted_with_their_draws() -> None:
    _, meter = walked("linf")
    assert (meter.forwards, meter.gradients) == (ROWS * 7 * 3, ROWS * 7 * 3)


@NORMS
def test_rows_do_not_depend_on_each_other(norm: str) -> None:
    whole = walked(norm)[0]
    for part in ([3], [11, 0], [4, 3, 2, 1, 0]):
        some = walked(norm, np.array(part))[0]
        torch.testing.assert_close(some.last, whole.last[part], rtol=0, atol=1e-5)
        torch.testing.assert_close(some.best, whole.best[part], rtol=0, atol=1e-5)


@NORMS
def test_the_batch_size_changes_nothing(norm: str) -> None:
    whole = walked(norm)[0]
    for batch_size in (1, 25):
        some = walked(norm, batch_size=batch_size)[0]
        torch.testing.assert_close(some.last, whole.last, rtol=0, atol=1e-5)
        torch.testing.assert_close(some.best, whole.best, rtol=0, atol=1e-5)


@NORMS
def test_the_loss_is_that_of_the_mean_over_draws(norm: str) -> None:
    """One step written out: along the gradient of the mean loss of three draws, by twice the radius, projected."""
    budget, noise, x = Budget(norm, EPS[norm]), Noise("a", EXAMPLES), X.float()
    ends, _ = walked(norm, steps=1)
    leaf = start_in_ball(x, budget, noise).requires_grad_()
    on = drawing().on
    loss = sum(margins(on(Noise("key/call 1", EXAMPLES, d))(leaf), Y) for d in range(3)) / 3
    (gradient,) = torch.autograd.grad(loss.sum(), leaf)  # type: ignore[union-attr]
    eps = float(EPS[norm])
    if norm == "linf":
        moved = (leaf + 2 * eps * gradient.sign()).clamp(x - eps, x + eps)
    else:
        delta = leaf + 2 * eps * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) - x
        moved = x + delta * (eps / delta.flatten(1).norm(dim=1)).clamp(max=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(ends.last, moved.clamp(0, 1).detach(), rtol=0, atol=1e-5)


@NORMS
def test_every_end_is_within_the_budget(norm: str) -> None:
    ends, _ = walked(norm, steps=15)
    for found in (ends.last, ends.best):
        assert bool((norms(found.double() - X.float().double(), norm) <= float(EPS[norm])).all())
        assert float(found.min()) >= 0 and float(found.max()) <= 1 and not found.requires_grad


def test_an_empty_batch_stays_empty() -> None:
    ends, meter = walked("linf", rows=np.array([], dtype=np.int64))
    assert ends.last.shape == ends.best.shape == (0, *SHAPE) and meter.forwards == 0
