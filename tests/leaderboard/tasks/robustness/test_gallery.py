from __future__ import annotations

import io
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trustdm.bench.suite.load import Suite
from trustdm.leaderboard.loading import load
from trustdm.leaderboard.tasks.robustness.gallery import Gallery, difference, kept, pictures


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_difference_is_grey_where_nothing_changed_and_fills_the_range() -> None:
    x = np.array([[[0.2, 0.5, 0.7]]])
    assert difference(x, x).tolist() == [[[0.5, 0.5, 0.5]]]
    assert difference(x, x + np.array([[[0.1, 0.0, -0.05]]])) == pytest.approx(np.array([[[1.0, 0.5, 0.25]]]))


def test_each_picture_points_at_a_file_that_is_returned() -> None:
    x = np.random.default_rng(1).random((2, 1, 4, 4)).astype(np.float32)
    found, files = pictures(Gallery(x, x[::-1].copy(), np.array([11, 12]), np.array([1, 2]), np.array([1, 5])), "../")
    assert [p.caption for p in found] == ["Example 11, class 1: still correct", "Example 12, class 2: taken for 5"]
    for picture in found:
        assert [i.alt.partition(":")[0] for i in picture.images] == [
            "Clean image",
            "Attacked image",
            "Amplified difference",
        ]
        assert all(image.source.removeprefix("../") in files for image in picture.images)
    assert np.array_equal(read(files[found[0].images[0].source[3:]]), np.rint(255 * x[0, 0]).astype(np.uint8))


def test_an_example_that_was_wrong_before_has_no_attacked_image() -> None:
    x = np.random.default_rng(1).random((3, 1, 4, 4)).astype(np.float32)
    x_adv = np.stack([x[0], x[1], 1 - x[2]])
    ids = np.array([11, 12, 13])
    found, files = pictures(Gallery(x, x_adv, ids, np.array([1, 2, 3]), np.array([7, 7, 7])), "", frozenset({11, 13}))
    assert [len(p.images) for p in found] == [1, 3, 3]
    assert found[0].absent and found[0].caption == "Example 11, class 1: taken for 7 on the clean image"
    assert found[0].images[0].source in files and not found[1].absent


def test_equal_images_share_one_file() -> None:
    x = np.zeros((3, 1, 2, 2), dtype=np.float32)
    ids = np.arange(3)
    _, files = pictures(Gallery(x, x, ids, ids, ids), "")
    assert len(files) == 2


def test_images_are_read_from_the_first_block_and_only_whole_galleries(
    world: Any, suites: list[Suite], fakes: list[Any]
) -> None:
    world.add(suites[1], replace(fakes[0], n=64))
    (board,) = load(world.store, [suites[1]]).boards
    clean, _, autoattack = board.entries[0].parts
    gallery = kept(world.store, autoattack)
    assert gallery is not None and gallery.x.shape == gallery.x_adv.shape == (8, 1, 8, 8)
    assert gallery.examples.tolist() == suites[1].test[:8].tolist()
    assert kept(world.store, clean) is None


class Odd:
    """A store whose arrays are not what this code would have written."""

    def __init__(self, **arrays: Any):
        self.arrays = arrays

    def artefact_names(self, cell_id: int) -> list[tuple[int, str]]:
        return [(0, name) for name in self.arrays]

    def artefact(self, cell_id: int, start: int, name: str) -> Any:
        return self.arrays[name]


@pytest.mark.parametrize(
    "odd",
    [
        {"x": np.zeros((3, 16)), "x_adv": np.zeros((3, 16))},
        {"x": np.zeros((3, 16), dtype=np.int64), "x_adv": np.zeros((3, 16), dtype=np.int64)},
        {"x": np.zeros((0, 1, 4, 4)), "x_adv": np.zeros((0, 1, 4, 4))},
        {"x": np.zeros((3, 1, 0, 4)), "x_adv": np.zeros((3, 1, 0, 4))},
        {"x_adv": np.zeros((3, 1, 5, 5))},
        {"x_adv": np.zeros((3, 1, 4, 4), dtype="U1")},
        {"gallery_labels": np.arange(4)},
        {"gallery_predictions": np.zeros(3)},
    ],
)
def test_arrays_that_are_no_images_or_do_not_fit_together_are_not_shown(odd: dict[str, Any]) -> None:
    x, ids = np.zeros((3, 1, 4, 4)), np.arange(3)
    sound = {"x": x, "x_adv": x, "gallery_examples": ids, "gallery_labels": ids, "gallery_predictions": ids}
    part: Any = types.SimpleNamespace(result=types.SimpleNamespace(id=1))
    good, bad = (kept(source, part) for source in (store(**sound), store(**sound | odd)))
    assert good is not None and len(pictures(good, "")[0]) == 3 and bad is None


def store(**arrays: Any) -> Any:
    return Odd(**arrays)
