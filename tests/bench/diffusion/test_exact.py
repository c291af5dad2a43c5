from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from trustdm.bench.diffusion.denoiser import denoised, score, slope
from trustdm.bench.diffusion.exact import Gaussian, Mixture, empirical


def gradient(log_p: Any, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(log_p(leaf).sum(), leaf)[0]


def test_a_gaussian_denoiser_is_the_posterior_mean(normal: Any) -> None:
    root, mean, x = normal(6, 6), normal(1, 2, 3, seed=1), 3 * normal(4, 1, 2, 3, seed=2)
    covariance, sigma = root @ root.T, torch.tensor([0.1, 0.7, 2.0, 30.0], dtype=torch.float64)
    found = Gaussian(mean, covariance)(x, sigma)
    for row, s in enumerate(sigma):
        gain = covariance @ torch.linalg.inv(covariance + s**2 * torch.eye(6, dtype=torch.float64))
        expected = mean.flatten() + gain @ (x[row] - mean).flatten()
        torch.testing.assert_close(found[row].flatten(), expected, rtol=1e-10, atol=1e-10)


def test_one_variance_means_a_multiple_of_the_identity(normal: Any) -> None:
    mean, x, sigma = normal(1, 2, 3), normal(2, 1, 2, 3, seed=2), torch.tensor([0.3, 4.0], dtype=torch.float64)
    many = Gaussian(mean, 0.7 * torch.eye(6, dtype=torch.float64))(x, sigma)
    torch.testing.assert_close(Gaussian(mean, 0.7)(x, sigma), many, rtol=1e-14, atol=1e-14)


def test_the_score_of_a_mixture_is_the_gradient_of_its_density(normal: Any, mixture: Mixture) -> None:
    x = normal(40, 2, 2, 3, seed=9)
    for sigma in (0.05, 0.5, 5.0):
        level = torch.full((40,), sigma, dtype=torch.float64)
        exact = gradient(lambda leaf, s=level: mixture.log_density(leaf, s), x)
        torch.testing.assert_close(score(mixture, x, sigma), exact, rtol=1e-8, atol=1e-8)


def test_the_density_of_a_mixture_is_torchs(normal: Any, mixture: Mixture) -> None:
    x, sigma = normal(6, 2, 2, 3, seed=4), 0.4
    found = mixture.log_density(x, torch.full((6,), sigma, dtype=torch.float64))
    sds = (mixture.variances + sigma**2).sqrt()[:, None].expand(5, 12)
    parts = torch.distributions.Independent(torch.distributions.Normal(mixture.means.flatten(1), sds), 1)
    known = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(mixture.weights), parts)
    torch.testing.assert_close(found, known.log_prob(x.flatten(1)), rtol=1e-10, atol=1e-10)


def test_labels_leave_the_components_of_their_class(normal: Any, mixture: Mixture) -> None:
    x, labels = normal(3, 2, 2, 3, seed=4), torch.tensor([2, 0, 1])
    sigma = torch.tensor([0.2, 1.0, 4.0], dtype=torch.float64)
    found = mixture(x, sigma, labels)
    for row, label in enumerate(labels):
        of = mixture.classes == label
        alone = Mixture(mixture.weights[of], mixture.means[of], mixture.variances[of])
        torch.testing.assert_close(found[row], alone(x, sigma)[row], rtol=1e-10, atol=1e-10)


def test_class_posteriors_sum_to_one_and_weigh_the_conditional_denoisers(normal: Any, mixture: Mixture) -> None:
    x, sigma = normal(8, 2, 2, 3, seed=4), torch.full((8,), 1.3, dtype=torch.float64)
    posterior = mixture.log_posterior(x, sigma).exp()
    torch.testing.assert_close(posterior.sum(1), torch.ones(8, dtype=torch.float64))
    weighed = sum(posterior[:, c].view(8, 1, 1, 1) * mixture(x, sigma, torch.full((8,), c)) for c in range(3))
    torch.testing.assert_close(mixture(x, sigma), weighed, rtol=1e-10, atol=1e-10)


def test_the_empirical_denoiser_is_a_weighted_mean_of_images(normal: Any) -> None:
    images, x, sigma = normal(9, 1, 2, 2), normal(2, 1, 2, 2, seed=1), 0.6
    found = denoised(empirical(images), x, sigma)
    for row in range(2):
        weights = [math.exp(-float((x[row] - image).square().sum()) / (2 * sigma**2)) for image in images]
        expected = sum(w * image for w, image in zip(weights, images, strict=True)) / sum(weights)
        torch.testing.assert_close(found[row], expected, rtol=1e-12, atol=1e-12)


def test_the_empirical_denoiser_of_a_class_sees_its_images_only(normal: Any) -> None:
    images, classes = normal(9, 1, 2, 2), torch.tensor([0, 1, 2] * 3)
    x, sigma = normal(1, 1, 2, 2, seed=1), torch.tensor([0.6], dtype=torch.float64)
    found = empirical(images, classes)(x, sigma, torch.tensor([1]))
    torch.testing.assert_close(found, empirical(images[1::3])(x, sigma))


def test_far_and_near_levels_stay_finite(normal: Any) -> None:
    denoise, x = empirical(normal(30, 1, 4, 4)), normal(5, 1, 4, 4, seed=2)
    for sigma in (1e-4, 1e3):
        assert denoised(denoise, x * max(sigma, 1), sigma).isfinite().all()
    torch.testing.assert_close(
        denoised(denoise, 1e3 * x, 1e5), denoise.means.mean(0).expand(5, 1, 4, 4), atol=1e-2, rtol=0
    )


def test_answers_have_the_type_of_the_image(normal: Any, mixture: Mixture) -> None:
    x, sigma = normal(2, 2, 2, 3).float(), torch.tensor([1.0, 2.0])
    for denoise in (mixture, Gaussian(torch.zeros(2, 2, 3), 1.0), empirical(normal(3, 2, 2, 3).float())):
        assert denoise(x, sigma).dtype == torch.float32


def test_slope_and_score_are_the_same_thing(normal: Any, mixture: Mixture) -> None:
    x = normal(3, 2, 2, 3)
    torch.testing.assert_close(slope(mixture, x, 0.7), -0.7 * score(mixture, x, 0.7))
