"""A suite's extractor on its device: uint8 images in, features as they are stored out."""

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
from trustdm.bench.errors import ContractError, DataError, SuiteError, WeightsError
from trustdm.bench.features.reference import check_extractor, read_reference
from trustdm.bench.hashing import sha256_file
from trustdm.bench.registry import Registry
from trustdm.bench.suite.load import Suite
from trustdm.bench.targets.classify import blamed, seeded
from trustdm.bench.training.weights import VERIFIED, modules_in, verify

Extractor = Callable[[Tensor], NDArray[np.floating[Any]]]


def load_extractor(suite: Suite, registry: Registry, device: str) -> Extractor:
    """The extractor of ``suite``, frozen; it rounds to the precision that its card names.

    Raises:
        WeightsError: its weights are not those the suite was made with.
        DataError: the reference is missing, or is not the one the suite names.
        SuiteError: it is not made for images of the suite's shape.
    """
    if suite.generation is None:
        raise SuiteError(suite.source, "generation", "a table", "nothing")
    entry = registry.get("extractor", suite.generation.extractor)
    card = cast(ExtractorCard, entry.card)
    if card.shape not in (None, suite.data.shape):
        raise SuiteError(suite.source, "generation.extractor", f"one for images {suite.data.shape}", card.shape)
    _check_hashes(suite, card)
    check_extractor(read_reference(suite.reference_file()), card, suite.generation.quantise)
    factory = entry.load()
    with seeded("load", card.name), blamed(f"extractor {card.name}"):
        thing = factory()
    folder = Path(getattr(sys.modules[factory.__module__], "__file__", None) or ".").parent
    for weights in card.weights:
        if weights.sha256 not in VERIFIED:
            verify(weights, folder)
    for module in modules_in(thing):
        module.to(device).eval().requires_grad_(False)
    if not isinstance(thing, torch.nn.Module) and callable(getattr(thing, "to", None)):
        thing.to(device)
    return _rounding(thing, card)


def _check_hashes(suite: Suite, card: ExtractorCard) -> None:
    generation = suite.generation
    if generation is None:
        return
    wanted, there = generation.extractor_sha256, [w.sha256 for w in card.weights]
    if wanted is not None and wanted not in there:
        raise WeightsError(
            f"{suite.name}: extractor {card.name}: expected weights with SHA-256 {wanted}, got one with "
            f"{', '.join(there) or 'none'}; distances under another extractor are another metric: give the suite a new "
            "version, or restore the extractor"
        )
    path = suite.reference_file()
    if generation.reference_sha256 is not None and (got := sha256_file(path)) != generation.reference_sha256:
        raise DataError(
            f"{path}: expected the reference of {suite.name} with SHA-256 {generation.reference_sha256}, got {got}; "
            f"restore the file, or make it again with `trustdm reference {suite.name}`"
        )


def _rounding(thing: Any, card: ExtractorCard) -> Extractor:
    def features(images: Tensor) -> NDArray[np.floating[Any]]:
        with torch.no_grad(), blamed(f"extractor {card.name}"):
            answer = thing.features(images)
        want = (len(images), card.dimension)
        if not isinstance(answer, Tensor) or tuple(answer.shape) != want:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ContractError(f"extractor {card.name}: expected features of shape {want}, got {got}")
        if not bool(torch.isfinite(answer).all()):
            raise ContractError(f"extractor {card.name}: expected finite features, got NaN or infinity")
        found: NDArray[np.floating[Any]] = answer.float().cpu().numpy().astype(card.precision)
        return found

    return features
