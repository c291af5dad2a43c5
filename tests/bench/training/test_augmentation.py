from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trustdm.bench.training.augmentation import NUMBERS, Augmentation, _inverse


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 4) -> Tensor:
    """Noise inside a wide dark border, so that nothing leaves the image."""
    x = torch.full((n, 1, 12, 12), -1.0)
    x[:, :, 4:8, 4:8] = torch.rand(n, 1, 4, 4, generator=generator(5))
    return x


def test_with_chance_zero_nothing_is_done_and_nothing_said() -> None:
    x = pictures()
    changed, numbers = Augmentation(probability=0.0)(x, generator())
    assert torch.equal(changed, x)
    assert numbers.shape == (4, NUMBERS) and not numbers.any()


def test_a_whole_pixel_shift_moves_the_pixels_and_is_what_the_numbers_say() -> None:
    x = pictures(20)
    changed, numbers = Augmentation(probability=1.0, drift=0, turn=0, zoom=0)(x, generator(1))
    assert set(numbers[:, :2].flatten().tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert not numbers[:, 2:].any()
    for before, after, (right, down) in zip(x, changed, numbers[:, :2].int().tolist(), strict=True):
        torch.testing.assert_close(after, before.roll((down, right), (1, 2)), rtol=0, atol=1e-5)


def test_a_quarter_turn_is_that_of_the_array() -> None:
    x = pictures(1)
    quarter = _inverse(torch.zeros(1, 2), torch.full((1, 1), math.pi / 2), torch.zeros(1, 1))
    grid = torch.nn.functional.affine_grid(quarter, list(x.shape), align_corners=False)
    turned = torch.nn.functional.grid_sample(x, grid, align_corners=False)
    torch.testing.assert_close(turned, x.rot90(-1, (2, 3)), rtol=0, atol=1e-5)


def test_one_octave_of_zoom_doubles_a_square() -> None:
    x = torch.zeros(1, 1, 16, 16)
    x[:, :, 6:10, 6:10] = 1
    double = _inverse(torch.zeros(1, 2), torch.zeros(1, 1), torch.ones(1, 1))
    grid = torch.nn.functional.affine_grid(double, list(x.shape), align_corners=False)
    assert float(torch.nn.functional.grid_sample(x, grid, align_corners=False).sum()) == pytest.approx(64, rel=1e-4)


def test_each_change_is_made_as_often_as_its_chance_and_by_its_size() -> None:
    augmentation = Augmentation(probability=0.25)
    _, numbers = augmentation(torch.zeros(8000, 1, 2, 2), generator(2))
    done = {
        "drift": numbers[:, 2:4].any(1),
        "turn": numbers[:, 5] != 0,
        "zoom": numbers[:, 6] != 0,
    }
    for name, where in done.items():
        assert float(where.float().mean()) == pytest.approx(0.25, abs=0.02), name
    both = (done["turn"] & done["zoom"]).float().mean()
    assert float(both) == pytest.approx(0.0625, abs=0.01)
    assert float(numbers[done["turn"], 5].asin().std()) == pytest.approx(augmentation.turn, rel=0.05)
    assert float(numbers[done["zoom"], 6].std()) == pytest.approx(augmentation.zoom, rel=0.05)
    torch.testing.assert_close((numbers[:, 4] + 1) ** 2 + numbers[:, 5] ** 2, torch.ones(8000))


def test_images_stay_within_their_own_range_and_the_input_stays_as_it_was() -> None:
    x = torch.rand(50, 1, 8, 8, generator=generator(3)) * 2 - 1
    kept = x.clone()
    changed, _ = Augmentation(probability=1.0)(x, generator(4))
    assert torch.equal(x, kept)
    assert float(changed.min()) >= float(x.min()) - 1e-6 and float(changed.max()) <= float(x.max()) + 1e-6
