from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trustdm.bench.suite.load import Suite
from trustdm.leaderboard.boards import Board, Entry
from trustdm.leaderboard.tasks.generation import samples
from trustdm.leaderboard.tasks.generation.samples import Samples
from trustdm.leaderboard.tasks.generation.view import Extra


def made(labels: Any, shape: tuple[int, int, int] = (1, 4, 4)) -> Samples:
    """Images whose grey level is their number."""
    levels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
    return Samples(np.broadcast_to(levels, (len(labels), *shape)).copy(), np.asarray(labels))


def test_few_classes_are_columns_in_the_order_of_the_seeds() -> None:
    labels = np.arange(64) % 10
    order, wide = samples.arranged(made(labels))
    assert wide == 10 and len(order) == 60
    assert labels[order].reshape(6, 10).tolist() == [list(range(10))] * 6
    assert order.reshape(6, 10)[:, 3].tolist() == [3, 13, 23, 33, 43, 53]


@pytest.mark.parametrize("labels", [np.arange(64), np.arange(64) % 40, np.arange(4) % 3])
def test_many_classes_or_few_images_are_sorted_by_class(labels: Any) -> None:
    order, wide = samples.arranged(made(labels))
    assert wide == min(8, len(labels)) and np.all(np.diff(labels[order]) >= 0) and len(order) == len(labels)


def test_without_classes_the_order_is_that_of_the_seeds() -> None:
    order, wide = samples.arranged(made(np.full(64, -1)))
    assert wide == 8 and order.tolist() == list(range(64))


def test_a_sheet_has_every_image_in_its_place_enlarged_pixel_by_pixel() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(5, 1, 4, 4)).astype(np.uint8)
    sheet = samples.tiled(images, 3)
    factor, gap = 32 // 4, samples.GAP
    assert sheet.shape == (4, 2 * 32 + gap, 3 * 32 + 2 * gap)
    fourth = sheet[:, 32 + gap :, :32]
    assert np.array_equal(fourth[0], images[3, 0].repeat(factor, axis=0).repeat(factor, axis=1))
    assert np.array_equal(fourth[1], fourth[0]) and np.all(fourth[3] == 255)
    assert np.all(sheet[3, 32 : 32 + gap] == 0) and np.all(sheet[3, 32 + gap :, -32:] == 0)


def test_colours_stay_and_large_images_are_not_enlarged() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(1, 3, 64, 64)).astype(np.uint8)
    assert np.array_equal(samples.tiled(images, 1)[:3], images[0])


def row(board: Board, name: str) -> Entry:
    return next(entry for entry in board.entries if entry.name == name)


def test_samples_come_from_the_first_blocks_with_the_classes_asked_for(generators: Board, generation: Suite) -> None:
    assert generation.size.first_block == 32 and isinstance(generators.extra, Extra)
    source = generators.extra.source
    found = samples.kept(source, row(generators, "EDM, class-conditional (digits), sampler=heun").parts[0])
    assert found is not None and found.images.shape == (64, 1, 8, 8) and found.images.dtype == np.uint8
    assert found.labels.tolist() == [i % 10 for i in range(64)]
    free = samples.kept(source, row(generators, "NCSN (digits), sampler=langevin").parts[0])
    assert free is not None and set(free.labels.tolist()) == {-1}


class Odd:
    """A store whose arrays are not what this code would have written."""

    def __init__(self, *arrays: Any):
        self.arrays = arrays

    def artefact_names(self, cell_id: int) -> list[tuple[int, str]]:
        return [(at, samples.ARRAY) for at in range(len(self.arrays))]

    def artefact(self, cell_id: int, start: int, name: str) -> Any:
        return self.arrays[start]


@pytest.mark.parametrize(
    "arrays",
    [
        (),
        (np.zeros((2, 1, 4, 4)),),
        (np.zeros((2, 4, 4), dtype=np.uint8),),
        (np.zeros((1, 1, 4, 4), dtype=np.uint8), np.zeros((1, 1, 5, 5), dtype=np.uint8)),
        (np.zeros((2, 16), dtype=np.uint8),),
        (np.zeros((0, 1, 4, 4), dtype=np.uint8),),
        (np.zeros((2, 1, 0, 4), dtype=np.uint8),),
    ],
)
def test_arrays_that_are_no_images_are_not_shown(generators: Board, arrays: tuple[Any, ...]) -> None:
    odd: Any = Odd(*arrays)
    assert samples.kept(odd, generators.entries[0].parts[0]) is None


def test_the_note_says_how_samples_are_laid_out() -> None:
    assert samples.note(made(np.arange(64) % 10)) == samples.BY_CLASS
    assert samples.note(made(np.arange(64))).endswith("; classes in order.")
    assert samples.note(made(np.full(64, -1))).endswith("at every number of steps.")
