"""Inception v3 as clean-fid runs it: its resizer, its wrapper, and the TorchScript file it downloads.

The file is found by its hash, beside this plugin or in ``$TRUSTDM_WEIGHTS``; nothing is downloaded. EDM and StyleGAN3
measure with a pickle of the same network: loading that runs code, so it is not read here. Who needs it converts it
once where it is trusted (``torch.jit.save(torch.jit.trace(...))``) and names the result in the card of a plugin.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trustdm.bench.contracts import ExtractorCard, WeightFile, extractor
from trustdm.bench.errors import ContractError, UsageError, WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WEIGHTS = WeightFile(
    file="inception-2015-12-05.pt",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
URL = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/{WEIGHTS.file}"
SOURCE = f"Szegedy et al. 2016, the TensorFlow graph of 2015-12-05, as TorchScript by Karras et al. 2020: {URL}"

CLEAN = ExtractorCard(
    name="inception-clean",
    summary="Inception v3, 2048 pooled features of images that clean-fid's bicubic filter brought to 299x299.",
    dimension=2048,
    resizing="clean-bicubic",
    weights=(WEIGHTS,),
    source=f"{SOURCE}; resizing by Parmar et al. 2022 (clean-fid, mode clean)",
)
TENSORFLOW = ExtractorCard(
    name="inception-tensorflow",
    summary="Inception v3, 2048 pooled features; resized inside the network as TensorFlow did it, without a filter.",
    dimension=2048,
    resizing="legacy-tensorflow",
    weights=(WEIGHTS,),
    source=f"{SOURCE}; resizing as in clean-fid, mode legacy_tensorflow",
)


class Inception:
    """The network with its resizer; ``to`` moves it."""

    def __init__(self, network: Any, resize: Callable[[NDArray[np.uint8]], NDArray[Any]]):
        self.network = network
        self._resize = resize
        self._device = "cpu"

    def to(self, device: str) -> Inception:
        self.network.to(device)
        self._device = device
        return self

    def features(self, images: Tensor) -> Tensor:
        """float32 (B, 2048) of uint8 images (B, C, H, W); a single channel is taken for all three.

        Raises:
            ContractError: another number of channels.
        """
        import torch

        if images.shape[1] not in (1, 3):
            raise ContractError(f"inception: expected images of 1 or 3 channels, got {images.shape[1]}")
        pixels = images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
        with warnings.catch_warnings():  # an argument that clean-fid gives Pillow is on its way out
            warnings.simplefilter("ignore", DeprecationWarning)
            resized = np.stack([np.asarray(self._resize(image), dtype=np.float32) for image in pixels])
        batch = torch.from_numpy(np.ascontiguousarray(resized.transpose(0, 3, 1, 2)))
        with torch.no_grad():
            found: Tensor = self.network(batch.to(self._device))
        return found


@extractor(CLEAN)
def load_clean() -> Inception:
    """The network behind clean-fid's numbers.

    Raises:
        UsageError: clean-fid is not installed.
        WeightsError: the file is missing, or is another one.
    """
    return _load(CLEAN, "clean")


@extractor(TENSORFLOW)
def load_tensorflow() -> Inception:
    """The network as it was before clean-fid; errors as those of ``load_clean``."""
    return _load(TENSORFLOW, "legacy_tensorflow")


def _load(card: ExtractorCard, mode: str) -> Inception:
    from trustdm.bench.training.weightfiles import verify

    try:
        from cleanfid.inception_torchscript import InceptionV3W
        from cleanfid.resize import build_resizer
    except ImportError as error:
        raise UsageError(f"extractor {card.name}: needs clean-fid: pip install 'trustdm[generation]'") from error
    try:
        path = verify(card.weights[0], Path(__file__).parent)
    except WeightsError as error:
        raise WeightsError(f"extractor {card.name}: {error}; it is published at {URL}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            network = InceptionV3W(str(path.parent), download=False, resize_inside=mode == "legacy_tensorflow")
    except (RuntimeError, AttributeError) as error:
        raise WeightsError(f"{path}: expected a TorchScript Inception network, got one that cannot be read") from error
    return Inception(network.eval(), build_resizer(mode))
