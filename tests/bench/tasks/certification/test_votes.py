"""Class counts under noise that belongs to a position, whatever the batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import ContractError
from trustdm.bench.method import Meter
from trustdm.bench.targets.noisy import NoisyTarget
from trustdm.bench.tasks.certification.context import NoisyContext
from trustdm.bench.tasks.certification.votes import SLAB, Stream, check, class_counts

CARD = MethodCard(name="toy", capabilities=("classify_noisy",), input_shape=(1, 1, 1), classes=3)


def sign(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Class 0 below zero, 1 above."""
    return (x.flatten(1)[:, 0] > 0).long()


def context(call: Any = sign, batch_size: int = 4, card: MethodCard = CARD, first: int = 0) -> NoisyContext:
    return NoisyContext(
        source=NoisyTarget(call, card, Meter(), "key"),
        x=torch.tensor([-0.3, 0.0, 0.2]).reshape(3, 1, 1, 1),
        y=np.array([0, 1, 1]),
        position=np.arange(first, 4),
        image=np.array([0, 1, 2, 2])[first:],
        chunk=np.array([0, 0, 0, 1])[first:],
        selection=50,
        estimation=250,
        chunk_size=250,
        key="key",
        batch_size=batch_size,
    )


def streams(c: NoisyContext, use: str = "estimation") -> dict[int, Stream]:
    return {row: Stream.of(c, row, use) for row in range(len(c.position))}


def test_counts_are_those_of_a_naive_loop() -> None:
    c, draws = context(), {0: 250, 1: 30, 3: 101}
    counts = class_counts(c, 0.5, streams(c), draws)
    for row in range(4):
        more, stream = draws.get(row, 0), Stream.of(c, row, "estimation")
        drawn = [stream.take(min(SLAB, more - start)) for start in range(0, more, SLAB)]
        labels = [int(v) for part in drawn for v in sign(c.x[int(c.image[row])] + 0.5 * part, 0.5)]
        assert counts[row].tolist() == np.bincount(np.array(labels, dtype=int), minlength=3).tolist()
    assert c.source.meter.forwards == 381


def test_batches_and_neighbours_do_not_matter() -> None:
    one, other, alone = context(batch_size=4), context(batch_size=1), context(first=2)
    draws = {0: 250, 1: 250, 2: 250, 3: 250}
    counts = class_counts(one, 0.5, streams(one), draws)
    np.testing.assert_array_equal(class_counts(other, 0.5, streams(other), draws), counts)
    np.testing.assert_array_equal(class_counts(alone, 0.5, streams(alone), {0: 250, 1: 250}), counts[2:])


def test_draws_go_on_where_they_stopped() -> None:
    c = context()
    held = streams(c)
    parts = [class_counts(c, 0.5, held, {0: 100}), class_counts(c, 0.5, held, {0: 200})]
    np.testing.assert_array_equal(sum(parts), class_counts(c, 0.5, streams(c), {0: 300}))
    assert held[0].drawn == 300


def test_selection_and_estimation_see_other_noise() -> None:
    c = context()
    taken = [Stream.of(c, 0, use).take(5) for use in ("selection", "estimation", "selection")]
    assert torch.equal(taken[0], taken[2]) and not torch.equal(taken[0], taken[1])
    assert not torch.equal(Stream.of(c, 1, "selection").take(5), taken[0])


def test_names_of_draws_are_their_own() -> None:
    seen: list[np.ndarray] = []

    class Spy(NoisyTarget):
        def labels(self, x: torch.Tensor, sigma: float, draws: np.ndarray, use: str) -> torch.Tensor:
            seen.append(draws)
            return super().labels(x, sigma, draws, use)

    c = context()
    c.source.__class__ = Spy
    class_counts(c, 0.5, streams(c), {0: 150, 1: 150})
    names = np.concatenate(seen)
    assert len(set(names.tolist())) == 300


def test_a_classifier_proves_itself_first() -> None:
    check(context(), 0.5)
    with pytest.raises(ContractError, match="draws random numbers without saying so"):
        check(context(lambda x, sigma: torch.rand(len(x), 3)), 0.5)
