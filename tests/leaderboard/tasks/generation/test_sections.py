from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.store.store import Store
from trustdm.bench.suite.load import Suite
from trustdm.leaderboard.boards import Board, Entry, Samples, load
from trustdm.leaderboard.tasks.generation import sections as samples


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


HEUN = "EDM, class-conditional (digits), sampler=heun"


def test_samples_come_from_the_first_blocks_with_the_classes_asked_for(generators: Board, generation: Suite) -> None:
    assert generation.size.first_block == 32
    found = row(generators, HEUN).parts[0].samples
    assert found is not None and found.images.shape == (64, 1, 8, 8) and found.images.dtype == np.uint8
    assert found.labels.tolist() == [i % 10 for i in range(64)]
    free = row(generators, "NCSN (digits), sampler=langevin").parts[0].samples
    assert free is not None and set(free.labels.tolist()) == {-1}


def test_there_is_one_picture_for_each_number_of_steps(generators: Board, generation: Suite) -> None:
    grids, files = samples.grids(generation, row(generators, HEUN).parts, "../")
    assert grids is not None and grids.note == samples.BY_CLASS
    assert [g.name for g in grids.pictures] == ["5 steps", "10 steps", "18 steps"]
    assert [g.says for g in grids.pictures] == [f"{2 * n - 1} network evaluations an image" for n in (5, 10, 18)]
    for grid in grids.pictures:
        picture = Image.open(io.BytesIO(files[grid.source.removeprefix("../")]))
        assert picture.size == (grid.width, grid.height) and picture.mode == "RGBA"
    assert samples.grids(generation, [replace(p, samples=None) for p in row(generators, HEUN).parts], "") == (None, {})


def test_the_table_by_steps_has_the_numbers_of_the_board_and_the_passes_of_each_network(generators: Board) -> None:
    table = samples.steps(generators, row(generators, HEUN))
    assert table is not None
    heads = [head for head, _ in table.heads]
    assert heads == ["Fréchet", "KID", "Precision", "Recall", "NFE", "Through guide", "Through unet", "Device time"]
    lines = {name: dict(zip(heads, cells, strict=True)) for name, cells in table.lines}
    assert list(lines) == ["5 steps", "10 steps", "18 steps"]
    assert lines["10 steps"]["Fréchet"].sort == row(generators, HEUN).row.metrics["frechet_10"].value
    assert (lines["18 steps"]["NFE"].text, lines["18 steps"]["Through unet"].text) == ("35", "35")
    assert lines["18 steps"]["Through guide"].text == "3" and lines["5 steps"]["KID"].sort is None
    assert lines["10 steps"]["Fréchet"].note == row(generators, HEUN).row.metrics["frechet_10"].detail != ""


def test_a_site_with_generators_is_read_without_a_store_of_pictures(world: Any, generation: Suite) -> None:
    store: Store = world.store
    assert load(store, [generation]).boards[0].entries == ()
