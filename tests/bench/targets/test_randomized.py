"""Batches of draws are the draws one by one; what is held fixed stays; the parts of a purified method; its costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter, seeded
from trustdm.bench.rng import Noise
from trustdm.bench.targets.classify import Target
from trustdm.bench.targets.randomized import RandomizedTarget

CARD = MethodCard(name="toy", input_shape=(1, 2, 2), classes=4)
X = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
EXAMPLES = np.array([31, 7, 2**40, 0, 5])
WEIGHTS = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))


class Purified:
    """Noise and a contraction before a linear classifier with a bend; it keeps the sizes of its batches."""

    def __init__(self, randomness: str = "keyed"):
        self.randomness, self.sizes = randomness, list[int]()

    def purify(self, x: Tensor, *noise: Any) -> Tensor:
        self.sizes.append(len(x))
        if self.randomness == "none":
            return 0.5 * x + 0.1
        if self.randomness == "keyed":
            return 0.5 * x + 0.3 * noise[0].normal("a", (1, 2, 2)) * (1 + noise[0].uniform("b", (1, 1, 1)))
        return 0.5 * x + 0.3 * torch.randn(x.shape)

    def classify_purified(self, x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(1)) @ WEIGHTS

    def classify(self, x: Tensor, *noise: Any) -> Tensor:
        return self.classify_purified(self.purify(x, *noise))


def target(randomness: str = "keyed", batch_size: int = 64, thing: Any = None, key: str = "key") -> RandomizedTarget:
    thing = thing or Purified(randomness)
    card = CARD.model_copy(update={"randomness": randomness, "gradient": "surrogate"})
    return RandomizedTarget(Target(thing.classify, card, Meter(), key), thing, EXAMPLES, batch_size)


def all_of(made: RandomizedTarget, draws: int, x: Tensor = X) -> Tensor:
    return torch.cat(list(made.many(x, draws)))


def by_hand(call: int, draw: int, rows: Any = slice(None)) -> Tensor:
    """The logits under one draw, asked of the method itself."""
    on = Target(Purified().classify, CARD.model_copy(update={"randomness": "keyed"}), Meter()).on
    return on(Noise(f"key/call {call}", EXAMPLES[rows], draw))(X[rows])


# --- many draws at once


@pytest.mark.parametrize("batch_size", [1, 5, 9, 10, 11, 35, 1000])
def test_draws_in_batches_are_the_draws_one_by_one(batch_size: int) -> None:
    made = target(batch_size=batch_size)
    found = all_of(made, 7)
    assert found.shape == (7, 5, 4)
    torch.testing.assert_close(found, torch.stack([by_hand(1, draw) for draw in range(7)]))


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [5] * 7), (9, [5] * 7), (10, [10, 10, 10, 5]), (34, [30, 5]), (35, [35])]
)
def test_a_part_has_at_most_as_many_rows_as_the_batch_size_and_one_draw_at_least(
    batch_size: int, sizes: list[int]
) -> None:
    thing = Purified()
    assert [len(part) * 5 for part in target(batch_size=batch_size, thing=thing).many(X, 7)] == sizes
    assert thing.sizes == sizes


def test_every_call_has_new_draws_and_one_draw_is_that_of_a_call() -> None:
    made = target()
    torch.testing.assert_close(made(X), by_hand(1, 0))
    torch.testing.assert_close(all_of(made, 2), torch.stack([by_hand(2, 0), by_hand(2, 1)]))
    torch.testing.assert_close(made(X), by_hand(3, 0))
    drawn = torch.stack([by_hand(call, draw) for call in (1, 2, 3) for draw in (0, 1)])
    assert len(torch.unique(drawn, dim=0)) == 6


def test_noise_belongs_to_the_example_not_to_the_place() -> None:
    thing = Purified()
    card = CARD.model_copy(update={"randomness": "keyed"})
    part = np.array([4, 1])
    some = RandomizedTarget(Target(thing.classify, card, Meter(), "key"), thing, EXAMPLES[part], 64)
    torch.testing.assert_close(all_of(some, 3, X[part]), all_of(target(), 3)[:, part])


def test_another_number_of_rows_is_told_apart_by_place_as_in_a_single_call() -> None:
    many, single = target(), target()
    torch.testing.assert_close(next(many.many(X[:3], 1))[0], single(X[:3]))


def test_keys_tell_streams_apart() -> None:
    assert not torch.allclose(all_of(target(key="a"), 1), all_of(target(key="b"), 1))


def test_gradients_of_parts_add_up_to_that_of_the_sum() -> None:
    x = X.clone().requires_grad_()
    found = torch.zeros_like(X)
    for part in target(batch_size=10).many(x, 7):
        found += torch.autograd.grad(part.square().sum(), x)[0]
    leaf = X.clone().requires_grad_()
    on = Target(Purified().classify, CARD.model_copy(update={"randomness": "keyed"}), Meter()).on
    whole = sum(on(Noise("key/call 1", EXAMPLES, d))(leaf).square().sum() for d in range(7))
    torch.testing.assert_close(found, torch.autograd.grad(whole, leaf)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [5, 12, 64])
def test_every_image_is_counted_with_its_draws(batch_size: int) -> None:
    made = target(batch_size=batch_size)
    x = X.clone().requires_grad_()
    for part in made.many(x, 4):
        torch.autograd.grad(part.sum(), x)
    made.fixed(3)(X)
    made.bare()(X)
    made.straight_through()(X)
    made.knowing(Noise("own", EXAMPLES))(X)
    made(X)
    assert (made.meter.forwards, made.meter.gradients) == (20 + 15 + 5 + 5 + 5 + 5, 20)


# --- held fixed


def test_a_fixed_target_repeats_itself() -> None:
    held = target(batch_size=10).fixed(3)
    first = held(X)
    assert torch.equal(held(X), first) and first.shape == (5, 4)
    torch.testing.assert_close(first, torch.stack([by_hand(0, d) for d in range(3)]).mean(0))
    torch.testing.assert_close(all_of(held, 2), torch.stack([by_hand(0, d) for d in range(2)]))
    assert not torch.allclose(held(X + 0.1), first)


def test_fixing_leaves_the_target_as_it_was() -> None:
    made = target()
    made.fixed(2)(X)
    torch.testing.assert_close(made(X), by_hand(1, 0))


def test_a_fixed_average_has_the_gradient_of_the_average() -> None:
    x = X.clone().requires_grad_()
    (found,) = torch.autograd.grad(target(batch_size=5).fixed(3)(x).square().sum(), x)
    h, along = 1e-3, torch.randn(X.shape, generator=torch.Generator().manual_seed(2))
    held = target().fixed(3)
    slope = (held(X + h * along).double().square().sum() - held(X - h * along).double().square().sum()) / (2 * h)
    assert float(slope) == pytest.approx(float((found * along).sum()), rel=1e-3)


def test_knowing_the_noise_is_the_very_draw() -> None:
    noise = Noise("judge", EXAMPLES, 4)
    made = target()
    told = made.knowing(noise)
    assert torch.equal(told(X), made.on(noise)(X)) and torch.equal(told(X), told(X))
    assert made.randomized and not told.randomized
    x, leaf = X.clone().requires_grad_(), X.clone().requires_grad_()
    gradients = (torch.autograd.grad(told(x).sum(), x)[0], torch.autograd.grad(made.on(noise)(leaf).sum(), leaf)[0])
    assert torch.equal(*gradients)


# --- stages


def test_only_what_has_both_parts_has_stages() -> None:
    class NoPurifier:
        classify = classify_purified = Purified().classify_purified

    assert target().stages
    assert not target("none", thing=NoPurifier()).stages


def test_the_bare_classifier_is_asked_without_the_purifier() -> None:
    thing = Purified()
    bare = target(thing=thing).bare()
    torch.testing.assert_close(bare(X), torch.tanh(X.flatten(1)) @ WEIGHTS)
    assert thing.sizes == [] and not bare.randomized
    assert torch.equal(next(bare.many(X, 1))[0], bare(X))


def test_straight_through_the_gradient_is_that_of_the_classifier_at_the_purified_image() -> None:
    x = X.clone().requires_grad_()
    made = target()
    logits = made.straight_through()(x)
    assert torch.equal(logits, by_hand(1, 0)), "it is the method itself that is asked"
    weights = torch.linspace(-1, 1, 4)
    (found,) = torch.autograd.grad((logits * weights).sum(), x)
    noise = Noise("key/call 1", EXAMPLES)
    purified = 0.5 * X + 0.3 * torch.from_numpy(noise.normal("a", (1, 2, 2)) * (1 + noise.uniform("b", (1, 1, 1))))
    # d/dz of weights . (tanh(z) W)
    expected = (weights @ WEIGHTS.T) * (1 - torch.tanh(purified.flatten(1)).square())
    torch.testing.assert_close(found.flatten(1), expected)
    exact = torch.autograd.grad((made.knowing(noise)(x) * weights).sum(), x)[0]
    torch.testing.assert_close(exact, 0.5 * found)


def test_straight_through_draws_are_batched_too() -> None:
    many = all_of(target(batch_size=10).straight_through(), 5)
    torch.testing.assert_close(many, torch.stack([by_hand(1, draw) for draw in range(5)]))


# --- other randomness


def test_a_deterministic_method_is_the_same_every_time() -> None:
    made = target("none")
    assert not made.randomized
    assert torch.equal(made(X), made(X)) and made.fixed(3) is made
    assert torch.equal(all_of(made, 2), torch.stack([made(X)] * 2))
    straight = made.straight_through()
    assert torch.equal(straight(X), made(X)) and not straight.randomized


def test_a_block_seeded_method_draws_from_the_stream_it_is_given() -> None:
    made = target("block-seeded", batch_size=10)
    assert made.randomized and made.fixed(3) is made
    with seeded("block"):
        first, second = all_of(made, 4), all_of(made, 4)
    with seeded("block"):
        again = all_of(target("block-seeded", batch_size=10), 4)
    assert torch.equal(first, again) and not torch.equal(first, second)
    assert len(torch.unique(torch.cat([first, second]), dim=0)) == 8
    with seeded("block"):
        parts = [Purified("block-seeded").classify(X.repeat(2, 1, 1, 1)).view(2, 5, 4) for _ in range(2)]
    torch.testing.assert_close(first, torch.cat(parts))
    with seeded("block"):
        told = made.knowing(Noise("unused", EXAMPLES))(X)
    with seeded("block"):
        assert torch.equal(told, made(X))


def test_wrong_answers_are_named_whatever_way_they_are_asked_for() -> None:
    class Broken(Purified):
        def classify_purified(self, x: Tensor) -> Tensor:
            return super().classify_purified(x)[:, :3]

    made = target(thing=Broken())
    for ask in (lambda: all_of(made, 2), lambda: made.bare()(X), lambda: made.straight_through()(X)):
        with pytest.raises(ContractError, match="toy: classify: expected logits of shape"):
            ask()
