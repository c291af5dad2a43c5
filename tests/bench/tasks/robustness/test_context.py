"""The images of a block as attacks and the judge see them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jobs import Made, job
from toyboard import toy

from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import DataError, SetupError
from trustdm.bench.tasks.robustness.context import context_of
from trustdm.bench.tasks.robustness.task import budget_of
from trustdm.bench.types import Block

SUITE = toy([7, 3, 5, 1], shape=(1, 1, 1), classes=3)
CARD = MethodCard(name="toy", input_shape=(1, 1, 1), classes=3)
DATA = Made(SUITE.test, np.reshape([0.7, 0.3, 0.5, 0.1], (4, 1, 1, 1)), [0, 1, 2, 0])


def test_a_block_has_the_images_of_its_part_of_the_test_list() -> None:
    context = context_of(job(SUITE, "attacked", lambda x: x, CARD, DATA, block=Block(1, 3), draws=4, batch_size=2))
    assert context.examples.tolist() == [3, 5] and context.y.tolist() == [1, 2]
    torch.testing.assert_close(context.x.flatten(), torch.tensor([0.3, 0.5]))
    assert (context.draws, context.key, context.budget) == (4, "key", budget_of(SUITE))
    assert context.verified.tolist() == [True, True]


def test_a_data_set_may_say_which_images_it_could_check() -> None:
    class Half(Made):
        def verified(self, index):
            return np.asarray(index) > 4

    half = Half(DATA.ids, DATA.images, DATA.labels)
    assert context_of(job(SUITE, "clean", lambda x: x, CARD, half)).verified.tolist() == [True, False, True, False]


def test_batches_cover_the_rows() -> None:
    context = context_of(job(SUITE, "attacked", lambda x: x, CARD, DATA, batch_size=3))
    assert [part.tolist() for part in context.batches()] == [[0, 1, 2], [3]]
    assert [part.tolist() for part in context.batches(np.array([3, 0]))] == [[3, 0]]


def test_images_that_are_missing_are_no_fault_of_the_method() -> None:
    class Gone(Made):
        def read(self, index):
            raise DataError("images are not here")

    with pytest.raises(SetupError, match="images are not here"):
        context_of(job(SUITE, "attacked", lambda x: x, CARD, Gone(DATA.ids, DATA.images, DATA.labels)))
