from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trustdm.bench.diffusion.exact import empirical
from trustdm.bench.diffusion.generator import Generator
from trustdm.bench.diffusion.latent import LatentSpace


def test_decoding_undoes_encoding_in_the_networks_type(normal: Any) -> None:
    seen = []

    def encoder(image: Tensor) -> Tensor:
        seen.append(image.dtype)
        return image[:, :, ::2, ::2] * 5 + 1

    def decoder(latent: Tensor) -> Tensor:
        seen.append(latent.dtype)
        return ((latent - 1) / 5).repeat_interleave(2, 2).repeat_interleave(2, 3)

    space, image = LatentSpace(encoder, decoder, scale=0.2, shift=1.0), normal(3, 1, 2, 2).repeat_interleave(2, 2)
    image = image.repeat_interleave(2, 3)
    latent = space.encode(image)
    assert latent.dtype == torch.float64 and seen == [torch.float32]
    torch.testing.assert_close(latent, image[:, :, ::2, ::2], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(space.decode(latent), image, rtol=1e-5, atol=1e-6)
    assert seen == [torch.float32, torch.float32]


def test_a_latent_generator_returns_decoded_images(normal: Any) -> None:
    """Latents of two known images; the ideal latent denoiser must give one of these images back."""
    images = torch.stack([torch.full((1, 4, 4), -0.5), torch.full((1, 4, 4), 0.75)])
    space = LatentSpace(
        lambda image: image[:, :, ::2, ::2] * 7,
        lambda latent: (latent / 7).repeat_interleave(2, 2).repeat_interleave(2, 3),
        scale=1 / 7,
    )
    latents = space.encode(images.double())
    generator = Generator(empirical(latents), (1, 2, 2), "heun", decode=space.decode)
    found = generator.sample(range(20), None, 18)
    assert found.shape == (20, 1, 4, 4) and found.dtype == torch.float32
    for image in found:
        assert min(float((image - (known + 1) / 2).abs().max()) for known in images) < 1e-5
    assert 0 < int((found[:, 0, 0, 0] > 0.5).sum()) < 20
