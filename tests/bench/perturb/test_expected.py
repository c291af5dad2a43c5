"""Expected losses against a naive loop, and the search on a linear model against its closed form."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trustdm.bench.contracts import MethodCard
from trustdm.bench.method import Meter
from trustdm.bench.perturb.budget import norms
from trustdm.bench.perturb.expected import EotSettings, LossName, expected, expected_margin, losses, pgd_eot
from trustdm.bench.perturb.frequencies import low_pass
from trustdm.bench.perturb.pgd import margins, start_in_ball
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target
from trustdm.bench.targets.randomized import RandomizedTarget
from trustdm.bench.types import Budget

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
LOSSES = pytest.mark.parametrize("loss", ["margin", "ce", "dlr"])
EPS = Fraction(1, 10)
SHAPE = (1, 4, 4)
EXAMPLES = np.array([12, 3, 40, 5, 7, 1])
G = torch.Generator().manual_seed(0)
X = 0.4 + 0.2 * torch.rand(6, *SHAPE, generator=G)
Y = torch.tensor([0, 1, 2, 3, 0, 1])
W = torch.randn(16, 4, generator=G)


def classify(x: Tensor, noise: Any) -> Tensor:
    """Noise in the image and in the logits, and a bend: the loss of the mean is not the mean of the loss."""
    return torch.tanh((x + 0.2 * noise.normal("image", SHAPE)).flatten(1) @ W) + 0.3 * noise.normal("logits", (4,))


def target(rows: Any = slice(None), batch_size: int = 1000, key: str = "key") -> RandomizedTarget:
    card = MethodCard(name="toy", input_shape=SHAPE, classes=4, randomness="keyed")
    return RandomizedTarget(Target(classify, card, Meter(), key), None, EXAMPLES[rows], batch_size)


def drawn(draw: int, x: Tensor, call: int = 1, rows: Any = slice(None)) -> Tensor:
    """The logits of one draw of a call, by hand."""
    return target().on(Noise(f"key/call {call}", EXAMPLES[rows], draw))(x)


def linear(w: Tensor, gap: float) -> RandomizedTarget:
    """Two classes, the margin of class 0 is gap - w.(x - X): deterministic."""

    def two(x: Tensor) -> Tensor:
        margin = gap - ((x - X[: len(x)]) * w).flatten(1).sum(1)
        return torch.stack([margin, torch.zeros_like(margin)], 1)

    card = MethodCard(name="linear", input_shape=SHAPE, classes=2)
    return RandomizedTarget(Target(two, card, Meter()), None, EXAMPLES, 1000)


# --- losses


def test_losses_in_numbers() -> None:
    logits = torch.tensor([[3.0, 1.0, -1.0, 0.0], [2.0, 5.0, 1.0, -4.0]])
    y = torch.tensor([0, 0])
    assert losses(logits, y, "margin").tolist() == [-2.0, 3.0]
    # DLR: -(z_y - max other) / (z_1 - z_3), Croce and Hein 2020, Eq. 6.
    assert losses(logits, y, "dlr").tolist() == pytest.approx([-2 / 3, 3 / 4])
    expected = [float(torch.logsumexp(row, 0) - row[0]) for row in logits]
    assert losses(logits, y, "ce").tolist() == pytest.approx(expected)


def test_dlr_is_that_of_pyautoattack() -> None:
    from pyautoattack.autopgd_base import APGDAttack

    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(3))
    y = torch.arange(50) % 5
    theirs = APGDAttack(None, eps=0.1).dlr_loss(logits, y)
    torch.testing.assert_close(losses(logits, y, "dlr"), theirs)


# --- the expectation


@pytest.mark.parametrize("batch_size", [1, 6, 20, 1000])
@LOSSES
def test_an_expectation_is_the_mean_over_draws_one_by_one(loss: LossName, batch_size: int) -> None:
    margin, value, gradient = expected(target(batch_size=batch_size), X, Y, 5, loss)
    sums = [torch.zeros(6), torch.zeros(6), torch.zeros_like(X)]
    for draw in range(5):
        leaf = X.clone().requires_grad_()
        logits = drawn(draw, leaf)
        if loss == "ce":
            one = functional.cross_entropy(logits, Y, reduction="none")
        else:
            own = logits[torch.arange(6), Y]
            other = torch.stack([max(row[k] for k in range(4) if k != y) for row, y in zip(logits, Y, strict=True)])
            ranked = logits.sort(1, descending=True)[0]
            one = (other - own) / (ranked[:, 0] - ranked[:, 2] if loss == "dlr" else 1)
        sums[0] += margins(logits, Y).detach() / 5
        sums[1] += one.detach() / 5
        sums[2] += torch.autograd.grad(one.sum(), leaf)[0] / 5
    for ours, theirs in zip((margin, value, gradient), sums, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        assert not ours.requires_grad


def test_the_margin_alone_is_the_same_mean() -> None:
    for batch_size in (1, 20, 1000):
        found = expected_margin(target(batch_size=batch_size), X, Y, 5)
        torch.testing.assert_close(found, torch.stack([margins(drawn(d, X), Y) for d in range(5)]).mean(0))


def test_a_deterministic_target_is_asked_once() -> None:
    made = linear(torch.ones(SHAPE), 1.0)
    y = torch.zeros(6, dtype=torch.long)
    margin, value, gradient = expected(made, X, y, 50, "margin")
    assert (made.meter.forwards, made.meter.gradients) == (6, 6)
    assert margin.tolist() == value.tolist() == [-1.0] * 6 and bool((gradient == 1).all())
    assert expected_margin(made, X, y, 50).tolist() == [-1.0] * 6
    assert made.meter.forwards == 12


def test_passes_are_counted() -> None:
    made = target(batch_size=13)
    pgd_eot(made, X, Y, Budget("linf", EPS), Noise("a", EXAMPLES), EotSettings(4, 0.02, 3))
    assert (made.meter.forwards, made.meter.gradients) == (6 * 5 * 3, 6 * 4 * 3)


# --- the search


@pytest.mark.parametrize("random_start", [True, False])
@pytest.mark.parametrize("loss", ["margin", "ce"])
@NORMS
def test_a_linear_model_is_attacked_as_well_as_can_be(norm: str, loss: LossName, random_start: bool) -> None:
    """The margin falls by eps |w|_1 in linf and by eps |w|_2 in l2, and no point of the ball does better."""
    w = W[:, 0].view(SHAPE)
    gain = 0.1 * float(w.abs().sum() if norm == "linf" else w.norm())
    settings = EotSettings(60, 0.02, 1, loss, random_start)
    y = torch.zeros(6, dtype=torch.long)
    ends = pgd_eot(linear(w, 0.05), X, y, Budget(norm, EPS), Noise("a", EXAMPLES), settings)
    for found in (ends.last, ends.best):
        fallen = ((found - X) * w).flatten(1).sum(1)
        torch.testing.assert_close(fallen, torch.full((6,), gain), rtol=1e-4, atol=1e-5)


@NORMS
def test_the_mean_of_linear_models_is_attacked_not_one_of_them(norm: str) -> None:
    """Draws w + noise: with all of them the direction is that of the mean weight."""
    w = W[:, 1].view(SHAPE)

    def two(x: Tensor, noise: Any) -> Tensor:
        score = ((x - X[0]) * (w + noise.normal("w", SHAPE))).flatten(1).sum(1)
        return torch.stack([torch.zeros_like(score), score], 1)

    card = MethodCard(name="linear", input_shape=SHAPE, classes=2, randomness="keyed")
    made = RandomizedTarget(Target(two, card, Meter(), "key"), None, EXAMPLES, 1000)
    settings = EotSettings(1, 0.05, 400, random_start=False)
    ends = pgd_eot(made, X, torch.zeros(6, dtype=torch.long), Budget(norm, EPS), Noise("a", EXAMPLES), settings)
    mean = torch.stack(
        [w + torch.from_numpy(Noise("key/call 1", EXAMPLES, d).normal("w", SHAPE)) for d in range(400)]
    ).mean(0)
    direction = mean.sign() if norm == "linf" else mean / mean.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(ends.last - X, 0.05 * direction, rtol=1e-3, atol=1e-5)


def walked(settings: EotSettings, norm: str, batch_size: int = 1000, rows: Any = slice(None)) -> Any:
    return pgd_eot(target(rows, batch_size), X[rows], Y[rows], Budget(norm, EPS), Noise("a", EXAMPLES[rows]), settings)


@NORMS
def test_a_search_is_its_steps_one_by_one(norm: str) -> None:
    """The whole path written out for each row, and the iterate of largest expected margin on it."""
    settings, budget = EotSettings(4, 0.03, 3, "ce"), Budget(norm, EPS)
    ends = walked(settings, norm)
    point = start_in_ball(X, budget, Noise("a", EXAMPLES))
    path, seen = [point], []
    for step in range(1, 6):
        leaf = point.clone().requires_grad_()
        logits = torch.stack([drawn(d, leaf, call=step) for d in range(3)])
        seen.append(torch.stack([margins(one, Y) for one in logits.detach()]).mean(0))
        if step == 5:
            break
        loss = sum(functional.cross_entropy(one, Y, reduction="none") for one in logits) / 3
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)  # type: ignore[union-attr]
        rows = []
        for x, start, way in zip(X, point, gradient, strict=True):
            if norm == "linf":
                moved = torch.clamp(start + 0.03 * way.sign(), x - 0.1, x + 0.1)
            else:
                delta = start + 0.03 * way / way.norm() - x
                moved = x + delta * min(1.0, 0.1 / float(delta.norm()))
            rows.append(moved.clamp(0, 1))
        point = torch.stack(rows)
        path.append(point)
    torch.testing.assert_close(ends.last, path[-1], rtol=1e-4, atol=1e-5)
    which = torch.stack(seen).argmax(0)
    best = torch.stack([path[k][i] for i, k in enumerate(which.tolist())])
    torch.testing.assert_close(ends.best, best, rtol=1e-4, atol=1e-5)
    assert bool((which < 4).any()), "the last iterate was the best of every row: nothing was chosen"


@NORMS
def test_rows_do_not_depend_on_each_other(norm: str) -> None:
    settings = EotSettings(5, 0.03, 4)
    whole = walked(settings, norm)
    for part in ([3], [5, 0], [4, 3, 2, 1, 0]):
        some = walked(settings, norm, rows=np.array(part))
        torch.testing.assert_close(some.last, whole.last[part], rtol=0, atol=1e-5)
        torch.testing.assert_close(some.best, whole.best[part], rtol=0, atol=1e-5)


@NORMS
def test_the_batch_size_changes_nothing(norm: str) -> None:
    whole = walked(EotSettings(5, 0.03, 4), norm)
    for batch_size in (1, 7, 12, 24):
        some = walked(EotSettings(5, 0.03, 4), norm, batch_size)
        torch.testing.assert_close(some.last, whole.last, rtol=0, atol=1e-5)
        torch.testing.assert_close(some.best, whole.best, rtol=0, atol=1e-5)


@NORMS
def test_it_is_repeatable_and_within_the_budget(norm: str) -> None:
    one, other = walked(EotSettings(5, 0.3, 2), norm), walked(EotSettings(5, 0.3, 2), norm)
    assert torch.equal(one.last, other.last) and torch.equal(one.best, other.best)
    for found in (one.last, one.best):
        assert bool((norms(found.double() - X.double(), norm) <= float(EPS)).all())


# --- within low frequencies


@NORMS
def test_low_frequencies_only_while_no_bound_is_met(norm: str) -> None:
    """In the interior of the ball a perturbation has no other frequencies; its length is that of a step."""
    shape = low_pass(X, 0.5)
    settings = EotSettings(1, 0.01, 3, random_start=False)
    ends = pgd_eot(target(), X, Y, Budget(norm, EPS), Noise("a", EXAMPLES), settings, shape)
    delta = (ends.last - X).double()
    torch.testing.assert_close(shape(delta.float()).double(), delta, rtol=0, atol=1e-6)
    assert norms(delta, norm).tolist() == pytest.approx([0.01] * 6, rel=1e-3)


def test_in_l2_a_linear_model_is_attacked_as_well_as_low_frequencies_can() -> None:
    """The margin falls by eps |P w|_2."""
    w = W[:, 2].view(SHAPE)
    shape = low_pass(X, 0.5)
    gain = 0.1 * float(shape(w[None]).norm())
    y = torch.zeros(6, dtype=torch.long)
    ends = pgd_eot(linear(w, 0.05), X, y, Budget("l2", EPS), Noise("a", EXAMPLES), EotSettings(40, 0.02, 1), shape)
    fallen = ((ends.best - X) * w).flatten(1).sum(1)
    torch.testing.assert_close(fallen, torch.full((6,), gain), rtol=1e-4, atol=1e-5)
    assert gain < 0.09 * float(w.norm())


def test_an_empty_batch_stays_empty() -> None:
    none = np.array([], dtype=np.int64)
    ends = walked(EotSettings(2, 0.1, 2), "linf", rows=none)
    assert ends.last.shape == ends.best.shape == (0, *SHAPE)


def test_a_gradient_of_zero_moves_nothing() -> None:
    made = linear(torch.zeros(SHAPE), 1.0)
    y = torch.zeros(6, dtype=torch.long)
    for shape in (lambda delta: delta, low_pass(X, 0.5)):
        for norm in ("linf", "l2"):
            settings = EotSettings(3, 0.1, 1, random_start=False)
            ends = pgd_eot(made, X, y, Budget(norm, EPS), Noise("a", EXAMPLES), settings, shape)
            assert torch.equal(ends.last, X) and torch.equal(ends.best, X)
