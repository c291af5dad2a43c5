"""The cosine transform against scipy's, and the projection on low frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import fft

from trustdm.bench.perturb.frequencies import cosines, low_pass


@pytest.mark.parametrize("size", [1, 2, 5, 8, 28])
def test_cosines_are_the_orthonormal_transform(size: int) -> None:
    waves = cosines(size)
    torch.testing.assert_close(waves @ waves.T, torch.eye(size, dtype=torch.float64), atol=1e-12, rtol=0)
    x = np.random.default_rng(0).standard_normal((3, size))
    np.testing.assert_allclose(x @ waves.numpy().T, fft.dct(x, type=2, norm="ortho"), atol=1e-12)


@pytest.mark.parametrize("kept", [0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("size", [(8, 8), (5, 12)])
def test_low_frequencies_stay_and_the_others_go(size: tuple[int, int], kept: float) -> None:
    """Against scipy: transform both axes, strike out, transform back."""
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spectrum = fft.dctn(x.numpy(), axes=(2, 3), norm="ortho")
    down, across = (max(2, round(kept * n)) for n in size)
    spectrum[:, :, down:], spectrum[:, :, :, across:] = 0, 0
    expected = fft.idctn(spectrum, axes=(2, 3), norm="ortho")
    np.testing.assert_allclose(low_pass(x, kept)(x).numpy(), expected, atol=1e-12)


def test_it_is_an_orthogonal_projection() -> None:
    """P P = P and <P x, y> = <x, P y>; its trace is the number of frequencies that stay."""
    size = 6
    basis = torch.eye(size * size, dtype=torch.float64).view(-1, 1, size, size)
    matrix = low_pass(basis, 0.5)(basis).flatten(1)
    torch.testing.assert_close(matrix @ matrix, matrix, atol=1e-12, rtol=0)
    torch.testing.assert_close(matrix, matrix.T, atol=1e-12, rtol=0)
    assert float(matrix.trace()) == pytest.approx(9)


def test_all_frequencies_are_the_identity_and_flat_images_stay() -> None:
    x = torch.randn(2, 1, 5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(low_pass(x, 1.0)(x), x)
    flat = torch.full((1, 1, 8, 8), 0.3)
    torch.testing.assert_close(low_pass(flat, 0.01)(flat), flat)


def test_two_frequencies_are_kept_at_least() -> None:
    """With one, every perturbation would be one grey value."""
    ramp = torch.linspace(-1, 1, 16).expand(1, 1, 16, 16)
    kept = low_pass(ramp, 0.01)(ramp)
    assert float((kept * ramp).sum() / ramp.square().sum()) > 0.98


def test_the_type_is_that_of_the_images() -> None:
    x = torch.rand(1, 1, 4, 4)
    assert low_pass(x, 0.5)(x).dtype == torch.float32


def test_rows_and_channels_are_filtered_by_themselves() -> None:
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    whole = low_pass(x, 0.5)(x)
    torch.testing.assert_close(low_pass(x, 0.5)(x[2:3, 1:2]), whole[2:3, 1:2])
