"""What an extractor sees in images, as it is stored: the one way for generated images and for those of a reference."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trustdm.bench.contracts import ExtractorCard
from trustdm.bench.errors import ContractError, DataError
from trustdm.bench.features.frechet import Features
from trustdm.bench.features.quantise import quantise
from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.registry import Entry
from trustdm.bench.training.weightfiles import VERIFIED, verify
from trustdm.bench.training.weights import modules_in

BATCH = 256

Extractor = Callable[[Tensor], Features]
"""Features (B, d) of uint8 images (B, C, H, W)."""


def load_extractor(entry: Entry, device: str) -> Extractor:
    """The extractor of a registry entry, frozen, on ``device``; it rounds to the precision that its card names.

    Raises:
        WeightsError: its weights are missing, or are not those of its card.
    """
    return rounding(frozen(entry, device), cast(ExtractorCard, entry.card))


def frozen(entry: Entry, device: str) -> Any:
    """What the plugin of a registry entry loads, on ``device``, its weights checked and its networks frozen.

    Raises:
        WeightsError: its weights are missing, or are not those of its card.
        ContractError: the plugin raised.
    """
    card, factory = cast(ExtractorCard, entry.card), entry.load()
    with seeded("load", card.name), contract_errors(f"extractor {card.name}"):
        thing = factory()
    folder = Path(getattr(sys.modules[factory.__module__], "__file__", None) or ".").parent
    for weights in card.weights:
        if weights.sha256 not in VERIFIED:
            verify(weights, folder)
    for module in modules_in(thing):
        module.to(device).eval().requires_grad_(False)
    if not isinstance(thing, torch.nn.Module) and callable(getattr(thing, "to", None)):
        thing.to(device)
    return thing


def rounding(thing: Any, card: ExtractorCard) -> Extractor:
    """The features of uint8 images as they are stored: checked, and rounded to the precision that the card names.

    It raises ContractError where the extractor raises, or returns features of another shape or that are not finite.
    """

    def features(images: Tensor) -> Features:
        with torch.no_grad(), contract_errors(f"extractor {card.name}"):
            answer = thing.features(images)
        want = (len(images), card.dimension)
        if not isinstance(answer, Tensor) or tuple(answer.shape) != want:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ContractError(f"extractor {card.name}: expected features of shape {want}, got {got}")
        with np.errstate(over="ignore"):
            stored: Features = answer.float().cpu().numpy().astype(card.precision)
        if not np.isfinite(stored).all():
            raise ContractError(
                f"extractor {card.name}: expected features that are finite in {card.precision}, got NaN or infinity"
            )
        return stored

    return features


def extract(thing: Any, card: ExtractorCard, images: NDArray[np.float32], quantisation: str = "round") -> Features:
    """Features (n, d) of ``images`` (n, C, H, W) in [0, 1], in the precision of the card; on the CPU.

    Raises:
        DataError: images of another shape or range.
        ContractError: the extractor breaks its card.
        UsageError: an unknown quantisation.
    """
    _check_images(card, images)
    stored = rounding(thing, card)
    parts = (quantise(images[start : start + BATCH], quantisation) for start in range(0, len(images), BATCH))
    return np.concatenate([stored(torch.from_numpy(part)) for part in parts])


def _check_images(card: ExtractorCard, images: NDArray[np.float32]) -> None:
    if images.ndim != 4 or not len(images) or (card.shape is not None and tuple(images.shape[1:]) != card.shape):
        want = ("C", "H", "W") if card.shape is None else card.shape
        raise DataError(f"extractor {card.name}: expected images {('n', *want)}, got {tuple(images.shape)}")
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise DataError(f"extractor {card.name}: expected pixels in [0, 1], got {images.min()} to {images.max()}")
