from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from trustdm.bench.errors import UsageError
from trustdm.bench.training.networks import parameters_in
from trustdm.bench.training.unet import Attention, UNet, UNetShape

TINY = UNetShape(side=8, patch=2, widths=(8, 16), embedding=12, classes=3, augment=2)


def awake(network: nn.Module) -> nn.Module:
    """The network with random values where it starts at zero, so that nothing is hidden behind a zero."""
    g = torch.Generator().manual_seed(1)
    for p in network.parameters():
        if not p.any():
            p.data = 0.1 * torch.randn(p.shape, generator=g)
    return network.eval().requires_grad_(False)


@pytest.fixture
def tiny() -> nn.Module:
    torch.manual_seed(0)
    return awake(UNet(TINY))


def images(n: int = 3, shape: UNetShape = TINY) -> Tensor:
    return torch.randn(n, shape.channels, shape.side, shape.side, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    "shape",
    [
        TINY,
        UNetShape(side=16, widths=(8, 16)),
        UNetShape(side=8, patch=1, widths=(8, 16)),
        UNetShape(side=4, channels=4, patch=1, widths=(16, 8), classes=0),
    ],
)
def test_what_comes_out_has_the_shape_of_what_went_in_and_starts_at_zero(shape: UNetShape) -> None:
    x = images(2, shape)
    out = UNet(shape)(x, torch.zeros(2))
    assert out.shape == x.shape
    assert not out.any()
    assert awake(UNet(shape))(x, torch.zeros(2)).std() > 1e-3


def test_the_network_of_the_demo_has_the_size_that_the_cards_say() -> None:
    assert parameters_in(UNet(UNetShape())) == 312_569
    assert parameters_in(UNet(UNetShape(classes=0))) == 311_513


def test_no_label_is_the_label_past_the_last(tiny: nn.Module) -> None:
    x, noise = images(), torch.zeros(3)
    free = tiny(x, noise)
    torch.testing.assert_close(tiny(x, noise, torch.full((3,), 3)), free, rtol=0, atol=0)
    for label in range(3):
        assert (tiny(x, noise, torch.full((3,), label)) - free).abs().max() > 1e-3


def test_an_augmentation_of_zero_is_none_at_all(tiny: nn.Module) -> None:
    x, noise = images(), torch.zeros(3)
    torch.testing.assert_close(tiny(x, noise, None, torch.zeros(3, 2)), tiny(x, noise), rtol=0, atol=0)
    assert (tiny(x, noise, None, torch.ones(3, 2)) - tiny(x, noise)).abs().max() > 1e-3


def test_a_row_depends_on_its_own_input_only(tiny: nn.Module) -> None:
    x, noise, labels = images(), torch.tensor([-0.5, 0.0, 0.8]), torch.tensor([0, 1, 2])
    whole = tiny(x, noise, labels)
    for i in range(3):
        alone = tiny(x[i : i + 1], noise[i : i + 1], labels[i : i + 1])
        torch.testing.assert_close(alone[0], whole[i], rtol=1e-5, atol=1e-6)
    assert (whole[0] - tiny(x, noise.flip(0), labels)[0]).abs().max() > 1e-3


def test_the_range_of_noise_levels_is_scaled_away(tiny: nn.Module) -> None:
    other = UNet(UNetShape(side=8, patch=2, widths=(8, 16), embedding=12, classes=3, augment=2, noise=(0.0, 999.0)))
    other.load_state_dict(tiny.state_dict())
    x, place = images(), torch.tensor([0.1, 0.5, 0.9])
    torch.testing.assert_close(other.eval()(x, 999 * place), tiny(x, 2 * place - 1), rtol=1e-4, atol=1e-5)


def test_levels_of_the_whole_range_are_told_apart(tiny: nn.Module) -> None:
    waves = tiny.embed._waves(torch.linspace(-1, 1, 200))  # type: ignore[operator,union-attr]
    apart = torch.cdist(waves, waves) + 10 * torch.eye(200)
    assert apart.min() > 0.1


def test_attention_is_a_weighted_mean_of_values() -> None:
    torch.manual_seed(0)
    layer = awake(Attention(8))
    x = torch.randn(2, 8, 2, 3)
    q, k, v = layer.qkv(layer.norm(x)).reshape(2, 3, 8, 6).unbind(1)  # type: ignore[operator]
    expected = torch.empty(2, 8, 6)
    for b in range(2):
        for i in range(6):
            scores = [float(q[b, :, i] @ k[b, :, j]) / math.sqrt(8) for j in range(6)]
            weights = torch.tensor(scores).softmax(0)
            expected[b, :, i] = sum(weights[j] * v[b, :, j] for j in range(6))  # type: ignore[assignment]
    out = x + layer.out(expected.reshape(2, 8, 2, 3))  # type: ignore[operator]
    torch.testing.assert_close(layer(x), out)


def test_every_output_pixel_sees_the_same_weights_at_full_resolution(tiny: nn.Module) -> None:
    leave = tiny.leave
    assert leave.out.kernel_size == leave.fine.kernel_size == (3, 3)  # type: ignore[union-attr]
    assert leave.out.in_channels == 8  # type: ignore[union-attr]


def test_a_rescaled_input_has_a_mean_square_below_one(tiny: nn.Module) -> None:
    other = UNet(replace(TINY, rescale=True))
    other.load_state_dict(tiny.state_dict())
    x, noise = 20 * images(), torch.zeros(3)
    scaled = x / (1 + x.square().mean(dim=(1, 2, 3), keepdim=True)).sqrt()
    torch.testing.assert_close(other.eval()(x, noise), tiny(scaled, noise))
    assert float(scaled.square().mean()) < 1


@pytest.mark.parametrize("shape", [UNetShape(side=10), UNetShape(widths=(12, 16)), UNetShape(side=2, patch=2)])
def test_a_size_that_does_not_divide_is_one_line(shape: UNetShape) -> None:
    with pytest.raises(UsageError, match="UNet: expected a side divisible by"):
        UNet(shape)
