"""An extractor on its device: uint8 images in, features as they are stored out."""

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
from trustdm.bench.errors import ContractError
from trustdm.bench.method import contract_errors, seeded
from trustdm.bench.registry import Entry
from trustdm.bench.training.weights import VERIFIED, modules_in, verify

Extractor = Callable[[Tensor], NDArray[np.floating[Any]]]


def load_extractor(entry: Entry, device: str) -> Extractor:
    """The extractor of a registry entry, frozen, on ``device``; it rounds to the precision that its card names.

    Raises:
        WeightsError: its weights are missing, or are not those of its card.
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
    return rounding(thing, card)


def rounding(thing: Any, card: ExtractorCard) -> Extractor:
    """The features of uint8 images as they are stored: checked, and rounded to the precision that the card names."""

    def features(images: Tensor) -> NDArray[np.floating[Any]]:
        with torch.no_grad(), contract_errors(f"extractor {card.name}"):
            answer = thing.features(images)
        want = (len(images), card.dimension)
        if not isinstance(answer, Tensor) or tuple(answer.shape) != want:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ContractError(f"extractor {card.name}: expected features of shape {want}, got {got}")
        if not bool(torch.isfinite(answer).all()):
            raise ContractError(f"extractor {card.name}: expected finite features, got NaN or infinity")
        stored: NDArray[np.floating[Any]] = answer.float().cpu().numpy().astype(card.precision)
        return stored

    return features
