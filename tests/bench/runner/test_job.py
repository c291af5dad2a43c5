"""A job: positions of its block, noise that belongs to (cell, use, position, draw)."""

from __future__ import annotations

import numpy as np
from jobs import Made, job
from toyboard import toy

from trustdm.bench.contracts import MethodCard
from trustdm.bench.plugins import load_suite
from trustdm.bench.types import Block

CARD = MethodCard(name="toy", input_shape=(1, 1, 1), classes=3)
SUITE = toy([7, 3, 5, 1], shape=(1, 1, 1), classes=3)
DATA = Made(SUITE.test, np.zeros((4, 1, 1, 1)), [0, 1, 2, 0])


def drawn(block: Block, use: str = "judge", draw: int = 0, key: str = "key") -> np.ndarray:
    return job(SUITE, "clean", lambda x: x, CARD, DATA, block=block, key=key).noise(use, draw).normal("n", (2,))


def test_noise_belongs_to_the_position_whatever_the_block() -> None:
    whole = drawn(Block(0, 4))
    np.testing.assert_array_equal(drawn(Block(1, 3)), whole[1:3])
    for other in (drawn(Block(0, 4), "attack"), drawn(Block(0, 4), draw=1), drawn(Block(0, 4), key="other")):
        assert not np.array_equal(other, whole)


def test_positions_are_those_of_the_evaluation() -> None:
    suite = load_suite("mnist16-certified")
    block = job(suite, "sigma-1-2", lambda x: x, CARD, DATA, block=Block(11, 33))
    assert block.positions.tolist() == list(range(11, 33)) and block.per_example == 11
