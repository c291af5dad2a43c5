"""Small diffusers pipelines with random weights; import it after ``pytest.importorskip("diffusers")``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch

TIMESTEPS = 100


def unet(classes: int | None = None, *, shape: tuple[int, int] = (1, 8), out: int | None = None, seed: int = 0) -> Any:
    """A UNet2DModel of some thousand weights; ``shape`` is (channels, side)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return diffusers.UNet2DModel(
            sample_size=shape[1],
            in_channels=shape[0],
            out_channels=out or shape[0],
            num_class_embeds=classes,
            layers_per_block=1,
            block_out_channels=(8, 8),
            norm_num_groups=4,
            add_attention=False,
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
        ).eval()


def ddpm(**options: Any) -> Any:
    """An unconditional DDPM pipeline of 100 timesteps."""
    return diffusers.DDPMPipeline(unet(), diffusers.DDPMScheduler(num_train_timesteps=TIMESTEPS, **options))


def ddim(**options: Any) -> Any:
    """An unconditional DDIM pipeline of 100 timesteps."""
    return diffusers.DDIMPipeline(unet(), diffusers.DDIMScheduler(num_train_timesteps=TIMESTEPS, **options))


def dit(classes: int = 10, scheduler: str = "DDPMScheduler") -> Any:
    """A class-conditional latent pipeline: 4x4 latents, images 1x8x8; its transformer predicts variances too."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = diffusers.DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=4,
            in_channels=2,
            out_channels=4,
            num_layers=1,
            norm_num_groups=2,
            sample_size=4,
            patch_size=2,
            num_embeds_ada_norm=classes,
        ).eval()
        vae = diffusers.AutoencoderKL(
            in_channels=1,
            out_channels=1,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(4, 4),
            latent_channels=2,
            norm_num_groups=2,
        ).eval()
    chosen = getattr(diffusers, scheduler)(num_train_timesteps=TIMESTEPS)
    return diffusers.DiTPipeline(transformer, vae, chosen)


def saved(pipeline: Any, folder: Path) -> Path:
    """The folder, after ``save_pretrained``."""
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
