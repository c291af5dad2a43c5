from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import bind, column, denoised, scaled_score, score


def test_bind_fixes_the_labels(normal: Any, mixture: Any) -> None:
    x, sigma, labels = normal(3, 2, 2, 3), torch.ones(3, dtype=torch.float64), torch.tensor([0, 2, 1])
    assert torch.equal(bind(mixture, labels)(x, sigma), mixture(x, sigma, labels))
    assert torch.equal(bind(mixture, None)(x, sigma), mixture(x, sigma))


def test_a_column_multiplies_rows() -> None:
    values, x = torch.tensor([1.0, 2.0, 3.0]), torch.ones(3, 4, 5, 6)
    assert (column(values, x) * x)[:, 1, 2, 3].tolist() == [1.0, 2.0, 3.0]


def test_one_level_for_all_rows_has_the_type_of_the_image() -> None:
    seen: list[Tensor] = []

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        seen.append(sigma)
        return x

    for dtype in (torch.float32, torch.float64):
        denoised(denoise, torch.zeros(3, 1, 2, 2, dtype=dtype), 0.7)
        assert torch.equal(seen.pop(), torch.full((3,), 0.7, dtype=dtype))


def test_the_score_of_a_scaled_image_is_a_change_of_variables(normal: Any, mixture: Any) -> None:
    x, scale, sigma = normal(3, 2, 2, 3), 0.3, 0.8
    leaf = x.clone().requires_grad_()
    level = torch.full((3,), sigma, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(mixture.log_density(leaf / scale, level).sum(), leaf)
    torch.testing.assert_close(scaled_score(mixture, x, sigma, scale), gradient, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(scaled_score(mixture, x, sigma, 1.0), score(mixture, x, sigma))
